"""Where Binance Spot is reached in each environment."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings.addresses import is_loopback, rest_address, websocket_address
from fillwire.venues.endpoints import Endpoints

ENVIRONMENTS = {
    "live": Endpoints(
        websocket_url="wss://ws-api.binance.com:443/ws-api/v3",
        rest_url="https://api.binance.com",
    ),
    "testnet": Endpoints(
        websocket_url="wss://ws-api.testnet.binance.vision/ws-api/v3",
        rest_url="https://testnet.binance.vision",
    ),
    "demo": Endpoints(
        websocket_url="wss://demo-ws-api.binance.com/ws-api/v3",
        rest_url="https://demo-api.binance.com",
    ),
}

# Served streams by listenKey until the venue ended the keys; market data still comes from here, fills do not.
_LISTEN_KEY_HOSTS = frozenset(
    {
        "stream.binance.com",
        "stream.testnet.binance.vision",
        "testnet.binance.vision",
        "demo-stream.binance.com",
    }
)
_PATH = "/ws-api/v3"
# A millisecond is as long as the whole path of a fill, so times are asked for in microseconds. Without the second
# parameter the venue repeats the used request weight in every answer.
_QUERY = {"timeUnit": "MICROSECOND", "returnRateLimits": "false"}


def endpoints(environment: str, websocket_url: str | None = None, rest_url: str | None = None) -> Endpoints:
    """Return where `environment` is reached.

    Args:
        environment: `live`, `testnet` or `demo`; any name if both addresses are given.
        websocket_url: configured address instead of the environment's own. The retired listenKey address is
            accepted with a warning and replaced by the environment's own.
        rest_url: configured address instead of the environment's own. Beside a socket on this machine it may be left
            out: the same host and port then.

    Raises:
        ConfigError: the environment is unknown, or an address is missing or not safe to send keys to.
    """
    known = ENVIRONMENTS.get(environment)
    warning = None
    if websocket_url is not None and _is_listen_key(websocket_url):
        known = known or ENVIRONMENTS["live"]
        warning = (
            f"websocket url {websocket_url} of binance is the listenKey stream, which the venue ended on 2026-02-20: "
            f"using {known.websocket_url}"
        )
        websocket_url = None
    if websocket_url is None:
        if known is None:
            raise ConfigError(
                f"environment {environment!r} of binance: expected {', '.join(ENVIRONMENTS)}, "
                "or a websocket url and a rest url of its own"
            )
        websocket_url = known.websocket_url
    parts = urlsplit(_checked("websocket url", websocket_url))
    if rest_url is None:
        if is_loopback(parts.hostname or ""):
            rest_url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
        elif known is not None:
            rest_url = known.rest_url
        else:
            raise ConfigError(
                f"environment {environment!r} of binance: expected a rest url beside the websocket url"
            )
    rest_parts = urlsplit(_checked("rest url", rest_url))
    path = _PATH if parts.path in {"", "/"} else parts.path
    query = urlencode(_QUERY | dict(parse_qsl(parts.query)))
    return Endpoints(
        websocket_url=parts._replace(path=path, query=query).geturl(),
        rest_url=f"{rest_parts.scheme}://{rest_parts.netloc}",
        warning=warning,
    )


def speaks_microseconds(websocket_url: str) -> bool:
    """Whether the venue answers on this address with times in microseconds."""
    return dict(parse_qsl(urlsplit(websocket_url).query)).get("timeUnit", "").upper() == "MICROSECOND"


def _checked(what: str, url: str) -> str:
    try:
        return websocket_address(url) if what.startswith("websocket") else rest_address(url)
    except ValueError as error:
        raise ConfigError(f"{what} of binance: {error}") from error


def _is_listen_key(url: str) -> bool:
    parts = urlsplit(url)
    return parts.hostname in _LISTEN_KEY_HOSTS and not parts.path.startswith("/ws-api")
