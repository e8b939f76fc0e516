"""Where Coinbase Exchange is reached in each environment."""

from urllib.parse import urlsplit

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings.addresses import is_loopback, rest_address, websocket_address
from fillwire.venues.endpoints import Endpoints

FULL = "full"
"""Parameter of a configured feed address; `false` leaves the channel of that name alone. It is not sent to the venue."""

ENVIRONMENTS = {
    "live": Endpoints(
        websocket_url="wss://ws-feed.exchange.coinbase.com",
        rest_url="https://api.exchange.coinbase.com",
    ),
    "sandbox": Endpoints(
        websocket_url="wss://ws-feed-public.sandbox.exchange.coinbase.com",
        rest_url="https://api-public.sandbox.exchange.coinbase.com",
    ),
}

# Each feed of the venue, and the REST interface that belongs to it. Customers under the EU's MiCA have their own.
_REST_OF_FEED = {
    "ws-feed.exchange.coinbase.com": ENVIRONMENTS["live"].rest_url,
    "ws-direct.exchange.coinbase.com": ENVIRONMENTS["live"].rest_url,
    "ws-feed-public.sandbox.exchange.coinbase.com": ENVIRONMENTS["sandbox"].rest_url,
    "ws-direct.sandbox.exchange.coinbase.com": ENVIRONMENTS["sandbox"].rest_url,
    "ws-us.dma.prime.coinbase.com": "https://api-us.dma.prime.coinbase.com",
    "ws-us-direct.dma.prime.coinbase.com": "https://api-us.dma.prime.coinbase.com",
    "ws-us.dma.sandbox.prime.coinbase.com": "https://api-us.dma.sandbox.prime.coinbase.com",
    "ws-us-direct.dma.sandbox.prime.coinbase.com": "https://api-us.dma.sandbox.prime.coinbase.com",
}
_ENDED = frozenset({"ws-feed.pro.coinbase.com", "ws-feed.gdax.com"})
_ADVANCED = frozenset({"advanced-trade-ws.coinbase.com", "advanced-trade-ws-user.coinbase.com"})


def endpoints(environment: str, websocket_url: str | None = None, rest_url: str | None = None) -> Endpoints:
    """Return where `environment` is reached.

    Args:
        environment: `live` or `sandbox`; any name if both addresses are given, or the feed is one of the venue's.
        websocket_url: configured address instead of the environment's own.
        rest_url: configured address instead of the one that belongs to the feed. Beside a socket on this machine it may
            be left out: the same host and port then.

    Raises:
        ConfigError: the environment is unknown, or an address is missing, of another product or not safe to send keys to.
    """
    known = ENVIRONMENTS.get(environment)
    if websocket_url is None:
        if known is None:
            raise ConfigError(
                f"environment {environment!r} of coinbase: expected {', '.join(ENVIRONMENTS)}, "
                "or a websocket url and a rest url of its own"
            )
        websocket_url = known.websocket_url
    parts = urlsplit(_checked("websocket url", websocket_url))
    host = parts.hostname or ""
    if host in _ENDED:
        raise ConfigError(
            f"websocket url {websocket_url} of coinbase is of Coinbase Pro, which the venue ended: "
            f"expected {ENVIRONMENTS['live'].websocket_url}"
        )
    if host in _ADVANCED:
        raise ConfigError(
            f"websocket url {websocket_url} of coinbase is of Coinbase Advanced Trade: expected exchange "
            "coinbase-advanced, or the address of Coinbase Exchange"
        )
    if rest_url is None:
        if is_loopback(host):
            rest_url = f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}"
        elif host in _REST_OF_FEED:
            rest_url = _REST_OF_FEED[host]
        elif known is not None:
            rest_url = known.rest_url
        else:
            raise ConfigError(
                f"environment {environment!r} of coinbase: expected a rest url beside the websocket url"
            )
    rest_parts = urlsplit(_checked("rest url", rest_url))
    return Endpoints(websocket_url=parts.geturl(), rest_url=f"{rest_parts.scheme}://{rest_parts.netloc}")


def _checked(what: str, url: str) -> str:
    try:
        return websocket_address(url) if what.startswith("websocket") else rest_address(url)
    except ValueError as error:
        raise ConfigError(f"{what} of coinbase: {error}") from error
