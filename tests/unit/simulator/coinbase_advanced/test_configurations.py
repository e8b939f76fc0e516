"""Configurations of orders: what their one member's name says, and what it must hold."""

from typing import Any

import pytest

from fillwire.simulator.coinbase_advanced.configurations import read_configuration
from fillwire.simulator.coinbase_advanced.refusals import OrderRefused, Refusal

LIMIT = {"base_size": "0.001", "limit_price": "10000.00"}
STOP = {**LIMIT, "stop_price": "11000", "stop_direction": "STOP_DIRECTION_STOP_UP"}


@pytest.mark.parametrize(
    ("name", "fields", "kind", "time_in_force"),
    [
        ("market_market_ioc", {"quote_size": "10"}, "MARKET", "IMMEDIATE_OR_CANCEL"),
        ("market_market_ioc", {"base_size": "10"}, "MARKET", "IMMEDIATE_OR_CANCEL"),
        ("limit_limit_gtc", LIMIT, "LIMIT", "GOOD_UNTIL_CANCELLED"),
        ("limit_limit_fok", LIMIT, "LIMIT", "FILL_OR_KILL"),
        ("sor_limit_ioc", LIMIT, "LIMIT", "IMMEDIATE_OR_CANCEL"),
        ("stop_limit_stop_limit_gtc", STOP, "STOP_LIMIT", "GOOD_UNTIL_CANCELLED"),
    ],
)
def test_the_name_says_type_and_time_in_force(
    name: str, fields: dict[str, Any], kind: str, time_in_force: str
) -> None:
    """The configuration itself is kept as it was sent."""
    wanted = read_configuration({name: fields})
    assert (wanted.type, wanted.time_in_force) == (kind, time_in_force)
    assert wanted.document == {name: fields}


def test_an_order_until_a_date() -> None:
    """Its end is read, and post_only with it."""
    wanted = read_configuration(
        {"limit_limit_gtd": {**LIMIT, "end_time": "1970-01-01T00:00:02Z", "post_only": True}}
    )
    assert wanted.ends_us == 2_000_000
    assert wanted.is_post_only


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"limit_limit_gtc": LIMIT, "limit_limit_fok": LIMIT},
        {"limit_limit_gtc": "10"},
        {"limit_limit_gtc": {"limit_price": "1"}},
        {"limit_limit_gtc": {"base_size": "1"}},
        {"limit_limit_gtc": {"base_size": 1, "limit_price": "1"}},
        {"limit_limit_gtc": {"base_size": "-1", "limit_price": "1"}},
        {"limit_limit_gtd": LIMIT},
        {"market_market_ioc": {"base_size": "1", "quote_size": "1"}},
        {"stop_limit_stop_limit_gtc": {**STOP, "stop_direction": "UP"}},
    ],
)
def test_what_cannot_be_read(value: Any) -> None:
    """It is answered with status 400 and INVALID_ARGUMENT."""
    with pytest.raises(Refusal) as caught:
        read_configuration(value)
    assert caught.value.status == 400
    assert isinstance(caught.value.document, dict)
    assert caught.value.document["error"] == "INVALID_ARGUMENT"


def test_what_is_not_traded_is_refused_with_status_200() -> None:
    """The reason stands in the body of the answer."""
    with pytest.raises(OrderRefused) as caught:
        read_configuration({"twap_limit_gtd": {}})
    document = caught.value.document({"twap_limit_gtd": {}})
    assert document["success"] is False
    assert document["error_response"]["error"] == "UNSUPPORTED_ORDER_CONFIGURATION"
