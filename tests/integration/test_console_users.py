"""Who may log in to the console changes while it runs: by the files that say so, as a person or an operator writes them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.console.service import Console
from fillwire.console.viewers import Viewer
from fillwire.runtime.settings import load_console_users, load_settings
from support.console import ALICE_TOKEN, BOB_TOKEN, ONCE_TOKEN, Stream, Visitor, visitor
from support.eventually import eventually
from support.order_events import order_event
from support.processes import python
from support.publishing import publish

NEW_TOKEN = "another-token-0123456789"


class Files:
    """A configuration, and a file with the token of each user.

    Attributes:
        config: the configuration.
        users: its list.
    """

    def __init__(self, directory: Path) -> None:
        self.config = directory / "fillwire.json"
        self._directory = directory
        self.users: list[dict[str, object]] = []
        self.add("alice", ALICE_TOKEN)
        self.add("bob", BOB_TOKEN)
        self.write()

    def token_file(self, user: str) -> Path:
        """Return where the token of a user is."""
        return self._directory / f"token-{user}"

    def add(self, user: str, token: str, **more: object) -> None:
        """Add a user to the list, which is not written yet."""
        self.token_file(user).write_text(token)
        self.users.append({"user": user, "token": f"file:{self.token_file(user)}"} | more)

    def drop(self, user: str) -> None:
        """Take a user out of the list, and write it."""
        self.users = [entry for entry in self.users if entry["user"] != user]
        self.write()

    def write(self) -> None:
        """Write the configuration, whole at once."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(json.dumps({"console": {"port": 0, "users": self.users}}))
        fresh.replace(self.config)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """For alice and bob."""
    return Files(tmp_path)


@asynccontextmanager
async def console(bus: Bus, files: Files) -> AsyncIterator[Console]:
    """A console that looks at the files often."""
    environ: dict[str, str] = {}
    load = partial(load_console_users, files.config, environ)
    settings = load_settings(files.config, environ).console
    async with Console(bus, settings, load=load, look_s=0.02) as made:
        yield made


async def status(guest: Visitor) -> int:
    """Return how the console answers somebody who was logged in."""
    return (await guest.get("/api/me"))[0]


async def ends(stream: Stream, deadline_s: float = 10.0) -> None:
    """Wait until the console has told a page that its session has ended, and has ended its stream."""
    await eventually(lambda: stream.all("ended") and stream.task.done(), deadline_s, "the stream ends")


async def test_who_is_taken_out_is_logged_out_at_once_and_others_go_on(bus: Bus, files: Files) -> None:
    """Their streams end, also of several logins, and their token opens nothing; whoever is new gets in."""
    async with (
        console(bus, files) as made,
        visitor(made, ALICE_TOKEN) as alice,
        visitor(made, ALICE_TOKEN) as again,
        visitor(made, BOB_TOKEN) as bob,
        visitor(made) as guest,
    ):
        streams = [await alice.listen(), await again.listen()]
        other = await bob.listen()
        files.add("carol", NEW_TOKEN)
        files.drop("alice")
        for stream in streams:
            await ends(stream)
        assert [await status(each) for each in (alice, again, bob)] == [401, 401, 200]
        await publish(bus, order_event(order_id="1"))
        assert not any(stream.events for stream in streams)
        assert not other.task.done()
        assert await guest.log_in(ALICE_TOKEN) == 401
        assert await guest.log_in(NEW_TOKEN) == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.token_file("alice").write_text(NEW_TOKEN),
        lambda files: (files.users[0].update(role="admin"), files.write()),
        lambda files: (files.users[0].update(user="eve"), files.write()),
    ],
    ids=["token", "role", "user"],
)
async def test_a_session_ends_when_its_token_stands_for_something_else(
    bus: Bus, files: Files, change: Callable[[Files], object]
) -> None:
    """The token was replaced, or is another user's or role's: nobody keeps rights that they logged in with before."""
    async with (
        console(bus, files) as made,
        visitor(made, ALICE_TOKEN) as alice,
        visitor(made, BOB_TOKEN) as bob,
    ):
        stream = await alice.listen()
        change(files)
        await ends(stream)
        assert [await status(each) for each in (alice, bob)] == [401, 200]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda files: files.config.write_text('{"console": {"users": ['),
        lambda files: files.config.unlink(),
        lambda files: files.token_file("bob").write_text("short"),
        lambda files: files.token_file("bob").unlink(),
        lambda files: (files.users[1].pop("token"), files.write()),
    ],
    ids=["half a file", "no file", "a short token", "no token file", "no token"],
)
async def test_what_cannot_be_used_logs_nobody_out(
    bus: Bus, files: Files, spoil: Callable[[Files], object], caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once, without any secret; when the files are right again, they count."""

    def said(event: str) -> int:
        return sum(record.message == event for record in caplog.records)

    caplog.set_level("INFO")
    async with (
        console(bus, files) as made,
        visitor(made, ALICE_TOKEN) as alice,
        visitor(made, BOB_TOKEN) as bob,
    ):
        stream = await alice.listen()
        await eventually(lambda: said("users_read") == 1)
        spoil(files)
        await eventually(lambda: said("users_not_read") == 1)
        assert [await status(each) for each in (alice, bob)] == [200, 200]
        files.users.clear()
        files.add("bob", BOB_TOKEN)
        files.write()
        await ends(stream)
        assert await status(bob) == 200
    assert ALICE_TOKEN not in caplog.text
    assert BOB_TOKEN not in caplog.text


async def test_a_user_whose_token_comes_after_the_list_gets_in(
    bus: Bus, files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    """The list names a file that is not there yet, and is not written again: nobody knew of that file before."""
    caplog.set_level("INFO")
    async with console(bus, files) as made, visitor(made) as guest:
        await eventually(lambda: "users_read" in caplog.messages)
        files.add("carol", NEW_TOKEN)
        files.token_file("carol").unlink()
        files.write()
        await eventually(lambda: "users_not_read" in caplog.messages)
        files.token_file("carol").write_text(NEW_TOKEN)
        await eventually(lambda: "carol" in {viewer.name for viewer in viewers(made)})
        assert await guest.log_in(NEW_TOKEN) == 200
        assert caplog.messages.count("users_not_read") == 1


async def test_a_token_for_one_session_does_not_open_another_when_the_list_is_read_again(
    bus: Bus, files: Files
) -> None:
    """Its session goes on until its entry is taken out."""
    files.add("once", ONCE_TOKEN, once=True)
    files.write()
    async with console(bus, files) as made, visitor(made, ONCE_TOKEN) as first, visitor(made) as second:
        stream = await first.listen()
        files.add("carol", NEW_TOKEN)
        files.write()
        await eventually(lambda: "carol" in {viewer.name for viewer in viewers(made)})
        assert await second.log_in(NEW_TOKEN) == 200
        assert await second.log_in(ONCE_TOKEN) == 401
        assert await status(first) == 200
        files.drop("once")
        await ends(stream)


def viewers(made: Console) -> list[Viewer]:
    """Return who may log in now."""
    return [key.viewer for key in made._sessions._keys]


@pytest.mark.timeout(120)
async def test_the_command_logs_out_who_is_taken_out(broker: EmbeddedServer, files: Files) -> None:
    """As it is run: the file of its configuration is written anew."""
    arguments = ("-m", "fillwire", "console", "--config", files.config, "--nats", broker.url)
    async with python(*arguments) as process:
        await process.said('"ready"')
        address = json.loads(next(line for line in process.lines if '"ready"' in line))["console"]
        async with Visitor(address) as alice, Visitor(address) as bob:
            assert [await alice.log_in(ALICE_TOKEN), await bob.log_in(BOB_TOKEN)] == [200, 200]
            stream = await alice.listen()
            files.drop("alice")
            await ends(stream, 30.0)
            assert [await status(alice), await status(bob)] == [401, 200]
        assert await process.end() == 0
