"""Health, readiness and metrics over a real socket: who may read them, when they say yes, and what they never show."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from yarl import URL

from fillwire.domain.enums import ConnectionState
from fillwire.domain.errors import ConfigError
from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import monitored
from fillwire.runtime.redaction import remember_secret
from fillwire.runtime.settings import MonitoringSettings, load_settings
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.wire.codec import encode_alert, encode_connection
from support.binance_keys import API_KEY, HMAC_SECRET
from support.eventually import eventually
from support.gateway_rig import rig
from support.logged import logged

__all__ = ["logged"]

TOKEN = "a-token-of-sixteen-or-more"
FREE = MonitoringSettings(port=0)


@asynccontextmanager
async def _serving(
    settings: MonitoringSettings = FREE, metrics: Metrics | None = None, **ready: Any
) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with (
        monitored(settings, metrics or Metrics(), ready=ready) as address,
        aiohttp.ClientSession() as http,
    ):
        assert address is not None
        yield http, address


async def _get(http: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str]:
    async with http.get(url, headers=headers) as response:
        return response.status, await response.text()


async def test_nothing_is_served_unless_it_is_configured() -> None:
    """On a laptop no port is opened."""
    async with monitored(MonitoringSettings(), Metrics(), ready={}) as address:
        assert address is None


async def test_it_is_served_on_this_machine_alone_by_default() -> None:
    """Who wants more says so, and is warned without a token."""
    async with _serving() as (http, address):
        assert address.startswith("http://127.0.0.1:")
        assert (await _get(http, f"{address}/livez"))[0] == 200
        assert (await _get(http, f"{address}/elsewhere"))[0] == 404
        async with http.post(f"{address}/metrics") as response:
            assert response.status == 405


async def test_metrics_are_for_who_has_the_token() -> None:
    """Neither none nor a wrong one nor another scheme; probes need none, for a kubelet has none."""
    async with _serving(MonitoringSettings(port=0, token=SecretStr(TOKEN))) as (http, address):
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            status, text = await _get(http, f"{address}/metrics", **given)
            assert (status, TOKEN in text) == (401, False)
        status, text = await _get(http, f"{address}/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200
        assert "fillwire_loop_lateness_seconds 0.0" in text
        assert (await _get(http, f"{address}/healthz"))[0] == 200
        assert (await _get(http, f"{address}/readyz"))[0] == 200


async def test_a_token_of_strange_bytes_is_a_wrong_one() -> None:
    """A header holds whatever its sender wrote; what is no UTF-8 is refused as any other."""
    async with _serving(MonitoringSettings(port=0, token=SecretStr(TOKEN))) as (_, address):
        url = URL(address)
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(url.host, url.port)
            try:
                writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer \xff\r\n\r\n")
                assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
            finally:
                writer.close()
                await writer.wait_closed()


async def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    """Exemplars stand there only."""
    async with _serving() as (http, address):
        async with http.get(
            f"{address}/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
        ) as response:
            assert response.content_type == "application/openmetrics-text"
            assert (await response.text()).endswith("# EOF\n")
        async with http.get(f"{address}/metrics") as response:
            assert response.content_type == "text/plain"


async def test_a_port_that_is_taken_is_said_in_a_sentence() -> None:
    """Two services with one configuration on one machine need a port each."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"expected a free port at 127.0.0.1:{port}, found"):
            async with _serving(MonitoringSettings(port=port)):
                pass


@pytest.mark.parametrize("token", ["short", "with white space in it", "naïve-token-of-sixteen"])
def test_a_token_that_no_scraper_can_send_is_refused(token: str, tmp_path: Path) -> None:
    """At the start, without showing it; it comes from a file, as a mounted secret does."""
    file = tmp_path / "token"
    file.write_text(token)
    with pytest.raises(ConfigError, match="expected a token of at least 16 printable ASCII") as caught:
        load_settings(environ={"FILLWIRE_MONITORING__TOKEN": f"file:{file}"})
    assert token not in str(caught.value)


async def test_a_gateway_is_ready_when_the_broker_answers_and_its_accounts_are_settled(
    tmp_path: Path,
) -> None:
    """Not before an account has come to its connection, not while the broker is away; a refused key is settled."""
    telemetry = FillTelemetry.start("fillwire-gateway", "test", sample_ratio=1.0)
    async with rig(tmp_path, telemetry=telemetry) as found:
        bus = found.bus
        async with _serving(
            FREE, telemetry.metrics, broker=bus.obstacle, accounts=found.gateway.accounts_obstacle
        ) as (http, address):
            ready = f"{address}/readyz"
            assert (await _get(http, ready))[0] == 200
            await found.control("faults", {"kind": "connection_refused", "next": 3})
            await found.wish("BTC-USDT")
            await eventually(lambda: ConnectionState.RECONNECTING in found.states)
            status, text = await _get(http, ready)
            assert (status, "1 of 1 accounts are not settled yet" in text) == (503, True)
            assert found.account.user not in text
            await found.receiving()
            assert (await _get(http, ready))[0] == 200
            await found.broker.stop()
            status, text = await _get(http, ready)
            assert (status, "no answer from the broker" in text) == (503, True)
            assert (await _get(http, f"{address}/healthz"))[0] == 200
            await found.broker.start()
            await eventually(lambda: _is_ready(http, ready), 15.0)


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    return (await _get(http, url))[0] == 200


async def test_nothing_that_a_gateway_says_holds_a_key(tmp_path: Path, logged: io.StringIO) -> None:
    """Through fills, a refused frame, a lost connection and a refused key: logs, probes, metrics, events and alerts."""
    remember_secret(TOKEN)
    telemetry = FillTelemetry.start("fillwire-gateway", "test", sample_ratio=1.0)
    settings = MonitoringSettings(port=0, token=SecretStr(TOKEN))
    async with (
        rig(tmp_path, telemetry=telemetry) as found,
        _serving(settings, telemetry.metrics, accounts=found.gateway.accounts_obstacle) as (
            http,
            address,
        ),
    ):
        await found.wish("BTC-USDT")
        await found.receiving()
        await found.emit(3)
        await found.control("faults", {"kind": "corrupt", "next": 1, "how": "truncated"})
        await found.emit(1)
        await found.control("cut", {})
        await found.receiving()
        await found.control("faults", {"kind": "revoke_key", "api_key": API_KEY})
        await found.control("cut", {})
        await found.state(ConnectionState.AUTH_FAILED)
        pages = [
            (await _get(http, f"{address}/{path}", Authorization=f"Bearer {TOKEN}"))[1]
            for path in ("livez", "healthz", "readyz", "metrics")
        ]
        kept = await found.kept_status()
        said = [
            *pages,
            logged.getvalue(),
            *(encode_connection(event).decode() for event in found.connections),
            *(encode_alert(alert).decode() for alert in await found.alerts()),
            "" if kept is None else encode_connection(kept).decode(),
        ]
        assert all(said[:5])
        for text in said:
            for secret in (API_KEY, HMAC_SECRET, TOKEN):
                assert secret not in text
        samples = {
            (
                sample.name,
                next(filter(None, map(sample.labels.get, ("code", "state", "class"))), ""),
            ): sample.value
            for family in text_string_to_metric_families(pages[-1])
            for sample in family.samples
        }
        assert samples["fillwire_connection_attempts_total", ""] == 3
        assert samples["fillwire_connection_successes_total", ""] == 2
        assert samples["fillwire_connection_losses_total", ""] == 2
        assert samples["fillwire_connection_refusals_total", ""] == 1
        assert samples["fillwire_connection_up", ""] == 0
        assert samples["fillwire_connection_state", "auth_failed"] == 1
        assert samples["fillwire_connection_state", "receiving"] == 0
        assert (
            sum(value for (name, _), value in samples.items() if name == "fillwire_frames_refused_total") == 1
        )
        assert samples["fillwire_parse_errors_total", "malformed"] == 1
        assert samples["fillwire_parse_errors_total", "unknown"] == 0
