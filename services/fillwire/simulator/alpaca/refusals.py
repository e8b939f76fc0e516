"""How the venue says no: status, code and text. The first three digits of a code are a status."""

from typing import Any

from fillwire.simulator.exchange.refused import Reason


class Refusal(Exception):
    """A request was refused.

    Attributes:
        status: HTTP status.
        code: the venue's error code, None where the body has only a text.
        message: the venue's text.
        more: further members of the body.
    """

    def __init__(self, status: int, code: int | None, message: str, **more: Any) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more

    def body(self) -> dict[str, Any]:
        """Return the body of the answer."""
        code = {} if self.code is None else {"code": self.code}
        return {**code, "message": self.message, **self.more}


def malformed(message: str) -> Refusal:
    """Return the refusal of a request that cannot be read."""
    return Refusal(400, 40010001, message)


def unauthorized() -> Refusal:
    """Return the refusal of an unknown key or a wrong secret."""
    return Refusal(401, 40110000, "request is not authorized")


def forbidden() -> Refusal:
    """Return the refusal of a key that has been revoked."""
    return Refusal(403, None, "forbidden.")


def not_permitted(message: str, **more: Any) -> Refusal:
    """Return the refusal of an order that the account may not place."""
    return Refusal(403, 40310000, message, **more)


def not_found(message: str) -> Refusal:
    """Return the refusal of what is not there."""
    return Refusal(404, 40410000, message)


def unprocessable(message: str) -> Refusal:
    """Return the refusal of parameters or of an order's state."""
    return Refusal(422, 42210000, message)


def duplicate() -> Refusal:
    """Return the refusal of a client order id that the account has used before."""
    return Refusal(422, 40010001, "client_order_id must be unique")


_ENGINES = {
    Reason.UNKNOWN_SYMBOL: not_found("asset not found"),
    Reason.DUPLICATE_ORDER: duplicate(),
    Reason.INSUFFICIENT_BALANCE: not_permitted("insufficient buying power"),
    Reason.WOULD_MATCH: unprocessable("order would match immediately"),
    Reason.WOULD_TRIGGER: unprocessable("stop price is already reached by the market"),
    Reason.NO_LIQUIDITY: not_permitted("notional is below the smallest quantity"),
    Reason.QUANTITY_INCREASED: unprocessable("order is not replaceable"),
    Reason.NOTHING_CHANGED: unprocessable("order parameters are not changed"),
    Reason.TOO_MANY_AMENDMENTS: unprocessable("order is not replaceable"),
}


def refusal_of(reason: Reason) -> Refusal:
    """Return what the venue answers where its engine says no."""
    return _ENGINES[reason]
