"""Binance's documents in our own values."""

from decimal import Decimal

import orjson
import pytest

from fillwire.domain.errors import VenueError
from fillwire.domain.orders import Outcome
from fillwire.venues.binance.mapping import (
    accepted,
    read_server_time_ns,
    read_symbols,
    read_weight_per_minute,
)

# Section "order.status" of the venue's documents.
STATUS = {
    "symbol": "BTCUSDT",
    "orderId": 12569099453,
    "orderListId": -1,
    "clientOrderId": "4d96324ff9d44481926157",
    "price": "23416.10000000",
    "origQty": "0.00847000",
    "executedQty": "0.00847000",
    "cummulativeQuoteQty": "198.33521500",
    "status": "FILLED",
}


def test_an_order_keeps_its_id_as_text_and_its_amount_exactly() -> None:
    """Ids are text from here on, amounts decimals; the client id is the venue's where nobody named one."""
    order = accepted("BTC-USDT", None, STATUS)
    assert order.outcome is Outcome.ACCEPTED
    assert (order.order_id, order.client_order_id) == ("12569099453", "4d96324ff9d44481926157")
    assert (order.cumulative_quantity, order.venue_status) == (Decimal("0.00847000"), "FILLED")


def test_the_short_form_of_an_answer_is_enough() -> None:
    """ACK holds ids only: what it does not say is not known."""
    order = accepted("BTC-USDT", None, {"symbol": "BTCUSDT", "orderId": 28, "clientOrderId": "6gCr"})
    assert (order.order_id, order.venue_status, order.cumulative_quantity) == ("28", None, None)


@pytest.mark.parametrize(
    ("time", "expected_ns"),
    [(1499827319559, 1499827319559000000), (1499827319559123, 1499827319559123000)],
)
def test_the_venues_clock_is_read_in_both_its_units(time: int, expected_ns: int) -> None:
    """Milliseconds and microseconds, by magnitude."""
    assert read_server_time_ns({"serverTime": time}) == expected_ns


@pytest.mark.parametrize(
    "answer", [{}, {"serverTime": None}, {"serverTime": "1"}, {"serverTime": 0}, [], None]
)
def test_an_answer_without_time_is_none(answer: object) -> None:
    """Nothing is guessed: an error says what was found."""
    with pytest.raises(ValueError, match="serverTime: expected a positive integer"):
        read_server_time_ns(answer)


def test_pairs_come_from_base_and_quote() -> None:
    """The table is made of the assets the venue names, not of the symbol's letters."""
    table = read_symbols(
        b'{"symbols":[{"symbol":"C98USDT","baseAsset":"C98","quoteAsset":"USDT"},'
        b'{"symbol":"AVAXUSDT","baseAsset":"AVAX","quoteAsset":"USDT"}]}'
    )
    assert dict(table.pairs) == {"C98USDT": "C98-USDT", "AVAXUSDT": "AVAX-USDT"}
    assert dict(table.symbols) == {"C98-USDT": "C98USDT", "AVAX-USDT": "AVAXUSDT"}


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"symbols":[{"symbol":"X"}]}', b"[]", b'{"symbols":7}'])
def test_a_table_that_cannot_be_read_is_refused_whole(body: bytes) -> None:
    """Half a table would send fills to quarantine: rather none."""
    with pytest.raises(VenueError, match="exchangeInfo cannot be read"):
        read_symbols(body)


def _limits(*rows: tuple[str, str, int, object]) -> bytes:
    """Return an answer with these limits: type, interval, its number, and how many."""
    limits = [
        {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
        for kind, interval, number, limit in rows
    ]
    return orjson.dumps(
        {"timezone": "UTC", "filters": [1], "rateLimits": limits, "symbols": [{"permissions": []}]}
    )


def test_the_weight_of_a_minute_is_what_the_venue_says() -> None:
    """Of all limits it is the one of request weight in one minute."""
    body = _limits(
        ("ORDERS", "SECOND", 10, 100), ("REQUEST_WEIGHT", "DAY", 1, 7), ("REQUEST_WEIGHT", "MINUTE", 1, 1200)
    )
    assert read_weight_per_minute(body) == 1200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"symbols":[]}',
        b'{"rateLimits":7}',
        b'{"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT"}]}',
        b'{"rateLimits":[{"rate',
        _limits(("REQUEST_WEIGHT", "MINUTE", 1, 0)),
        _limits(("REQUEST_WEIGHT", "MINUTE", 1, "6000")),
        _limits(("REQUEST_WEIGHT", "MINUTE", 5, 6000)),
    ],
)
def test_a_weight_that_is_not_said_is_none(body: bytes) -> None:
    """What we know of the venue stands then."""
    assert read_weight_per_minute(body) is None
