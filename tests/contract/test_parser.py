"""What the Rust parser writes is what the schema says, byte for byte what the codec in Python would write."""

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.amounts import average_price
from fillwire.domain.enums import Kind
from fillwire.domain.identifiers import Account, execution_event_id, order_scope
from fillwire.venues.parsing import ExecutionReport, Parser
from fillwire.wire.codec import decode_order, encode_order
from support.schemas import SCHEMAS, problems
from support.strategies import FULL_WIDTH_SYMBOL, accounts, texts

ORDER = SCHEMAS / "events" / "order" / "v1.json"
SYMBOLS = {"BTCUSDT": "BTC-USDT", "BRK.B": "BRK.B-USD", FULL_WIDTH_SYMBOL: f"{FULL_WIDTH_SYMBOL[:-4]}-USDT"}
NOW_MS = 1_773_000_000_000
RECEIVED_NS = NOW_MS * 1_000_000 + 8_123_456

# Execution type and status, and the kind that they are.
STEPS = {
    ("NEW", "NEW"): Kind.NEW,
    ("NEW", "PENDING_NEW"): Kind.NEW,
    ("TRADE", "PARTIALLY_FILLED"): Kind.PARTIALLY_FILLED,
    ("TRADE", "FILLED"): Kind.FILLED,
    ("CANCELED", "CANCELED"): Kind.CANCELLED,
    ("EXPIRED", "EXPIRED"): Kind.EXPIRED,
    ("REJECTED", "REJECTED"): Kind.REJECTED,
    ("REPLACED", "NEW"): Kind.REPLACED,
    ("REPLACED", "PARTIALLY_FILLED"): Kind.REPLACED,
    ("TRADE_PREVENTION", "EXPIRED_IN_MATCH"): Kind.EXPIRED,
    ("TRADE_PREVENTION", "NEW"): Kind.REPLACED,
}


def padded(value: Decimal) -> str:
    """Return an amount as the venue writes it, with eight decimals."""
    return f"{value:.8f}"


def lots(least: int = 1) -> st.SearchStrategy[Decimal]:
    """Quantities and prices in hundredths, so that their product needs no rounding."""
    return st.integers(least, 10**6).map(lambda units: Decimal(units) / 100)


@st.composite
def execution_reports(draw: st.DrawFn) -> dict[str, Any]:
    """Execution reports without contradiction, of every type."""
    execution, status = draw(st.sampled_from(sorted(STEPS)))
    is_trade = execution == "TRADE"
    price, last, before, rest = draw(lots()), draw(lots()), draw(lots(0)), draw(lots())
    price_before = draw(lots())
    last = last if is_trade else Decimal(0)
    cumulative = before + last
    quantity = cumulative if status == "FILLED" else cumulative + rest
    by_router = is_trade and draw(st.booleans())
    report: dict[str, Any] = {
        "e": "executionReport",
        "E": NOW_MS,
        "s": draw(st.sampled_from(sorted(SYMBOLS))),
        "c": draw(texts(min_size=1)),
        "S": draw(st.sampled_from(["BUY", "SELL"])),
        "o": draw(st.sampled_from(["LIMIT", "MARKET", "STOP_LOSS_LIMIT", "LIMIT_MAKER"])),
        "f": draw(st.sampled_from(["GTC", "IOC", "FOK"])),
        "q": padded(quantity),
        "p": draw(st.sampled_from([padded(price), "0.00000000"])),
        "P": draw(st.sampled_from([padded(price), "0.00000000"])),
        "F": "0.00000000",
        "g": draw(st.sampled_from([-1, 0, 881])),
        "C": draw(st.sampled_from(["", "acme-0001"])),
        "x": execution,
        "X": status,
        "r": draw(st.sampled_from(["NONE", "WOULD_MATCH_IMMEDIATELY"])),
        "i": draw(st.integers(0, 2**63 - 1)),
        "l": padded(last),
        "z": padded(cumulative),
        "L": padded(price if is_trade else Decimal(0)),
        "n": "0.00112500" if is_trade else "0",
        "N": draw(st.sampled_from(["BNB", "BTC"])) if is_trade else None,
        "T": NOW_MS - 1,
        "t": draw(st.integers(0, 2**63 - 1)) if is_trade and not by_router else -1,
        "I": draw(st.integers(0, 2**63 - 1)),
        "w": draw(st.booleans()),
        "m": draw(st.booleans()),
        "M": is_trade,
        "O": NOW_MS - 1,
        "Z": padded(before * price_before + last * price),
        "Y": padded(last * price),
        "Q": draw(st.sampled_from(["0.00000000", "25.00000000"])),
        "V": "NONE",
    }
    if by_router:
        report |= {"a": draw(st.integers(0, 2**53)), "uS": True}
    if execution == "TRADE_PREVENTION":
        report |= {"v": draw(st.integers(0, 2**53)), "A": padded(rest), "B": padded(rest)}
    if execution == "EXPIRED" and draw(st.booleans()):
        report["eR"] = "UNFILLED_IOC_QUANTITY_EXPIRED"
    for optional in draw(st.sets(st.sampled_from(["I", "Z", "Y", "w", "m", "r", "g", "P", "F"]))):
        del report[optional]
    return report


@given(report=execution_reports(), account=accounts())
def test_parsed_event_meets_the_contract(report: dict[str, Any], account: Account) -> None:
    """Every event that the parser makes is valid, canonical, and of the kind, identity and owner that the venue says."""
    account = replace(account, exchange="binance")
    parser = Parser(account, SYMBOLS)
    (parsed,) = parser.parse(orjson.dumps({"subscriptionId": 0, "event": report}), RECEIVED_NS)
    assert isinstance(parsed, ExecutionReport)
    assert problems(ORDER, json.loads(parsed.json)) == []
    event = decode_order(parsed.json)
    assert encode_order(event) == parsed.json
    assert event.kind is STEPS[report["x"], report["X"]]
    assert event.account == account
    assert event.pair == SYMBOLS[report["s"]]
    assert event.received_time_ns == RECEIVED_NS
    if event.last_fill is None:
        assert event.event_id.startswith(f"{order_scope(account, event.symbol, event.order_id)}:~")
    else:
        trade_id = event.last_fill.trade_id
        assert event.event_id == execution_event_id(account, event.symbol, event.order_id, trade_id)
    assert event.average_price == average_price(event.cumulative_quote, event.cumulative_quantity)
    assert (parsed.event_id, parsed.kind, parsed.order_id) == (event.event_id, event.kind, event.order_id)
    assert Decimal(parsed.cumulative_quantity) == event.cumulative_quantity == Decimal(report["z"])
