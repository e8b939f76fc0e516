"""What clients say on one connection to the feed, and what they are answered."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from fillwire.simulator.coinbase_advanced.core import AdvancedCore
from fillwire.simulator.coinbase_advanced.feed import FeedConnection
from fillwire.simulator.coinbase_advanced.refusals import AUTHENTICATION_FAILURE
from fillwire.simulator.coinbase_advanced.security import authenticate
from fillwire.simulator.coinbase_advanced.subscribing import Wish, WishRefused, read_wish
from fillwire.simulator.coinbase_advanced.tokens import TokenRefused
from fillwire.simulator.exchange.accounts import Account

SUBSCRIBE = "subscribe"
"""Name of a subscription for faults that strike requests."""
_MAX_WAITING = 1_000


class Session:
    """The messages of one connection, handled one after the other as they arrive."""

    def __init__(self, core: AdvancedCore, connection: FeedConnection) -> None:
        self._core = core
        self._connection = connection
        self._waiting: set[asyncio.TimerHandle] = set()

    def receive(self, data: str | bytes) -> None:
        """Act on a message and answer it."""
        self._answering(lambda: self._accept(data))

    def end(self) -> None:
        """Drop what waits for a fault's delay."""
        for timer in self._waiting:
            timer.cancel()

    def _answering(self, action: Callable[[], None]) -> None:
        """Answer with an error what cannot be done; the connection stays open, though nothing may follow on it."""
        try:
            action()
        except WishRefused as refused:
            self._send({"type": "error", "message": str(refused)})
        except TokenRefused:
            self._send(AUTHENTICATION_FAILURE)

    def _send(self, document: dict[str, Any]) -> None:
        # errors have no number on the connection
        self._connection.deliver(orjson.dumps(document), "response")

    def _accept(self, data: str | bytes) -> None:
        wish = read_wish(data if isinstance(data, str) else data.decode(errors="replace"))
        account = self._signer(wish)
        delay_s = self._core.faults.request_delay_s(SUBSCRIBE, account, "websocket")
        if not delay_s:
            self._act(wish, account)
            return
        if len(self._waiting) >= _MAX_WAITING:
            raise WishRefused("too many messages")
        loop = asyncio.get_running_loop()

        def act_later() -> None:
            self._waiting.discard(timer)
            self._answering(lambda: self._act(wish, account))

        timer = loop.call_later(delay_s, act_later)
        self._waiting.add(timer)

    def _signer(self, wish: Wish) -> Account | None:
        """Return who has signed; heartbeats need no token, but may have one."""
        if not wish.token and wish.channel == "heartbeats":
            return None
        account = authenticate(self._core.venue, wish.token)
        if self._core.faults.strike("login_refused", account) is not None:
            raise TokenRefused("by a fault")
        return account

    def _act(self, wish: Wish, account: Account | None) -> None:
        fault = self._core.faults.request_error(SUBSCRIBE, account, "websocket")
        if fault is not None:
            raise WishRefused(str(fault.options.get("message", "internal error")))
        connection = self._connection
        connection.note_subscribed()
        # data may come before the acknowledgement, and does as often as not
        comes_first = wish.is_subscribe and self._core.venue.random.random() < 0.5  # noqa: PLR2004 - as often as not
        lost = self._core.faults.lost_response(SUBSCRIBE, account)
        if wish.channel == "heartbeats":
            connection.set_heartbeats(wanted=wish.is_subscribe)
        elif account is not None and wish.is_subscribe:
            connection.listen(account, wish.products)
        elif account is not None:
            connection.forget_user()
        begins = wish.channel == "user" and connection.stream is not None
        if begins and comes_first and connection.stream is not None:
            connection.stream.snapshot()
        if lost is None:
            connection.acknowledge()
        if begins and not comes_first and connection.stream is not None:
            connection.stream.snapshot()
