"""Tokens of Coinbase Advanced Trade: the deterministic Ed25519 vector, and every claim that may be wrong."""

from typing import Any

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.simulator.coinbase_advanced.tokens import (
    TokenRefused,
    TokenVerifier,
    read_token,
    request_uris,
)
from support.coinbase_keys import ED25519_KEY_NAME, ED25519_PUBLIC_PEM, ES256_KEY_NAME, ES256_PUBLIC_PEM
from support.coinbase_tokens import base64url, make_token

NOW_S = 1_700_000_000
PATH = "/api/v3/brokerage/orders/historical/fills"
URI = f"GET api.coinbase.com{PATH}"
URIS = request_uris("GET", "127.0.0.1:8765", PATH)
FEED_SIGNATURE = "rGKyT0drjPaJ_jMK49C8S2lPbrYbydQ26fHyRHTtOyyT2jOdmu-T2Ofbt0oeSxOzq_kOY7tYSwOi0h_BGAGxBQ"
REST_SIGNATURE = "imXx46yOwqKtQ0qK5t85ZWk0I16uWUBXpl5Bzub73lkXt3Zw0gO508kqQbVT29IDmJbYJiPK0tLCjp_JSwhVAg"
ED25519 = TokenVerifier(ED25519_PUBLIC_PEM)
ES256 = TokenVerifier(ES256_PUBLIC_PEM)


def check(text: str, verifier: TokenVerifier = ED25519, now_s: float = NOW_S, **more: Any) -> None:
    """Check a token."""
    verifier.check(read_token(text), now_s, **more)


def test_ed25519_vectors() -> None:
    """Header and payload in the given order give the published signatures, and the verifier takes them."""
    feed, rest = make_token(NOW_S), make_token(NOW_S, URI)
    assert feed.rpartition(".")[2] == FEED_SIGNATURE
    assert rest.rpartition(".")[2] == REST_SIGNATURE
    check(feed)
    check(rest, uris=URIS)
    assert read_token(feed).key_name == ED25519_KEY_NAME


def test_es256() -> None:
    """A signature of two numbers by the P-256 key is taken; by the other key it is not."""
    token = make_token(NOW_S, URI, algorithm="ES256")
    assert read_token(token).key_name == ES256_KEY_NAME
    check(token, ES256, uris=URIS)
    with pytest.raises(TokenRefused, match="ES256"):
        check(token, ED25519)


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
def test_a_changed_token_is_refused(algorithm: str) -> None:
    """Any other payload under the same signature is not this key's."""
    verifier = ED25519 if algorithm == "EdDSA" else ES256
    token, other = (make_token(NOW_S + more, algorithm=algorithm) for more in (0, 1))
    head, _payload, signature = token.split(".")
    with pytest.raises(TokenRefused, match="signature"):
        check(f"{head}.{other.split('.')[1]}.{signature}", verifier)
    with pytest.raises(TokenRefused, match="signature"):
        check(f"{token.rpartition('.')[0]}.{base64url(bytes(63))}", verifier)


@pytest.mark.parametrize(
    ("age_s", "is_valid"), [(0, True), (119.9, True), (120, False), (121, False), (-1, False)]
)
def test_a_token_lives_for_two_minutes(age_s: float, is_valid: bool) -> None:
    """Before it begins and from its end on it is refused."""
    token = make_token(NOW_S)
    if is_valid:
        check(token, now_s=NOW_S + age_s)
    else:
        with pytest.raises(TokenRefused, match="not valid now"):
            check(token, now_s=NOW_S + age_s)


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"sub": "somebody"}, "sub"),
        ({"iss": "me"}, "issuer"),
        ({"exp": NOW_S + 121}, "120 s apart"),
        ({"exp": None}, "120 s apart"),
        ({"nbf": "now"}, "120 s apart"),
    ],
)
def test_claims(claims: dict[str, Any], reason: str) -> None:
    """Whose it is, who issued it and for how long must be right."""
    with pytest.raises(TokenRefused, match=reason):
        check(make_token(NOW_S, claims=claims))


@pytest.mark.parametrize(
    "uri",
    [
        None,
        f"POST api.coinbase.com{PATH}",
        f"GET api.coinbase.com{PATH}?limit=100",
        f"GET https://api.coinbase.com{PATH}",
        "GET api.coinbase.com/api/v3/brokerage/orders",
    ],
)
def test_a_token_of_another_request(uri: str | None) -> None:
    """Method and path without query bind a REST token to its request."""
    with pytest.raises(TokenRefused, match="another request"):
        check(make_token(NOW_S, uri), uris=URIS)


def test_the_called_host_and_the_list_of_uris_are_taken() -> None:
    """A client whose base URL was changed signs that; newer ones sign a list."""
    check(make_token(NOW_S, f"GET 127.0.0.1:8765{PATH}"), uris=URIS)
    check(make_token(NOW_S, claims={"uris": [URI]}), uris=URIS)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c.d", "!.e30.e30", "e30.W10.e30", "bm8.e30.e30"])
def test_what_is_no_token(text: str) -> None:
    """Three parts of base64url, of which two are JSON objects."""
    with pytest.raises(TokenRefused):
        read_token(text)


def test_other_keys_are_refused_at_the_start() -> None:
    """A key that the venue would not issue cannot be configured."""
    with pytest.raises(ConfigError, match="PEM"):
        TokenVerifier("secret")
