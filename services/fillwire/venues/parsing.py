"""Frames to reports: the one module that talks to the Rust extension, and says its errors in our own classes."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from fillwire._fastparse import (  # noqa: TID251 - this is the module that may
    BinanceSpotParser,
    Control,
    ExecutionReport,
    ParseError,
)
from fillwire.domain.enums import ErrorClass
from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account

__all__ = ["FRAME_ERROR_CODES", "MAX_FRAME_BYTES", "BinanceParser", "Control", "ExecutionReport"]

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
            "cumulative_exceeds_quantity",
            "filled_short",
            "quote_mismatch",
            "last_exceeds_cumulative_quote",
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


class BinanceParser:
    """Parser for the frames of one Binance Spot connection; of one frame it keeps nothing for the next.

    Args:
        account: whose connection it is; its three names stand in each event and in its identity.
        symbols: the venue's symbol to pair (`{"BTCUSDT": "BTC-USDT"}`). None: pairs are guessed by the quote assets
            that the venue has had, fit for inspection only.
        microseconds: whether the connection was opened with `timeUnit=MICROSECOND`.
        clock_offset_ns: venue clock minus ours, by which the venue's times are judged.

    Attributes:
        parse: takes one text frame as received, and when it was received, by the local clock, in nanoseconds since
            the epoch; returns what it says. Raises `FrameError` if the frame is malformed, holds an unknown value
            or is suspicious. It is the extension's own method: a call through Python would cost a tenth more.
        use_clock: takes another offset for the frames from now on.
    """

    __slots__ = ("parse", "use_clock")

    parse: Callable[[bytes, int], list[ExecutionReport | Control]]
    use_clock: Callable[[int], None]

    def __init__(
        self,
        account: Account,
        symbols: Mapping[str, str] | None,
        *,
        microseconds: bool = False,
        clock_offset_ns: int = 0,
    ) -> None:
        parser = BinanceSpotParser(
            user=account.user,
            environment=account.environment,
            exchange=account.exchange,
            symbols=symbols,
            microseconds=microseconds,
            error=partial(_frame_error, account.exchange),
        )
        parser.use_clock(clock_offset_ns)
        self.parse = parser.parse
        self.use_clock = parser.use_clock
