"""Secrets of services that are replaced in their files: used from then on, by who is running already."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.cli.broker import connect
from fillwire.cli.databases import chosen_database
from fillwire.console.service import Console
from fillwire.recorder.database import Database
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.redaction import REDACTED, redacted_text
from fillwire.runtime.settings import Settings, current, load_settings
from support.eventually import eventually
from support.order_events import order_event
from support.postgresql import PostgreSQLServer
from support.publishing import publish
from support.recording import recorded_ids, recording, stream_ids

OLD, NEW = "the-old-token-0123456789", "the-new-token-9876543210"


def _kept(directory: Path, variable: str, **more: str) -> tuple[Settings, Path]:
    """Return settings in which a variable refers to a file, and the file."""
    path = directory / "secret"
    path.write_text(f"{OLD}\n")
    return load_settings(environ={variable: f"file:{path}", **more}), path


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text(""),
        lambda path: path.write_text(NEW[:10]),
        lambda path: path.write_bytes(b"\xff" * 20),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["empty", "half", "no text", "gone", "a directory"],
)
def test_what_cannot_be_used_leaves_the_secret_before(tmp_path: Path, write: object) -> None:
    """Until the file is right again; a first look at the settings is not needed for that."""
    settings, path = _kept(tmp_path, "FILLWIRE_MONITORING__TOKEN")
    token = settings.monitoring.token
    assert token is not None
    path.write_text(f"{NEW}\n")
    assert current(token, 16) == NEW
    assert callable(write)
    write(path)
    assert current(token, 16) == NEW
    assert token.get_secret_value() == OLD


def test_a_replaced_secret_is_masked_too(tmp_path: Path) -> None:
    """It never prints, and what logs say is masked from its first use on."""
    settings, path = _kept(tmp_path, "FILLWIRE_MONITORING__TOKEN")
    token = settings.monitoring.token
    assert token is not None
    path.write_text("another-planted-secret-1234567")
    assert current(token) == "another-planted-secret-1234567"
    assert redacted_text("found another-planted-secret-1234567") == f"found {REDACTED}"
    assert "planted" not in f"{token!r} {token} {settings!r}"


def test_what_stands_in_a_variable_stays_as_it_was() -> None:
    """A running process has its environment from its start."""
    environ = {"FILLWIRE_MONITORING__TOKEN": "env:TOKEN", "TOKEN": OLD}
    token = load_settings(environ=environ).monitoring.token
    environ["TOKEN"] = NEW
    assert token is not None
    assert current(token) == OLD


async def test_metrics_are_for_who_has_the_new_token(tmp_path: Path) -> None:
    """The next scrape wants it."""
    settings, path = _kept(tmp_path, "FILLWIRE_MONITORING__TOKEN", FILLWIRE_MONITORING__PORT="0")
    async with (
        monitored(settings.monitoring, Metrics(), ready={}) as address,
        aiohttp.ClientSession() as http,
    ):

        async def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            async with http.get(f"{address}/metrics", headers=headers) as response:
                return response.status

        assert (await status(OLD), await status(NEW)) == (200, 401)
        path.write_text(NEW)
        assert (await status(OLD), await status(NEW)) == (401, 200)


async def test_the_console_is_opened_by_the_new_token(bus: Bus, tmp_path: Path) -> None:
    """The old one opens nothing any more."""
    (tmp_path / "console").write_text(OLD)
    users = f'[{{"user": "alice", "token": "file:{tmp_path}/console"}}]'
    settings = load_settings(environ={"FILLWIRE_CONSOLE__USERS": users, "FILLWIRE_CONSOLE__PORT": "0"})
    async with Console(bus, settings.console) as made, aiohttp.ClientSession() as http:

        async def status(token: str) -> int:
            async with http.post(f"{made.address}/api/login", json={"token": token}) as response:
                return response.status

        assert await status(NEW) == 401
        (tmp_path / "console").write_text(NEW)
        assert (await status(OLD), await status(NEW)) == (401, 200)


@pytest.mark.timeout(120)
async def test_the_recorder_comes_back_with_the_databases_new_password(
    bus: Bus, tmp_path: Path, own_postgresql: PostgreSQLServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The password is replaced at the database first, and later in its file: until then the recorder waits."""
    trades = Database.at(own_postgresql.make_database("trades"))
    await asyncio.to_thread(own_postgresql.make_role, "recorder", OLD)
    address = own_postgresql.dsn("trades").replace("fillwire@", "recorder@")
    settings, path = _kept(tmp_path, "FILLWIRE_RECORDER__PASSWORD", FILLWIRE_RECORDER__DATABASE=address)
    async with recording(bus, chosen_database(settings, None)):
        await publish(bus, order_event(order_id="1"))
        await eventually(lambda: len(recorded_ids(trades)) == 1, 30.0)
        await asyncio.to_thread(own_postgresql.replace_password, "recorder", NEW)
        await publish(bus, order_event(order_id="2"))
        await eventually(lambda: "password authentication failed" in own_postgresql.log, 30.0)
        path.write_text(f"{NEW}\n")
        await eventually(lambda: len(recorded_ids(trades)) == 2, 30.0)
    assert recorded_ids(trades) == await stream_ids(bus)
    assert OLD not in caplog.text
    assert NEW not in caplog.text


async def test_a_service_comes_back_with_the_brokers_new_password(tmp_path: Path) -> None:
    """The broker takes another password from its restart on: who is connected logs in with it, without a restart."""
    config = 'authorization {{ user: "gateway", password: "{}" }}'
    directory = tmp_path / "broker"
    async with EmbeddedServer(directory, extra_config=config.format(OLD)) as server:
        user = {"FILLWIRE_NATS__URL": server.url, "FILLWIRE_NATS__USER": "gateway"}
        settings, path = _kept(tmp_path, "FILLWIRE_NATS__PASSWORD", **user)
        port = int(server.url.rpartition(":")[2])
        async with await connect(settings, name="test", inbox="test") as bus:
            path.write_text(NEW)
            await server.stop()
            await eventually(lambda: not bus.is_connected, what="connection lost")
            again = EmbeddedServer(directory, port=port, extra_config=config.format(NEW))
            async with again:
                await eventually(bus.is_healthy, 30.0, "connected with the new password")
