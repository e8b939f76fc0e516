"""What a bot asks about orders, at every venue: one order, the open ones, and what a pair's orders must keep to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from fillwire.domain.client_order_ids import bot_label, derive_client_order_id
from fillwire.domain.enums import Kind, OrderType, Side, TimeInForce
from fillwire.domain.orders import CancelRequest, OrderQuery, OrderRequest, Outcome
from fillwire.simulator.registry import SIMULATORS
from fillwire.venues import registry
from support.eventually import eventually
from support.gateway_rig import Rig
from support.gateway_rig import rig as rig_of
from toyx.simulator.server import ToySimulator
from toyx.venue.venue import ToyX

if TYPE_CHECKING:
    from fillwire.simulator.exchange.server import Simulator

PAIRS = {
    "alpaca": "BTC-USD",
    "binance": "BTC-USDT",
    "binance-futures": "BTC-USDT",
    "coinbase": "BTC-USD",
    "coinbase-advanced": "BTC-USD",
    "toyx": "BTC-USD",
}
EACH = pytest.mark.parametrize("exchange", sorted(PAIRS))
BOT = "grid"
OWN = derive_client_order_id(BOT, "level 1")
MISSING = {
    "alpaca": "11111111-2222-3333-4444-555555555555",
    "coinbase": "11111111-2222-3333-4444-555555555555",
    "coinbase-advanced": "11111111-2222-3333-4444-555555555555",
}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the toy venue's line into each of the two registries."""
    monkeypatch.setattr(registry, "VENUES", {**registry.VENUES, "toyx": ToyX()})
    monkeypatch.setitem(cast("dict[str, type[Simulator]]", SIMULATORS), "toyx", ToySimulator)


@asynccontextmanager
async def receiving(path: Path, exchange: str) -> AsyncIterator[tuple[Rig, str]]:
    """Run broker, venue and gateway, which receives; with the pair to trade."""
    async with rig_of(path, exchange=exchange) as it:
        pair = PAIRS[exchange]
        await it.wish(pair)
        await it.receiving()
        yield it, pair


def order(pair: str, client_order_id: str = OWN, **changes: Any) -> OrderRequest:
    """Return an order that rests far below the market."""
    values: dict[str, Any] = {
        "client_order_id": client_order_id,
        "pair": pair,
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.01"),
        "price": Decimal(20000),
        "time_in_force": TimeInForce.GTC,
    }
    return OrderRequest(**(values | changes))


async def placed_at(it: Rig) -> int:
    """Return how many open orders the venue has."""
    stats = await it.control("stats", method="GET")
    return int(stats["accounts"]["demo"]["open_orders"])


@EACH
async def test_an_order_is_shown_from_its_placing_to_its_end(tmp_path: Path, exchange: str) -> None:
    """By either id, with its terms and its state; also where the venue forgets it."""
    async with receiving(tmp_path, exchange) as (it, pair):
        placed = await it.place(order(pair))
        assert placed.outcome is Outcome.ACCEPTED, placed
        for query in (
            OrderQuery(pair=pair, client_order_id=OWN),
            OrderQuery(pair=pair, order_id=placed.order_id),
        ):
            shown = await it.order(query)
            assert (shown.outcome, shown.kind, shown.is_open) == (Outcome.ACCEPTED, Kind.NEW, True), shown
            assert (shown.order_id, shown.client_order_id, shown.pair) == (placed.order_id, OWN, pair)
            assert (shown.side, shown.type, shown.quantity, shown.price, shown.time_in_force) == (
                Side.BUY,
                OrderType.LIMIT,
                Decimal("0.01"),
                Decimal(20000),
                TimeInForce.GTC,
            )
            assert (shown.cumulative_quantity, bool(shown.cumulative_quote)) == (Decimal(0), False)
        await it.cancel(CancelRequest(pair=pair, order_id=placed.order_id))
        await eventually(lambda: any(event.kind is Kind.CANCELLED for event in it.orders), 10.0, "its end")
        for query in (
            OrderQuery(pair=pair, client_order_id=OWN),
            OrderQuery(pair=pair, order_id=placed.order_id),
        ):
            ended = await it.order(query)
            assert (ended.outcome, ended.kind, ended.is_open) == (Outcome.ACCEPTED, Kind.CANCELLED, False), (
                ended
            )
            assert (ended.order_id, ended.client_order_id) == (placed.order_id, OWN)


@EACH
async def test_open_orders_are_those_of_the_bot_or_everybodys(tmp_path: Path, exchange: str) -> None:
    """By the label of their client order ids and by pair, oldest first; none is a statement, too."""
    async with receiving(tmp_path, exchange) as (it, pair):
        assert (await it.open_orders()).orders == ()
        await it.place(order(pair))
        await it.place(order(pair, derive_client_order_id("dca", "step 1"), price=Decimal(19000)))
        await it.place(
            order("ETH-" + pair.partition("-")[2], "bot-1", price=Decimal(100), quantity=Decimal(1))
        )
        everybodys = (await it.open_orders()).orders or ()
        assert [shown.client_order_id for shown in everybodys] == [
            OWN,
            derive_client_order_id("dca", "step 1"),
            "bot-1",
        ]
        assert all(shown.is_open and shown.outcome is Outcome.ACCEPTED for shown in everybodys)
        own = (await it.open_orders(label=bot_label(BOT))).orders or ()
        assert [(shown.client_order_id, shown.pair, shown.price) for shown in own] == [
            (OWN, pair, Decimal(20000))
        ]
        of_pair = (await it.open_orders(pair)).orders or ()
        assert len(of_pair) == 2
        assert (await it.open_orders(label=bot_label("nobody"))).orders == ()
        await it.cancel(CancelRequest(pair=pair, client_order_id=OWN))
        await eventually(lambda: any(event.kind is Kind.CANCELLED for event in it.orders), 10.0, "its end")
        assert (await it.open_orders(label=bot_label(BOT))).orders == ()


@EACH
async def test_what_breaks_the_rules_of_its_pair_is_not_sent(tmp_path: Path, exchange: str) -> None:
    """Each step and bound that the venue publishes: the sentence names it, the venue never hears of the order, and the id
    is free for the order that was meant.
    """  # noqa: D205 - one sentence needs two lines
    async with receiving(tmp_path, exchange) as (it, pair):
        rules = (await it.rules(pair)).rules
        assert rules is not None
        assert rules.price_step
        assert rules.quantity_step
        meant = order(pair)
        assert meant.price is not None
        broken = [
            (replace(meant, price=meant.price + rules.price_step / 2), "price is "),
            (replace(meant, quantity=meant.quantity + rules.quantity_step / 2), "quantity is "),
        ]
        if rules.max_quantity is not None:
            broken.append((replace(meant, quantity=rules.max_quantity + rules.quantity_step), "quantity is "))
        if rules.min_notional is not None:
            small = replace(meant, price=rules.price_step, quantity=rules.quantity_step)
            broken.append((small, "price times quantity is "))
        market = replace(meant, type=OrderType.MARKET, price=None, time_in_force=None)
        broken.append((replace(market, quantity=meant.quantity + rules.quantity_step / 2), "quantity is "))
        for request, words in broken:
            answer = await it.place(request)
            assert answer.outcome is Outcome.REJECTED, answer
            assert (answer.reason or "").startswith(f"not sent: {words}"), answer
            assert "expected" in (answer.reason or "")
            assert answer.code is None
        assert await placed_at(it) == 0
        assert it.orders == []
        assert (await it.place(meant)).outcome is Outcome.ACCEPTED
        assert await placed_at(it) == 1


@EACH
async def test_what_there_is_not_is_said(tmp_path: Path, exchange: str) -> None:
    """An order that was never placed, and a pair that is not listed."""
    async with receiving(tmp_path, exchange) as (it, pair):
        for query in (
            OrderQuery(pair=pair, order_id=MISSING.get(exchange, "999999")),
            OrderQuery(pair=pair, client_order_id=derive_client_order_id(BOT, "never placed")),
        ):
            answer = await it.order(query)
            assert answer.outcome is Outcome.REJECTED, answer
            assert (answer.reason or "").startswith("the venue knows no such order")
        nowhere = "NO/WHERE-XYZ"
        said = f"pair {nowhere} is not listed: expected BASE-QUOTE such as BTC-USDT"
        assert (await it.order(OrderQuery(pair=nowhere, order_id="1"))).reason == said
        assert (await it.open_orders(nowhere)).reason == said
        assert (await it.rules(nowhere)).reason == said


@EACH
async def test_a_venue_that_is_down_says_nothing(tmp_path: Path, exchange: str) -> None:
    """Neither that an order does not exist nor that none is open."""
    async with receiving(tmp_path, exchange) as (it, pair):
        await it.control("faults", {"kind": "request_error", "status": 503, "probability": 1})
        answer = await it.order(OrderQuery(pair=pair, client_order_id=OWN))
        assert answer.outcome is Outcome.UNKNOWN, answer
        assert (await it.open_orders()).orders is None


@EACH
@pytest.mark.parametrize("how", [{"answer": "none"}, {}], ids=["no response", "another response"])
async def test_an_order_whose_response_is_lost_is_found(
    tmp_path: Path, exchange: str, how: dict[str, str]
) -> None:
    """The venue carries it out and cannot say so: the answer says what its records show, and there is one order."""
    async with receiving(tmp_path, exchange) as (it, pair):
        await it.control("faults", {"kind": "lost_response", "method": "order.place", "next": 1, **how})
        answer = await it.place(order(pair))
        assert (answer.outcome, answer.client_order_id) == (Outcome.ACCEPTED, OWN), answer
        assert answer.order_id
        assert await placed_at(it) == 1
        again = await it.place(order(pair))
        assert (again.outcome, again.order_id) == (Outcome.ACCEPTED, answer.order_id)
        assert await placed_at(it) == 1


@EACH
@pytest.mark.parametrize("how", [{"answer": "none"}, {}], ids=["no response", "another response"])
async def test_a_cancellation_whose_response_is_lost_is_found(
    tmp_path: Path, exchange: str, how: dict[str, str]
) -> None:
    """What became of the order is asked for, and not guessed."""
    async with receiving(tmp_path, exchange) as (it, pair):
        placed = await it.place(order(pair))
        await it.control("faults", {"kind": "lost_response", "method": "order.cancel", **how})
        answer = await it.cancel(CancelRequest(pair=pair, order_id=placed.order_id))
        assert answer.outcome is Outcome.ACCEPTED, answer
        assert await placed_at(it) == 0


@EACH
async def test_what_was_never_carried_out_is_not_said_to_be(tmp_path: Path, exchange: str) -> None:
    """The request fails before the venue acts, by a word that leaves it open: unknown or rejected, and no order."""
    async with receiving(tmp_path, exchange) as (it, pair):
        await it.control(
            "faults", {"kind": "request_error", "status": 503, "method": "order.place", "probability": 1}
        )
        answer = await it.place(order(pair))
        assert answer.outcome is not Outcome.ACCEPTED, answer
        assert await placed_at(it) == 0
        shown = await it.order(OrderQuery(pair=pair, client_order_id=OWN))
        assert shown.outcome is not Outcome.ACCEPTED
        if answer.outcome is Outcome.UNKNOWN:  # it may still be carried out: nobody says that there is none
            assert shown.outcome is Outcome.UNKNOWN, shown
