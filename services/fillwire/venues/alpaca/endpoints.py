"""Where Alpaca is reached in each environment."""

from urllib.parse import urlsplit

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings.addresses import is_loopback, rest_address, websocket_address
from fillwire.venues.endpoints import Endpoints

ENVIRONMENTS = {
    "live": Endpoints(
        websocket_url="wss://api.alpaca.markets/stream",
        rest_url="https://api.alpaca.markets",
    ),
    "paper": Endpoints(
        websocket_url="wss://paper-api.alpaca.markets/stream",
        rest_url="https://paper-api.alpaca.markets",
    ),
}

_PATH = "/stream"
# Speaks another protocol, of market data; no order is ever told of there.
_MARKET_DATA = "stream.data."


def endpoints(environment: str, websocket_url: str | None = None, rest_url: str | None = None) -> Endpoints:
    """Return where `environment` is reached.

    Args:
        environment: `live` or `paper`; any name if both addresses are given.
        websocket_url: configured address instead of the environment's own.
        rest_url: configured address instead of the environment's own. Beside a socket on this machine it may be left
            out: the same host and port then.

    Raises:
        ConfigError: the environment is unknown, or an address is missing, not safe to send keys to, or that of the
            market data stream.
    """
    known = ENVIRONMENTS.get(environment)
    if websocket_url is None:
        if known is None:
            raise ConfigError(
                f"environment {environment!r} of alpaca: expected {' or '.join(ENVIRONMENTS)}, "
                "or a websocket url and a rest url of its own"
            )
        websocket_url = known.websocket_url
    parts = urlsplit(_checked("websocket url", websocket_url))
    if (parts.hostname or "").startswith(_MARKET_DATA):
        raise ConfigError(
            f"websocket url of alpaca: expected the trading stream, such as {ENVIRONMENTS['live'].websocket_url}, "
            f"was the market data stream {websocket_url}"
        )
    if rest_url is None:
        if is_loopback(parts.hostname or ""):
            rest_url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
        elif known is not None:
            rest_url = known.rest_url
        else:
            raise ConfigError(
                f"environment {environment!r} of alpaca: expected a rest url beside the websocket url"
            )
    rest_parts = urlsplit(_checked("rest url", rest_url))
    path = _PATH if parts.path in {"", "/"} else parts.path
    return Endpoints(
        websocket_url=parts._replace(path=path).geturl(),
        rest_url=f"{rest_parts.scheme}://{rest_parts.netloc}",
    )


def _checked(what: str, url: str) -> str:
    try:
        return websocket_address(url) if what.startswith("websocket") else rest_address(url)
    except ValueError as error:
        raise ConfigError(f"{what} of alpaca: {error}") from error
