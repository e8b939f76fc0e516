"""Keys of Coinbase Exchange and what they sign."""

import base64

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.venues.coinbase_exchange.auth import signer, timestamp

SECRET = base64.b64encode(bytes(range(64))).decode()


@pytest.mark.parametrize(
    ("method", "target", "body", "signature"),
    [
        ("GET", "/users/self/verify", b"", "4w5N81jN+R8BEl+8gu26Lel0jalXF5uTezix+T8v9eY="),
        (
            "GET",
            "/fills?product_id=BTC-USD&limit=100",
            b"",
            "mpH0U5/yZv35ghLiJWDBz9AINQftysXNwhkgI1pw0pw=",
        ),
        (
            "POST",
            "/orders",
            b'{"type":"limit","side":"buy","product_id":"BTC-USD","price":"100.00","size":"0.01"}',
            "kX/0q+SfFCpV2g2OfMY3db3Jup/N3QknFTvYN1g0H9k=",
        ),
    ],
)
def test_signatures_are_those_of_an_independent_implementation(
    method: str, target: str, body: bytes, signature: str
) -> None:
    """Time, method, target and body under the decoded secret, as openssl signs them."""
    assert signer("key", SECRET, "phrase").sign("1700000000", method, target, body) == signature


def test_a_time_is_signed_in_seconds() -> None:
    """What is signed is what is sent: no float is rendered twice."""
    assert timestamp(1_700_000_000_999_999_999) == "1700000000"


@pytest.mark.parametrize(
    ("key", "secret", "passphrase", "found"),
    [
        ("", SECRET, "phrase", "the API key of coinbase is empty"),
        ("k", "", "phrase", "the secret of coinbase is empty"),
        ("k", "not base64!", "phrase", "the secret of coinbase holds white space"),
        ("k", "abc", "phrase", "the secret of coinbase is no base64"),
        ("k", SECRET, None, "the passphrase of coinbase is missing"),
        ("k", SECRET, "", "the passphrase of coinbase is empty"),
        ("k", "-----BEGIN EC PRIVATE KEY-----\nx", "phrase", "as Coinbase Advanced Trade has"),
    ],
)
def test_what_is_no_key_is_told_without_showing_it(
    key: str, secret: str, passphrase: str | None, found: str
) -> None:
    """The message names the part and what was expected, and nothing of the secret."""
    with pytest.raises(ConfigError, match=found) as caught:
        signer(key, secret, passphrase)
    assert "expected" in str(caught.value)
    assert "abc" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_signer_does_not_print_its_secret() -> None:
    """Nothing of the key stands in its representation."""
    shown = repr(signer("the-key", SECRET, "the-phrase"))
    assert "the-key" not in shown
    assert "the-phrase" not in shown
    assert SECRET not in shown
