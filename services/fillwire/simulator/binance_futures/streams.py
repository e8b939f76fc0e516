"""The private stream: a connection whose address names a key, and what is said on it."""

import orjson

from fillwire.simulator.binance_futures.events import render
from fillwire.simulator.binance_futures.venue import FuturesVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.connections import Connection, Subscription


class FuturesSubscription(Subscription):
    """An account's private stream.

    Attributes:
        listen_key: the key that names it.
    """

    def __init__(
        self,
        connection: Connection,
        account: Account,
        venue: FuturesVenue,
        listen_key: str,
        *,
        is_combined: bool,
    ) -> None:
        super().__init__(connection, account)
        self.listen_key = listen_key
        self._venue = venue
        self._prefix = f'{{"stream":"{listen_key}","data":' if is_combined else ""
        self._suffix = "}" if is_combined else ""

    def tell(self, event: AccountEvent, now_ns: int) -> None:
        """Deliver an event."""
        for kind, text in render(self._venue, event, now_ns // 1_000):
            self._say(kind, text)

    def expire(self, now_us: int) -> None:
        """Say that the key has expired, and nothing more after that; the connection stays."""
        time_ms = now_us // 1_000
        text = f'{{"e":"listenKeyExpired","E":{time_ms},"listenKey":"{self.listen_key}"}}'
        self._say("listenKeyExpired", text)
        self.connection.unsubscribe(self)

    def _say(self, kind: str, text: str) -> None:
        self.connection.deliver(f"{self._prefix}{text}{self._suffix}".encode(), kind, self.account)


class StreamSession:
    """What becomes of the frames of a client: a question for the streams is answered, anything else is passed over."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receive(self, data: str | bytes) -> None:
        """Act on a frame."""
        try:
            request = orjson.loads(data)
        except orjson.JSONDecodeError:
            request = None
        if not isinstance(request, dict) or "id" not in request:
            self._connection.deliver(b'{"code":2,"msg":"Invalid request"}', "response")
            return
        names = [
            subscription.listen_key
            for subscription in self._connection.subscriptions.values()
            if isinstance(subscription, FuturesSubscription)
        ]
        result = names if request.get("method") == "LIST_SUBSCRIPTIONS" else None
        self._connection.deliver(orjson.dumps({"result": result, "id": request["id"]}), "response")

    def end(self) -> None:
        """Do nothing: a session keeps nothing."""
