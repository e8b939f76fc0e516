"""What a receiver checks."""

import hashlib
import hmac

import pytest

from fillwire.notify.signing import TOLERANCE_S, is_genuine, signature

SECRET = "a secret that both know"
BODY = b'{"v":1}'
NOW_S = 1_735_689_600


def test_a_signature_is_what_the_documentation_says() -> None:
    """Computed by hand, as a receiver in another language would."""
    digest = hmac.new(SECRET.encode(), f"{NOW_S}.".encode() + BODY, hashlib.sha256).hexdigest()
    assert signature(SECRET, NOW_S, BODY) == f"v1={digest}"


def test_ours_is_genuine_for_five_minutes() -> None:
    """And as long before, for clocks differ."""
    signed = signature(SECRET, NOW_S, BODY)
    for passed_s, expected in (
        (0, True),
        (TOLERANCE_S, True),
        (TOLERANCE_S + 1, False),
        (-TOLERANCE_S - 1, False),
    ):
        assert is_genuine(SECRET, str(NOW_S), signed, BODY, NOW_S + passed_s) is expected


@pytest.mark.parametrize(
    ("timestamp", "signed", "body"),
    [
        (str(NOW_S), signature("another", NOW_S, BODY), BODY),
        (str(NOW_S), signature(SECRET, NOW_S, BODY), BODY + b" "),
        (str(NOW_S + 1), signature(SECRET, NOW_S, BODY), BODY),
        (str(NOW_S), "", BODY),
        (str(NOW_S), "v1=ü", BODY),
        ("", signature(SECRET, NOW_S, BODY), BODY),
        ("١٢٣", signature(SECRET, NOW_S, BODY), BODY),
        ("-1", signature(SECRET, NOW_S, BODY), BODY),
    ],
)
def test_all_else_is_not(timestamp: str, signed: str, body: bytes) -> None:
    """Another secret, body or time; nothing; and what no header holds."""
    assert not is_genuine(SECRET, timestamp, signed, body, NOW_S)
