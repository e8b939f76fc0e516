"""How Coinbase Advanced Trade says no: in the body of an answer 200 for orders, by status for all else."""

from typing import Any


class Refusal(Exception):
    """A request was refused.

    Attributes:
        status: HTTP status.
        document: body of the answer; a string is sent as plain text.
    """

    def __init__(self, status: int, document: dict[str, Any] | str) -> None:
        super().__init__(status, document)
        self.status = status
        self.document = document


class OrderRefused(Exception):
    """An order was refused; the answer has status 200 all the same.

    Attributes:
        reason: the venue's name of the reason.
        message: the venue's text.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message

    def document(self, configuration: Any) -> dict[str, Any]:
        """Return the answer to the placing request."""
        return {
            "success": False,
            "error_response": {
                "error": self.reason,
                "message": self.message,
                "error_details": "",
                "new_order_failure_reason": self.reason,
                "preview_failure_reason": "UNKNOWN_PREVIEW_FAILURE_REASON",
            },
            "order_configuration": configuration,
        }


def unauthorized() -> Refusal:
    """Return the refusal of a request that its token does not authenticate."""
    return Refusal(401, "Unauthorized")


def invalid_argument(message: str) -> Refusal:
    """Return the refusal of a request that says something else than it may."""
    return _error(400, "INVALID_ARGUMENT", message)


def not_found(message: str) -> Refusal:
    """Return the refusal of a question for something that there is not."""
    return _error(404, "NOT_FOUND", message)


def _error(status: int, error: str, message: str) -> Refusal:
    return Refusal(status, {"error": error, "error_details": message, "message": message})


def missing_scopes() -> Refusal:
    """Return the refusal of a request that the key has no permission for."""
    return _error(403, "unknown", "Missing required scopes")


def rate_limited() -> Refusal:
    """Return the refusal of a request too many."""
    return Refusal(429, {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]})


AUTHENTICATION_FAILURE = {"type": "error", "message": "authentication failure"}
"""The feed's answer to a subscription whose token does not authenticate; the connection stays open."""
