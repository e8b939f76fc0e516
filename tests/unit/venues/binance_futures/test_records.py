"""Records of Binance USD-M Futures as the documents show them, and the events that they become."""

import dataclasses
from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source
from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.binance.auth import signer
from fillwire.venues.binance_futures.records import FuturesRecords
from fillwire.venues.binance_futures.symbols import read_symbols
from fillwire.venues.parsing import ExecutionReport, Parser
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.wire.codec import decode_order, encode_order
from support.questions import asked

ALICE = Account("alice", "binance-futures", "live")
RECORDS = FuturesRecords(ALICE, signer("key", "secret"))
NOW_NS = 1_773_000_060_000_000_000
DAY_NS = 86_400_000_000_000
TRADE: dict[str, Any] = orjson.loads(
    b'{"buyer":false,"commission":"-0.07819010","commissionAsset":"USDT","id":698759,"maker":true,'
    b'"orderId":25851813,"price":"7819.01","qty":"0.002","quoteQty":"15.64","baseQty":"0.002","marginAsset":"USDT",'
    b'"realizedPnl":"-0.91539999","side":"SELL","positionSide":"SHORT","symbol":"BTCUSDT","pair":"BTCUSDT",'
    b'"time":1569514978020}'
)
ORDER: dict[str, Any] = orjson.loads(
    b'{"avgPrice":"0.00000","clientOrderId":"abc","cumQuote":"0","executedQty":"0","orderId":1573346959,'
    b'"origQty":"0.40","origType":"TRAILING_STOP_MARKET","price":"0","reduceOnly":false,"side":"BUY",'
    b'"positionSide":"SHORT","status":"NEW","stopPrice":"9300","closePosition":false,"symbol":"BTCUSDT",'
    b'"time":1579276756075,"timeInForce":"GTC","type":"TRAILING_STOP_MARKET","activatePrice":"9020",'
    b'"priceRate":"0.3","updateTime":1579276756075,"workingType":"CONTRACT_PRICE","priceProtect":false,'
    b'"priceMatch":"NONE","selfTradePreventionMode":"NONE","goodTillDate":0}'
)


def answer(document: object, status: int = 200) -> HttpResponse:
    """Return an answer with this document."""
    return HttpResponse(status=status, body=orjson.dumps(document))


def read_order(**changed: object) -> OrderRow | None:
    """Return the order of the documents with something changed."""
    return asked(RECORDS.order(("BTCUSDT", "1573346959")), [answer(ORDER | changed)])[0]


def test_an_order_is_read_as_the_documents_show_it() -> None:
    """A trailing stop: its type in our words, and no stop price, which the venue says means nothing."""
    row = read_order()
    assert row is not None
    assert (row.key, row.client_order_id, row.side) == (("BTCUSDT", "1573346959"), "abc", Side.BUY)
    assert (row.type, row.stop_price, row.price, row.quantity) == (
        OrderType.TRAILING_STOP,
        None,
        None,
        Decimal("0.4"),
    )
    assert (row.status, row.ending, row.executed_quote) == ("NEW", None, Decimal(0))
    assert row.created_ns == row.updated_ns == 1579276756075 * 10**6


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"type": "STOP", "origType": "STOP"},
            {"type": OrderType.STOP_LOSS_LIMIT, "stop_price": Decimal(9300)},
        ),
        ({"type": "STOP_MARKET", "origType": "STOP_MARKET"}, {"type": OrderType.STOP_LOSS}),
        ({"status": "EXPIRED_IN_MATCH"}, {"ending": Kind.EXPIRED}),
        ({"status": "CANCELED"}, {"ending": Kind.CANCELLED, "client_order_id": "abc"}),
        ({"status": "NEW_ADL"}, {"ending": None}),
    ],
)
def test_words_of_the_venue_have_their_meaning(changed: dict[str, Any], expected: dict[str, Any]) -> None:
    """Types, endings; a cancelled order keeps its own client id."""
    row = dataclasses.asdict(read_order(**changed) or pytest.fail("expected an order"))
    assert {name: row[name] for name in expected} == expected


def test_rows_that_lack_quotes_are_read() -> None:
    """The venue took `cumQuote` out of some answers."""
    document = {name: value for name, value in ORDER.items() if name not in {"cumQuote", "avgPrice"}}
    (row,) = asked(RECORDS.open_orders("BTCUSDT"), [answer([document])])[0]
    assert row.executed_quote is None


@pytest.mark.parametrize("changed", [{"status": "PENDING_NEW"}, {"type": "LIMIT_MAKER"}, {"origQty": 1}])
def test_a_row_that_cannot_be_read_is_an_error(changed: dict[str, Any]) -> None:
    """What the documents do not know is not guessed."""
    with pytest.raises(
        VenueError, match="binance-futures: the answer to a question for order cannot be read"
    ):
        read_order(**changed)


def test_an_order_that_cannot_be_read_takes_no_other_with_it() -> None:
    """It is named, to be looked up; a time in force that has no word of ours is no obstacle."""
    page = answer([ORDER | {"orderId": 7, "type": "LIMIT_MAKER"}, ORDER | {"timeInForce": "GTE_GTC"}])
    for question in (RECORDS.open_orders(None), RECORDS.changed_orders("BTCUSDT", NOW_NS - 1, NOW_NS)):
        rows, _ = asked(question, [page])
        assert [(row.order_id, row.time_in_force) for row in rows] == [("1573346959", None)]
        assert RECORDS.take_unread() == [("BTCUSDT", "7")]


def test_an_order_that_is_not_there() -> None:
    """An order that the venue does not know, or not yet."""
    refusal = answer({"code": -2013, "msg": "Order does not exist."}, 400)
    assert asked(RECORDS.order(("BTCUSDT", "1")), [refusal])[0] is None


def test_one_execution_reads_the_same_by_rest_and_by_the_stream() -> None:
    """The fill of a record and that of a frame are equal in all their parts, rounded amounts of the venue or not."""
    frame = (
        b'{"e":"ORDER_TRADE_UPDATE","T":1569514978020,"E":1569514978021,"o":{"s":"BTCUSDT","c":"abc","S":"SELL","o":"LIMIT",'
        b'"f":"GTC","q":"0.002","p":"7819.01","ap":"7819.01","sp":"0","x":"TRADE","X":"FILLED","i":25851813,"l":"0.002",'
        b'"z":"0.002","L":"7819.01","n":"-0.0781901","N":"USDT","T":1569514978020,"t":698759,"m":true}}'
    )
    (report,) = Parser(ALICE, {"BTCUSDT": "BTC-USDT"}).parse(frame, NOW_NS)
    assert isinstance(report, ExecutionReport)
    (row,) = asked(RECORDS.executions_of(("BTCUSDT", "25851813"), None), [answer([TRADE])])[0]
    order = read_order(
        orderId=25851813,
        status="FILLED",
        executedQty="0.002",
        origQty="0.002",
        type="LIMIT",
        origType="LIMIT",
        cumQuote="15.64",
        side="SELL",
    )
    assert order is not None
    (event,) = RECORDS.fills("BTC-USDT", order, [row], Decimal(0), NOW_NS)
    told = decode_order(report.json)
    assert event.last_fill == told.last_fill
    assert (event.event_id, event.kind, event.venue_status) == (told.event_id, told.kind, told.venue_status)
    assert row.liquidity is Liquidity.MAKER
    assert decode_order(encode_order(event)) == event


def test_an_order_whose_last_execution_was_told_while_it_was_shown_open_has_an_end() -> None:
    """Inferred, and without a fill."""
    order = read_order(status="FILLED", executedQty="0.40", cumQuote="4000")
    assert order is not None
    event = RECORDS.ending("BTC-USDT", order, NOW_NS)
    assert event is not None
    assert (event.kind, event.source, event.last_fill) == (Kind.FILLED, Source.INFERRED, None)
    assert event.event_id == "binance-futures:live:alice:BTCUSDT:1573346959:~filled"


def test_executions_are_asked_for_by_windows_of_less_than_seven_days() -> None:
    """Windows until one is not empty, then by count to the end."""
    rows = {1: [], 2: [TRADE], 3: [TRADE, TRADE | {"id": 698760}]}
    asked_for: list[HttpRequest] = []

    def venue(request: HttpRequest) -> HttpResponse:
        asked_for.append(request)
        return answer(rows[len(asked_for)])

    since_ns = 1569514978020 * 10**6 - DAY_NS
    found, _ = asked(RECORDS.executions_since("BTCUSDT", since_ns, since_ns + 13 * DAY_NS, None), venue)
    assert [row.trade_id for row in found] == ["698759", "698760"]
    first, second, third = (
        dict(part.split("=") for part in request.query.split("&")) for request in asked_for
    )
    for window in (first, second):
        assert 0 < int(window["endTime"]) - int(window["startTime"]) < 7 * 86_400_000
    assert first["endTime"] == second["startTime"]
    assert (third["fromId"], "startTime" in third) == ("698759", False)
    assert {request.weight for request in asked_for} == {5}


def test_contracts_that_end_are_told_apart_from_perpetuals() -> None:
    """A quarterly contract keeps its day, so that no two symbols share a pair."""
    contracts = [
        {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "contractType": "PERPETUAL"},
        {
            "symbol": "BTCUSDT_260327",
            "baseAsset": "BTC",
            "quoteAsset": "USDT",
            "contractType": "CURRENT_QUARTER",
        },
        {
            "symbol": "1000PEPEUSDT",
            "baseAsset": "1000PEPE",
            "quoteAsset": "USDT",
            "contractType": "PERPETUAL",
        },
        {"symbol": "BTCUSDTX", "baseAsset": "BTC", "quoteAsset": "USDT", "contractType": ""},
    ]
    table = read_symbols(orjson.dumps({"symbols": contracts}))
    assert table.pairs == {
        "BTCUSDT": "BTC-USDT",
        "BTCUSDT_260327": "BTC-USDT_260327",
        "1000PEPEUSDT": "1000PEPE-USDT",
        "BTCUSDTX": "BTC-USDT_BTCUSDTX",
    }
    assert len(table.symbols) == len(table.pairs)
