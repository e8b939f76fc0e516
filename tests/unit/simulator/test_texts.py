"""Texts of amounts and times: nothing padded, nothing rounded."""

import pytest

from fillwire.simulator.texts import (
    decimal_text,
    exact_product_text,
    plain_text,
    quotient_text,
    read_rfc3339_us,
    rfc3339,
)


@pytest.mark.parametrize(
    ("units", "text"),
    [
        (0, "0"),
        (1, "0.00000001"),
        (10_000, "0.0001"),
        (5_000_000_000_000, "50000"),
        (4_733_846_000_000, "47338.46"),
        (-150_000_000, "-1.5"),
    ],
)
def test_amounts_have_no_trailing_zeros(units: int, text: str) -> None:
    """Whole amounts have no point, others end with their last digit."""
    assert plain_text(units) == text


def test_a_fee_keeps_all_its_decimals() -> None:
    """The recorded fill of the venue's documents: 117863.07 x 0.0004 at 0.005 is 0.23572614 exactly."""
    assert exact_product_text(11_786_307_000_000, 40_000, 500_000) == "0.23572614"
    assert exact_product_text(1, 1, 1) == "0." + "0" * 23 + "1"


def test_a_quotient_is_rounded_down_and_nothing_divides_to_zero() -> None:
    """An average over no fills is 0, as the venue shows it."""
    assert quotient_text(2, 3, 16) == "0.6666666666666666"
    assert quotient_text(5, 0, 16) == "0"
    assert decimal_text(100, 1) == "10"


@pytest.mark.parametrize(
    ("time_ns", "digits", "text"),
    [
        (1_614_962_541_878_177_000, 6, "2021-03-05T16:42:21.878177Z"),
        (1_614_962_541_878_170_000, 6, "2021-03-05T16:42:21.87817Z"),
        (1_614_962_541_000_000_000, 6, "2021-03-05T16:42:21Z"),
        (1_614_962_541_878_177_123, 9, "2021-03-05T16:42:21.878177123Z"),
        (1_614_962_541_878_177_123, 6, "2021-03-05T16:42:21.878177Z"),
    ],
)
def test_times_end_with_their_last_digit(time_ns: int, digits: int, text: str) -> None:
    """Zeros at the end of the fraction are left out, as Go writes times."""
    assert rfc3339(time_ns, digits) == text


def test_times_are_read_with_and_without_a_zone() -> None:
    """A date alone is its midnight in UTC."""
    assert read_rfc3339_us("2021-03-05T16:42:21.878177Z") == 1_614_962_541_878_177
    assert read_rfc3339_us("2021-03-05T17:42:21+01:00") == 1_614_962_541_000_000
    assert read_rfc3339_us("2021-03-05") == 1_614_902_400_000_000
    with pytest.raises(ValueError, match="yesterday"):
        read_rfc3339_us("yesterday")
