"""The shipped strategies as a user runs them: simulated venue, gateway, broker, and a process that is killed again and again."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from fillwire.bus.buckets import BOOKS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Child, Stack
from fillwire.domain.client_order_ids import bot_label, label_of
from fillwire.domain.enums import Kind, Side
from fillwire.domain.errors import OrdersUnknown
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import OpenOrdersQuery, TradeOrder
from fillwire.sdk.causality import ClientOrderIds
from fillwire.sdk.desk import Desk
from fillwire.wire.codec import decode_order
from support.eventually import eventually
from support.rehearsals import slot_of

PAIR = "BTC-USDT"
DEADLINE_S = 40.0


@dataclass(slots=True)
class Scene:
    """Everything that the test touches.

    Attributes:
        host: the process that runs the bot.
    """

    stack: Stack
    venue: SimulatedVenue
    bus: Bus
    bot: str
    arguments: tuple[str, ...]
    host: Child
    start_count: int = 1

    async def open_orders(self) -> list[TradeOrder]:
        """Return what the bot has open, as the venue says."""
        desk = Desk(self.bus, self.venue.account, ClientOrderIds(self.bot, "", ""))
        query = OpenOrdersQuery(pair=PAIR, label=bot_label(self.bot))
        with contextlib.suppress(OrdersUnknown):
            return await desk.open_orders(query, 5.0)
        return []

    async def move(self, price: Decimal) -> None:
        """Move the market."""
        await self.venue.control("POST", "price", {"symbol": "BTCUSDT", "price": f"{price:.2f}"})

    async def kill(self) -> None:
        """End the bot's process by force."""
        await self.host.kill()

    async def start(self) -> None:
        """Start the bot again."""
        self.start_count += 1
        self.host = await self.stack.spawn(f"host-{self.start_count}", *self.arguments)

    async def own_events(self) -> list[OrderEvent]:
        """Return what the log has of the bot's orders."""
        events: dict[str, OrderEvent] = {}

        def take(message: Message) -> None:
            event = decode_order(message.data)
            if event.client_order_id is not None and label_of(event.client_order_id) == bot_label(self.bot):
                events[event.event_id] = event

        await read_stream(self.bus, "ORDERS", "orders.>", "all", take)
        return list(events.values())

    async def books(self) -> Any:
        """Return the books as the bot has written them down at its last start."""
        entries = await Bucket(self.bus, BOOKS).snapshot()
        (value,) = (entry.value for key, entry in entries.items() if key.endswith(f".{self.bot}"))
        assert value is not None
        return orjson.loads(value.partition(b"\n")[2])["books"]


@contextlib.asynccontextmanager
async def scene(tmp_path: Path, strategy: str, bot: str, **parameters: str) -> AsyncIterator[Scene]:
    """Start everything; the market stands still."""
    async with aiohttp.ClientSession() as session, Stack(tmp_path) as stack:
        venue = await SimulatedVenue.start(stack, session)
        await venue.freeze()
        await stack.spawn("gateway", "gateway", "--exchange", "binance")
        given = {"pair": PAIR, "name": bot, **parameters}
        params = [word for name, value in given.items() for word in ("--param", f"{name}={value}")]
        arguments = ("run", strategy, *params)
        host = await stack.spawn("host", *arguments)
        async with await Bus.connect(stack.broker.url, name="test") as bus:
            yield Scene(stack, venue, bus, bot, arguments, host)


async def start_price(tmp_path: Path) -> Decimal:
    """Return where the simulated market begins."""
    async with aiohttp.ClientSession() as session, Stack(tmp_path) as stack:
        venue = await SimulatedVenue.start(stack, session)
        return (await venue.market(PAIR))[0]


def require_one_order_per_slot(events: list[OrderEvent]) -> None:
    """At no time had a slot two open orders."""
    open_in: dict[str, str] = {}
    for event in events:
        slot = slot_of(event.client_order_id)
        if event.kind is Kind.NEW:
            assert slot not in open_in, (slot, open_in[slot], event.client_order_id)
            open_in[slot] = str(event.client_order_id)
        elif event.kind.is_terminal:
            open_in.pop(slot, None)


async def require_books(scene: Scene) -> None:
    """The log has every trade of the venue, and the books of a bot that starts now are their sums."""
    trades = {trade["event_id"] for trade in await scene.venue.executions()}
    events = await scene.own_events()
    fills = [event for event in events if event.last_fill is not None]
    assert {event.event_id for event in fills} == trades
    require_one_order_per_slot(events)
    base = quote = Decimal(0)
    fees: dict[str, Decimal] = {}
    for event in fills:
        fill = event.last_fill
        assert fill is not None
        sign = 1 if event.side is Side.BUY else -1
        base += sign * fill.quantity
        quote -= sign * (fill.quote if fill.quote is not None else fill.price * fill.quantity)
        if fill.fee is not None and fill.fee_currency is not None:
            fees[fill.fee_currency] = fees.get(fill.fee_currency, Decimal(0)) + fill.fee
    books = await scene.books()
    assert books["executions"] == len(trades)
    assert Decimal(books["base"]) == base - fees.get("BTC", Decimal(0))
    assert Decimal(books["quote"]) == quote - fees.get("USDT", Decimal(0))
    assert {currency: Decimal(fee) for currency, fee in books["fees"].items()} == fees


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_grid_that_is_killed_ends_where_the_venue_is(tmp_path: Path) -> None:
    """One order per cell after each kill, also when the price moved meanwhile; the books are the venue's trades."""
    (tmp_path / "price").mkdir()
    price = await start_price(tmp_path / "price")
    grid = {"lower": f"{price * Decimal('0.98'):.2f}", "upper": f"{price * Decimal('1.02'):.2f}"}
    async with scene(tmp_path, "grid", "my-grid", levels="9", quantity="0.002", **grid) as here:

        async def has_all() -> bool:
            """Each cell has its order; one above a sale may wait for it, lest the two trade with each other."""
            orders = {int(str(order.client_order_id)[-9:-7], 36): order for order in await here.open_orders()}
            lowest_sale = min((cell for cell, order in orders.items() if order.side is Side.SELL), default=8)
            return all(cell > lowest_sale for cell in set(range(8)) - orders.keys())

        await eventually(has_all, DEADLINE_S, "an order in each cell")
        for factor, meanwhile in (("0.988", "1.008"), ("1.012", "0.992"), ("0.983", "1.017")):
            await here.move(price * Decimal(factor))
            await here.kill()  # while it answers
            await here.move(price * Decimal(meanwhile))
            await here.start()
            await eventually(has_all, DEADLINE_S, f"an order in each cell after {factor}")
        await here.move(price * Decimal("1.03"))

        async def has_sold_all() -> bool:
            return [order.side for order in await here.open_orders()] == [Side.BUY] * 8

        await eventually(has_sold_all, DEADLINE_S, "a purchase in each cell when the price is above them")
        assert await here.host.stop() == 0
        await here.start()
        await eventually(has_sold_all, DEADLINE_S, "the same after a start")
        await require_books(here)
        assert (await here.books())["rounds"] > 0


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_averaging_down_that_is_killed_ends_where_the_venue_is(tmp_path: Path) -> None:
    """A sale and what is left of the safety orders after each kill; the books are the venue's trades."""
    parameters = {
        "base_order": "0.002",
        "safety_order": "0.002",
        "safety_orders": "3",
        "deviation": "0.01",
        "take_profit": "0.01",
    }
    async with scene(tmp_path, "dca", "my-dca", **parameters) as here:
        price = (await here.venue.market(PAIR))[0]

        async def is_quoting() -> bool:
            orders = await here.open_orders()
            sides = [order.side for order in orders]
            return sides.count(Side.SELL) == 1 and sides.count(Side.BUY) + await bought() == 3

        async def bought() -> int:
            """Return how many safety orders of this cycle have filled."""
            events = await here.own_events()
            cycle = max(str(event.client_order_id)[-7:-3] for event in events)
            return len(
                {
                    event.client_order_id
                    for event in events
                    if event.kind is Kind.FILLED
                    and str(event.client_order_id)[-10] == "s"
                    and str(event.client_order_id)[-7:-3] == cycle
                }
            )

        await eventually(is_quoting, DEADLINE_S, "a sale and three safety orders")
        for factor in ("0.985", "1.02", "0.995", "1.05"):
            await here.move(price * Decimal(factor))
            await here.kill()  # while it answers
            await here.start()
            await eventually(is_quoting, DEADLINE_S, f"a sale and safety orders after {factor}")
        assert await here.host.stop() == 0
        await here.start()
        await eventually(is_quoting, DEADLINE_S, "a sale and safety orders at the end")
        await require_books(here)
        assert (await here.books())["rounds"] > 0
