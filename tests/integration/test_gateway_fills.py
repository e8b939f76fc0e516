"""What the venue says arrives at the broker: right subject, right identity, whole, in order."""

from pathlib import Path

import orjson
import pytest

from fillwire.bus import api
from fillwire.domain.identifiers import order_scope
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.runtime.telemetry_names import Stage
from fillwire.runtime.tracing import traceparent
from fillwire.venues.symbols import SymbolTable
from fillwire.wire.codec import encode_order
from fillwire.wire.headers import STAMPS, TRACEPARENT, parse_stamps
from fillwire.wire.refused_frames import parse_refused_frame
from fillwire.wire.subjects import order_subject
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, Rig, rig


async def _stored(rig: Rig, stream: str) -> list[tuple[str, bytes, dict[str, str]]]:
    """Return subject, body and headers of everything a stream holds, as the broker gives it out."""
    state = (await api.call(rig.bus, f"STREAM.INFO.{stream}"))["state"]
    found = []
    for sequence in range(max(1, state["first_seq"]), state["last_seq"] + 1):
        answer = await rig.bus.request_message(
            f"$JS.API.DIRECT.GET.{stream}", orjson.dumps({"seq": sequence}), 2.0
        )
        found.append((answer.headers["Nats-Subject"], answer.data, dict(answer.headers)))
    return found


async def test_every_fill_reaches_the_stream_once_and_in_order(tmp_path: Path) -> None:
    """What the venue's own records say is what the stream holds: subject, message id and body of each execution."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT", "ETH-USDT")
        await it.receiving()
        await it.emit(200, symbols=["BTCUSDT", "ETHUSDT"], orders=20)
        emitted = await it.executions()
        await eventually(lambda: len(it.fills) >= len(emitted), what="all fills published")
        stored = await _stored(it, "ORDERS")
    events = [orjson.loads(body) for _, body, _ in stored]
    executions = [event["event_id"] for event in events if event["last_fill"] is not None]
    assert sorted(executions) == sorted(emitted)
    for scope in {event_id.rpartition(":")[0] for event_id in emitted}:
        assert _of(scope, executions) == _of(scope, emitted)
    told = {event.event_id: event for event in it.orders}
    for (subject, body, headers), event in zip(stored, events, strict=True):
        assert subject == order_subject(ACCOUNT, event["pair"], event["kind"])
        assert headers["Nats-Msg-Id"] == event["event_id"]
        assert event["event_id"].startswith(order_scope(ACCOUNT, event["symbol"], event["order_id"]))
        assert event["source"] == "stream"
        assert body == encode_order(told[event["event_id"]])


def _of(scope: str, event_ids: list[str]) -> list[str]:
    return [event_id for event_id in event_ids if event_id.startswith(f"{scope}:")]


async def test_an_event_carries_its_stamps_and_its_trace(tmp_path: Path) -> None:
    """Received, parsed and published lie in that order; the trace is the event's, and every fill is counted."""
    telemetry = FillTelemetry.start("fillwire-gateway", "test", sample_ratio=1.0)
    async with rig(tmp_path, telemetry=telemetry) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(10)
        await eventually(lambda: len(it.fills) == 10)
        for message, event in zip(it.messages, it.orders, strict=True):
            stamps = parse_stamps(message.headers[STAMPS])
            assert event.received_time_ns <= stamps.parsed_ns <= stamps.published_ns
            assert abs(stamps.clock_offset_ns) < 1_000_000_000
            assert message.headers[TRACEPARENT] == traceparent(event.event_id)
        await eventually(
            lambda: telemetry.latencies.snapshot(Stage.PUBLISHED_TO_ACKNOWLEDGED).count == 10,
            what="every fill counted when the broker has it",
        )


async def test_a_trace_that_is_not_kept_costs_no_header(tmp_path: Path) -> None:
    """Without sampling the events carry their stamps alone."""
    telemetry = FillTelemetry.start("fillwire-gateway", "test", sample_ratio=0.0)
    async with rig(tmp_path, telemetry=telemetry) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(3)
        await eventually(lambda: len(it.fills) == 3)
    assert all(TRACEPARENT not in message.headers and STAMPS in message.headers for message in it.messages)


@pytest.mark.parametrize(
    ("fault", "error_class"),
    [
        ({"kind": "corrupt", "how": "truncated"}, "malformed"),
        ({"kind": "corrupt", "how": "missing_field"}, "malformed"),
        ({"kind": "unknown_event"}, "unknown"),
        ({"kind": "unknown_value"}, "unknown"),
    ],
)
async def test_a_frame_that_cannot_be_accepted_is_kept_whole_and_the_socket_goes_on(
    tmp_path: Path, fault: dict[str, object], error_class: str
) -> None:
    """The frame lies in quarantine with its reason; the next fills come on the same connection."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {**fault, "next": 1})
        await it.emit(5)

        async def is_kept() -> bool:
            return len(await _stored(it, "QUARANTINE")) == 1

        await eventually(is_kept, what="a frame in quarantine")
        ((subject, frame, headers),) = await _stored(it, "QUARANTINE")
        assert subject == f"quarantine.binance.simulated.demo.{error_class}"
        refused = parse_refused_frame(headers)
        assert refused.gateway == "gateway-test"
        assert refused.received_time_ns > 0
        assert refused.reason
        assert frame
        before = len(it.fills)
        await it.emit(5)
        await eventually(lambda: len(it.fills) >= before + 5, what="fills after the refused frame")
        assert it.connections[-1].is_connected
        assert it.connections[-1].attempt == 0


async def test_fills_of_a_symbol_listed_since_are_read_after_fetching_the_table(tmp_path: Path) -> None:
    """Unknown symbol: the table is fetched once, and every frame that waited is published, in order, none quarantined."""
    async with rig(tmp_path) as it:
        await it.wish("*")
        await it.receiving()
        reference = it.gateway._environments[ACCOUNT.environment].reference
        for use in reference.on_symbols:
            use(SymbolTable.of([("ETHUSDT", "ETH-USDT")]))
        reference._symbols_due_s = 0.0
        await it.emit(20, symbols=["BTCUSDT"], orders=1)
        await eventually(lambda: len(it.fills) == 20, what="fills of the new symbol")
        assert it.fills == await it.executions()
        assert await _stored(it, "QUARANTINE") == []
