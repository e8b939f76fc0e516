"""What a service says of itself over HTTP, where that is configured: one line in the service switches it on.

    async with monitored(settings.monitoring, telemetry.metrics, ready={"broker": …}) as address: …

| path       | says                                                                                            |
|------------|-------------------------------------------------------------------------------------------------|
| `/livez`   | 200 while the event loop turns; a loop that is stuck does not answer, or answers 503 right after |
| `/readyz`  | 200 if nothing stands in the way of the service's work, else 503 and what does                   |
| `/metrics` | everything in numbers, for Prometheus; with a token, if one is configured                        |

`/healthz` is another name of `/livez`. The first two name no account, no user and no address: whoever may ask a probe may ask them.
"""

import asyncio
import hmac
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import SecretStr

from fillwire.runtime import metric_names as names
from fillwire.runtime.listening import listen
from fillwire.runtime.logs import get_log
from fillwire.runtime.metrics import Measures, Metrics
from fillwire.runtime.redaction import redacted_text
from fillwire.runtime.serving_tls import certificate
from fillwire.runtime.settings import MonitoringSettings, current
from fillwire.runtime.settings.addresses import is_loopback
from fillwire.runtime.settings.sections import LEAST_SECRET
from fillwire.runtime.supervision import cancel

if TYPE_CHECKING:
    from aiohttp import web


_log = get_log(__name__)

Check = Callable[[], str | Awaitable[str | None] | None]
"""Returns None if all is well, else in some words what is not, without names; plain or a coroutine, within a second."""

STUCK_S: Final = 5.0
_TICK_S: Final = 0.25
_WINDOW_S: Final = 30.0
_CLOSE_GRACE_S: Final = 1.0
# While another thread writes the page, the loop waits up to a switch interval for the interpreter: 5 ms by default.
_SWITCH_INTERVAL_S: Final = 0.0005
_CHECK_DEADLINE_S: Final = 1.5
_JSON: Final = "application/json"


class Heartbeat:
    """Measures how late the event loop runs what was due.

    Args:
        now_s: the loop's clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._beat_s = self._window_s = now_s()
        self._worst = (0.0, 0.0)  # of the window before, and of this one

    @property
    def silence_s(self) -> float:
        """For how long the loop has not come to this, in seconds."""
        return self._now_s() - self._beat_s

    @property
    def lateness_s(self) -> float:
        """How late it was at worst in the last half minute to minute, in seconds."""
        return max(self._worst)

    def beat(self) -> None:
        """Note that the loop turns."""
        now_s = self._now_s()
        late_s = max(0.0, now_s - self._beat_s - _TICK_S)
        if now_s - self._window_s >= _WINDOW_S:
            self._window_s = now_s
            self._worst = (self._worst[1], 0.0)
        self._worst = (self._worst[0], max(self._worst[1], late_s))
        self._beat_s = now_s

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            await asyncio.sleep(_TICK_S)
            self.beat()

    def measure(self, into: Measures) -> None:
        """Say how late the loop was."""
        into.put(names.LOOP_LATENESS, self.lateness_s)


class Monitoring:
    """Answers the three questions.

    Args:
        settings: say who may ask for metrics.
        metrics: what the process counts.
        ready: what must be well for the service to do its work, by name.
        heartbeat: says whether the loop turns.
    """

    def __init__(
        self,
        settings: MonitoringSettings,
        metrics: Metrics,
        ready: Mapping[str, Check],
        heartbeat: Heartbeat,
    ) -> None:
        self._token = settings.token
        self._metrics = metrics
        self._ready = dict(ready)
        self._heartbeat = heartbeat

    def routes(self) -> "list[web.RouteDef]":
        """Return the paths: three, of which one has two names."""
        from aiohttp import web  # noqa: PLC0415 - for a process that serves; bots on a laptop start faster without

        return [
            web.get("/livez", self.health),
            web.get("/healthz", self.health),
            web.get("/readyz", self.readiness),
            web.get("/metrics", self.scrape),
        ]

    async def health(self, _request: "web.Request") -> "web.Response":
        """Say whether the loop turns. Nothing else: who is restarted because the broker is away is of no help."""
        silence_s = self._heartbeat.silence_s
        is_well = silence_s < STUCK_S
        status = "ok" if is_well else f"the event loop was stuck for {silence_s:.1f} s"
        return _answer(is_well, {"status": status, "lateness_s": round(self._heartbeat.lateness_s, 3)})

    async def readiness(self, _request: "web.Request") -> "web.Response":
        """Say whether the service does its work, and what stands in its way."""
        said = {name: await _asked(check) for name, check in self._ready.items()}
        is_ready = all(obstacle is None for obstacle in said.values())
        shown = {
            name: "ok" if obstacle is None else redacted_text(obstacle) for name, obstacle in said.items()
        }
        return _answer(is_ready, {"ready": is_ready, "checks": shown})

    async def scrape(self, request: "web.Request") -> "web.Response":
        """Say everything in numbers, to who has the token."""
        from aiohttp import web  # noqa: PLC0415 - as above

        from fillwire.runtime.exposition import exposition  # noqa: PLC0415 - as above

        given = request.headers.get("Authorization", "").encode(errors="replace")  # it may be no UTF-8
        if self._token is not None and not hmac.compare_digest(given, _wanted(self._token)):
            return web.Response(
                status=401, text="expected a bearer token\n", headers={"WWW-Authenticate": "Bearer"}
            )
        # The numbers are read here, where they are made; writing them down takes milliseconds, and fills do not wait.
        families, accept = await self._metrics.collect_in_turns(), request.headers.get("Accept", "")
        body, content_type = await asyncio.to_thread(exposition, families, accept)
        return web.Response(body=body, headers={"Content-Type": content_type})


def _wanted(token: SecretStr) -> bytes:
    return f"Bearer {current(token, LEAST_SECRET)}".encode()


async def _asked(check: Check) -> str | None:
    try:
        async with asyncio.timeout(_CHECK_DEADLINE_S):
            said = check()
            return await said if isinstance(said, Awaitable) else said
    except TimeoutError:
        return f"no word within {_CHECK_DEADLINE_S:g} s"
    except Exception as error:  # noqa: BLE001 - what cannot be said to be well is not
        return type(error).__name__  # its words may name an account


def _answer(is_well: bool, document: Mapping[str, object]) -> "web.Response":
    from aiohttp import web  # noqa: PLC0415 - as above

    return web.Response(status=200 if is_well else 503, body=orjson.dumps(document), content_type=_JSON)


@asynccontextmanager
async def monitored(
    settings: MonitoringSettings, metrics: Metrics, *, ready: Mapping[str, Check]
) -> AsyncIterator[str | None]:
    """Serve inside the block, if a port is configured; the address is what the block is given, None without one.

    Args:
        settings: where, and for whom.
        metrics: what the process counts.
        ready: see `Monitoring`.

    Raises:
        ConfigError: the port cannot be had, or the certificate cannot be used.
    """
    if settings.port is None:
        yield None
        return
    from aiohttp import web  # noqa: PLC0415 - as above

    loop = asyncio.get_running_loop()
    heartbeat = Heartbeat(loop.time)
    app = web.Application()
    app.add_routes(Monitoring(settings, metrics, ready, heartbeat).routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSE_GRACE_S)
    await runner.setup()
    beating: asyncio.Task[None] | None = None
    try:
        shown = certificate(settings.cert_file, settings.key_file)
        address = await listen(runner, settings.host, settings.port, "monitoring", shown)
        if settings.token is None and not is_loopback(runner.addresses[0][0]):
            _log.warning(
                "metrics_open", address=address, reason="whoever reaches it reads them: no monitoring.token"
            )
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_S))
        beating = loop.create_task(heartbeat.run(), name="heartbeat")
        metrics.add(heartbeat.measure)
        _log.info("monitoring_started", address=address)
        yield address
    finally:
        await cancel(beating)
        if beating is not None:
            metrics.remove(heartbeat.measure)
        await runner.cleanup()
