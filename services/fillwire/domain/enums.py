"""Closed sets of values, lower-case as they stand in the order event."""

from enum import StrEnum


class Kind(StrEnum):
    """What happened to the order."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REPLACED = "replaced"

    @property
    def is_terminal(self) -> bool:
        """Whether no further event of the order is expected after this one."""
        return self in _TERMINAL


_TERMINAL = frozenset({Kind.FILLED, Kind.CANCELLED, Kind.EXPIRED, Kind.REJECTED})


class Side(StrEnum):
    """Direction of an order, seen from its owner."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """How an order asks to be executed."""

    LIMIT = "limit"
    MARKET = "market"
    STOP_LOSS = "stop_loss"
    STOP_LOSS_LIMIT = "stop_loss_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"
    LIMIT_MAKER = "limit_maker"
    TRAILING_STOP = "trailing_stop"
    BRACKET = "bracket"
    TWAP = "twap"
    SCALED = "scaled"
    LIQUIDATION = "liquidation"


class TimeInForce(StrEnum):
    """How long an order works: till cancelled, at once or not, at once and whole or not, for the day, till a date, in
    the opening auction, in the closing auction, as a maker or not, against retail orders only.
    """  # noqa: D205 - one sentence needs two lines

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    DAY = "day"
    GTD = "gtd"
    OPG = "opg"
    CLS = "cls"
    GTX = "gtx"
    RPI = "rpi"


class Liquidity(StrEnum):
    """Whether a fill added liquidity to the book or took it."""

    MAKER = "maker"
    TAKER = "taker"


class Source(StrEnum):
    """How the gateway learned of the event."""

    STREAM = "stream"
    REST = "rest"
    INFERRED = "inferred"


class ConnectionState(StrEnum):
    """Life of one account's connection to its venue; legal transitions are in `fillwire.venues.states`."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    AUTHENTICATED = "authenticated"
    RECEIVING = "receiving"
    RECONNECTING = "reconnecting"
    AUTH_FAILED = "auth_failed"


class ErrorClass(StrEnum):
    """What is wrong with a frame.

    `malformed` cannot be decoded, `unknown` holds a value outside a closed set, `suspicious` contradicts itself
    or the venue's rules.
    """

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    SUSPICIOUS = "suspicious"


class BreakerState(StrEnum):
    """Whether attempts to connect are let through."""

    CLOSED = "closed"  # all are
    OPEN = "open"  # none is, for a while
    HALF_OPEN = "half_open"  # one is, and the others wait for its result


class Reach(StrEnum):
    """Whom a venue's request to wait concerns."""

    MACHINE = "machine"  # everything this machine asks of the venue, for every account
    CONNECTING = "connecting"  # new connections of this machine
    ACCOUNT = "account"  # new orders of the account
    REQUEST = "request"  # the request that was refused, and no other
