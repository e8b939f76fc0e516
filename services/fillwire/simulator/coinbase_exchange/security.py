"""Whether a request or a subscription is signed with a key of the venue."""

from collections.abc import Mapping

from fillwire.simulator.coinbase_exchange import refusals
from fillwire.simulator.coinbase_exchange.refusals import Refusal
from fillwire.simulator.coinbase_exchange.signatures import prehash
from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue
from fillwire.simulator.exchange.accounts import Account

TOLERANCE_S = 30
HEADERS = {
    "key": "CB-ACCESS-KEY",
    "signature": "CB-ACCESS-SIGN",
    "timestamp": "CB-ACCESS-TIMESTAMP",
    "passphrase": "CB-ACCESS-PASSPHRASE",
}
"""What signs a request: its name in a subscription to the feed, and the header of a request to REST."""


def authenticate(
    venue: ExchangeVenue, proof: Mapping[str, str], method: str, path: str, body: bytes = b""
) -> Account:
    """Return the account that has signed.

    Args:
        venue: whose keys and clock.
        proof: key, signature, timestamp and passphrase.
        method: of the request.
        path: with its query, as sent.
        body: as sent.

    Raises:
        Refusal: nobody has, or not now.
    """
    for name, header in HEADERS.items():
        if not proof.get(name):
            raise refusals.missing_header(header)
    check_time(venue, proof["timestamp"])
    key = venue.keys.get(proof["key"])
    if key is None or key.is_revoked:
        raise Refusal(refusals.INVALID_KEY, 401)
    credentials = venue.credentials[key.api_key]
    if proof["passphrase"] != credentials.passphrase:
        raise Refusal(refusals.INVALID_PASSPHRASE, 401)
    payload = prehash(proof["timestamp"], method, path, body)
    if not credentials.verifier.verify(payload, proof["signature"]):
        raise Refusal(refusals.INVALID_SIGNATURE, 401)
    return key.account


def check_time(venue: ExchangeVenue, timestamp: str) -> None:
    """Check that a request was signed now.

    Raises:
        Refusal: the time is none, or too far from the venue's.
    """
    try:
        signed_s = float(timestamp)
    except ValueError:
        raise Refusal("invalid timestamp") from None
    # the comparison refuses "nan", too
    if not abs(venue.clock.now_ns() / 1_000_000_000 - signed_s) <= TOLERANCE_S:
        raise Refusal(refusals.EXPIRED)
