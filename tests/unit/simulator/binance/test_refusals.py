"""What the venue answers where the engine says no."""

import pytest

from fillwire.simulator.binance.refusals import refusal_of
from fillwire.simulator.exchange.refused import Reason


@pytest.mark.parametrize(
    ("reason", "code", "message"),
    [
        (Reason.UNKNOWN_SYMBOL, -1121, "Invalid symbol."),
        (Reason.INSUFFICIENT_BALANCE, -2010, "Account has insufficient balance for requested action."),
        (Reason.DUPLICATE_ORDER, -2010, "Duplicate order sent."),
        (Reason.WOULD_MATCH, -2010, "Order would immediately match and take."),
        (Reason.WOULD_TRIGGER, -2010, "Order would trigger immediately."),
        (Reason.QUANTITY_INCREASED, -2038, "Order amend (quantity increase) is not supported."),
        (Reason.TOO_MANY_AMENDMENTS, -1013, "Filter failure: MAX_NUM_ORDER_AMENDS"),
    ],
)
def test_engines_reasons_have_the_venues_code_and_text(reason: Reason, code: int, message: str) -> None:
    """The code and the words are those of the documents."""
    refusal = refusal_of(reason)
    assert (refusal.status, refusal.body()) == (400, {"code": code, "msg": message})


def test_no_reason_is_without_an_answer() -> None:
    """Whatever the engine says, the venue has a sentence for it."""
    assert all(refusal_of(reason).message for reason in Reason)
