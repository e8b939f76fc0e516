"""A fill and its counter-order in one trace, as a trace backend has it: a real Jaeger where the machine has one."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fillwire.bus.connection import Bus
from fillwire.cli.trace.waterfall import Span
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import OrderEvent
from fillwire.runtime.telemetry import FillTelemetry, TelemetryLimits
from fillwire.runtime.tracing import span_digests
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.strategy import Strategy
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, Rig, rig
from support.processes import python
from support.tracing_backend import TracingBackend, tracing_backend
from support.trader import Trader

if TYPE_CHECKING:
    from fillwire.domain.orders import TradeOrder

FILL = [
    "emit binance",
    "receive",
    "parse",
    "publish orders",
    "deliver orders",
    "callback on_order_filled",
]
COUNTER_ORDER = ["place_order", "handle place_order", "note", "send", "answer binance"]


class Counter(Strategy):
    """Answers the first fill with one order, and keeps what it was told."""

    name = "counter"
    pairs = ("BTC-USDT",)

    def __init__(self, quantity: str = "0.001") -> None:
        self.quantity = quantity
        self.fills: list[OrderEvent] = []
        self.answers: list[TradeOrder] = []

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Place the counter-order, far from the market."""
        self.fills.append(order)
        if len(self.fills) == 1:
            self.answers.append(await self.place_order("BTC-USDT", "buy", self.quantity, price="60000"))


@dataclass
class Scene:
    """Everything that a fill passes through, and where its trace goes."""

    backend: TracingBackend
    rig: Rig
    bot: Counter

    async def spans(self, event_id: str, count: int) -> list[Span]:
        """Return the spans of an event's trace once there are so many."""
        trace_id = span_digests(event_id).trace_id.hex()
        found: list[Span] = []

        async def are_there() -> bool:
            found[:] = await self.backend.trace(trace_id)
            return len(found) >= count

        await eventually(are_there, 15.0, f"{count} spans in {self.backend.name}")
        return found

    async def filled(self, *quantities: str) -> OrderEvent:
        """Have the venue fill an order, whole or in such parts; return the last once the bot has dealt with it."""
        trader, fills = Trader(self.rig.simulator), len(self.bot.fills)
        trader.fill(trader.place("0.3"), *quantities)
        await eventually(lambda: len(self.bot.fills) > fills and self.bot.answers, what="a filled order")
        return self.bot.fills[-1]


@asynccontextmanager
async def scene(
    tmp_path: Path, bot: Counter, ratio: float = 1.0, slow_s: float | None = None
) -> AsyncIterator[Scene]:
    """Run backend, broker, venue, gateway and host inside the block."""
    limits = TelemetryLimits(export_interval_s=0.05, slow_s=slow_s)
    async with AsyncExitStack() as stack:
        backend = await stack.enter_async_context(tracing_backend(tmp_path))
        print(f"traces go to: {backend.name}", file=sys.stderr)  # noqa: T201 - which of the two ran, for who asks with -s

        def telemetry(service: str) -> FillTelemetry:
            return FillTelemetry.start(
                service, "test", sample_ratio=ratio, endpoint=backend.endpoint, limits=limits
            )

        it = await stack.enter_async_context(rig(tmp_path, telemetry=telemetry("fillwire-gateway")))
        host_telemetry = await stack.enter_async_context(telemetry("fillwire-host"))
        bus = await stack.enter_async_context(await Bus.connect(it.broker.url, name="host"))
        host = await stack.enter_async_context(Host(bus, telemetry=host_telemetry))
        await host.add(bot_of(bot, ACCOUNT))
        await it.passed(ConnectionState.RECEIVING)
        yield Scene(backend, it, bot)


def _chain(spans: list[Span]) -> dict[str, str | None]:
    """Return the name of each span's parent, by the span's name."""
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent_id or "") for span in spans}


async def test_a_fill_is_one_trace_from_the_venue_to_the_answer_of_its_counter_order(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Every step is there once, below the one that caused it, by the service that took it, and found by what it says."""
    async with scene(tmp_path, Counter()) as it:
        record_property("tracing_backend", it.backend.name)
        fill = await it.filled()
        spans = await it.spans(fill.event_id, len(FILL) + len(COUNTER_ORDER))
        assert sorted(span.name for span in spans) == sorted(FILL + COUNTER_ORDER)
        assert _chain(spans) == dict(zip(FILL, (None, *FILL), strict=False)) | {
            "place_order": "callback on_order_filled",
            "handle place_order": "place_order",
            "note": "handle place_order",
            "send": "handle place_order",
            "answer binance": "handle place_order",
        }
        gateway = {*FILL[:4], *COUNTER_ORDER[1:]}
        for span in spans:
            assert span.service == ("fillwire-gateway" if span.name in gateway else "fillwire-host")
            assert span.start_ns <= span.end_ns
        assert not any(span.error for span in spans)
        by_name = {span.name: span for span in spans}
        asked, handled = by_name["place_order"], by_name["handle place_order"]
        callback, answer = by_name["callback on_order_filled"], by_name["answer binance"]
        times = [callback.start_ns, asked.start_ns, handled.start_ns, answer.start_ns]
        assert times == sorted(times)
        times = [answer.end_ns, handled.end_ns, asked.end_ns, callback.end_ns]
        assert times == sorted(times)
        assert asked.attributes["fillwire.order_id"] == it.bot.answers[0].order_id
        assert await it.backend.services() >= {"fillwire-gateway", "fillwire-host"}
        trace_id = span_digests(fill.event_id).trace_id.hex()
        assert fill.last_fill is not None
        for service, attribute, value in (
            ("fillwire-gateway", "fillwire.user", fill.user),
            ("fillwire-gateway", "fillwire.pair", fill.pair),
            ("fillwire-gateway", "fillwire.order_id", fill.order_id),
            ("fillwire-gateway", "fillwire.trade_id", fill.last_fill.trade_id),
            ("fillwire-host", "fillwire.trade_id", fill.last_fill.trade_id),
            ("fillwire-host", "fillwire.order_id", str(it.bot.answers[0].order_id)),
        ):
            assert trace_id in await it.backend.search(service, attribute, value), attribute
        assert trace_id not in await it.backend.search(
            "fillwire-gateway", "fillwire.trade_id", "no such trade"
        )
        if it.backend.query_url is not None:
            await _is_shown(it, fill, it.backend.query_url)


async def _is_shown(it: Scene, fill: OrderEvent, url: str) -> None:
    """Have the command print the trace as Jaeger tells it, by the trade's id and by the order's."""
    assert fill.last_fill is not None
    for name in (fill.last_fill.trade_id, fill.order_id):
        options = ("--nats", it.rig.broker.url, "--jaeger", url)
        async with python("-m", "fillwire", "trace", name, *options) as process:
            assert await process.ended() == 0, process.errors
        assert any("as Jaeger tells it" in line for line in process.lines)
        printed = [line.strip().split("  ")[0] for line in process.lines]
        whole = [*FILL, *COUNTER_ORDER]
        assert [step for step in printed if step in whole][-len(whole) :] == whole


async def test_a_trace_that_the_ratio_leaves_out_is_kept_when_its_counter_order_fails(tmp_path: Path) -> None:
    """The venue refuses it: the whole way is told after all, each step once, and the failure stands on both sides."""
    async with scene(tmp_path, Counter(quantity="0.0000001"), ratio=0.0) as it:
        fill = await it.filled()
        assert it.bot.answers[0].outcome == "rejected"
        spans = await it.spans(fill.event_id, len(FILL) + 2)
        assert _chain(spans) | dict.fromkeys(FILL[:1]) == _chain(spans)
        names = [span.name for span in spans]
        assert len(names) == len(set(names))
        assert set(FILL) | {"place_order", "handle place_order"} <= set(names)
        by_name = {span.name: span for span in spans}
        reason = it.bot.answers[0].reason
        for name in ("place_order", "handle place_order"):
            assert by_name[name].error == f"rejected: {reason}"
        for name in ("emit binance", "callback on_order_filled", "place_order", "handle place_order"):
            assert by_name[name].attributes["fillwire.kept_for"] == "order", name
        quiet = await it.filled()
        assert await it.backend.trace(span_digests(quiet.event_id).trace_id.hex()) == []


async def test_the_counter_order_of_a_slow_fill_is_kept_with_it(tmp_path: Path) -> None:
    """That the fill was slow is known when the callback begins, so the gateway is told to keep its part."""
    async with scene(tmp_path, Counter(), ratio=0.0, slow_s=0.0) as it:
        fill = await it.filled()
        spans = await it.spans(fill.event_id, len(FILL) + len(COUNTER_ORDER))
        assert sorted(span.name for span in spans) == sorted(FILL + COUNTER_ORDER)
        assert _chain(spans)["handle place_order"] == "place_order"
        kept_for = {span.name: span.attributes.get("fillwire.kept_for") for span in spans}
        assert (kept_for["emit binance"], kept_for["place_order"]) == ("slow", "slow")


async def test_the_trace_of_a_fill_is_linked_to_what_the_order_did_before(tmp_path: Path) -> None:
    """The acceptance and the earlier fills, by the first span of their traces."""
    async with scene(tmp_path, Counter()) as it:
        fill = await it.filled("0.1", "0.1", "0.1")
        events = [event for event in it.rig.orders if event.order_id == fill.order_id]
        assert [event.kind for event in events] == ["new", *["partially_filled"] * 2, "filled"]
        spans = await it.spans(fill.event_id, len(FILL) + len(COUNTER_ORDER))
        (links,) = [span.links for span in spans if span.name == "emit binance"]
        earlier = [event.event_id for event in events[:-1]]
        assert [link.event_id for link in links] == earlier
        assert [link.trace_id for link in links] == [span_digests(name).trace_id.hex() for name in earlier]
