"""While there is no stream: fills come by REST, as the same events, until the stream is back; only where that is wanted."""

import asyncio
import signal
from pathlib import Path

import orjson
import pytest

from fillwire.domain.enums import ConnectionState, OrderType, Side, Source
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import execution_event_id
from fillwire.domain.orders import OrderRequest
from fillwire.gateway import service
from fillwire.gateway.session import Session
from fillwire.simulator.settings import LimitSettings, SimulatorSettings
from fillwire.venues.binance.venue import BinanceSpot
from support.binance_keys import HMAC_SECRET
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, ENVIRONMENT, Rig, rig
from support.replicas import replicas
from support.venue_record import answered, handshakes, keys_of

S = ConnectionState
STREAM_REFUSED = {"kind": "connection_refused", "probability": 1.0}


def _websocket(**changes: object) -> dict[str, object]:
    return {
        "connectionTimeout": 5000,
        "reconnect": {"maxRetries": 1, "initialDelayMs": 10, "maxDelayMs": 100, "backoffMultiplier": 1.5},
        "fallbackToPolling": True,
        "pollIntervalMs": 50,
        **changes,
    }


async def _restart(it: Rig, websocket: dict[str, object], **exchange: object) -> None:
    """Start the gateway anew with these settings of the exchange beside its addresses."""
    await it.stop()
    urls = {"websocketUrl": it.simulator.websocket_url, "restUrl": it.simulator.rest_url}
    exchanges = {"binance": {"environments": {ENVIRONMENT: urls}, **exchange}}
    it.environ["FILLWIRE_WEBSOCKET"] = orjson.dumps(websocket).decode()
    it.environ["FILLWIRE_EXCHANGES"] = orjson.dumps(exchanges).decode()
    it.gateway = it._make_gateway()
    await it.start()


def _per_order(events: list[OrderEvent]) -> dict[str, list[str]]:
    """Return the executions of each order, in the order of the events."""
    found: dict[str, list[str]] = {}
    for event in events:
        if event.last_fill is not None:
            found.setdefault(event.order_id, []).append(event.event_id)
    return found


async def _venue_per_order(it: Rig) -> dict[str, list[str]]:
    """Return the executions of each order, in the order of the venue's own record."""
    document = await it.control(f"executions?user={ACCOUNT.user}&limit=100000", method="GET")
    found: dict[str, list[str]] = {}
    for symbol, order_id, trade_id, *_ in document["rows"]:
        event_id = execution_event_id(ACCOUNT, symbol, str(order_id), str(trade_id))
        found.setdefault(str(order_id), []).append(event_id)
    return found


async def test_fills_come_by_rest_while_the_stream_is_refused(tmp_path: Path) -> None:
    """Given up, told, and polled: the same events in the same order; then the stream is back by itself, and polling ends."""
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket()) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(20)
        await eventually(lambda: len(it.fills) == 20, what="fills by stream")
        await it.control("faults", STREAM_REFUSED)
        await it.control("cut", {})
        await it.emit(30)
        await it.state(S.DISCONNECTED)
        await eventually(lambda: len(it.fills) >= 50, 20.0, "fills by REST")
        polled = await it.status()
        assert polled.polling_since_ns is not None
        assert not polled.is_connected
        await eventually(lambda: _is_kept_as_polled(it), what="polling in the status")
        (alert,) = await it.alerts()
        assert (alert.alert, "REST is asked every 0.05 s instead" in alert.reason) == ("detection_lost", True)
        await it.emit(30)
        await eventually(lambda: len(it.fills) >= 80, 20.0, "fills by REST")
        await eventually(lambda: _is_answered(it, "handshake 503", 3), what="further attempts to stream")
        await it.control("faults", method="DELETE")
        await it.receiving()
        assert (await it.status()).polling_since_ns is None
        asked = await answered(it, "rest 200")
        await it.emit(20, rate=20)  # for as long as twenty polls would take
        await eventually(lambda: len(it.fills) >= 100, 20.0, "fills by stream")
        assert await answered(it, "rest 200") <= asked + 1  # one may have been on its way
        assert _per_order(it.orders) == await _venue_per_order(it)
        assert _per_order(await it.logged()) == await _venue_per_order(it)
        sources = [event.source for event in it.orders if event.last_fill is not None]
        assert set(sources[:20]) == {Source.STREAM}
        assert set(sources[20:80]) == {Source.REST}
        assert set(sources[80:]) == {Source.STREAM}


async def _is_kept_as_polled(it: Rig) -> bool:
    kept = await it.kept_status()
    return kept is not None and kept.polling_since_ns is not None


async def test_a_stream_that_comes_back_in_the_middle_of_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Fills run on while the stream goes and comes three times, with polls in between: each is told once, in order."""
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket(lostAfterMs=1)) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        emitting = asyncio.create_task(it.emit(900, rate=150))
        for _ in range(3):
            await it.control("faults", STREAM_REFUSED)
            await it.control("cut", {})
            before = len(it.fills)
            await eventually(lambda before=before: len(it.fills) > before + 10, 20.0, "polled fills")
            await it.control("faults", method="DELETE")
            await it.receiving()
        await emitting
        await eventually(lambda: len(set(it.fills)) >= 900, 20.0, "all fills")
        assert _per_order(await it.logged()) == await _venue_per_order(it)
        assert {Source.STREAM, Source.REST} == {event.source for event in it.orders if event.last_fill}


async def test_an_exchange_without_stream_is_polled_from_the_beginning(tmp_path: Path) -> None:
    """With websocketEnabled false nothing is dialled: fills come by REST, orders are refused with the reason."""
    async with rig(tmp_path) as it:
        await _restart(it, _websocket(), websocketEnabled=False)
        await it.wish("BTC-USDT")
        await eventually(lambda: _is_reconciled(it), what="a first comparison")
        await it.emit(30)
        await eventually(lambda: len(it.fills) >= 30, 20.0, "fills by REST")
        assert _per_order(it.orders) == await _venue_per_order(it)
        status = await it.status()
        assert (status.state, status.reason) == (
            S.DISCONNECTED,
            "live detection is switched off: REST is asked instead",
        )
        assert status.polling_since_ns is not None
        assert await handshakes(it) == []
        refused = await it.place(
            OrderRequest(
                client_order_id="x",
                pair="BTC-USDT",
                side=Side.BUY,
                type=OrderType.MARKET,
                quantity="0.01",  # type: ignore[arg-type]  # as text
            )
        )
        assert refused.reason == f"not sent: the connection is disconnected: {status.reason}"
        assert await it.alerts() == []


async def _is_reconciled(it: Rig) -> bool:
    kept = await it.kept_status()
    return kept is not None and kept.reconciled_ns is not None


async def test_a_key_that_rest_refuses_ends_polling_until_it_is_replaced(tmp_path: Path) -> None:
    """Polled without stream: auth_failed with one alert, no further question, and polled again with another key."""
    wrong = [key | {"secret": "x" * 64} for key in keys_of([ACCOUNT])]
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket(enabled=False), FILLWIRE_ACCOUNTS=wrong) as it:
        await it.wish("BTC-USDT")
        refused = await it.state(S.AUTH_FAILED)
        assert "Signature for this request is not valid" in (refused.reason or "")
        assert refused.polling_since_ns is None
        refusals = await answered(it, "rest 400")
        it.environ["FILLWIRE_ACCOUNTS"] = orjson.dumps(keys_of([ACCOUNT])).decode()
        await eventually(lambda: _is_reconciled(it), what="a comparison with the right key")
        assert await answered(it, "rest 400") == refusals
        await it.emit(5)
        await eventually(lambda: len(it.fills) == 5, 20.0, "fills by REST")
        assert [alert.alert for alert in await it.alerts()] == ["key_refused"]
        assert HMAC_SECRET not in str(await it.alerts())


async def test_polling_waits_as_long_as_the_venue_wants(tmp_path: Path) -> None:
    """A poll is answered 429: not one question before Retry-After, and then the fills of meanwhile."""
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket(enabled=False)) as it:
        await it.wish("BTC-USDT")
        await eventually(lambda: _is_reconciled(it), what="a first comparison")
        await it.control(
            "faults", {"kind": "request_error", "api": "rest", "status": 429, "retry_after_s": 3, "next": 1}
        )
        await eventually(lambda: _is_answered(it, "rest 429"), what="a refusal")
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        asked = await answered(it, "rest 200")
        await it.emit(5)
        await eventually(lambda: _is_answered(it, "rest 200", asked + 1), 20.0, "a question")
        assert loop.time() - began_s >= 1.5  # some of the three seconds went by before the test looked
        await eventually(lambda: len(it.fills) == 5, 20.0, "fills by REST")
        assert await answered(it, "rest 429") == 1


async def test_a_gateway_that_cannot_ask_does_not_count_as_receiving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polled without stream: while the venue answers no question the account is not received, and afterwards it is."""
    sessions: list[Session] = []

    class Seen(Session):
        def start(self) -> None:
            sessions.append(self)
            super().start()

    monkeypatch.setattr(service, "Session", Seen)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket(enabled=False)) as it:
        await it.wish("BTC-USDT")
        await eventually(lambda: any(session.is_receiving for session in sessions), what="a first poll")
        (session,) = sessions
        await it.control(
            "faults", {"kind": "request_error", "api": "rest", "status": 503, "probability": 1.0}
        )
        await eventually(lambda: not session.is_receiving, what="a failed poll")
        await it.control("faults", method="DELETE")
        await eventually(lambda: session.is_receiving, 20.0, "a poll that is answered")


async def test_a_gateway_whose_poll_hangs_does_not_count_as_receiving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polled without stream: a question is not answered for long, and the account is not received meanwhile."""
    sessions: list[Session] = []

    class Seen(Session):
        def start(self) -> None:
            sessions.append(self)
            super().start()

    monkeypatch.setattr(service, "Session", Seen)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket(enabled=False, lostAfterMs=100)) as it:
        await it.wish("BTC-USDT")
        await eventually(lambda: any(session.is_receiving for session in sessions), what="a first poll")
        (session,) = sessions
        # Shorter than a question waits for its answer, so that no poll fails.
        await it.control("faults", {"kind": "request_delay", "api": "rest", "seconds": 4, "next": 1})
        await eventually(lambda: not session.is_receiving, 3.0, "a poll that takes too long")
        await eventually(lambda: session.is_receiving, 20.0, "a poll that is answered")


async def _is_answered(it: Rig, what: str, count: int = 1) -> bool:
    return await answered(it, what) >= count


async def test_polling_stays_within_our_share_of_the_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interval far too short for the limit: polls wait for the next minute, and the venue never has to refuse one."""
    monkeypatch.setattr(BinanceSpot, "weight_per_minute", 1000)
    limits = SimulatorSettings(limits=LimitSettings(weight_per_minute=1000))
    websocket = _websocket(enabled=False, pollIntervalMs=1)
    async with rig(tmp_path, simulator=limits, FILLWIRE_WEBSOCKET=websocket) as it:
        await it.wish("BTC-USDT")
        loop = asyncio.get_running_loop()
        seen = 0, loop.time()

        async def has_paused() -> bool:
            nonlocal seen
            asked = await answered(it, "rest 200")
            if asked != seen[0]:
                seen = asked, loop.time()
            return asked > 20 and loop.time() - seen[1] > 1.0

        await eventually(has_paused, 30.0, "the share is used up")
        assert await answered(it, "rest 429") == 0


async def test_nobody_polls_who_was_not_told_to(tmp_path: Path) -> None:
    """By default the lost stream is told and made again, and REST is left alone."""
    default = {name: value for name, value in _websocket().items() if name != "fallbackToPolling"}
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=default) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", STREAM_REFUSED)
        await it.control("cut", {})
        lost = await it.state(S.DISCONNECTED)
        asked = await answered(it, "rest 200")
        await it.emit(5)
        await eventually(lambda: it.states.count(S.DISCONNECTED) >= 5, 20.0, "attempts")
        assert await answered(it, "rest 200") == asked
        assert (lost.polling_since_ns, (await it.status()).polling_since_ns, it.fills) == (None, None, [])


async def test_an_exchange_may_differ_from_the_others(tmp_path: Path) -> None:
    """Polling is said for this exchange alone, with its own interval."""
    async with rig(tmp_path) as it:
        await _restart(
            it,
            _websocket(fallbackToPolling=False, pollIntervalMs=60_000),
            fallbackToPolling=True,
            pollIntervalMs=50,
        )
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", STREAM_REFUSED)
        await it.control("cut", {})
        await it.state(S.DISCONNECTED)
        await it.emit(5)
        await eventually(lambda: len(it.fills) == 5, 20.0, "fills by REST")


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_polled_account_is_handed_over(tmp_path: Path) -> None:
    """Its gateway is told to end while fills come: another polls before it goes, and each fill is told once."""
    # An interval that leaves weight for the whole test: beyond its share the gateway would wait for the next minute.
    async with replicas(tmp_path, FILLWIRE_WEBSOCKET=_websocket(enabled=False, pollIntervalMs=500)) as it:
        for name in ("gateway-1", "gateway-2"):
            await it.start(name)

        async def has_owner() -> bool:
            return bool(await it.owners())

        await eventually(has_owner, 30.0, "an owner")
        (owner,) = set((await it.owners()).values())
        await eventually(
            lambda: any(event.reconciled_ns for event in it.connections), 30.0, "a first comparison"
        )
        jobs = await it.emit(rate=50, count=300)
        await eventually(lambda: len(it.arrivals) > 50, 30.0, "events")
        assert await it.gateways[owner].end(signal.SIGTERM) == 0
        said = [*it.gateways[owner].lines, *it.gateways[owner].errors]
        assert any("hands the account over" in line for line in said), said
        await it.emitted(jobs)
        result = await it.settled()
        assert (result.emitted, result.is_clean) == (300, True), result
        assert await it.subscriptions() == 0
        assert set((await it.owners()).values()) == {"gateway-1", "gateway-2"} - {owner}
