"""`fillwire users` against a running broker: who was added gets in, rotation cuts nobody off, who was removed is out."""

import asyncio
import resource
import stat
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import nkeys
import orjson
import pytest
from click.testing import CliRunner, Result

from fillwire.bus import api
from fillwire.bus.connection import Bus, Credentials
from fillwire.bus.consumer import PullLoop, ensure_consumer
from fillwire.bus.credentials import JETSTREAM_API
from fillwire.bus.door import Door
from fillwire.bus.messages import Message
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.tenants import API_PREFIX
from fillwire.cli import main
from fillwire.cli.users import command
from fillwire.cli.users.placing import place
from fillwire.cli.users.registry import Registry
from fillwire.domain.errors import BrokerError
from fillwire.runtime.lifecycle import ExitCode
from support.eventually import eventually


class Administrator:
    """Types commands; the broker includes what they write."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.broker = EmbeddedServer(directory / "broker", extra_config='include "../accounts.conf"')

    def seed_path(self, name: str) -> Path:
        """Return where the secret of a login is written."""
        return self.directory / f"{name}.nk"

    async def users(self, verb: str, *arguments: str | Path, environ: dict[str, str] | None = None) -> Result:
        """Run `fillwire users`; the broker, if it runs, reads its file again."""
        reload = () if self.broker.pid is None or verb == "list" else ("--reload", str(self.broker.pid))
        words = ("users", verb, *map(str, arguments), "--directory", str(self.directory), *reload)
        return await asyncio.to_thread(CliRunner().invoke, main, words, env=environ)

    async def added(self, name: str, *arguments: str) -> Result:
        """Add somebody, their seed in a file."""
        done = await self.users("add", name, *arguments, "--seed", self.seed_path(name))
        assert done.exit_code == 0, done.output
        return done

    async def applied(self, *arguments: str) -> Result:
        """Have all streams made."""
        environ = {"FILLWIRE_NATS__NKEY_FILE": str(self.seed_path("control"))}
        done = await self.users("apply", "--nats", self.broker.url, *arguments, environ=environ)
        assert done.exit_code == 0, done.output
        return done

    async def connect(self, name: str, *, deadline_s: float = 10.0, is_tenant: bool = True) -> Bus:
        """Return a connection with the seed that was written."""
        return await Bus.connect(
            self.broker.url,
            name=name,
            credentials=Credentials(
                nkey_seed_path=self.seed_path(name), api_prefix=API_PREFIX if is_tenant else JETSTREAM_API
            ),
            inbox_prefix=f"_INBOX_{name}",
            deadline_s=deadline_s,
        )


@pytest.fixture
async def administrator(tmp_path: Path) -> AsyncIterator[Administrator]:
    """A broker with a control and a door."""
    made = Administrator(tmp_path)
    await made.added("control", "--kind", "control")
    await made.added("door", "--kind", "door")
    async with made.broker:
        await made.applied()
        yield made


async def test_who_is_added_gets_in_while_others_go_on_and_who_is_removed_is_cut_off_at_once(  # noqa: PLR0915 - one story
    administrator: Administrator,
) -> None:
    """Alice reads her fills while bob comes, is rotated and goes; bob's connection ends with the reload."""
    await administrator.added("alice", "--limit", "consumers=20")
    done = await administrator.applied()
    assert "streams of 1 tenants are there" in done.output
    told: list[int] = []

    def handle(message: Message) -> None:
        told.append(int(message.data))
        message.ack()

    async with (
        await administrator.connect("control", is_tenant=False) as control,
        Door(await administrator.connect("door", is_tenant=False)),
        await administrator.connect("alice") as alice,
    ):
        lost: list[str] = []
        alice.on_disconnected(lambda: lost.append("alice"))
        await ensure_consumer(alice, "ORDERS", "bot", ["orders.alice.>"], ack_policy="all")
        sent = 0

        async def pour() -> None:
            nonlocal sent
            while True:
                await control.request("orders.alice.binance.live.BTC-USDT.filled", b"%d" % sent, 10.0)
                sent += 1

        async with PullLoop(alice, "ORDERS", "bot", handle, ack_policy="all"):
            pouring = asyncio.create_task(pour())
            await administrator.added("bob")
            await administrator.applied()
            await eventually(lambda: _gets_in(administrator, "bob"))
            bob = await administrator.connect("bob")
            seen = len(told)
            done = await administrator.users("rotate", "bob", "--seed", administrator.directory / "new.nk")
            assert done.exit_code == 0, done.output
            await eventually(lambda: len(told) > seen + 50)
            assert await bob.is_healthy()  # by the old secret
            old = administrator.seed_path("bob").read_text()
            assert await _gets_in(administrator, "bob")
            (administrator.directory / "new.nk").replace(administrator.seed_path("bob"))
            assert administrator.seed_path("bob").read_text() != old
            await eventually(lambda: _gets_in(administrator, "bob"))
            done = await administrator.users("remove", "bob", "--yes")
            assert done.exit_code == 0, done.output
            await eventually(lambda: _is_cut_off(bob))
            assert not await _gets_in(administrator, "bob")
            await bob.close()
            pouring.cancel()
            await asyncio.gather(pouring, return_exceptions=True)
            await eventually(lambda: len(told) >= sent)
        assert told[:sent] == list(range(sent))
        assert lost == []
        done = await administrator.applied()
        assert "left of tenants who were removed: ALERTS-bob, " in done.output
        await administrator.applied("--prune", "--yes")
        names = (await api.call(control, "STREAM.NAMES"))["streams"]
        assert not [name for name in names if name.endswith("-bob")]
        assert "ORDERS-alice" in names
        assert (await api.call(control, "STREAM.INFO.DLQ"))["config"]["sources"][0]["name"] == "DLQ-alice"


async def _is_cut_off(bus: Bus) -> bool:
    return not await bus.is_healthy(0.5)


async def _gets_in(administrator: Administrator, name: str) -> bool:
    try:
        bus = await administrator.connect(name, deadline_s=1.0)
    except BrokerError:
        return False
    await bus.close()
    return True


async def test_a_replaced_seed_file_is_used_at_the_next_connect(administrator: Administrator) -> None:
    """A program whose old secret ended while it ran comes back by the new one, without a restart."""
    await administrator.added("alice")
    await eventually(lambda: _gets_in(administrator, "alice"))
    async with await administrator.connect("alice") as alice:
        path = administrator.directory / "new.nk"
        done = await administrator.users("rotate", "alice", "--overlap", "0s", "--seed", path)
        assert done.exit_code == 0, done.output
        await eventually(lambda: _is_cut_off(alice))
        path.replace(administrator.seed_path("alice"))
        await eventually(alice.is_healthy, 20)


async def test_nobody_gets_in_without_a_secret(administrator: Administrator) -> None:
    """Neither without credentials nor by a key that the broker does not know; its monitoring is on loopback only."""
    with pytest.raises(BrokerError, match="refuses the credentials"):
        await Bus.connect(administrator.broker.url, name="anybody", deadline_s=3)
    await administrator.users("add", "carol", "--seed", administrator.seed_path("carol"))
    await administrator.users("remove", "carol", "--yes")
    await eventually(lambda: _stays_out(administrator, "carol"))


async def _stays_out(administrator: Administrator, name: str) -> bool:
    return not await _gets_in(administrator, name)


async def test_a_second_apply_changes_nothing(administrator: Administrator) -> None:
    """It can be run as often as one likes, as by a timer."""
    await administrator.added("alice")
    await administrator.applied()
    async with await administrator.connect("control", is_tenant=False) as control:
        before = (await api.call(control, "STREAM.LIST"))["streams"]
        text = (administrator.directory / "accounts.conf").read_bytes()
        await administrator.applied()
        after = (await api.call(control, "STREAM.LIST"))["streams"]
    assert (administrator.directory / "accounts.conf").read_bytes() == text
    assert [info["config"] for info in after] == [info["config"] for info in before]


async def test_secrets_are_shown_once_or_written_for_their_owner_alone(tmp_path: Path) -> None:
    """Printed without --seed, else in a file of mode 0600; the list shows public keys."""
    administrator = Administrator(tmp_path)
    done = await administrator.users("add", "alice")
    seed = done.output.split("shown once: ")[1].split()[0]
    assert seed.startswith("SU")
    await administrator.added("bob")
    assert stat.S_IMODE(administrator.seed_path("bob").stat().st_mode) == 0o600
    listed = orjson.loads((await administrator.users("list", "--json")).output)
    assert [login["name"] for login in listed] == ["alice", "bob"]
    assert all(key["nkey"].startswith("U") for login in listed for key in login["keys"])
    shown = (await administrator.users("list")).output
    assert "alice" in shown
    assert seed not in shown


async def test_a_secret_that_does_not_fit_leaves_no_file_and_no_login(tmp_path: Path) -> None:
    """Nothing is in the way of the next try."""
    administrator = Administrator(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, hard))
    try:
        done = await administrator.users("add", "bob", "--seed", administrator.seed_path("bob"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.exit_code == ExitCode.CONFIG
    assert "bob.nk: cannot be written, File too large" in done.output
    assert not administrator.seed_path("bob").exists()
    await administrator.added("bob")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "alice"), "user 'alice' exists: expected another name, or fillwire users rotate"),
        (("add", "Alice"), "differs from 'Alice' by the case of letters only"),
        (("add", "gw", "--kind", "gateway"), "--exchange: expected the exchange of a gateway, found none"),
        (("add", "x", "--exchange", "binance"), "--exchange: expected it with --kind gateway only"),
        (("add", "x", "--limit", "fame=3"), "--limit fame=3: expected one of connections, "),
        (("add", "x", "--limit", "ack_pending=10"), "--limit ack_pending=10: expected at least 256"),
        (
            ("add", "x", "--kind", "door", "--limit", "consumers=3"),
            "--limit: expected it with --kind tenant only",
        ),
        (("add", ""), "user '': expected 1 to 64 printable characters"),
        (("rotate", "carol"), "user 'carol' not found: expected one of alice"),
        (("rotate", "alice", "--overlap", "soon"), "--overlap is 'soon': expected a span of time such as"),
        (("remove", "carol", "--yes"), "user 'carol' not found: expected one of alice"),
        (("add", "x", "--reload", "nothing.pid"), "--reload nothing.pid: expected a process id or a file"),
        (
            ("add", "x", "--reload", "1"),
            "--reload 1: expected the process id of a broker, found something else",
        ),
        (("add", "x", "--reload", "9" * 30), "9: expected the process id of a broker, found something else"),
        (
            ("rotate", "alice", "--reload", str(2**31 - 1)),
            "expected a broker that runs as process 2147483647",
        ),
        (("apply", "--prune"), "nobody is there to be asked: expected --yes"),
    ],
)
async def test_what_cannot_be_is_said_in_a_sentence_and_changes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """With what was found and what was expected; nobody is added by halves."""
    administrator = Administrator(tmp_path)
    await administrator.added("alice")
    before = _contents(tmp_path)
    done = await administrator.users(*arguments)
    assert done.exit_code == 2, done.output
    assert sentence in done.output
    assert done.output.count("fillwire: ") == 1
    assert _contents(tmp_path) == before


def _contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


@pytest.mark.parametrize("words", [("apply", "--prune", "--yes"), ("streams",)])
async def test_nothing_is_applied_from_a_directory_without_users(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """It would cut off everybody, and with --prune delete what is theirs: it is another directory than was meant."""
    done = await Administrator(tmp_path).users(*words)
    assert done.exit_code == 2
    assert (
        "users.json not found: expected the directory in which fillwire users add has written" in done.output
    )
    assert "accounts.conf" not in _contents(tmp_path)


async def test_what_a_file_holds_that_is_no_process_id_is_not_shown(tmp_path: Path) -> None:
    """It may be the file of a seed, named by mistake."""
    administrator = Administrator(tmp_path)
    await administrator.added("alice")
    seed = administrator.seed_path("alice").read_text().strip()
    done = await administrator.users("rotate", "alice", "--reload", administrator.seed_path("alice"))
    assert done.exit_code == 2
    assert "expected the process id of a broker" in done.output
    assert not any(seed[:length] in done.output for length in (8, 16, 24))


async def test_a_broker_that_ends_before_its_reload_costs_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is in the files by then, so the seed that belongs to it is told all the same."""
    administrator = Administrator(tmp_path)
    await administrator.added("alice")
    with subprocess.Popen(["sleep", "60"]) as process:  # noqa: ASYNC220, S607 - it is ended below, and reaped by who runs the command

        def placed(directory: Path, registry: Registry) -> Path:
            process.kill()
            process.wait()
            return place(directory, registry)

        monkeypatch.setattr(command, "place", placed)
        path = tmp_path / "new.nk"
        done = await administrator.users(
            "rotate", "alice", "--overlap", "0s", "--seed", path, "--reload", str(process.pid)
        )
    assert done.exit_code == 2
    assert f"expected a broker that runs as process {process.pid}, No such process" in done.output
    key = nkeys.from_seed(bytearray(path.read_text().strip().encode())).public_key.decode()
    listed = orjson.loads((await administrator.users("list", "--json")).output)
    assert [each["nkey"] for each in listed[0]["keys"]] == [key]


async def test_what_the_broker_would_refuse_does_not_replace_what_it_has(tmp_path: Path) -> None:
    """The broker's own judgement comes before the file is replaced, and the seed of who was not added goes again."""
    administrator = Administrator(tmp_path)
    await administrator.added("alice")
    before = (tmp_path / "accounts.conf").read_bytes()
    registry = orjson.loads((tmp_path / "users.json").read_bytes())
    registry["users"][0]["keys"][0]["nkey"] = "UNKNOWN"
    (tmp_path / "users.json").write_bytes(orjson.dumps(registry))
    done = await administrator.users("add", "bob", "--seed", administrator.seed_path("bob"))
    assert done.exit_code == 2
    assert "accounts.conf is refused by nats-server, the old one stays: " in done.output
    assert (tmp_path / "accounts.conf").read_bytes() == before
    assert not administrator.seed_path("bob").exists()


async def test_streams_can_be_made_where_the_directory_is_only_read(administrator: Administrator) -> None:
    """The files stay as they are, and nobody needs to be able to write them."""
    await administrator.added("alice")
    before = {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in administrator.directory.iterdir()
        if path.is_file()
    }
    words = ("users", "streams", "--directory", str(administrator.directory))
    environ = {
        "FILLWIRE_NATS__NKEY_FILE": str(administrator.seed_path("control")),
        "FILLWIRE_NATS__URL": administrator.broker.url,
    }
    done = await asyncio.to_thread(CliRunner().invoke, main, words, env=environ)
    assert (done.exit_code, done.output) == (0, "streams of 1 tenants are there\n")
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before}
    async with await administrator.connect("control", is_tenant=False) as control:
        assert (await api.call(control, "STREAM.INFO.ORDERS-alice"))["config"]["mirror"]["name"] == "ORDERS"
