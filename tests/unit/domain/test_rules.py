"""What an order breaks of the rules of its pair."""

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.orders import OrderRequest
from fillwire.domain.rules import PairRules, broken_rule

RULES = PairRules(
    price_step=Decimal("0.01"),
    min_price=Decimal("0.01"),
    max_price=Decimal(100_000),
    quantity_step=Decimal("0.001"),
    min_quantity=Decimal("0.002"),
    max_quantity=Decimal(9000),
    min_notional=Decimal(5),
    market_max_quantity=Decimal("120.5"),
)
STOCK = PairRules(price_step=Decimal("0.01"), fine_price_step=Decimal("0.0001"), fine_price_below=Decimal(1))
MARKET = OrderRequest(
    client_order_id="1", pair="SOL-USDT", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
)


def limit(quantity: str, price: str) -> OrderRequest:
    """Return a limit order."""
    return replace(MARKET, type=OrderType.LIMIT, quantity=Decimal(quantity), price=Decimal(price))


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (limit("1", "150.255"), "price is 150.255: expected a multiple of 0.01, the nearest allowed is 150.25"),
        (limit("1", "150.2551"), "price is 150.2551: expected a multiple of 0.01, the nearest allowed is 150.26"),
        (limit("1", "0.001"), "price is 0.001: expected a multiple of 0.01, the nearest allowed is 0.01"),
        (limit("1", "100000.01"), "price is 100000.01: expected 100000 or less, the nearest allowed is 100000"),
        (limit("1.0005", "150"), "quantity is 1.0005: expected a multiple of 0.001, the nearest allowed is 1"),
        (limit("0.001", "15000"), "quantity is 0.001: expected 0.002 or more, the nearest allowed is 0.002"),
        (limit("0.0001", "15000"), "quantity is 0.0001: expected a multiple of 0.001, the nearest allowed is 0.002"),
        (limit("9000.001", "1"), "quantity is 9000.001: expected 9000 or less, the nearest allowed is 9000"),
        (
            limit("0.033", "150.25"),
            "price times quantity is 4.95825: expected 5 or more, at this price the least quantity is 0.034",
        ),
        (
            replace(MARKET, quantity=Decimal("120.501")),
            "quantity is 120.501: expected 120.5 or less, the nearest allowed is 120.5",
        ),
        (limit("120.501", "150.25"), None),
        (limit("0.034", "150.25"), None),
        (replace(MARKET, quantity=Decimal("0.002")), None),
    ],
)  # fmt: skip
def test_what_is_broken_is_named_with_the_nearest_that_is_allowed(
    request_: OrderRequest, sentence: str | None
) -> None:
    """Found, expected, nearest; market orders have a bound of their own, and no value that is known."""
    assert broken_rule(RULES, request_) == sentence


def test_prices_below_a_bound_may_be_finer() -> None:
    """A price has the step of its size."""
    assert broken_rule(STOCK, limit("1", "0.9999")) is None
    assert broken_rule(STOCK, limit("1", "1.01")) is None
    assert broken_rule(STOCK, limit("1", "1.001")) == (
        "price is 1.001: expected a multiple of 0.01, the nearest allowed is 1"
    )


def test_the_least_quantity_is_readable_where_the_venue_names_no_step() -> None:
    """A quotient that never ends is cut, and to the side of what is enough."""
    assert broken_rule(PairRules(min_notional=Decimal(10)), limit("1", "3")) == (
        "price times quantity is 3: expected 10 or more, at this price the least quantity is 3.3333333333333334"
    )


def test_what_the_venue_does_not_say_is_not_checked() -> None:
    """Rules that say nothing let everything through."""
    assert broken_rule(PairRules(), limit("0.000000000000000001", "99999999999999999999.123456789")) is None


STEPS = st.sampled_from([Decimal("0.00000001"), Decimal("0.001"), Decimal("0.05"), Decimal(1), Decimal(25)])
AMOUNTS = st.decimals(Decimal("0.00000001"), Decimal(10**12), places=8)


@given(step=STEPS, low=AMOUNTS, high=AMOUNTS, quantity=AMOUNTS)
def test_the_nearest_that_is_named_is_allowed(
    step: Decimal, low: Decimal, high: Decimal, quantity: Decimal
) -> None:
    """Whoever takes the sentence at its word sends an order that passes."""
    low, high = sorted((low, high))
    if (high / step).to_integral_value(ROUND_DOWN) * step < low:
        return  # nothing is allowed
    rules = PairRules(quantity_step=step, min_quantity=low, max_quantity=high)
    sentence = broken_rule(rules, replace(MARKET, quantity=quantity))
    if sentence is None:
        assert quantity % step == 0
        assert low <= quantity <= high
    else:
        nearest = Decimal(sentence.rpartition(" ")[2])
        assert broken_rule(rules, replace(MARKET, quantity=nearest)) is None


@given(price=st.decimals(Decimal("0.01"), Decimal(10**6), places=2), least=st.integers(1, 10**6))
def test_the_least_quantity_that_is_named_is_worth_enough_and_no_more(price: Decimal, least: int) -> None:
    """It passes, and one step less does not."""
    rules = PairRules(quantity_step=Decimal("0.001"), min_notional=Decimal(least))
    order = replace(MARKET, type=OrderType.LIMIT, price=price, quantity=Decimal("0.001"))
    sentence = broken_rule(rules, order)
    if sentence is not None:
        named = Decimal(sentence.rpartition(" ")[2])
        assert broken_rule(rules, replace(order, quantity=named)) is None
        below = broken_rule(rules, replace(order, quantity=named - Decimal("0.001")))
        assert below is not None
        assert Decimal(below.rpartition(" ")[2]) == named


def test_words_of_bounds_come_in_the_order_in_which_they_are_checked() -> None:
    """Quantity, price, value: the first that is broken is named."""
    broken = [
        broken_rule(RULES, limit("0.0005", "0.001")),
        broken_rule(RULES, limit("0.002", "0.001")),
        broken_rule(RULES, limit("0.002", "0.01")),
    ]
    assert [(said or "").partition(" is ")[0] for said in broken] == [
        "quantity",
        "price",
        "price times quantity",
    ]
    assert all(one != other for one, other in pairwise(broken))
