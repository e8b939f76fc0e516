"""Where Coinbase Advanced Trade is reached."""

from urllib.parse import urlsplit

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings.addresses import is_loopback, rest_address, websocket_address
from fillwire.venues.endpoints import Endpoints

LIVE = "live"
FAIL_OVER_HOST = "advanced-trade-ws.coinbase.com"
"""The venue's own fail-over for the socket's host: to be configured as `websocketUrl`."""

_WEBSOCKET_URL = "wss://advanced-trade-ws-user.coinbase.com"
_REST_URL = "https://api.coinbase.com"
# Hosts of the venue's other product, which shares neither keys nor messages with this one.
_EXCHANGE_SUFFIX = ".exchange.coinbase.com"


def endpoints(environment: str, websocket_url: str | None = None, rest_url: str | None = None) -> Endpoints:
    """Return where `environment` is reached.

    Args:
        environment: `live`; any name if both addresses are given.
        websocket_url: configured address instead of the venue's own, such as its fail-over.
        rest_url: configured address instead of the venue's own. Beside a socket on this machine it may be left out:
            the same host and port then.

    Raises:
        ConfigError: the environment is unknown, or an address is missing or not safe to send keys to.
    """
    is_live = environment == LIVE
    if websocket_url is None:
        if not is_live:
            raise ConfigError(
                f"environment {environment!r} of coinbase-advanced: expected live, or a websocket url and a rest url of "
                "its own; the venue's sandbox has no stream"
            )
        websocket_url = _WEBSOCKET_URL
    parts = urlsplit(_checked("websocket url", websocket_url))
    if (parts.hostname or "").endswith(_EXCHANGE_SUFFIX):
        raise ConfigError(
            f"websocket url {websocket_url} of coinbase-advanced is one of Coinbase Exchange: "
            f"expected {_WEBSOCKET_URL} or wss://{FAIL_OVER_HOST}, or its keys and the exchange coinbase"
        )
    if rest_url is None:
        if is_loopback(parts.hostname or ""):
            rest_url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
        elif is_live:
            rest_url = _REST_URL
        else:
            raise ConfigError(
                f"environment {environment!r} of coinbase-advanced: expected a rest url beside the websocket url"
            )
    rest_parts = urlsplit(_checked("rest url", rest_url))
    return Endpoints(
        websocket_url=parts.geturl(),
        rest_url=f"{rest_parts.scheme}://{rest_parts.netloc}",
    )


def _checked(what: str, url: str) -> str:
    try:
        return websocket_address(url) if what.startswith("websocket") else rest_address(url)
    except ValueError as error:
        raise ConfigError(f"{what} of coinbase-advanced: {error}") from error
