"""The broker's refusals: which are final, and how they read."""

import pytest

from fillwire.bus.errors import ApiRefused, NoResponder, RequestTimedOut, RevisionConflict, is_transient
from fillwire.domain.errors import BrokerError


@pytest.mark.parametrize(
    ("code", "expected"), [(400, False), (404, False), (408, True), (429, True), (500, True), (503, True)]
)
def test_class_of_the_code_decides_whether_to_try_again(code: int, expected: bool) -> None:
    """The broker's codes are HTTP's: 4xx are ours to mend, except those that ask for patience."""
    assert is_transient(code) is expected
    assert ApiRefused("stream create x", code, 1, "no").is_transient is expected


@pytest.mark.parametrize(("code", "error_code"), [(400, 10002), (409, 10158)])
def test_some_refusals_only_look_final(code: int, error_code: int) -> None:
    """A full account, and a first copy of the message that is still on its way: the same request succeeds later."""
    assert is_transient(code, error_code)
    assert not is_transient(code, 10054)


def test_errors_read_as_sentences() -> None:
    """What was asked, what the broker said, with both its numbers."""
    assert str(ApiRefused("stream create orders", 500, 10058, "name in use")) == (
        "stream create orders refused by the broker: name in use (code 500, error 10058)"
    )
    assert (
        str(RevisionConflict("LEASES", "gw.0", 7))
        == "key gw.0 of bucket LEASES has changed: expected revision 7"
    )


def test_all_of_them_are_broker_errors() -> None:
    """Whoever retries on `BrokerError` catches the finer ones too."""
    assert all(
        issubclass(kind, BrokerError) for kind in (ApiRefused, NoResponder, RequestTimedOut, RevisionConflict)
    )
