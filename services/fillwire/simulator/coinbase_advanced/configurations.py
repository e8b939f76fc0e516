"""The `order_configuration` of a placing request: one member whose name says type and time in force."""

import re
from dataclasses import dataclass
from typing import Any

from fillwire.simulator.coinbase_advanced.refusals import OrderRefused, invalid_argument
from fillwire.simulator.texts import read_rfc3339_us

_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_GTC, _GTD = "GOOD_UNTIL_CANCELLED", "GOOD_UNTIL_DATE_TIME"
_IOC, _FOK = "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"
KINDS = {
    "market_market_ioc": ("MARKET", _IOC),
    "market_market_fok": ("MARKET", _FOK),
    "sor_limit_ioc": ("LIMIT", _IOC),
    "limit_limit_gtc": ("LIMIT", _GTC),
    "limit_limit_gtd": ("LIMIT", _GTD),
    "limit_limit_fok": ("LIMIT", _FOK),
    "stop_limit_stop_limit_gtc": ("STOP_LIMIT", _GTC),
    "stop_limit_stop_limit_gtd": ("STOP_LIMIT", _GTD),
}
"""Type and time in force by the configuration's name; the venue has more that are not simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a placing request wants; amounts as their texts, `0` where not sent.

    Attributes:
        is_stop_down: whether a stop order waits for the price to fall.
        ends_us: when the order expires, 0 for never.
        document: the configuration as it was sent.
    """

    type: str
    time_in_force: str
    base_size: str
    quote_size: str
    limit_price: str
    stop_price: str
    is_stop_down: bool
    is_post_only: bool
    ends_us: int
    document: dict[str, Any]


def read_configuration(value: Any) -> Configuration:
    """Return what a request wants.

    Raises:
        Refusal: it cannot be read.
        OrderRefused: it can be read, and is not traded.
    """
    if not isinstance(value, dict) or len(value) != 1:
        raise invalid_argument("order_configuration must have exactly one member")
    ((name, fields),) = value.items()
    if name not in KINDS:
        raise OrderRefused("UNSUPPORTED_ORDER_CONFIGURATION", f"{name} is not enabled for trading")
    if not isinstance(fields, dict):
        raise invalid_argument(f"{name} must be an object")
    kind, time_in_force = KINDS[name]
    base_size, quote_size = _amount(fields, "base_size"), _amount(fields, "quote_size")
    if (base_size == "0") == (quote_size == "0"):
        raise invalid_argument("exactly one of base_size and quote_size is needed")
    if kind != "MARKET" and base_size == "0":
        raise OrderRefused("UNSUPPORTED_ORDER_CONFIGURATION", "limit orders by quote_size are not enabled")
    return Configuration(
        type=kind,
        time_in_force=time_in_force,
        base_size=base_size,
        quote_size=quote_size,
        limit_price=_amount(fields, "limit_price", is_needed=kind != "MARKET"),
        stop_price=_amount(fields, "stop_price", is_needed=kind == "STOP_LIMIT"),
        is_stop_down=_is_stop_down(fields) if kind == "STOP_LIMIT" else False,
        is_post_only=bool(fields.get("post_only", False)),
        ends_us=_end(fields) if time_in_force == _GTD else 0,
        document={name: fields},
    )


def _amount(fields: dict[str, Any], name: str, *, is_needed: bool = False) -> str:
    text = fields.get(name)
    if text is None and not is_needed:
        return "0"
    if not isinstance(text, str) or _DECIMAL.fullmatch(text) is None:
        raise invalid_argument(f"{name} must be a decimal string")
    return text


def _is_stop_down(fields: dict[str, Any]) -> bool:
    direction = fields.get("stop_direction")
    if direction not in ("STOP_DIRECTION_STOP_UP", "STOP_DIRECTION_STOP_DOWN"):
        raise invalid_argument("stop_direction must be STOP_DIRECTION_STOP_UP or STOP_DIRECTION_STOP_DOWN")
    return bool(direction == "STOP_DIRECTION_STOP_DOWN")


def _end(fields: dict[str, Any]) -> int:
    try:
        return read_rfc3339_us(fields["end_time"])
    except (KeyError, TypeError, ValueError):
        raise invalid_argument("end_time must be a time by RFC 3339") from None
