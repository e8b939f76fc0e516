"""Console, health and metrics by TLS, and their certificates replaced while they serve."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from fillwire.bus.connection import Bus
from fillwire.domain.errors import ConfigError
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.settings import MonitoringSettings, load_settings
from support.certificates import Authority, encrypt
from support.console import ALICE_TOKEN, console

TOKEN = "a-token-of-sixteen-or-more"


@asynccontextmanager
async def _client(authority: Authority) -> AsyncIterator[aiohttp.ClientSession]:
    context = ssl.create_default_context(cadata=authority.pem.decode())
    connector = aiohttp.TCPConnector(ssl=context, force_close=True)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield http


def _monitoring(directory: Path) -> MonitoringSettings:
    settings = load_settings(
        environ={
            "FILLWIRE_MONITORING__PORT": "0",
            "FILLWIRE_MONITORING__TOKEN": TOKEN,
            "FILLWIRE_MONITORING__CERT_FILE": str(directory / "web.pem"),
            "FILLWIRE_MONITORING__KEY_FILE": str(directory / "web.key"),
        }
    )
    return settings.monitoring


async def test_metrics_by_tls_show_the_certificate_that_the_files_hold_now(tmp_path: Path) -> None:
    """Replaced without a restart; half-replaced files leave the one before in place; and the token is still asked for."""
    first, second = Authority("first"), Authority("second")
    first.issue(tmp_path, "web")
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        monitored(_monitoring(tmp_path), Metrics(), ready={}) as address,
        _client(first) as early,
        _client(second) as late,
    ):
        assert address is not None
        assert address.startswith("https://")
        async with early.get(f"{address}/metrics", headers=bearer) as response:
            assert response.status == 200
        async with early.get(f"{address}/metrics") as response:
            assert response.status == 401
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await late.get(f"{address}/livez")
        key = (tmp_path / "web.key").read_bytes()
        (tmp_path / "web.key").write_text("half")
        async with early.get(f"{address}/livez") as response:
            assert response.status == 200
        (tmp_path / "web.key").write_bytes(key)
        second.issue(tmp_path, "web")
        async with late.get(f"{address}/livez") as response:
            assert response.status == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await early.get(f"{address}/livez")


async def test_the_console_by_tls_marks_its_cookie(bus: Bus, tmp_path: Path) -> None:
    """On this machine, too, the session goes over encrypted connections alone; and nothing is shown without one."""
    authority = Authority("only")
    authority.issue(tmp_path, "web")
    made_console = console(bus, cert_file=tmp_path / "web.pem", key_file=tmp_path / "web.key")
    async with made_console as made, _client(authority) as http:
        assert made.address.startswith("https://")
        async with http.get(f"{made.address}/api/stream") as response:
            assert response.status == 401
        async with http.post(f"{made.address}/api/login", json={"token": ALICE_TOKEN}) as response:
            assert response.status == 200
            assert all(cookie["secure"] for cookie in response.cookies.values())
        async with http.get(f"{made.address}/api/me") as response:
            assert (await response.json())["user"] == "alice"


async def test_a_certificate_that_cannot_be_used_is_said_at_the_start(tmp_path: Path) -> None:
    """With the section that names it, before anybody connects."""
    Authority("only").issue(tmp_path, "web")
    settings = _monitoring(tmp_path)
    encrypt(tmp_path / "web.key")
    with pytest.raises(ConfigError, match=r"monitoring: expected .*web\.key, found a key with a passphrase"):
        await monitored(settings, Metrics(), ready={}).__aenter__()
    (tmp_path / "web.pem").write_text("nothing")
    with pytest.raises(
        ConfigError, match=r"monitoring: expected a certificate and its key in PEM at .*web\.pem"
    ):
        await monitored(settings, Metrics(), ready={}).__aenter__()


def test_half_a_certificate_is_refused() -> None:
    """A key without certificate would serve in plain."""
    with pytest.raises(
        ConfigError, match="console: expected certFile and keyFile together, found one of them"
    ):
        load_settings(environ={"FILLWIRE_CONSOLE__KEY_FILE": "/nowhere/web.key"})
