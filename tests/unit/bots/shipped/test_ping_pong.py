"""The small trading bot, against a desk instead of a gateway."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from fillwire.bots.shipped.ping_pong import PingPong
from fillwire.domain.enums import ConnectionState, Kind, Side
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.sdk.causality import ClientOrderIds, caused_by
from support.order_events import ALICE, connection_event, order_event

if TYPE_CHECKING:
    from fillwire.sdk.trading import Trading


def accept(_: OrderRequest) -> Outcome:
    """Accept all."""
    return Outcome.ACCEPTED


class Desk:
    """Takes orders in place of a gateway; `decide` says what becomes of each."""

    def __init__(self, decide: Callable[[OrderRequest], Outcome] = accept) -> None:
        self.placed: list[OrderRequest] = []
        self.cancelled: list[CancelRequest] = []
        self.loop = asyncio.get_running_loop()
        self.decide = decide
        self._ids = ClientOrderIds("ping-pong", str(ALICE), "start")

    async def place(self, request: OrderRequest, timeout_s: float) -> TradeOrder:
        """Answer."""
        assert timeout_s > 0
        self.placed.append(request)
        return TradeOrder(
            outcome=self.decide(request), pair=request.pair, client_order_id=request.client_order_id
        )

    async def cancel(self, request: CancelRequest, timeout_s: float) -> TradeOrder:
        """Accept."""
        assert timeout_s > 0
        self.cancelled.append(request)
        return TradeOrder(
            outcome=Outcome.ACCEPTED, pair=request.pair, client_order_id=request.client_order_id
        )

    def next_client_order_id(self) -> str:
        """Derive."""
        return self._ids.next()


async def started(decide: Callable[[OrderRequest], Outcome] = accept) -> tuple[PingPong, Desk]:
    """Return a bot that has placed its first orders at 64000 ± 10."""
    bot, desk = PingPong(Decimal(64000)), Desk(decide)
    bot._trading = cast("Trading", desk)
    await bot.on_start()
    return bot, desk


def prices(orders: list[OrderRequest]) -> list[tuple[Side, Decimal | None]]:
    """Return side and price of orders."""
    return [(order.side, order.price) for order in orders]


async def test_it_begins_with_one_order_on_each_side() -> None:
    """A buy below and a sell above the price."""
    _, desk = await started()
    assert prices(desk.placed) == [(Side.BUY, Decimal(63990)), (Side.SELL, Decimal(64010))]


async def test_a_fill_is_answered_by_its_counter_order() -> None:
    """The other order is cancelled, and both stand around the price of the fill; again after a redelivery the same ids."""
    bot, desk = await started()
    fill = order_event(client_order_id=desk.placed[0].client_order_id, price="63990")
    with caused_by(fill.event_id, "on_order_filled"):
        await bot.on_order_filled(fill)
    assert [request.client_order_id for request in desk.cancelled] == [desk.placed[1].client_order_id]
    assert prices(desk.placed[2:]) == [(Side.BUY, Decimal(63980)), (Side.SELL, Decimal(64000))]
    with caused_by(fill.event_id, "on_order_filled"):
        await bot.on_order_filled(fill)
    assert [order.client_order_id for order in desk.placed[4:]] == [
        order.client_order_id for order in desk.placed[2:4]
    ]


async def test_fills_of_others_are_not_answered() -> None:
    """Orders of the user's other bots on the same pair are not this bot's affair."""
    bot, desk = await started()
    for foreign in ("by-hand", "ping-pong-2-AAAAAAAAAAAAAAAAAAAAAA", None):
        await bot.on_order_filled(order_event(client_order_id=foreign))
    assert len(desk.placed) == 2


async def test_a_refused_order_is_tried_again_with_the_next_fill() -> None:
    """The bot survives a reject, and so does the other side."""
    refuse_first_sell = iter([Outcome.ACCEPTED, Outcome.REJECTED])
    bot, desk = await started(lambda _: next(refuse_first_sell, Outcome.ACCEPTED))
    await bot.on_order_filled(order_event(client_order_id=desk.placed[0].client_order_id, price="63990"))
    assert desk.cancelled == []
    assert prices(desk.placed[2:]) == [(Side.BUY, Decimal(63980)), (Side.SELL, Decimal(64000))]


async def test_what_ended_is_placed_again_when_the_venue_is_back() -> None:
    """Cancelled, expired and rejected orders are forgotten; after reconciliation both sides stand again."""
    bot, desk = await started()
    buy, sell = (order.client_order_id for order in desk.placed)
    ended = order_event(kind=Kind.CANCELLED, trade=None, client_order_id=buy)
    await bot.on_order_cancelled(ended)
    await bot.on_order_expired(replace(ended, kind=Kind.EXPIRED))
    await bot.on_order_rejected(replace(ended, kind=Kind.REJECTED))
    await bot.on_reconciled(connection_event(ConnectionState.RECEIVING))
    assert [request.client_order_id for request in desk.cancelled] == [sell]
    assert prices(desk.placed[2:]) == [(Side.BUY, Decimal(63990)), (Side.SELL, Decimal(64010))]
    await bot.on_reconciled(connection_event(ConnectionState.RECEIVING))
    assert len(desk.placed) == 4
