"""How Coinbase Exchange says no: a status with `{"message"}` on REST, an `error` frame on the feed."""

import json


class Refusal(Exception):
    """A request was refused.

    Attributes:
        status: HTTP status.
        message: the venue's text.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message, status)
        self.message = message
        self.status = status

    def body(self) -> dict[str, str]:
        """Return the body of the answer."""
        return {"message": self.message}


class FeedRefusal(Exception):
    """A message to the feed was refused.

    Attributes:
        closes: whether the venue closes the connection after it.
    """

    def __init__(self, message: str, reason: str, *, closes: bool = False) -> None:
        super().__init__(message, reason)
        self.message = message
        self.reason = reason
        self.closes = closes

    def frame(self) -> dict[str, str]:
        """Return the frame that says so."""
        return {"type": "error", "message": self.message, "reason": self.reason}


def unauthenticated(refusal: Refusal) -> FeedRefusal:
    """Return the feed's answer to a subscription whose signature was refused."""
    reason = json.dumps(refusal.body(), separators=(",", ":"))
    return FeedRefusal("Authentication Failed", reason, closes=True)


def not_subscribed(reason: str) -> FeedRefusal:
    """Return the feed's answer to a subscription that cannot be made."""
    return FeedRefusal("Failed to subscribe", reason)


NOT_FOUND = "NotFound"
ORDER_NOT_FOUND = "order not found"
ALREADY_DONE = "Order already done"
INSUFFICIENT_FUNDS = "Insufficient funds"
POST_ONLY = "Post only mode"
RATE_LIMITED_PRIVATE = "Private rate limit exceeded"
RATE_LIMITED_PUBLIC = "Public rate limit exceeded"
EXPIRED = "request timestamp expired"
INVALID_KEY = "Invalid API Key"
INVALID_SIGNATURE = "invalid signature"
INVALID_PASSPHRASE = "Invalid Passphrase"  # noqa: S105 - the venue's text


def missing_header(name: str) -> Refusal:
    """Return the refusal of a request without one of the headers that sign it."""
    return Refusal(f"{name} header is required", 401)
