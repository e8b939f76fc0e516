"""Where ToyX is reached."""

from urllib.parse import urlsplit

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings.addresses import rest_address, websocket_address
from fillwire.venues.endpoints import Endpoints


def endpoints(environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
    """Return where an environment is reached: none has an address of its own, since there is no such venue.

    Raises:
        ConfigError: an address is missing, or not safe to send keys to.
    """
    if websocket_url is None:
        raise ConfigError(f"environment {environment!r} of toyx: expected a websocket url")
    try:
        websocket = urlsplit(websocket_address(websocket_url))
        scheme = {"ws": "http", "wss": "https"}[websocket.scheme]
        rest = rest_address(rest_url or f"{scheme}://{websocket.netloc}")
    except ValueError as error:
        raise ConfigError(f"an address of toyx: {error}") from error
    return Endpoints(websocket_url=websocket.geturl(), rest_url=rest.rstrip("/"))
