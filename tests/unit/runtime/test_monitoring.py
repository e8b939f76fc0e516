"""Health is about the event loop alone, readiness about what the service needs."""

import asyncio

import orjson
import pytest
from aiohttp.test_utils import make_mocked_request

from fillwire.runtime.metrics import Metrics
from fillwire.runtime.monitoring import STUCK_S, Check, Heartbeat, Monitoring
from fillwire.runtime.settings import MonitoringSettings


class _Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def _monitoring(heartbeat: Heartbeat | None = None, **ready: Check) -> Monitoring:
    return Monitoring(MonitoringSettings(), Metrics(), ready, heartbeat or Heartbeat(_Clock()))


def test_lateness_is_the_worst_of_the_last_windows() -> None:
    """A stall is shown for half a minute at least, and for a minute at most."""
    clock = _Clock()
    heartbeat = Heartbeat(clock)
    clock.now_s += 2.25
    heartbeat.beat()
    assert heartbeat.lateness_s == pytest.approx(2.0)
    for seconds, expected in ((29, 2.0), (61, 0.0)):
        while clock.now_s < 102.25 + seconds:
            clock.now_s += 0.25
            heartbeat.beat()
        assert heartbeat.lateness_s == pytest.approx(expected)


async def test_a_loop_that_was_stuck_is_not_healthy() -> None:
    """Right after the stall the probe hears of it, and a beat later all is well."""
    clock = _Clock()
    heartbeat = Heartbeat(clock)
    monitoring = _monitoring(heartbeat)
    request = make_mocked_request("GET", "/healthz")
    assert (await monitoring.health(request)).status == 200
    clock.now_s += STUCK_S + 1
    answer = await monitoring.health(request)
    assert answer.status == 503
    assert b"stuck for 6.0 s" in bytes(answer.body or b"")  # type: ignore[arg-type]
    heartbeat.beat()
    assert (await monitoring.health(request)).status == 200


async def test_health_does_not_care_for_the_broker() -> None:
    """A process that is restarted because the broker is away is of no help."""
    monitoring = _monitoring(broker=lambda: "no answer")
    assert (await monitoring.health(make_mocked_request("GET", "/healthz"))).status == 200


async def _said(monitoring: Monitoring) -> tuple[int, dict[str, object]]:
    answer = await monitoring.readiness(make_mocked_request("GET", "/readyz"))
    return answer.status, orjson.loads(bytes(answer.body))  # type: ignore[arg-type]


async def test_readiness_names_what_stands_in_the_way() -> None:
    """All checks are asked, plain ones and coroutines; one obstacle is enough."""

    async def broker() -> str | None:
        return None

    assert await _said(
        _monitoring(broker=broker, accounts=lambda: "1 of 2 accounts are not settled yet")
    ) == (
        503,
        {"ready": False, "checks": {"broker": "ok", "accounts": "1 of 2 accounts are not settled yet"}},
    )
    assert await _said(_monitoring(broker=broker)) == (200, {"ready": True, "checks": {"broker": "ok"}})


async def test_a_check_that_hangs_or_raises_is_an_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe is answered within its own deadline, whatever the check does, and shows nothing secret."""
    monkeypatch.setattr("fillwire.runtime.monitoring._CHECK_DEADLINE_S", 0.02)

    async def hang() -> str | None:
        await asyncio.get_running_loop().create_future()
        return None

    def fail() -> str | None:
        raise RuntimeError("password=hunter2hunter2")

    status, said = await _said(_monitoring(broker=hang, accounts=fail, host=lambda: "secret=hunter2hunter2"))
    assert status == 503
    assert said["checks"] == {
        "broker": "no word within 0.02 s",
        "accounts": "RuntimeError",
        "host": "secret=***",
    }
