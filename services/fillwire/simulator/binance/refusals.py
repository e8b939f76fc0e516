"""How the venue says no: status, code and text as the documents list them."""

from typing import Any

from fillwire.simulator.exchange.refused import Reason


class Refusal(Exception):
    """A request was refused.

    Attributes:
        status: HTTP status, the same on both APIs.
        code: the venue's error code.
        message: the venue's text.
        data: further facts of the error object, None for most.
    """

    def __init__(
        self, code: int, message: str, status: int = 400, data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.data = data

    def body(self) -> dict[str, Any]:
        """Return the error object."""
        body: dict[str, Any] = {"code": self.code, "msg": self.message}
        if self.data is not None:
            body["data"] = self.data
        return body

    def http(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the body and headers of an HTTP answer, in which the time to wait is a header."""
        body = self.body()
        if self.data is None or "retryAfter" not in self.data:
            return body, {}
        del body["data"]
        wait_ms = self.data["retryAfter"] - self.data["serverTime"]
        return body, {"Retry-After": str(max(1, -(-wait_ms // 1_000)))}


BANNED = 418
"""Status of every answer to an address that went on after it was told to wait."""

UNKNOWN_ORDER = "Unknown order sent."

STATUS_UNKNOWN = (
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
)


def order_refused(message: str) -> Refusal:
    """Return the matching engine's refusal of an order."""
    return Refusal(-2010, message)


def cancel_refused(message: str = UNKNOWN_ORDER) -> Refusal:
    """Return the matching engine's refusal of a cancel."""
    return Refusal(-2011, message)


def missing(name: str) -> Refusal:
    """Return the refusal of a request without a mandatory parameter."""
    return Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def invalid(name: str) -> Refusal:
    """Return the refusal of a parameter that holds a value outside its set."""
    return Refusal(-1130, f"Data sent for parameter '{name}' is not valid.")


def filter_failed(name: str) -> Refusal:
    """Return the refusal by one of the symbol's filters."""
    return Refusal(-1013, f"Filter failure: {name}")


def key_format_invalid() -> Refusal:
    """Return the refusal of text that cannot be an API key."""
    return Refusal(-2014, "API-key format invalid.", status=401)


def key_rejected() -> Refusal:
    """Return the refusal of an unknown, revoked or unfit API key."""
    return Refusal(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def signature_invalid() -> Refusal:
    """Return the refusal of a wrong signature."""
    return Refusal(-1022, "Signature for this request is not valid.")


_ENGINES = {
    Reason.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
    Reason.DUPLICATE_ORDER: (-2010, "Duplicate order sent."),
    Reason.INSUFFICIENT_BALANCE: (-2010, "Account has insufficient balance for requested action."),
    Reason.WOULD_MATCH: (-2010, "Order would immediately match and take."),
    Reason.WOULD_TRIGGER: (-2010, "Order would trigger immediately."),
    Reason.NO_LIQUIDITY: (
        -2010,
        "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.",
    ),
    Reason.QUANTITY_INCREASED: (-2038, "Order amend (quantity increase) is not supported."),
    Reason.NOTHING_CHANGED: (-2038, "The requested action would change no state; rejecting"),
    Reason.TOO_MANY_AMENDMENTS: (-1013, "Filter failure: MAX_NUM_ORDER_AMENDS"),
}


def refusal_of(reason: Reason) -> Refusal:
    """Return what the venue answers where its engine says no."""
    code, message = _ENGINES[reason]
    return Refusal(code, message)
