"""Frames to reports: the one module that talks to the Rust extension, and says its errors in our own classes."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Protocol

from fillwire._fastparse import (  # noqa: TID251 - this is the module that may
    Control,
    ExecutionReport,
    ParseError,
    exchanges,
)
from fillwire._fastparse import Parser as FastParser  # noqa: TID251 - this is the module that may
from fillwire.domain.enums import ErrorClass, Kind, OrderType, Side, TimeInForce
from fillwire.domain.errors import ConfigError, FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.records import RecordedReport
from fillwire.wire.decimals import decimal_text

__all__ = [
    "EXCHANGES",
    "FRAME_ERROR_CODES",
    "MAX_FRAME_BYTES",
    "Control",
    "ExecutionReport",
    "FrameParser",
    "OrderFacts",
    "Parser",
    "Said",
]

EXCHANGES = tuple(exchanges())
"""The exchanges whose frames can be parsed."""

MAX_FRAME_BYTES = 4 << 20  # larger frames are refused unread; the venue's own are below a quarter of it

FRAME_ERROR_CODES: Mapping[str, ErrorClass] = MappingProxyType(
    dict.fromkeys(
        (
            "empty_frame",
            "frame_too_large",
            "invalid_utf8",
            "invalid_json",
            "trailing_data",
            "nesting_too_deep",
            "unpaired_surrogate",
            "duplicate_key",
            "not_an_object",
            "missing_field",
            "wrong_type",
            "invalid_decimal",
            "invalid_message_pack",
            "invalid_time",
        ),
        ErrorClass.MALFORMED,
    )
    | dict.fromkeys(
        (
            "unknown_event",
            "unknown_execution_type",
            "unknown_status",
            "unknown_side",
            "unknown_order_type",
            "unknown_time_in_force",
            "unknown_symbol",
        ),
        ErrorClass.UNKNOWN,
    )
    | dict.fromkeys(
        (
            "ambiguous_response",
            "absurd_magnitude",
            "time_out_of_range",
            "negative_id",
            "negative_amount",
            "illegal_status",
            "fill_without_quantity",
            "fill_without_price",
            "fill_without_trade_id",
            "fill_outside_trade",
            "last_exceeds_cumulative",
            "cumulative_decreased",
            "cumulative_exceeds_quantity",
            "filled_short",
            "partial_fill_complete",
            "quote_mismatch",
            "self_trade",
            "trade_contradicted",
            "last_exceeds_cumulative_quote",
            "execution_busted",
            "execution_corrected",
            "order_restated",
        ),
        ErrorClass.SUSPICIOUS,
    )
)
"""Every `FrameError.code` of a parser, with its class."""


def _frame_error(venue: str, error: ParseError) -> FrameError:
    return FrameError(
        venue=venue,
        error_class=ErrorClass(error.error_class),
        code=error.code,
        field=error.field,
        offset=error.offset,
        message=error.message,
        symbol=error.symbol,
        order_id=error.order_id,
    )


class OrderFacts(Protocol):
    """What a parser may want to know of an order from the venue's records; see `OrderRow`."""

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
    def side(self) -> Side:
        """Buy or sell."""

    @property
    def type(self) -> OrderType:
        """Limit, market and so on."""

    @property
    def time_in_force(self) -> TimeInForce | None:
        """How long it may rest."""

    @property
    def price(self) -> Decimal | None:
        """Limit price."""

    @property
    def stop_price(self) -> Decimal | None:
        """Stop price."""

    @property
    def quantity(self) -> Decimal | None:
        """Ordered base quantity."""

    @property
    def quote_quantity(self) -> Decimal | None:
        """Requested quote amount."""

    @property
    def executed(self) -> Decimal:
        """Base quantity executed."""

    @property
    def executed_quote(self) -> Decimal | None:
        """Quote amount executed."""

    @property
    def last_trade_id(self) -> str | None:
        """The last execution that `executed` counts."""

    @property
    def ending(self) -> Kind | None:
        """How it ended."""


class Said(Protocol):
    """What a frame says that is no order event: a `Control`, or a value of a parser in Python."""

    @property
    def type(self) -> str:
        """What it is."""

    @property
    def json(self) -> bytes:
        """All of it, as a JSON object."""


class FrameParser(Protocol):
    """What a connection needs of its parser: a `Parser`, or one in Python for an exchange that has none in Rust yet."""

    @property
    def parse(self) -> Callable[[bytes, int], Sequence[ExecutionReport | RecordedReport | Said]]:
        """Takes a frame and when it was received; see `Parser`."""

    @property
    def use_clock(self) -> Callable[[int], None]:
        """Takes the venue's clock minus ours."""

    def use_symbols(self, symbols: Mapping[str, str]) -> bool:
        """Name pairs by this table; see `Parser`."""

    def note_order(self, order: OrderFacts) -> None:
        """Take what the venue's records show of an order; see `Parser`."""


class Parser:
    """Parser for the frames of one connection; `account.exchange` says of which venue.

    Args:
        account: whose connection it is; its three names stand in each event and in its identity.
        symbols: the venue's symbol to pair (`{"BTCUSDT": "BTC-USDT"}`). None: pairs are guessed as far as the venue's
            spelling lets one, fit for inspection only.
        microseconds: whether times are microseconds instead of milliseconds, where the venue has both.
        clock_offset_ns: venue clock minus ours, by which the venue's times are judged.

    Attributes:
        parse: takes one frame as received, and when it was received, by the local clock, in nanoseconds since
            the epoch; returns what it says. Raises `FrameError` if the frame is malformed, holds an unknown value
            or is suspicious. It is the extension's own method: a call through Python would cost a tenth more.
        use_clock: takes another offset for the frames from now on.
        name_client: takes a client order id at the venue and ours: orders of the one go by the other from now on.
        is_doubted: takes a symbol and an order id; returns whether frames told of the order what only the venue's
            records can tell, and these have not yet: see `note_order`.

    Raises:
        ConfigError: there is no parser for the exchange.
    """

    __slots__ = ("_parser", "is_doubted", "name_client", "parse", "use_clock")

    parse: Callable[[bytes, int], list[ExecutionReport | Control]]
    use_clock: Callable[[int], None]
    is_doubted: Callable[[str, str], bool]
    name_client: Callable[[str, str], None]

    def __init__(
        self,
        account: Account,
        symbols: Mapping[str, str] | None,
        *,
        microseconds: bool = False,
        clock_offset_ns: int = 0,
    ) -> None:
        if account.exchange not in EXCHANGES:
            raise ConfigError(
                f"unknown exchange {account.exchange!r}: expected one of {', '.join(EXCHANGES)}"
            )
        parser = FastParser(
            account.exchange,
            user=account.user,
            environment=account.environment,
            symbols=symbols,
            microseconds=microseconds,
            error=partial(_frame_error, account.exchange),
        )
        parser.use_clock(clock_offset_ns)
        self.parse = parser.parse
        self.use_clock = parser.use_clock
        self.is_doubted = parser.is_doubted
        self.name_client = parser.name_client
        self._parser = parser

    def use_symbols(self, symbols: Mapping[str, str]) -> bool:
        """Name pairs by this table from now on; return whether that was done and nothing else was forgotten.

        A parser that keeps nothing from frame to frame returns False: another one does as well.
        """
        return self._parser.use_symbols(symbols)

    @property
    def forgotten_count(self) -> int:
        """Open orders that the parser has forgotten because there were too many."""
        return self._parser.forgotten_count

    def note_order(self, order: OrderFacts) -> None:
        """Take what the venue's records show of an order, all of it published.

        Of use only where frames do not tell all of an order; other parsers pass over it.
        """
        self._parser.note_order(
            symbol=order.symbol,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            order_type=order.type,
            time_in_force=order.time_in_force,
            price=_amount(order.price),
            stop_price=_amount(order.stop_price),
            quantity=_amount(order.quantity),
            quote_quantity=_amount(order.quote_quantity),
            cumulative_quantity=decimal_text(order.executed),
            cumulative_quote=_amount(order.executed_quote),
            is_open=order.ending is None,
            last_trade_id=order.last_trade_id,
        )


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else decimal_text(amount)
