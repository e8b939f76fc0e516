"""Live copies: one subscription per filter, for as long as a bot needs it."""

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.sdk.live import LiveFeed
from fillwire.wire.subjects import order_filter
from support.eventually import eventually
from support.order_events import ALICE, order_event
from support.publishing import publish


async def test_copies_go_to_all_who_asked_and_to_nobody_who_left(bus: Bus) -> None:
    """Two takers of a filter share a subscription; one leaves and hears no more, the other goes on."""
    feed = LiveFeed(bus)
    first: list[str] = []
    second: list[str] = []

    def take_first(message: Message) -> None:
        first.append(message.subject)

    def take_second(message: Message) -> None:
        second.append(message.subject)

    bitcoin, ether = order_filter(ALICE, "BTC-USDT"), order_filter(ALICE, "ETH-USDT")
    await feed.add([bitcoin], take_first)
    await feed.add([bitcoin, ether], take_second)
    await publish(bus, order_event(order_id="1"))
    await eventually(lambda: len(first) == len(second) == 1)
    await feed.remove([bitcoin], take_first)
    await publish(bus, order_event(order_id="2"), order_event(order_id="3", pair="ETH-USDT"))
    await eventually(lambda: len(second) == 3)
    assert len(first) == 1
    await feed.remove([bitcoin, ether], take_second)
    await feed.remove([bitcoin], take_first)  # of nothing: nothing happens
    await publish(bus, order_event(order_id="4"))
    assert await bus.is_healthy()
    assert (len(first), len(second)) == (1, 3)
