"""What can go wrong with the broker, finer than `BrokerError`; all of these are retried unless they say otherwise."""

from fillwire.domain.errors import BrokerError


class NoResponder(BrokerError):
    """Nobody listens on the subject of a request."""


class RequestTimedOut(BrokerError):
    """No answer came in time; whether the request was carried out is unknown."""


class ApiRefused(BrokerError):
    """JetStream refused a request.

    Attributes:
        code: HTTP-like class of the refusal: 4xx other than 429 are final.
        error_code: the server's own number, such as 10071 (wrong last sequence).
        description: the server's sentence.
    """

    def __init__(self, what: str, code: int, error_code: int, description: str) -> None:
        super().__init__(what, code, error_code, description)
        self.what = what
        self.code = code
        self.error_code = error_code
        self.description = description

    def __str__(self) -> str:
        """Return the sentence."""
        return f"{self.what} refused by the broker: {self.description} (code {self.code}, error {self.error_code})"

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return is_transient(self.code)


# 4xx by code, and yet they pass: an account that is full, until room is made; a first copy of the message that waits for
# the other replicas, which it may get or not.
_PASSING = frozenset({10002, 10158})


def is_transient(code: int, error_code: int = 0) -> bool:
    """Whether a refusal may turn into success when repeated: 5xx, 429 and 408, and some that only look final."""
    return code >= 500 or code in (408, 429) or error_code in _PASSING  # noqa: PLR2004 - classes of status codes


class RevisionConflict(BrokerError):
    """Somebody else wrote the key since it was read."""

    def __init__(self, bucket: str, key: str, expected_revision: int) -> None:
        super().__init__(bucket, key, expected_revision)
        self.bucket = bucket
        self.key = key
        self.expected_revision = expected_revision

    def __str__(self) -> str:
        """Return the sentence."""
        return (
            f"key {self.key} of bucket {self.bucket} has changed: expected revision {self.expected_revision}"
        )
