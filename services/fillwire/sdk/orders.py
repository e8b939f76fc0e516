"""Fills without a strategy class: subscribe a listener to a pair, ask how the connection is."""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from fillwire.bus.connection import Bus, Credentials
from fillwire.domain import defaults
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.sdk.bot import Bot, make_bot
from fillwire.sdk.host import STOP_DEADLINE_S, Host
from fillwire.sdk.listener import OrderFillListener
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.starting import StartFrom
from fillwire.sdk.strategy import kebab_case


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketStatus:
    """How the connection of an account to its venue is.

    Attributes:
        is_connected: whether fills are being detected live.
        exchange: venue and product.
        environment: such as `live`.
        user: owner of the account.
        state: where the connection is in its life; None if no gateway holds it.
        subscription_count: pairs that bots listen to on the account, over all processes.
        last_event_time_ns: when the gateway read the last order event, None before the first.
        uptime_s: for how long the connection has been receiving, in seconds; 0.0 while it is not.
        reason: one sentence why the state was entered, None where it needs none.
    """

    is_connected: bool
    exchange: str
    environment: str
    user: str
    state: ConnectionState | None
    subscription_count: int
    last_event_time_ns: int | None
    uptime_s: float
    reason: str | None


class Orders:
    """Subscribes listeners to the fills of an account.

        async with Orders(user="alice", exchange="binance") as orders:
            await orders.subscribe_to_order_fills("BTC-USDT", Printer())

    Leaving the context ends all subscriptions in order: each listener finishes what it has in hand.

    Args:
        url: of the broker; several servers of one cluster separated by commas.
        user: whose orders, unless a call says otherwise.
        exchange: venue and product, unless a call says otherwise.
        environment: such as `live` or `testnet`, unless a call says otherwise.
        credentials: for the broker; None if it asks for none.
        retry: for listeners that raise.
        connect_deadline_s: how long the broker may take to answer when the context is entered, in seconds.
        fast_lane: tell of fills from their live copies where that keeps the order; see `Host`.
        partitions: into how many streams the broker divides the log; 1 in a tenant's account.
    """

    def __init__(  # noqa: PLR0913 - all but the user have a default
        self,
        url: str = defaults.BROKER_URL,
        *,
        user: str,
        exchange: str = defaults.EXCHANGE,
        environment: str = defaults.ENVIRONMENT,
        credentials: Credentials | None = None,
        retry: RetryPolicy | None = None,
        connect_deadline_s: float = 10.0,
        fast_lane: bool = False,
        partitions: int = 1,
    ) -> None:
        self._url = url
        self._account = Account(user, exchange, environment)
        self._credentials = credentials
        self._retry = retry
        self._connect_deadline_s = connect_deadline_s
        self._fast_lane = fast_lane
        self._partitions = partitions
        self._bus: Bus | None = None
        self._host: Host | None = None
        self._subscribed: dict[tuple[Account, str, int], Bot] = {}

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerError: no broker answers, or it refuses the credentials.
            ConfigError: the url or the credentials cannot be used.
        """
        bus = await Bus.connect(
            self._url,
            name=f"orders-{self._account.user}",
            credentials=self._credentials,
            deadline_s=self._connect_deadline_s,
            partitions=self._partitions,
        )
        try:
            self._host = await Host(bus, retry=self._retry, fast_lane=self._fast_lane).__aenter__()
        except BaseException:
            await bus.close()
            raise
        self._bus = bus
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all subscriptions and disconnect."""
        host, bus, self._host, self._bus = self._host, self._bus, None, None
        self._subscribed.clear()
        try:
            if host is not None:
                await host.stop()
        finally:
            if bus is not None:
                await bus.close()

    async def subscribe_to_order_fills(  # noqa: PLR0913 - all but pair and listener have a default
        self,
        pair: str,
        listener: OrderFillListener,
        *,
        user: str | None = None,
        exchange: str | None = None,
        environment: str | None = None,
        name: str | None = None,
        start_from: StartFrom = "now",
        blocking: bool = False,
    ) -> None:
        """Have `listener` called for the fills of a pair, until unsubscribed.

        Args:
            pair: our spelling, `BASE-QUOTE`; `*` for every pair of the account.
            listener: see `OrderFillListener`.
            user: default as given to the class.
            exchange: default as given to the class.
            environment: default as given to the class.
            name: under which the listener resumes where it stopped; default: its class and the pair.
            start_from: where a name that never listened begins: `now`, the `beginning` of the log, or a time.
            blocking: call plain methods in a thread, so that they may block.

        Raises:
            ConfigError: the listener or an argument cannot be, or the name is taken.
            BrokerError: the broker is away.
        """
        account = self._account_of(user, exchange, environment)
        host = self._entered()
        bot = make_bot(
            listener,
            name=name or f"{kebab_case(type(listener).__name__)}-{'all' if pair == '*' else pair}",
            account=account,
            pairs=(pair,),
            blocking=blocking,
            start_from=start_from,
        )
        await host.add(bot)
        self._subscribed[account, pair, id(listener)] = bot

    async def unsubscribe_from_order_fills(  # noqa: PLR0913 - all but pair and listener have a default
        self,
        pair: str,
        listener: OrderFillListener,
        *,
        user: str | None = None,
        exchange: str | None = None,
        environment: str | None = None,
        forget: bool = False,
        deadline_s: float = STOP_DEADLINE_S,
    ) -> None:
        """End a subscription; what the listener has in hand is finished. Nothing happens if there is none.

        Args:
            pair: as subscribed.
            listener: as subscribed.
            user: as subscribed.
            exchange: as subscribed.
            environment: as subscribed.
            forget: also forget where the listener stands, so that the name would begin anew.
            deadline_s: what is in hand is cancelled after so long, in seconds.

        Raises:
            BrokerError: the broker is away.
        """
        key = (self._account_of(user, exchange, environment), pair, id(listener))
        bot = self._subscribed.pop(key, None)
        if bot is not None:
            await self._entered().remove(bot, deadline_s=deadline_s, forget=forget)

    async def is_websocket_connected(
        self, *, user: str | None = None, exchange: str | None = None, environment: str | None = None
    ) -> bool:
        """Return whether fills of the account are being detected live.

        Raises:
            BrokerError: the broker is away.
        """
        event = await self._entered().connections.ask(self._account_of(user, exchange, environment))
        return event is not None and event.is_connected

    async def get_websocket_status(
        self, *, user: str | None = None, exchange: str | None = None, environment: str | None = None
    ) -> WebSocketStatus:
        """Return how the account's connection to its venue is.

        Raises:
            BrokerError: the broker is away.
        """
        account = self._account_of(user, exchange, environment)
        return _status(account, await self._entered().connections.ask(account))

    def _account_of(self, user: str | None, exchange: str | None, environment: str | None) -> Account:
        default = self._account
        return Account(user or default.user, exchange or default.exchange, environment or default.environment)

    def _entered(self) -> Host:
        if self._host is None:
            raise RuntimeError("not connected: expected async with Orders(...) as orders")
        return self._host


def _status(account: Account, event: ConnectionEvent | None) -> WebSocketStatus:
    return WebSocketStatus(
        is_connected=event is not None and event.is_connected,
        exchange=account.exchange,
        environment=account.environment,
        user=account.user,
        state=None if event is None else event.state,
        subscription_count=0 if event is None else event.subscription_count,
        last_event_time_ns=None if event is None else event.last_event_time_ns,
        uptime_s=0.0 if event is None else event.uptime_s(time.time_ns()),
        reason=None if event is None else event.reason,
    )
