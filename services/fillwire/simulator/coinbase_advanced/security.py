"""Whether a request or a subscription carries a token of one of the venue's keys."""

from fillwire.simulator.coinbase_advanced.tokens import TokenRefused, read_token, request_uris
from fillwire.simulator.coinbase_advanced.venue import AdvancedVenue
from fillwire.simulator.exchange.accounts import Account

_BEARER = "Bearer "


def authenticate(venue: AdvancedVenue, text: str, uris: frozenset[str] | None = None) -> Account:
    """Return the account whose key has signed a token.

    Args:
        venue: whose keys and clock.
        text: the token.
        uris: what the token may be bound to; None for the feed, where it is bound to nothing.

    Raises:
        TokenRefused: it does not authenticate.
    """
    token = read_token(text)
    key = venue.keys.get(token.key_name)
    if key is None or key.is_revoked:
        raise TokenRefused("unknown key")
    venue.verifiers[key.api_key].check(token, venue.clock.now_ns() / 1_000_000_000, uris)
    return key.account


def authenticate_request(
    venue: AdvancedVenue, authorization: str, method: str, host: str, path: str
) -> Account:
    """Return the account that has signed a request.

    Raises:
        TokenRefused: nobody has, or it is another request's token.
    """
    if not authorization.startswith(_BEARER):
        raise TokenRefused("no token")
    return authenticate(venue, authorization.removeprefix(_BEARER), request_uris(method, host, path))
