"""The Rust parsers. Only `fillwire.venues.parsing` imports this module.

Everything here is synchronous, keeps no Python object, does no I/O and reads no clock.
"""

from collections.abc import Callable, Mapping
from typing import Self, final

__all__ = ["BinanceSpotParser", "Control", "ExecutionReport", "ParseError", "error_codes"]

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
        """Byte offset in the frame at which the defect was found."""
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
    """One validated order event. Immutable; properties are built when read, amounts as decimal strings."""

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
    def quantity(self) -> str:
        """Ordered base quantity, a decimal string."""
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
    """

    @property
    def type(self) -> str:
        """`response`, `account`, `balance`, `external_lock`, `list_status`, `stream_terminated`, `server_shutdown`, `listen_key_expired`."""
    @property
    def json(self) -> bytes:
        """The control as a JSON object; its key `type` repeats `type`."""

@final
class BinanceSpotParser:
    """Parser for the frames of one Binance Spot connection.

    Args:
        user: owner of the account; becomes `user` of each event.
        environment: such as `live`; becomes `environment` of each event and part of its identity.
        symbols: venue symbol to pair (`{"BTCUSDT": "BTC-USDT"}`). None: pairs are split by the bundled list of
            quote assets, which is a guess and fit for inspection only.
        microseconds: whether the connection was opened with `timeUnit=MICROSECOND`.
        exchange: value of `exchange` in events.
        error: makes of a `ParseError` the exception to raise in its place. None: the `ParseError` itself is raised.
    """

    def __new__(
        cls,
        *,
        user: str,
        environment: str,
        symbols: Mapping[str, str] | None,
        microseconds: bool = False,
        exchange: str = "binance",
        error: Callable[[ParseError], Exception] | None = None,
    ) -> Self: ...
    def use_clock(self, offset_ns: int) -> None:
        """Judge the venue's times by this offset, the venue's clock minus ours, from now on; 0 until then."""
    def parse(self, frame: bytes, received_time_ns: int, /) -> list[ExecutionReport | Control]:
        """Return what the frame says.

        Args:
            frame: one text frame, as received.
            received_time_ns: when it was received, by the local clock, in nanoseconds since the epoch.

        Raises:
            ParseError: the frame is malformed, holds an unknown value or is suspicious; or what `error` makes of it.
        """
