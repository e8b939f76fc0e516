"""How the manager cancels the orders of a bot, with a gateway whose answers are scripted, on a real broker."""

import time
from collections.abc import Sequence

from fillwire.bots.own_orders import OwnOrders
from fillwire.bots.specs import spec_of
from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.domain.bots import BotCreation
from fillwire.domain.enums import Kind
from fillwire.domain.orders import OpenOrders, Outcome, TradeOrder
from fillwire.wire.commands import decode_cancel_request, encode_command

PING_PONG = BotCreation(
    bot="pp", strategy="ping-pong", exchange="binance", environment="live", pairs=("BTC-USDT",), parameters={}
)
SPEC = spec_of("alice", PING_PONG, identity="one", now_ns=0)
COMMANDS = "commands.alice.binance.live"


async def gateway(bus: Bus, *looks: Sequence[str], stuck: str | None = None) -> list[str]:
    """Have each look at the open orders find these, the last one over and over; return what is asked to be cancelled.

    `stuck` is an order whose cancellation is refused.
    """
    left = list(looks)
    asked: list[str] = []

    async def tell_open(_: Message) -> bytes:
        found = left.pop(0) if len(left) > 1 else left[0]
        orders = [
            TradeOrder(
                outcome=Outcome.ACCEPTED, pair="BTC-USDT", client_order_id=name, order_id=name, kind=Kind.NEW
            )
            for name in found
        ]
        return encode_command(OpenOrders(orders=tuple(orders)))

    async def cancel(message: Message) -> bytes:
        name = decode_cancel_request(message.data).client_order_id or ""
        asked.append(name)
        outcome = Outcome.REJECTED if name == stuck else Outcome.ACCEPTED
        answer = TradeOrder(
            outcome=outcome, pair="BTC-USDT", client_order_id=name, reason="it is being filled"
        )
        return encode_command(answer)

    await Responder.start(bus, f"{COMMANDS}.open_orders", tell_open)
    await Responder.start(bus, f"{COMMANDS}.cancel_order", cancel)
    return asked


async def test_a_name_that_begins_like_another_is_its_own(bus: Bus) -> None:
    """That `x-10` stays open says nothing about `x-1`, which was cancelled."""
    await gateway(bus, ["x-1", "x-10"], ["x-10"], stuck="x-10")
    cancelled, problems = await OwnOrders(bus, SPEC).cancel_all(time.monotonic() + 1.0)
    assert cancelled == ["x-1"]
    assert problems == ["x-10: it is being filled"]


async def test_an_order_that_only_the_second_look_shows_is_not_left_unsaid(bus: Bus) -> None:
    """However short the time: one look that found none does not make it certain that there are none."""
    asked = await gateway(bus, [], ["late"])
    cancelled, problems = await OwnOrders(bus, SPEC).cancel_all(time.monotonic())
    assert asked == ["late"]
    assert cancelled == []
    assert problems == ["late: the venue has accepted that it is cancelled, and shows it open"]
