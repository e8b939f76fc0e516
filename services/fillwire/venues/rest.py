"""HTTP requests to a venue as values: what to send, decided without sending it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One request to a venue's REST interface.

    Attributes:
        method: `GET`, `POST` or `DELETE`.
        path: absolute path, such as `/api/v3/time`.
        query: query string exactly as it was signed, percent-encoded, without `?`; send it byte for byte.
        body: what is sent with it, as it was signed.
        headers: header names and values; may hold an API key, so they do not print.
        weight: what the request costs in the venue's budget per minute.
    """

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = b""
    weight: int = 1

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """A venue's answer: status, body, the seconds of `Retry-After` where it was sent, and headers by lower-case name."""

    status: int
    body: bytes
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
