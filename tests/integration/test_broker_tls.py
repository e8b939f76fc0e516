"""The broker by TLS on both sides, and certificates replaced while events flow: clients', the broker's, and between brokers."""

import asyncio
import logging
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from fillwire.bus import api
from fillwire.bus.connection import Bus, Credentials
from fillwire.bus.consumer import PullLoop, ensure_consumer
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer, find_server
from fillwire.bus.streams import ensure_streams
from fillwire.bus.tls import TlsFiles
from fillwire.cli.users.accounts import accounts_conf
from fillwire.cli.users.registry import Kind
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.ports import free_ports
from support.certificates import Authority, encrypt, replace
from support.eventually import eventually
from support.tenancy import registry_of


class Secured:
    """Files of a broker and its clients, and who signed them.

    Attributes:
        directory: holds `ca.pem`, and `broker` and `client`, each as `.pem` and `.key`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority("first")
        replace(directory / "ca.pem", self.authority.pem)
        for name in ("broker", "client"):
            self.authority.issue(directory, name)

    @property
    def files(self) -> TlsFiles:
        """What a client has."""
        return TlsFiles(
            authorities=self.directory / "ca.pem",
            certificate=self.directory / "client.pem",
            key=self.directory / "client.key",
        )

    def block(self, name: str = "tls") -> str:
        """Return the part of a broker's configuration: who connects shows a certificate, too."""
        paths = {"cert_file": "broker.pem", "key_file": "broker.key", "ca_file": "ca.pem"}
        lines = ", ".join(f'{key}: "{self.directory / path}"' for key, path in paths.items())
        return f"{name} {{ {lines}, verify: true }}"

    def rotate(self, *servers: EmbeddedServer) -> None:
        """Have another authority, believed beside the first, which has signed all certificates anew."""
        first, self.authority = self.authority, Authority("second")
        replace(self.directory / "ca.pem", first.pem + self.authority.pem)
        for name in ("broker", "client"):
            self.authority.issue(self.directory, name)
        for server in servers:
            assert server.pid is not None
            os.kill(server.pid, signal.SIGHUP)

    async def connect(
        self, url: str, name: str, files: TlsFiles | None = None, deadline_s: float = 10.0
    ) -> Bus:
        """Return a connection."""
        return await Bus.connect(
            url.replace("nats://", "tls://"),
            name=name,
            credentials=Credentials(tls_files=files or self.files),
            deadline_s=deadline_s,
        )


@pytest.fixture
def secured(tmp_path: Path) -> Secured:
    """Certificates of one authority."""
    directory = tmp_path / "tls"
    directory.mkdir()
    return Secured(directory)


@asynccontextmanager
async def _flowing(publisher_bus: Bus, reader: Bus) -> AsyncIterator[list[int]]:
    """Events flow inside the block; at its end none was lost, doubled or out of order."""
    told: list[int] = []
    sent = 0

    def handle(message: Message) -> None:
        told.append(int(message.data))
        message.ack()

    async def pour(publisher: OrderedPublisher) -> None:
        nonlocal sent
        while True:
            publisher.submit("order", "orders.alice.x", b"%d" % sent, f"id-{sent}")
            sent += 1
            await asyncio.sleep(0.005)  # the pace of the load

    await ensure_consumer(reader, "ORDERS", "bot", ["orders.>"], ack_policy="all")
    async with (
        OrderedPublisher(publisher_bus) as publisher,
        PullLoop(reader, "ORDERS", "bot", handle, ack_policy="all"),
    ):
        pouring = asyncio.create_task(pour(publisher))
        await eventually(lambda: len(told) > 20, 30)
        yield told
        seen = len(told)
        await eventually(lambda: len(told) > seen + 20, 30)
        pouring.cancel()
        assert await publisher.flush(30) == 0
        await eventually(lambda: len(told) >= sent, 30)
    assert told == list(range(sent))


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_an_end_warns_of_nothing(
    loop: Callable[[], asyncio.AbstractEventLoop],
    secured: Secured,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The client upgrades a connection in a way of which the standard loop says at each end that it has no effect."""

    async def connect_and_end() -> None:
        locked = f'{secured.block()}\nauthorization {{ user: alice, password: "something-long" }}'
        async with EmbeddedServer(tmp_path / "broker", extra_config=locked) as broker:
            url = broker.url.replace("nats://", "nats://alice:something-long@")
            async with await secured.connect(url, "let in") as bus:
                await bus.request("$SYS.REQ.USER.INFO", b"", 5.0)
            with pytest.raises(BrokerError):
                await secured.connect(broker.url, "kept out", deadline_s=2.0)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(connect_and_end())
    assert [
        record for record in caplog.records if record.name == "asyncio" and record.levelno >= logging.WARNING
    ] == []


async def test_who_cannot_show_or_believe_a_certificate_stays_out(secured: Secured, tmp_path: Path) -> None:
    """Neither without a certificate, nor with a stranger's, nor to a broker that a stranger has signed."""
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    stranger = Secured(strangers)
    config = secured.block()
    async with EmbeddedServer(tmp_path / "broker", extra_config=config) as broker:
        async with await secured.connect(broker.url, "client") as bus:
            assert await bus.is_healthy()
        for files in (
            TlsFiles(authorities=secured.files.authorities),
            TlsFiles(
                authorities=secured.files.authorities,
                certificate=stranger.files.certificate,
                key=stranger.files.key,
            ),
            TlsFiles(
                authorities=stranger.files.authorities,
                certificate=secured.files.certificate,
                key=secured.files.key,
            ),
        ):
            with pytest.raises(BrokerError):
                await secured.connect(broker.url, "other", files, deadline_s=1.5)


async def test_a_broker_without_tls_is_told_no_credentials(secured: Secured, broker: EmbeddedServer) -> None:
    """Somebody between us and the broker could say that it speaks none: then nothing is said at all."""
    for url in (broker.url.replace("nats://", "tls://"), broker.url):
        with pytest.raises(BrokerError, match="the broker does not speak TLS: expected it to"):
            await Bus.connect(
                url,
                name="client",
                credentials=Credentials(user="u", password="p", tls_files=secured.files),
                deadline_s=1.0,
            )
    assert "Authorization" not in broker.log_path.read_text()


def test_files_that_are_no_certificates_are_named(secured: Secured) -> None:
    """One sentence, before anything connects."""
    (secured.directory / "client.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"certificates .*client\.pem.*: expected readable PEM files"):
        secured.files.context()


def test_a_key_with_a_passphrase_is_refused(secured: Secured) -> None:
    """Nobody is there to be asked for it: a service would wait for a terminal, or for ever."""
    encrypt(secured.directory / "client.key")
    with pytest.raises(
        ConfigError, match=r"client\.key: expected readable PEM files, found a key with a passphrase"
    ):
        secured.files.context()


async def test_certificates_are_replaced_while_events_flow(secured: Secured, tmp_path: Path) -> None:
    """Authority, broker's and client's: connections go on, new ones use the new, and no event is lost."""
    async with (
        EmbeddedServer(tmp_path / "broker", extra_config=secured.block()) as broker,
        AsyncExitStack() as stack,
    ):
        publisher = await stack.enter_async_context(await secured.connect(broker.url, "publisher"))
        reader = await stack.enter_async_context(await secured.connect(broker.url, "reader"))
        await ensure_streams(publisher)
        lost: list[str] = []
        reader.on_disconnected(lambda: lost.append("reader"))
        async with _flowing(publisher, reader):
            secured.rotate(broker)
            only_new = secured.directory / "only-new.pem"
            replace(only_new, secured.authority.pem)
            files = TlsFiles(
                authorities=only_new, certificate=secured.files.certificate, key=secured.files.key
            )

            async def gets_in() -> bool:
                try:
                    bus = await secured.connect(broker.url, "new", files, deadline_s=1.0)
                except BrokerError:
                    return False
                await bus.close()
                return True

            await eventually(gets_in, 20, "the broker shows its new certificate")
            assert lost == []
            # Who comes again uses what the files hold by now; the first authority is believed no longer.
            replace(secured.directory / "ca.pem", secured.authority.pem)
            assert broker.pid is not None
            os.kill(broker.pid, signal.SIGHUP)
            await reader.nc.force_reconnect()
            await eventually(lambda: reader.is_connected and reader.is_healthy(), 20)
            await reader.nc.close()  # so does a client that takes the place of one that has closed for good
            await eventually(lambda: reader.is_connected and reader.is_healthy(), 20)


@pytest.mark.slow
@pytest.mark.timeout(150)
async def test_certificates_between_brokers_are_replaced_while_events_flow(
    secured: Secured, tmp_path: Path
) -> None:
    """Three replicating brokers whose routes are encrypted; afterwards one that is started anew joins by the new ones."""
    ports = free_ports(3)
    routes = ", ".join(f'"tls://127.0.0.1:{port}"' for port in ports)
    servers = [
        EmbeddedServer(
            tmp_path / f"broker-{number}",
            extra_config=f'server_name: "n{number}"\n{secured.block()}\n'
            f'cluster {{ name: test, listen: "127.0.0.1:{port}", routes: [{routes}], no_advertise: true, {secured.block()} }}',
        )
        for number, port in enumerate(ports)
    ]
    async with AsyncExitStack() as stack:
        for server in servers:
            stack.push_async_callback(server.stop)
        await asyncio.gather(*(server.start(deadline_s=60) for server in servers))
        url = ",".join(server.url for server in servers)
        publisher = await stack.enter_async_context(await secured.connect(url, "publisher"))
        reader = await stack.enter_async_context(await secured.connect(url, "reader"))
        await ensure_streams(publisher, replicas=3)
        async with _flowing(publisher, reader):
            secured.rotate(*servers)
            replace(secured.directory / "ca.pem", secured.authority.pem)
            await servers[2].stop()
            await servers[2].start(deadline_s=60)  # ready means: it has joined the others
        await eventually(lambda: _replicas_are_current(publisher), 30)


async def _replicas_are_current(bus: Bus) -> bool:
    cluster = (await api.call(bus, "STREAM.INFO.ORDERS"))["cluster"]
    return len(cluster["replicas"]) == 2 and all(replica["current"] for replica in cluster["replicas"])


def test_the_configuration_that_is_shipped_is_one_that_the_broker_takes(secured: Secured) -> None:
    """With accounts and certificates beside it; and its commented cluster, too."""
    directory = secured.directory
    text = (Path(__file__).parents[2] / "deploy" / "nats" / "nats.conf").read_text(encoding="utf-8")
    (directory / "tls").mkdir()
    for name, source in (("server.pem", "broker.pem"), ("server.key", "broker.key"), ("ca.pem", "ca.pem")):
        (directory / "tls" / name).write_bytes((directory / source).read_bytes())
    registry = registry_of(directory, {"alice": Kind.TENANT, "gateway-binance": Kind.GATEWAY})
    (directory / "accounts.conf").write_bytes(accounts_conf(registry))
    head, _, cluster = text.partition("# cluster {")
    with_cluster = f"{head}cluster {{" + cluster.replace("\n# ", "\n").replace("\n#", "\n")
    for written in (text, with_cluster):
        (directory / "nats.conf").write_text(written, encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own executable, and a file of ours
            (find_server(), "-t", "-c", "nats.conf"),
            cwd=directory,
            env={"NATS_SERVER_NAME": "n1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr
