"""Addresses of a venue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where one environment of a venue is reached.

    Attributes:
        websocket_url: complete address of the socket, query included.
        rest_url: scheme, host and port of the REST interface, without path.
        warning: one sentence for the person who configured it, where what was configured is not what is used.
    """

    websocket_url: str
    rest_url: str
    warning: str | None = None
