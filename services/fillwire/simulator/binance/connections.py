"""A connection to the WebSocket API, and the subscriptions on it."""

from random import Random

from aiohttp import web

from fillwire.simulator.binance.events import render
from fillwire.simulator.exchange.accounts import Account, AccountEvent, ApiKey
from fillwire.simulator.exchange.connections import Connection, ConnectionTimes, Gate, Subscription


class BinanceConnection(Connection):
    """One accepted connection.

    Attributes:
        divisor: from microseconds to the connection's time unit.
        shows_limits: whether responses carry `rateLimits` unless a request says otherwise.
        session_key: key that has logged on, None before.
    """

    broken = b'{"subscriptionId":0,"event":{"e":"exe'

    def __init__(  # noqa: PLR0913 - made in one place, from the parts of one request
        self,
        request: web.Request,
        gate: Gate,
        times: ConnectionTimes,
        random: Random,
        *,
        divisor: int,
        shows_limits: bool,
        connected_us: int,
    ) -> None:
        super().__init__(request, gate, times, random, connected_us=connected_us)
        self.divisor = divisor
        self.shows_limits = shows_limits
        self.session_key: ApiKey | None = None
        self.authorized_us: int | None = None

    def serves(self, account: Account | None) -> bool:
        """Return whether the connection delivers to the account, or it has logged on; None stands for all accounts."""
        if self.session_key is not None and self.session_key.account is account:
            return True
        return super().serves(account)


class BinanceSubscription(Subscription):
    """An account's user data stream.

    Attributes:
        prefix: what stands before each event in its frame.
        is_of_session: whether it was made by `userDataStream.subscribe`, so that a logout ends it.
    """

    def __init__(self, connection: BinanceConnection, account: Account, *, is_of_session: bool) -> None:
        super().__init__(connection, account)
        self.is_of_session = is_of_session
        self.prefix = f'{{"subscriptionId":{self.id},"event":'
        self._divisor = connection.divisor

    def tell(self, event: AccountEvent, now_ns: int) -> None:
        """Deliver an event, wrapped with the subscription's id."""
        kind, text = render(event, now_ns // 1_000, self._divisor)
        self.connection.deliver(f"{self.prefix}{text}}}".encode(), kind, self.account)

    def terminate(self, now_us: int) -> None:
        """End the subscription, and say so on its connection."""
        text = f'{{"e":"eventStreamTerminated","E":{now_us // self._divisor}}}'
        self.connection.deliver(f"{self.prefix}{text}}}".encode(), "eventStreamTerminated", self.account)
        self.connection.unsubscribe(self)
