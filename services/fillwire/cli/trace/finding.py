"""Finds the events of a trade or an order in the log."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import orjson

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_division
from fillwire.bus.durables import Deliver, StartAtTime
from fillwire.bus.errors import ApiRefused
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.cli.showing import time_text
from fillwire.domain.errors import BrokerError, DecodeError, FillwireError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import escape_token, order_scope
from fillwire.runtime.logs import get_log
from fillwire.runtime.redaction import printable
from fillwire.runtime.tracing import span_digests
from fillwire.wire.codec import decode_order
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.headers import STAMPS, Stamps, parse_stamps
from fillwire.wire.subjects import ORDERS

_log = get_log(__name__)

_ANY = "*"
_DEADLINE_S = 300.0
_SHOWN = 20
_COLONS_OF_ORDER = 4  # exchange:environment:user:symbol:order_id


class NotFound(FillwireError):
    """The log has no such trade or order."""


class Ambiguous(FillwireError):
    """The log has several; the sentence lists them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is looked for.

    Attributes:
        name: a trade id, an order id, a client order id, an event id or the part of it that names the order.
        user: whose; None for anybody's, and likewise below.
        exchange: venue and product.
        environment: such as `live`.
        pair: our spelling.
        since_ns: events that were stored before are not looked at; None for the whole log.
        until_ns: of `find_event`: nor are those that were stored later; None for no end.
    """

    name: str
    user: str | None = None
    exchange: str | None = None
    environment: str | None = None
    pair: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None

    @property
    def pattern(self) -> str:
        """The subjects on which it may have been published."""
        parts = (self.user, self.exchange, self.environment, self.pair)
        return ".".join((ORDERS, *(_ANY if part is None else escape_token(part) for part in parts), _ANY))


class _Enough(Exception):
    """No more of the log is to be read."""


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as the log has it.

    Attributes:
        event: the event.
        sequence: its place in the log.
        stored_ns: when it was stored, by the broker's clock.
        stamps: times inside the gateway; None if the message brings none.
    """

    event: OrderEvent
    sequence: int
    stored_ns: int
    stamps: Stamps | None

    @property
    def trace_id(self) -> str:
        """The id of the event's trace, hexadecimal."""
        return span_digests(self.event.event_id).trace_id.hex()

    @property
    def scope(self) -> str:
        """The part of the event id that names the order."""
        return order_scope(self.event.account, self.event.symbol, self.event.order_id)


async def find(bus: Bus, wanted: Wanted) -> list[Logged]:
    """Return the one execution that is called so, or all events of the one order, as the log has them.

    The log is read through, some 30,000 events per second; there is no index by id.

    Raises:
        NotFound: nothing is called so.
        Ambiguous: several trades or orders are.
        ConfigError: the log is divided otherwise than the settings say.
        BrokerError: no answer, not allowed, or not read within five minutes.
    """
    found: dict[str, Logged] = {}
    needle = _needle(wanted.name)

    def take(message: Message) -> None:
        logged = _logged(message, needle)
        if logged is not None and wanted.name in _names(logged):
            found.setdefault(logged.event.event_id, logged)  # a copy that was stored later tells less

    start: Deliver = "all" if wanted.since_ns is None else StartAtTime(wanted.since_ns)
    try:
        for stream in bus.partitions.streams_at(wanted.pattern):
            await read_stream(bus, stream, wanted.pattern, start, take, deadline_s=_DEADLINE_S)
    except ApiRefused as error:
        if error.error_code != api.STREAM_NOT_FOUND:
            raise
        with suppress(BrokerError):
            await require_division(bus, deletes=False)
        raise NotFound("the broker has no log of order events: no gateway has ever run here") from error
    return choose(wanted, list(found.values()))


async def find_event(bus: Bus, wanted: Wanted, *, deadline_s: float) -> Logged | None:
    """Return the one event of an id, None if it was not stored within the times that are named.

    Args:
        bus: the connection.
        wanted: names the event id, its user, and between which times it was stored.
        deadline_s: how long the log may be read.

    Raises:
        BrokerError: no answer, not allowed, no log, or not read before the deadline.
    """
    found: Logged | None = None
    needle = _needle(wanted.name)

    def take(message: Message) -> None:
        nonlocal found
        if wanted.until_ns is not None and message.stored_time_ns > wanted.until_ns:
            raise _Enough
        logged = _logged(message, needle)
        if logged is not None and logged.event.event_id == wanted.name:
            found = logged
            raise _Enough

    start: Deliver = "all" if wanted.since_ns is None else StartAtTime(wanted.since_ns)
    stream = bus.partitions.stream_at(wanted.pattern)
    with suppress(_Enough):
        await read_stream(bus, stream, wanted.pattern, start, take, deadline_s=deadline_s)
    return found


def _logged(message: Message, needle: bytes) -> Logged | None:
    """Return the event of a message in which this stands; None if there is none, or one that was told before."""
    if needle not in message.data or message.header(REPLAY_FOR) is not None:
        return None
    try:
        event = decode_order(message.data)
    except DecodeError as error:
        _log.warning("event_not_read", subject=message.subject, sequence=message.sequence, error=error)
        return None
    return Logged(event, message.sequence, message.stored_time_ns, _stamps(message))


def choose(wanted: Wanted, found: Sequence[Logged]) -> list[Logged]:
    """Return the events of the one thing that is called so, in the log's order.

    Raises:
        NotFound: nothing is called so.
        Ambiguous: several trades or orders are.
    """
    if not found:
        further = "" if wanted.since_ns is None else "; --since looks further back"
        raise NotFound(
            f"found no trade or order {wanted.name!r} in the log{_where(wanted)}: "
            f"expected a trade id, an order id, a client order id or an event id{further}"
        )
    things: dict[str, list[Logged]] = {}
    for logged in found:
        is_step = wanted.name in {logged.event.event_id, _trade_id(logged)}
        things.setdefault(logged.event.event_id if is_step else logged.scope, []).append(logged)
    if len(things) > 1:
        lines = [_candidate(name, of_thing) for name, of_thing in sorted(things.items())]
        more = [] if len(lines) <= _SHOWN else [f"  and {len(lines) - _SHOWN} more"]
        asked = (
            f"{wanted.name!r} names {len(lines)} trades or orders: expected one of these names instead, or"
        )
        options = "--exchange, --environment, --user or --pair"
        raise Ambiguous("\n".join([f"{asked} {options}", *lines[:_SHOWN], *more]))
    return sorted(next(iter(things.values())), key=lambda logged: logged.sequence)


def _candidate(name: str, of_thing: Sequence[Logged]) -> str:
    event = of_thing[0].event
    what = "order" if name == of_thing[0].scope else "trade" if event.last_fill is not None else "event"
    text = f"  {name}  {what} of {event.account}, {event.pair}, {time_text(event.received_time_ns)} UTC"
    return printable(text)


def _names(logged: Logged) -> set[str | None]:
    event = logged.event
    return {event.event_id, _trade_id(logged), event.order_id, event.client_order_id, logged.scope}


def _trade_id(logged: Logged) -> str | None:
    fill = logged.event.last_fill
    return None if fill is None else fill.trade_id


def _needle(name: str) -> bytes:
    """Return what stands in the JSON of every event that is called so: it is looked for before any is decoded."""
    quoted = orjson.dumps(name)
    # The name of an order is the beginning of its events' ids.
    return quoted[:-1] + b":" if name.count(":") == _COLONS_OF_ORDER else quoted


def _stamps(message: Message) -> Stamps | None:
    header = message.header(STAMPS)
    try:
        return None if header is None else parse_stamps(header)
    except ValueError:  # somebody else's publisher
        return None


def _where(wanted: Wanted) -> str:
    parts = {
        "user": wanted.user,
        "exchange": wanted.exchange,
        "environment": wanted.environment,
        "pair": wanted.pair,
    }
    said = [f"{name} {value}" for name, value in parts.items() if value is not None]
    if wanted.since_ns is not None:
        said.append(f"since {time_text(wanted.since_ns)} UTC")
    return f" ({', '.join(said)})" if said else ""
