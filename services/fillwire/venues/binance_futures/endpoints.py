"""Where Binance USD-M Futures is reached in each environment."""

from urllib.parse import urlsplit

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings.addresses import is_loopback, rest_address, websocket_address
from fillwire.venues.endpoints import Endpoints

EXCHANGE = "binance-futures"
ENVIRONMENTS = {
    "live": Endpoints(
        websocket_url="wss://fstream.binance.com/private/ws",
        rest_url="https://fapi.binance.com",
    ),
    "testnet": Endpoints(
        websocket_url="wss://fstream.binancefuture.com/ws",
        rest_url="https://testnet.binancefuture.com",
    ),
    "demo": Endpoints(
        websocket_url="wss://demo-fstream.binance.com/ws",
        rest_url="https://demo-fapi.binance.com",
    ),
}
_LIVE_HOST = "fstream.binance.com"
_PATH = "/private/ws"
# Served all streams until the venue split them into public, market and private ones.
_RETIRED_PATHS = frozenset({"/ws", "/stream"})


def endpoints(environment: str, websocket_url: str | None = None, rest_url: str | None = None) -> Endpoints:
    """Return where `environment` is reached; to the address of the socket the listenKey is added at each dial.

    Args:
        environment: `live`, `testnet` or `demo`; any name if both addresses are given.
        websocket_url: configured address instead of the environment's own. The live address as it was before the venue
            split its streams is accepted with a warning and replaced by today's.
        rest_url: configured address instead of the environment's own. Beside a socket on this machine it may be left
            out: the same host and port then.

    Raises:
        ConfigError: the environment is unknown, or an address is missing or not safe to send keys to.
    """
    known = ENVIRONMENTS.get(environment)
    if known is None and websocket_url is None:
        raise ConfigError(
            f"environment {environment!r} of {EXCHANGE}: expected {', '.join(ENVIRONMENTS)}, "
            "or a websocket url and a rest url of its own"
        )
    socket = _checked("websocket url", websocket_url or (known.websocket_url if known else ""))
    parts = urlsplit(socket)
    path = parts.path.rstrip("/")
    warning = None
    if parts.hostname == _LIVE_HOST and path in _RETIRED_PATHS:
        path = _PATH
        warning = (
            f"websocket url {websocket_url} of {EXCHANGE} is the stream that the venue ended on 2026-04-23: "
            f"using {parts._replace(path=path).geturl()}"
        )
    if rest_url is None:
        if is_loopback(parts.hostname or ""):
            rest_url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
        elif known is None:
            raise ConfigError(
                f"environment {environment!r} of {EXCHANGE}: expected a rest url beside the websocket url"
            )
        else:
            rest_url = known.rest_url
    rest = urlsplit(_checked("rest url", rest_url))
    return Endpoints(
        websocket_url=parts._replace(path=path or _PATH).geturl(),
        rest_url=f"{rest.scheme}://{rest.netloc}",
        warning=warning,
    )


def with_key(websocket_url: str, listen_key: str) -> str:
    """Return the address of the stream of a key."""
    parts = urlsplit(websocket_url)
    return parts._replace(path=f"{parts.path}/{listen_key}").geturl()


def _checked(what: str, url: str) -> str:
    try:
        return websocket_address(url) if what.startswith("websocket") else rest_address(url)
    except ValueError as error:
        raise ConfigError(f"{what} of {EXCHANGE}: {error}") from error
