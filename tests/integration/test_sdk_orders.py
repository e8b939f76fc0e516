"""Fills without a strategy class, and orders through the gateway's commands."""

import asyncio
import time
from decimal import Decimal

import pytest

from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.enums import ConnectionState, Kind, OrderType, Side, TimeInForce
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.orders import Orders
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.strategy import Strategy
from fillwire.wire.commands import decode_cancel_request, decode_order_request, encode_command
from support.broker import ConnectBus
from support.eventually import eventually
from support.hanging import hang
from support.order_events import ALICE, connection_event, order_event
from support.publishing import publish, publish_connection


class Listener:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Note it."""
        self.told.append(f"filled {order.order_id}")

    def on_order_partially_filled(self, order: OrderEvent) -> None:
        """Note it."""
        self.told.append(f"partially {order.order_id}")

    def on_order_cancelled(self, order: OrderEvent) -> None:
        """Note it."""
        self.told.append(f"cancelled {order.order_id}")

    def on_websocket_connected(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"connected {connection.exchange}")

    def on_websocket_disconnected(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"disconnected {connection.exchange}")

    def on_websocket_error(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"error {connection.reason}")


async def test_a_listener_is_told_from_subscribe_to_unsubscribe(broker: EmbeddedServer, bus: Bus) -> None:
    """Fills, cancellations and the connection; the wish of the gateway goes with the subscription."""
    listener = Listener()
    async with Orders(broker.url, user="alice") as orders:
        await orders.subscribe_to_order_fills("BTC-USDT", listener)
        assert len(await Bucket(bus, DESIRED).keys()) == 1
        await publish_connection(bus, connection_event(ConnectionState.RECEIVING, time_ns=time.time_ns()))
        await eventually(lambda: listener.told == ["connected binance"])
        await publish(
            bus,
            order_event(order_id="1", trade=1, kind=Kind.PARTIALLY_FILLED, cumulative="0.2"),
            order_event(order_id="1", kind=Kind.CANCELLED, trade=None, cumulative="0.2"),
            order_event(order_id="2", trade=2, pair="ETH-USDT"),
            order_event(order_id="3", trade=3),
        )
        await eventually(lambda: len(listener.told) == 4)
        await orders.unsubscribe_from_order_fills("BTC-USDT", listener)
        assert await Bucket(bus, DESIRED).keys() == []
        await orders.unsubscribe_from_order_fills("BTC-USDT", listener)  # of nothing: nothing happens
        await publish(bus, order_event(order_id="4", trade=4))
        await orders.subscribe_to_order_fills("BTC-USDT", listener)  # it resumes
        await eventually(lambda: "filled 4" in listener.told)
        await orders.unsubscribe_from_order_fills("BTC-USDT", listener, forget=True)
        await publish(bus, order_event(order_id="5", trade=5))
        await orders.subscribe_to_order_fills("BTC-USDT", listener)  # it begins anew
        await publish(bus, order_event(order_id="6", trade=6))
        await eventually(lambda: "filled 6" in listener.told)
    fills = [what for what in listener.told if not what.startswith("connected")]
    assert fills[0] == "partially 1"
    assert sorted(fills[1:3]) == ["cancelled 1", "filled 3"]
    assert fills[3:] == ["filled 4", "filled 6"]


async def test_one_listener_may_hear_of_several_pairs_and_users(broker: EmbeddedServer, bus: Bus) -> None:
    """Each subscription resumes on its own, and is ended on its own."""
    listener = Listener()
    async with Orders(broker.url, user="alice") as orders:
        await orders.subscribe_to_order_fills("BTC-USDT", listener)
        await orders.subscribe_to_order_fills("ETH-USDT", listener)
        await orders.subscribe_to_order_fills(
            "BTC-USDT", listener, user="bob", environment="testnet", name="bobs"
        )
        with pytest.raises(ConfigError, match="bot listener-BTC-USDT of alice runs already"):
            await orders.subscribe_to_order_fills("BTC-USDT", Listener())
        await orders.unsubscribe_from_order_fills("BTC-USDT", listener)
        await publish(bus, order_event(order_id="1"), order_event(order_id="2", pair="ETH-USDT"))
        await eventually(lambda: listener.told == ["filled 2"])


async def test_the_connection_can_be_asked_for(broker: EmbeddedServer, bus: Bus) -> None:
    """Connected or not, exchange, subscriptions, last event and uptime, with and without a subscription."""
    async with Orders(broker.url, user="alice") as orders:
        assert not await orders.is_websocket_connected()
        unknown = await orders.get_websocket_status()
        assert (unknown.state, unknown.is_connected, unknown.subscription_count, unknown.uptime_s) == (
            None,
            False,
            0,
            0.0,
        )
        since = time.time_ns() - 5_000_000_000
        await publish_connection(bus, connection_event(ConnectionState.RECEIVING, time_ns=since))
        for subscribe in (False, True):
            if subscribe:
                await orders.subscribe_to_order_fills("BTC-USDT", Listener())
            assert await orders.is_websocket_connected()
            status = await orders.get_websocket_status(user="alice", exchange="binance", environment="live")
            assert (status.state, status.is_connected) == (ConnectionState.RECEIVING, True)
            assert (status.user, status.exchange, status.environment) == ("alice", "binance", "live")
            assert (status.subscription_count, status.last_event_time_ns) == (1, None)
            assert 5 <= status.uptime_s < 60
        assert not await orders.is_websocket_connected(user="bob")


async def test_a_listener_that_cannot_be_is_refused_at_once(broker: EmbeddedServer) -> None:
    """A wrong pair or signature, and use outside of the context, are told to the caller."""

    class Wrong(Listener):
        async def on_order_filled(self) -> None:  # type: ignore[override]  # the mistake under test
            """Take nothing."""

    orders = Orders(broker.url, user="alice")
    with pytest.raises(RuntimeError, match="not connected"):
        await orders.subscribe_to_order_fills("BTC-USDT", Listener())
    async with orders:
        with pytest.raises(ConfigError, match=r"pair 'btc/usdt' .*did you mean 'BTC-USDT'"):
            await orders.subscribe_to_order_fills("btc/usdt", Listener())
        with pytest.raises(ConfigError, match="on_order_filled"):
            await orders.subscribe_to_order_fills("BTC-USDT", Wrong())  # type: ignore[arg-type]  # the mistake under test


async def test_no_broker_is_said(broker: EmbeddedServer) -> None:
    """Entering the context fails when nobody answers."""
    await broker.stop()
    with pytest.raises(BrokerError, match="no broker answers"):
        async with Orders(broker.url, user="alice", connect_deadline_s=0.5):
            pass


class Desk:
    """Answers commands in place of a gateway; `answers` are used up one by one, the last for ever."""

    def __init__(self, *answers: Outcome) -> None:
        self.answers = list(answers)
        self.placed: list[OrderRequest] = []
        self.cancelled: list[CancelRequest] = []

    async def answer(self, message: Message) -> bytes:
        """Note the request and answer it."""
        verb = message.subject.rpartition(".")[2]
        request: OrderRequest | CancelRequest
        if verb == "place_order":
            request = decode_order_request(message.data)
            self.placed.append(request)
        else:
            request = decode_cancel_request(message.data)
            self.cancelled.append(request)
        outcome = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return encode_command(
            TradeOrder(
                outcome=outcome, pair=request.pair, client_order_id=request.client_order_id, order_id="77"
            )
        )


class Trader(Strategy):
    """Answers each fill with two orders, and fails after them as often as it is told to."""

    pairs = ("BTC-USDT",)

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.answers: list[TradeOrder] = []

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Place two orders and cancel one."""
        first = await self.place_order(
            order.pair, "sell", order.cumulative_quantity, price="65000", timeout_s=2
        )
        second = await self.place_order(order.pair, "buy", "0.1", price="63000", timeout_s=2)
        self.answers += [first, second]
        if self.failures:
            self.failures -= 1
            raise ValueError("after the orders were placed")
        await self.cancel_order(order.pair, client_order_id=first.client_order_id)


async def test_a_fill_that_is_handled_twice_asks_for_the_same_orders(
    bus: Bus, connect_bus: ConnectBus
) -> None:
    """Retried, and told again to another start of the bot, the event asks for the same client order ids."""
    gateway = await connect_bus("gateway")
    desk = Desk(Outcome.ACCEPTED)
    await Responder.start(gateway, "commands.alice.binance.live.*", desk.answer)
    retry = RetryPolicy(attempts=3, initial_delay_s=0.001, max_delay_s=0.001)
    await publish(bus, order_event())
    async with Host(bus, retry=retry) as host:
        bot = bot_of(Trader(failures=1), ALICE, start_from="beginning")
        await host.add(bot)
        await eventually(lambda: len(desk.cancelled) == 1)
        await host.remove(bot, forget=True)
        await host.add(bot_of(Trader(), ALICE, start_from="beginning"))
        await eventually(lambda: len(desk.cancelled) == 2)
    first, second = desk.placed[:2]
    assert desk.placed == [first, second] * 3
    assert (first.side, first.type, first.time_in_force) == (Side.SELL, OrderType.LIMIT, TimeInForce.GTC)
    assert (first.quantity, first.price) == (Decimal("0.5"), Decimal(65000))
    assert first.client_order_id != second.client_order_id
    assert first.client_order_id.startswith("trader-")


async def test_without_an_answer_the_outcome_is_unknown_and_without_a_gateway_rejected(
    bus: Bus, connect_bus: ConnectBus
) -> None:
    """Only a request that certainly reached nobody is called rejected."""
    gateway = await connect_bus("gateway")

    class Asks(Strategy):
        pairs = ("BTC-USDT",)
        answer: TradeOrder | None = None

        async def on_order_filled(self, order: OrderEvent) -> None:
            self.answer = await self.place_order(order.pair, "buy", 1, timeout_s=0.3)

    strategy = Asks()
    async with Host(bus) as host:
        await host.add(bot_of(strategy, ALICE))
        await publish(bus, order_event(order_id="1"))
        await eventually(lambda: strategy.answer is not None)
        nobody = strategy.answer
        assert nobody is not None
        assert (nobody.outcome, nobody.reason) == (Outcome.REJECTED, "no gateway serves alice@binance/live")

        strategy.answer = None

        async def never(_: Message) -> bytes:
            return await hang()

        responder = await Responder.start(gateway, "commands.alice.binance.live.*", never)
        await publish(bus, order_event(order_id="2"))
        await eventually(lambda: strategy.answer is not None)
        late = strategy.answer
        assert late is not None
        assert (late.outcome, late.reason) == (Outcome.UNKNOWN, "the gateway did not answer within 0.3 s")
        await responder.stop(deadline_s=0)

        strategy.answer = None

        async def garbage(message: Message) -> bytes:
            return message.data[:1]

        await Responder.start(gateway, "commands.alice.binance.live.*", garbage)
        await publish(bus, order_event(order_id="3"))
        await eventually(lambda: strategy.answer is not None)
        odd = strategy.answer
        assert odd is not None
        assert odd.outcome is Outcome.UNKNOWN


async def test_an_order_waits_for_a_gateway_that_is_just_coming_up(bus: Bus, connect_bus: ConnectBus) -> None:
    """While nobody listens the request is repeated, and placed once somebody does."""
    gateway = await connect_bus("gateway")
    desk = Desk(Outcome.ACCEPTED)

    class Starts(Strategy):
        pairs = ("BTC-USDT",)
        answer: TradeOrder | None = None

        async def on_start(self) -> None:
            self.answer = await self.place_order("BTC-USDT", "buy", 1, timeout_s=20)

    strategy = Starts()
    async with Host(bus) as host:
        adding = asyncio.create_task(host.add(bot_of(strategy, ALICE)))
        await eventually(lambda: bool(host.bots))
        await Responder.start(gateway, "commands.alice.binance.live.*", desk.answer)
        await adding
    assert strategy.answer is not None
    assert strategy.answer.outcome is Outcome.ACCEPTED
    assert len(desk.placed) == 1
    assert len(desk.placed[0].client_order_id) <= 36
