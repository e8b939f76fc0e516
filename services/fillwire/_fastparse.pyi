"""The Rust parsers, and what every fill pays for being measured and traced.

Only `fillwire.venues.parsing`, `fillwire.wire.headers`, `fillwire.runtime.latency` and `fillwire.runtime.fill_tracer`
import this module.

Everything here is synchronous and does no I/O; only `AccountTracer` reads a clock.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, Self, final

from typing_extensions import disjoint_base

from fillwire.domain.events import OrderEvent

__all__ = [
    "AccountTracer",
    "Control",
    "ExecutionReport",
    "FillTracer",
    "Histogram",
    "ParseError",
    "Parser",
    "Sent",
    "call_ids",
    "child_id",
    "error_codes",
    "exchanges",
    "fill_ids",
    "read_arrival",
]

def exchanges() -> list[str]:
    """Return the exchanges that have a parser."""

def read_arrival(block: bytes, /) -> tuple[int, int, int, bool | None] | tuple[None, None, None, bool | None]:
    """Return what a raw block of headers says of an event's way: `wire.headers.Stamps`, and whether its trace is kept.

    Stamps that are no three numbers of 64 bits are as good as none; kept is what `runtime.tracing.is_parent_sampled` says.
    """

def error_codes() -> list[tuple[str, str]]:
    """Return every (code, class) that `ParseError` can carry; class is malformed, unknown or suspicious."""

@final
class ParseError(Exception):
    """A frame that should have parsed and did not.

    Of several defects the most basic one is told: the text itself, then what cannot be decoded, then values outside
    closed sets, then contradictions; within each in a fixed order.
    """

    @property
    def error_class(self) -> str:
        """`malformed`, `unknown` or `suspicious`."""
    @property
    def code(self) -> str:
        """Stable snake_case name of the defect, one of `error_codes()`."""
    @property
    def field(self) -> str | None:
        """The venue's name of the field, None where the frame as a whole is meant."""
    @property
    def offset(self) -> int:
        """Byte offset in the frame at which the defect was found; of a MessagePack frame in its JSON, within its length."""
    @property
    def message(self) -> str:
        """One sentence: what was found and what was expected."""
    @property
    def symbol(self) -> str | None:
        """The venue's symbol, where it could still be read."""
    @property
    def order_id(self) -> str | None:
        """The order's id, where it could still be read."""

@final
class ExecutionReport:
    """One validated order event. Immutable; what is not read of each is built when read, amounts as decimal strings."""

    @property
    def event_id(self) -> str:
        """Identity of the event, see `fillwire.domain.identifiers`."""
    @property
    def kind(self) -> str:
        """Value of `fillwire.domain.enums.Kind`."""
    @property
    def pair(self) -> str:
        """`BASE-QUOTE`."""
    @property
    def symbol(self) -> str:
        """The venue's spelling."""
    @property
    def order_id(self) -> str:
        """The venue's order id."""
    @property
    def client_order_id(self) -> str | None:
        """The order's own client id."""
    @property
    def quantity(self) -> str | None:
        """Ordered base quantity, a decimal string; None where the venue does not say it."""
    @property
    def cumulative_quantity(self) -> str:
        """Base quantity executed so far, a decimal string."""
    @property
    def last_quantity(self) -> str | None:
        """Base quantity of this execution, a decimal string; None if the event is no execution."""
    @property
    def trade_id(self) -> str | None:
        """The venue's trade id; None if the event is no execution."""
    @property
    def exchange_time_ns(self) -> int:
        """When the venue emitted the report, by its clock, in nanoseconds since the epoch."""
    @property
    def transaction_time_ns(self) -> int:
        """When the matching engine acted, in nanoseconds since the epoch."""
    @property
    def received_time_ns(self) -> int:
        """As given to `parse`."""
    @property
    def json(self) -> bytes:
        """The canonical order event, byte for byte what `fillwire.wire.codec.encode_order` writes."""

@final
class Control:
    """A frame that is no order event: a response, an account event, a notice about the connection.

    Members of the JSON object by `type`, besides `type` itself; ids of orders are strings, amounts decimal strings:

    - `response`: `id` (string, integer or null), `status`, `result`, `error`, `rate_limits`: the venue's own JSON, null
      where it sent none.
    - All others have `subscription_id` (null if the frame has none) and `exchange_time_ns`.
    - `account`: `update_time_ns`, `balances` of `asset`, `free`, `locked`.
    - `balance`, `external_lock`: `asset`, `delta` (signed), `transaction_time_ns`.
    - `list_status`: `symbol`, `order_list_id`, `contingency_type`, `list_status`, `list_order_status`, `reject_reason`,
      `list_client_order_id`, `transaction_time_ns`, `orders` of `symbol`, `order_id`, `client_order_id`; words are the
      venue's.
    - `stream_terminated`, `server_shutdown`, `listen_key_expired`: nothing more.

    Of any venue, without the two members above:

    - `order_doubted`: `symbol`, `order_id`: something happened to the order that only the venue's records can tell. Where
      the frame says it also `executed`, the base quantity executed so far, and `has_ended`.
    - `sequence_gap`: frames were lost; `symbol` where they were of one.
    - `subscriptions`: `channels`: all of the connection by now, the venue's own JSON.
    - `heartbeat`: `exchange_time_ns`, and what the venue counts: `symbol`, `sequence`, `last_trade_id`.
    - `error`: `message`, `reason` (null if there is none): the venue's words.
    - `balance` of Coinbase: `account_id`, `asset`, `holds`, `available`, `update_time_ns`, `exchange_time_ns`.
    - `order_note`: `symbol` (null for the parent of several legs), `order_id`, `client_order_id`, `event`, `venue_status`,
      `cumulative_quantity`, `transaction_time_ns`: a state on the way of which the order's life has no step; words are
      the venue's.
    - `authorization`: `authorized`, `action`, `message`. `listening`: `streams`.

    Of Binance USD-M Futures, all with `exchange_time_ns` and most with `transaction_time_ns`:

    - `fill_announced`: `symbol`, `pair`, `order_id`, `client_order_id`, `side`, `price`, `trade_id`, `last_price`,
      `last_quantity`, `liquidity`: an execution whose report is about to follow.
    - `conditional_order`: `symbol`, `algo_id`, `client_order_id`, `status`, `order_id` (null until there is one),
      `reject_reason`. `conditional_order_rejected`: `symbol`, `order_id`, `reject_reason`.
    - `account`: `cause`, `balances` of `asset`, `wallet`, `cross_wallet`, `positions` of `symbol`, `side`, `quantity`,
      `entry_price`. `margin_call`: `cross_wallet`, `positions` of `symbol`, `side`, `quantity`, `mark_price`,
      `maintenance_margin`. `account_config`: `symbol`, `leverage`, `is_multi_assets`.
    - `other`: `event`, the venue's name of it.
    """

    @property
    def type(self) -> str:
        """`response`, `account`, `balance`, `external_lock`, `list_status`, `stream_terminated`, `server_shutdown`, `listen_key_expired`, `order_doubted`, `sequence_gap`, `subscriptions`, `heartbeat`, `error`, `order_note`, `authorization`, `listening`, `fill_announced`, `conditional_order`, `conditional_order_rejected`, `margin_call`, `account_config`, `other`."""
    @property
    def json(self) -> bytes:
        """The control as a JSON object; its key `type` repeats `type`."""

@final
class Parser:
    """Parser for the frames of one connection.

    Args:
        name: which venue's frames, one of `exchanges()`.
        user: owner of the account; becomes `user` of each event.
        environment: such as `live`; becomes `environment` of each event and part of its identity.
        symbols: venue symbol to pair (`{"BTCUSDT": "BTC-USDT"}`). None: pairs are guessed as far as the venue's spelling
            lets one, fit for inspection only.
        microseconds: whether times are microseconds instead of milliseconds, where the venue has both.
        exchange: value of `exchange` in events, `name` unless given.
        error: makes of a `ParseError` the exception to raise in its place. None: the `ParseError` itself is raised.

    Raises:
        ValueError: there is no parser of that name.
    """

    def __new__(
        cls,
        name: str,
        /,
        *,
        user: str,
        environment: str,
        symbols: Mapping[str, str] | None,
        microseconds: bool = False,
        exchange: str | None = None,
        error: Callable[[ParseError], Exception] | None = None,
    ) -> Self: ...
    def use_clock(self, offset_ns: int) -> None:
        """Judge the venue's times by this offset, the venue's clock minus ours, from now on; 0 until then."""
    def note_order(
        self,
        *,
        symbol: str,
        order_id: str,
        client_order_id: str | None,
        side: str,
        order_type: str,
        time_in_force: str | None,
        price: str | None,
        stop_price: str | None,
        quantity: str | None,
        quote_quantity: str | None,
        cumulative_quantity: str,
        cumulative_quote: str | None,
        is_open: bool,
        last_trade_id: str | None = None,
    ) -> None:
        """Take what the venue's records show of an order, all of it published; of use where frames do not tell all.

        Amounts are decimal strings, words as in events. Raises as `parse` where an amount is none.
        `last_trade_id` is the last execution that `cumulative_quantity` counts: where frames name no sum, executions
        are counted from there.
        """
    def name_client(self, venue_id: str, ours: str) -> None:
        """Have orders of this client id at the venue go by `ours`, where the venue does not take every id."""
    def is_doubted(self, symbol: str, order_id: str) -> bool:
        """Return whether frames told of the order what only the records can tell, and these have not yet."""
    def use_symbols(self, symbols: Mapping[str, str]) -> bool:
        """Name pairs by this table from now on; False, with nothing done, where a new parser does as well."""
    @property
    def forgotten_count(self) -> int:
        """Open orders forgotten because there were too many, where frames do not tell all and orders are remembered."""
    def parse(self, frame: bytes, received_time_ns: int, /) -> list[ExecutionReport | Control]:
        """Return what the frame says.

        Args:
            frame: one frame, as received.
            received_time_ns: when it was received, by the local clock, in nanoseconds since the epoch.

        Raises:
            ParseError: the frame is malformed, holds an unknown value or is suspicious; or what `error` makes of it.
        """

@disjoint_base
class Histogram:
    """Durations in nanoseconds in the buckets that `fillwire.runtime.latency` describes. One thread records."""

    def __new__(cls) -> Self: ...
    def record(self, duration_ns: int, /) -> None:
        """Count one duration; one of 0 ns or less counts as zero, one that 64 bits cannot hold as the longest they can."""
    def counted(self) -> tuple[tuple[int, ...], int, int, int | None, int | None]:
        """Return the counts of all buckets, of zero, then sum, smallest and largest in nanoseconds, None without a record."""

class _Message(Protocol):
    """What is read of a `fillwire.bus.messages.Message`."""

    data: bytes
    raw_subject: bytes
    raw_reply: bytes
    raw_headers: bytes

class _Report(Protocol):
    """What is read of a `fillwire.venues.records.OrderReport`."""

    @property
    def event_id(self) -> str: ...
    @property
    def order_id(self) -> str: ...
    @property
    def trade_id(self) -> str | None: ...
    @property
    def pair(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def exchange_time_ns(self) -> int | None: ...
    @property
    def received_time_ns(self) -> int: ...
    @property
    def json(self) -> bytes: ...

class _Outcome(Protocol):
    """What is read of a `fillwire.bus.encoding.PublishOutcome`."""

    @property
    def error(self) -> Exception | None: ...

def fill_ids(event_id: str, /) -> bytes:
    """Return the ids of an event's trace and of its gateway's spans: 16 bytes, then 8 each of emit, receive, parse, publish."""

def call_ids(event_id: str, bot: str, callback: str, delivery: int, attempt: int, /) -> tuple[bytes, bytes]:
    """Return the ids of the spans `deliver` and `callback` of one call, 8 bytes each; see `fillwire.runtime.tracing`."""

def child_id(name: str, /) -> bytes:
    """Return the id, of 8 bytes, of the span that a text names."""

@final
class FillTracer:
    """Counts the fills of one process, and remembers those whose traces are kept. Any thread may use it.

    Args:
        bound: a trace is kept whose last 64 bits are below it, from 0 to 2**64.
        follows_parent: whether a decision that came with the message overrides that.
        slow_ns: a fill that took longer from venue to bot has its trace kept; None for none.
        capacity: records that wait to be taken at most; then the oldest are dropped and counted.
    """

    def __new__(cls, *, bound: int, follows_parent: bool, slow_ns: int | None, capacity: int) -> Self: ...
    def export(self, wake: Callable[[], None]) -> None:
        """Keep records from now on; `wake` is called when half of the room for them has been taken."""
    def called(
        self,
        bot: str,
        event: OrderEvent,
        message: _Message,
        callback: str,
        callback_index: int,
        attempt: int,
        delivered_ns: int,
        started_ns: int,
        returned_ns: int,
        error: BaseException | None,
        /,
    ) -> None:
        """Take note of a call of a bot's method; the arguments are those of `fillwire.sdk.worker.Observe`.

        A trace is kept that the message's `traceparent` says is kept, or the bound; else one of a fill that was slow or
        whose method raised, or that was noted: then with the steps before it.
        """
    def keeps(self, event_id: str, parent: bool | None, /) -> bool:
        """Return whether the bound keeps the event's trace; `parent` is what its `traceparent` says, None without one."""
    def is_slow(self, took_ns: int, /) -> bool:
        """Return whether a fill that took so long from venue to bot is slow."""
    def note(self, event_id: str, reason: str, /) -> None:
        """Keep the trace of an event, for the first reason that is noted, one of `KeptFor`; the last 4,096 are remembered.

        Raises:
            ValueError: no such reason.
        """
    def reason(self, event_id: str, /) -> str | None:
        """Return why the event's trace is kept although the bound leaves it out, None if it is not."""
    @property
    def kept_count(self) -> int:
        """Records that were kept so far."""
    @property
    def dropped_count(self) -> int:
        """Of these, dropped for newer ones."""
    def __len__(self) -> int:
        """Return how many records wait."""
    def clear(self) -> None:
        """Forget the records that wait."""
    def series(self) -> list[tuple[str, str, list[tuple[tuple[int, ...], int, int, int | None, int | None]]]]:
        """Return exchange, environment and what `Histogram.counted` does of each stage, in the order of `STAGES`."""
    def shown(self) -> list[tuple[str, str, int, int, int, int]]:
        """Return the stages of the newest executions that were taken since it was asked last.

        Each is exchange, environment, place in `STAGES`, duration and end in nanoseconds, and the number of its trace:
        of the newest 256 that the bound kept and that were taken, then of the newest 64 others.
        """
    def take(
        self, most_bytes: int, describe: Callable[[BaseException, int], bytes], /
    ) -> tuple[bytes, int, int]:
        """Take records out, the oldest first, and return their spans, how many these are, and of how many records.

        They are encoded without the interpreter, as `ResourceSpans.scope_spans.spans` of OTLP, one behind the other.

        Args:
            most_bytes: no more are taken when the spans have so many; the last record may go beyond it.
            describe: returns what a span says of an exception that was raised until a time in nanoseconds.
        """

@final
class AccountTracer:
    """Follows the events of one account on their way to the broker.

    Args:
        tracer: is told of them.
        exchange: venue and product.
        environment: such as `live`.
        user: owner of the account.
        clock_offset_ns: returns venue clock minus ours, None before it was measured.
        settle: called with the number of an event when it is stored, or never will be.
        now_ns: another clock than the machine's, in nanoseconds since the epoch.
    """

    def __new__(
        cls,
        tracer: FillTracer,
        *,
        exchange: str,
        environment: str,
        user: str,
        clock_offset_ns: Callable[[], int | None],
        settle: Callable[[int], None],
        now_ns: Callable[[], int] | None = None,
    ) -> Self: ...
    def sent(self, report: _Report, subject: str, order: str, parsed_ns: int, frame_bytes: int, /) -> Sent:
        """Return what follows one event.

        Args:
            report: the event.
            subject: subject on which it is published.
            order: which order's it is: its trace is linked to those of the last four events before it, of the 10,000
                orders of the account that were met last.
            parsed_ns: when the frame had become an event.
            frame_bytes: size of the venue's frame.
        """

@final
class Sent:
    """One order event on its way to the broker.

    Attributes:
        number: the event's, for `settle`.
    """

    number: int
    def headers(self) -> dict[str, str]:
        """Return the headers that tell of the event's way; called when it first leaves."""
    def acknowledged(self, outcome: _Outcome, /) -> None:
        """Take note that it is stored, or never will be: of one that is, and has left, each stage is counted."""
