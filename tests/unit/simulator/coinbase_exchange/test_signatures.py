"""Signatures of Coinbase Exchange, with vectors computed apart from the simulator."""

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.simulator.coinbase_exchange.signatures import FEED_METHOD, FEED_PATH, HmacVerifier, prehash
from support.coinbase_keys import EXCHANGE_SECRET

TIME = "1700000000"
ORDER = b'{"type":"limit","side":"buy","product_id":"BTC-USD","price":"100.00","size":"0.01"}'


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (prehash(TIME, FEED_METHOD, FEED_PATH), "4w5N81jN+R8BEl+8gu26Lel0jalXF5uTezix+T8v9eY="),
        (
            prehash(TIME, "get", "/fills?product_id=BTC-USD&limit=100"),
            "mpH0U5/yZv35ghLiJWDBz9AINQftysXNwhkgI1pw0pw=",
        ),
        (prehash(TIME, "POST", "/orders", ORDER), "kX/0q+SfFCpV2g2OfMY3db3Jup/N3QknFTvYN1g0H9k="),
    ],
    ids=["feed", "query", "body"],
)
def test_vectors(payload: bytes, signature: str) -> None:
    """Time, method, path with query and body are signed as sent; one other byte refuses it."""
    verifier = HmacVerifier(EXCHANGE_SECRET)
    assert verifier.verify(payload, signature)
    assert not verifier.verify(payload + b" ", signature)
    assert not verifier.verify(payload, "")


def test_a_secret_is_base64() -> None:
    """A secret that is none is refused at the start, without showing it."""
    with pytest.raises(ConfigError, match="base64") as caught:
        HmacVerifier("not base64!")
    assert "not base64!" not in str(caught.value)
