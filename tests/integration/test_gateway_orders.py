"""Bots' orders through the gateway: placed and cancelled over the account's own socket, once however often asked."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwire.domain.enums import ConnectionState, Kind, OrderType, Side
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.wire.commands import PLACE_ORDER, decode_trade_order
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, Rig, rig


def _order(client_order_id: str = "grid-1", **changes: Any) -> OrderRequest:
    """Return an order that rests far below the market, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "client_order_id": client_order_id,
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.00100"),
        "price": Decimal("60000.0"),
    }
    return OrderRequest(**(values | changes))


async def _open_orders(it: Rig) -> int:
    stats = await it.control("stats", method="GET")
    return int(stats["accounts"][ACCOUNT.user]["open_orders"])


async def test_an_order_is_placed_seen_and_cancelled(tmp_path: Path) -> None:
    """The answer names the venue's order; its life comes by the stream, under the bot's own id to the end."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        placed = await it.place(_order())
        assert (placed.outcome, placed.venue_status, placed.client_order_id) == (
            Outcome.ACCEPTED,
            "NEW",
            "grid-1",
        )
        assert placed.cumulative_quantity == 0
        cancelled = await it.cancel(CancelRequest(pair="BTC-USDT", order_id=placed.order_id))
        assert (cancelled.outcome, cancelled.venue_status, cancelled.client_order_id) == (
            Outcome.ACCEPTED,
            "CANCELED",
            "grid-1",
        )
        await eventually(lambda: len(it.orders) == 2, what="two events")
        assert [(e.kind, e.order_id, e.client_order_id) for e in it.orders] == [
            (Kind.NEW, placed.order_id, "grid-1"),
            (Kind.CANCELLED, placed.order_id, "grid-1"),
        ]
        assert (it.orders[0].quantity, it.orders[0].price) == (Decimal("0.001"), Decimal(60000))


async def test_an_order_can_be_cancelled_by_the_bots_own_id(tmp_path: Path) -> None:
    """The client order id is enough, and cancelling twice says cancelled twice."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        placed = await it.place(_order())
        request = CancelRequest(pair="BTC-USDT", order_id=placed.order_id, client_order_id="grid-1")
        assert (await it.cancel(request)).outcome is Outcome.ACCEPTED
        again = await it.cancel(CancelRequest(pair="BTC-USDT", order_id=placed.order_id))
        assert (again.outcome, again.venue_status) == (Outcome.ACCEPTED, "CANCELED")
        unknown = await it.cancel(CancelRequest(pair="BTC-USDT", client_order_id="never-placed"))
        assert (unknown.outcome, unknown.code) == (Outcome.REJECTED, -2011)


async def test_asking_twice_places_once_while_the_order_is_open(tmp_path: Path) -> None:
    """The same request again, and again at once: one order, and the same answer for all."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        answers = [await it.place(_order()), *await asyncio.gather(*(it.place(_order()) for _ in range(3)))]
        assert {answer.order_id for answer in answers} == {answers[0].order_id}
        assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
        assert await _open_orders(it) == 1


async def test_asking_twice_places_once_when_the_order_was_filled_in_between(tmp_path: Path) -> None:
    """The venue would take the id again: the gateway knows better, even one that has just started."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        order = _order(type=OrderType.MARKET, price=None)
        placed = await it.place(order)
        assert (placed.outcome, placed.venue_status) == (Outcome.ACCEPTED, "FILLED")
        again = await it.place(order)
        assert (again.order_id, again.venue_status) == (placed.order_id, "FILLED")
        await it.wish()
        await it.state(ConnectionState.DISCONNECTED)
        await it.wish("BTC-USDT")
        await eventually(lambda: it.connections[-1].is_connected)
        later = await it.place(order)
        assert (later.order_id, later.venue_status) == (placed.order_id, "FILLED")
        assert len(await it.executions()) == len(it.fills)
        assert {event.order_id for event in it.orders} == {placed.order_id}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"type": OrderType.MARKET, "price": None, "quantity": Decimal("0.00001")}, -1013, "NOTIONAL"),
        ({"quantity": Decimal("0.0000001")}, None, "not sent: quantity is 0.0000001: expected a multiple of"),
        (
            {"pair": "BNB-USDT", "side": Side.SELL, "price": Decimal(700), "quantity": Decimal(1001)},
            -2010,
            "insufficient",
        ),
        ({"pair": "NO-SUCH"}, None, "pair NO-SUCH is not listed"),
        ({"type": OrderType.STOP_LOSS, "price": None}, None, "needs a stop price"),
    ],
)
async def test_what_is_refused_is_told_with_the_venues_words(
    tmp_path: Path, changes: dict[str, Any], code: int | None, words: str
) -> None:
    """Code and text are the venue's where it was asked, ours where it would certainly have refused."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        answer = await it.place(_order(**changes))
        assert (answer.outcome, answer.code) == (Outcome.REJECTED, code)
        assert answer.reason is not None
        assert words in answer.reason
        assert await _open_orders(it) == 0


async def test_a_lost_answer_is_resolved_by_the_records(tmp_path: Path) -> None:
    """The venue executes and cannot say so: its records do; asked again, the order is found and not placed twice."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "lost_response", "next": 1})
        first = await it.place(_order())
        assert first.outcome is Outcome.ACCEPTED
        again = await it.place(_order())
        assert (again.outcome, again.order_id) == (Outcome.ACCEPTED, first.order_id)
        assert await _open_orders(it) == 1


async def test_a_connection_lost_under_a_request_answers_it(tmp_path: Path) -> None:
    """The answer is on its way when the socket is cut: unknown at once, not at the timeout; the order stands."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "request_delay", "seconds": 30, "next": 1})
        asking = asyncio.create_task(it.place(_order()))
        await eventually(lambda: _is_asked(it), what="the request at the venue")
        await it.control("cut", {})
        answer = await asking
        assert answer.outcome is Outcome.UNKNOWN
        assert answer.reason == "the connection was lost before the venue answered"


async def _is_asked(it: Rig) -> bool:
    faults = await it.control("faults", method="GET")
    return not any(fault["kind"] == "request_delay" and fault["next"] for fault in faults)


async def test_without_a_connection_nothing_is_sent_and_the_bot_learns_why(tmp_path: Path) -> None:
    """No key, no connection: rejected for certain, with the connection's own reason."""
    async with rig(tmp_path, FILLWIRE_ACCOUNTS=[]) as it:
        await it.wish("BTC-USDT")
        await it.state(ConnectionState.AUTH_FAILED)
        answer = await it.place(_order())
        assert answer.outcome is Outcome.REJECTED
        assert answer.reason == (
            "not sent: the connection is auth_failed: no key for demo@binance/simulated: "
            "expected one in accounts or in credentialsDir"
        )


async def test_a_request_that_is_none_is_answered_in_a_sentence(tmp_path: Path) -> None:
    """Broken requests and unknown verbs cost an answer, not the gateway."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        broken = decode_trade_order(await it.ask(PLACE_ORDER, b'{"v":1,"pair":"BTC-USDT"}'))
        assert broken.outcome is Outcome.REJECTED
        assert broken.reason is not None
        assert "order request" in broken.reason
        unknown = decode_trade_order(await it.ask("cancel_everything"))
        assert unknown.reason == (
            "unknown command cancel_everything: expected place_order, cancel_order, get_order, open_orders, "
            "pair_rules, status or read_again"
        )
        assert (await it.status()).is_connected
