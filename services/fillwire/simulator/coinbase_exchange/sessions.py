"""What clients say on one connection to the feed, and what they are answered."""

import asyncio
from collections.abc import Callable

import orjson

from fillwire.simulator.coinbase_exchange import refusals
from fillwire.simulator.coinbase_exchange.core import ExchangeCore
from fillwire.simulator.coinbase_exchange.feed import FeedConnection
from fillwire.simulator.coinbase_exchange.refusals import FeedRefusal, Refusal
from fillwire.simulator.coinbase_exchange.security import authenticate
from fillwire.simulator.coinbase_exchange.signatures import FEED_METHOD, FEED_PATH
from fillwire.simulator.coinbase_exchange.subscribing import Channels, Wish, read_wish
from fillwire.simulator.exchange.accounts import Account

SUBSCRIBE = "subscribe"
"""Name of a subscription for faults that strike requests."""
MAX_SUBSCRIPTIONS = 10
"""Connections of one account that may subscribe to the same product on the same channel."""
_MAX_WAITING = 1_000


class Session:
    """The messages of one connection, handled one after the other as they arrive."""

    def __init__(self, core: ExchangeCore, connection: FeedConnection) -> None:
        self._core = core
        self._connection = connection
        self._waiting: set[asyncio.TimerHandle] = set()

    def receive(self, data: str | bytes) -> None:
        """Act on a message and answer it."""
        self._answering(lambda: self._accept(data))

    def end(self) -> None:
        """Drop what waits for a fault's delay, and watch no product for this connection any more."""
        for timer in self._waiting:
            timer.cancel()
        self._connection.channels = Channels()
        self._core.watch_products()

    def _answering(self, action: Callable[[], None]) -> None:
        try:
            action()
        except FeedRefusal as refusal:
            self._send(orjson.dumps(refusal.frame()))
            if refusal.closes:
                self._connection.close(1000)

    def _send(self, payload: bytes) -> None:
        self._connection.deliver(payload, "response")

    def _accept(self, data: str | bytes) -> None:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        wish = read_wish(text, self._core.venue.markets)
        account = self._signer(wish) if wish.signature else None
        delay_s = self._core.faults.request_delay_s(SUBSCRIBE, account, "websocket")
        if not delay_s:
            self._act(wish, account)
            return
        if len(self._waiting) >= _MAX_WAITING:
            raise FeedRefusal("Failed to subscribe", "too many messages wait")
        loop = asyncio.get_running_loop()

        def act_later() -> None:
            self._waiting.discard(timer)
            self._answering(lambda: self._act(wish, account))

        timer = loop.call_later(delay_s, act_later)
        self._waiting.add(timer)

    def _signer(self, wish: Wish) -> Account:
        try:
            account = authenticate(self._core.venue, wish.signature, FEED_METHOD, FEED_PATH)
        except Refusal as refusal:
            raise refusals.unauthenticated(refusal) from None
        if self._core.faults.strike("login_refused", account) is not None:
            raise refusals.unauthenticated(Refusal(refusals.INVALID_KEY, 401))
        return account

    def _act(self, wish: Wish, account: Account | None) -> None:
        fault = self._core.faults.request_error(SUBSCRIBE, account, "websocket")
        if fault is not None:
            reason = str(fault.options.get("message", "internal error"))
            raise FeedRefusal("Failed to subscribe", reason, closes=True)
        if wish.is_subscribe and account is not None:
            self._check_number(wish, account)
        channels = self._connection.channels
        for channel, products in wish.channels:
            if wish.is_subscribe:
                channels.add(channel, products or (), account)
            else:
                channels.remove(channel, products)
        if account is not None:
            self._connection.listen(account)
        self._core.watch_products()
        if self._core.faults.lost_response(SUBSCRIBE, account) is None:
            self._send(orjson.dumps(channels.acknowledgement()))
        self._send_last_matches(wish)
        self._connection.note_subscribed()

    def _check_number(self, wish: Wish, account: Account) -> None:
        for channel, products in wish.channels:
            for product in products or ():
                if self._connection.channels.has(channel, product):
                    continue
                if self._core.listeners(account, channel, product) >= MAX_SUBSCRIPTIONS:
                    raise refusals.not_subscribed(f"too many subscriptions to {channel} of {product}")

    def _send_last_matches(self, wish: Wish) -> None:
        """Begin the channel of matches with the latest of each product, as the venue does."""
        if not wish.is_subscribe:
            return
        for channel, products in wish.channels:
            for product in products or () if channel == "matches" else ():
                last = self._core.venue.tapes[product].last_trade
                if last is not None:
                    self._send(orjson.dumps({**last, "type": "last_match"}))
