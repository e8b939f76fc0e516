"""What the log says about one account: where its gateway stood, and which events it has."""

from collections.abc import Callable

import orjson

from fillwire.bus.connection import Bus
from fillwire.bus.durables import Deliver, StartAtTime
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import newest_message
from fillwire.bus.messages import Message
from fillwire.domain.errors import DecodeError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.wire.codec import decode_connection, decode_order
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.subjects import connection_subject, order_filter

_log = get_log(__name__)

CONNECTIONS = "CONNECTIONS"


class AccountLog:
    """Reads the log of one account. Each method raises `BrokerError` if the broker does not answer."""

    def __init__(self, bus: Bus, account: Account) -> None:
        self._bus = bus
        self._account = account

    async def last_connection(self) -> ConnectionEvent | None:
        """Return the last state that any gateway told of the account, None if there is none that can be read."""
        message = await newest_message(self._bus, CONNECTIONS, connection_subject(self._account))
        try:
            return None if message is None else decode_connection(message.data)
        except DecodeError as error:
            _log.warning("connection_event_not_read", account=str(self._account), error=error)
            return None

    async def latest(self) -> list[OrderEvent]:
        """Return the newest event of each pair and kind."""
        events: list[OrderEvent] = []
        await self._read("last_per_subject", None, lambda event, _: events.append(event))
        return events

    async def since(
        self, stored_ns: int, receive: Callable[[OrderEvent, bytes], None], pair: str | None = None
    ) -> None:
        """Hand every event stored since then, of all pairs or of one, to `receive`, with its bytes, in order."""
        await self._read(StartAtTime(max(0, stored_ns)), pair, receive)

    async def of_order(self, pair: str, order_id: str, receive: Callable[[OrderEvent, bytes], None]) -> None:
        """Hand every event of one order that the log holds to `receive`, with its bytes, in order.

        Reads all events of the pair: for what a person asks, not for what happens on its own.
        """
        await self._read("all", pair, receive, mark=f'"order_id":{orjson.dumps(order_id).decode()},'.encode())

    async def named(
        self, pair: str, client_order_id: str, stored_ns: int, receive: Callable[[OrderEvent, bytes], None]
    ) -> None:
        """Hand every event of a client order id that was stored since then to `receive`; reads those of the pair."""
        mark = f'"client_order_id":{orjson.dumps(client_order_id).decode()},'.encode()
        await self._read(StartAtTime(max(0, stored_ns)), pair, receive, mark=mark)

    async def _read(
        self,
        deliver: Deliver,
        pair: str | None,
        receive: Callable[[OrderEvent, bytes], None],
        *,
        mark: bytes = b"",
    ) -> None:
        def take(message: Message) -> None:
            if mark not in message.data:
                return
            if message.header(REPLAY_FOR) is not None:  # an old event, given to one bot again
                return
            try:
                event = decode_order(message.data)
            except DecodeError as error:
                _log.warning("logged_event_not_read", subject=message.subject, error=error)
                return
            receive(event, message.data)

        pattern = order_filter(self._account, pair)
        await read_stream(self._bus, self._bus.partitions.stream_at(pattern), pattern, deliver, take)
