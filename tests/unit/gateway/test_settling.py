"""Settling an order whose venue does not keep every order, or shows executions in any order."""

from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from fillwire.domain.enums import Kind, Source
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import Ledger
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.sequencer import Sequencer
from fillwire.gateway.settling import Settler
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.coinbase_advanced.rows import read_order
from fillwire.venues.coinbase_exchange.auth import signer
from fillwire.venues.coinbase_exchange.records import ExchangeRecords
from fillwire.venues.parsing import ExecutionReport, Parser
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.wire.codec import decode_order
from support import advanced_rows as advanced
from support.coinbase_keys import ES256_KEY_NAME, ES256_PEM

if TYPE_CHECKING:
    from fillwire.gateway.rationing import RationedRest

ACCOUNT = Account("alice", "coinbase", "live")
KEY = ("BTC-USD", "o1")
FRAME = (
    b'{"type":"received","side":"buy","product_id":"BTC-USD","time":"2025-11-07T08:19:27Z","sequence":5,"user_id":"u",'
    b'"profile_id":"p","order_id":"o1","order_type":"limit","size":"1","price":"2","client_oid":"mine"}'
)
NOW_NS = 1_795_000_000 * 10**9


class Answers:
    """A venue's REST interface that answers by path; 404 where nothing is given."""

    def __init__(self, rows: dict[str, Any]) -> None:
        self.rows = rows

    async def ask(self, make: Any, _share: float = 1.0) -> HttpResponse:
        """Answer a question."""
        request: HttpRequest = make()
        row = self.rows.get(request.path)
        return HttpResponse(status=404 if row is None else 200, body=orjson.dumps(row))


async def settled(rows: dict[str, Any]) -> tuple[bool, list[OrderEvent], list[OrderRow]]:
    """Return whether the order could be settled, what was published by it, and what was told of it."""
    ledger = Ledger()
    (report,) = Parser(ACCOUNT, None).parse(FRAME, NOW_NS)
    assert isinstance(report, ExecutionReport)
    ledger.apply(report)
    published: list[OrderEvent] = []
    told: list[OrderRow] = []

    def publish(report: Any, _parsed_ns: int, _frame_bytes: int) -> bool:
        published.append(decode_order(report.json))
        return True

    async def at_once() -> None:
        pass

    sequencer = Sequencer(ledger, publish, lambda *_: None, lambda _: None, lambda _: None)
    settler = Settler(sequencer, at_once, lambda: NOW_NS, told.append)
    records = ExchangeRecords(ACCOUNT, signer("k", "AAAA", "p"))
    inquiry = Inquiry(records, cast("RationedRest", Answers(rows)), lambda: 0, at_once)
    return await settler.settle(inquiry, KEY, "BTC-USD", 0), published, told


async def test_an_order_that_is_gone_without_a_trace_was_cancelled() -> None:
    """The log gets its end, inferred, with all that its beginning said; and the stream's parser hears of it."""
    is_settled, published, told = await settled({"/fills": [], "/orders": []})
    assert is_settled
    (event,) = published
    assert (event.kind, event.source, event.order_id) == (Kind.CANCELLED, Source.INFERRED, "o1")
    assert (event.client_order_id, str(event.quantity), str(event.price)) == ("mine", "1", "2")
    assert [row.ending for row in told] == [Kind.CANCELLED]


@pytest.mark.parametrize("rows", [{"/fills": [], "/orders": None}, {"/orders": []}])
async def test_an_order_is_not_ended_on_half_an_answer(rows: dict[str, Any]) -> None:
    """What the venue did not say proves nothing."""
    with pytest.raises(Exception, match="404"):
        await settled(rows)


async def test_an_order_that_the_records_show_goes_by_the_clients_id_of_the_log() -> None:
    """The venue's records may have it under another."""
    row = {
        "id": "o1",
        "size": "1",
        "price": "2",
        "product_id": "BTC-USD",
        "side": "buy",
        "type": "limit",
        "created_at": "2025-11-07T08:19:27Z",
        "filled_size": "0",
        "executed_value": "0",
        "status": "open",
        "client_oid": "another",
    }
    is_settled, published, told = await settled({"/orders/o1": row})
    assert (is_settled, published) == (True, [])
    assert [row.client_order_id for row in told] == ["mine"]


async def test_executions_that_add_up_by_chance_are_not_published() -> None:
    """The order is shown with two executed; of three equal executions the records show the first and the last."""
    shown = dict(advanced.ORDER) | {"filled_size": "0.2", "last_fill_time": "2024-08-30T13:07:27Z"}
    fills = [
        dict(advanced.FILL)
        | {"entry_id": f"e{second}", "trade_id": f"t{second}", "size": "0.1", "trade_time": _at(second)}
        for second in (26, 27, 28)
    ]
    path = f"/api/v3/brokerage/orders/historical/{shown['order_id']}"
    rest = Answers({path: {"order": shown | {"filled_size": "0.3", "last_fill_time": _at(28)}}})
    rest.rows["/api/v3/brokerage/orders/historical/fills"] = {"fills": [fills[2], fills[0]], "cursor": ""}
    published: list[OrderEvent] = []

    def publish(report: Any, _parsed_ns: int, _frame_bytes: int) -> bool:
        published.append(decode_order(report.json))
        return True

    async def at_once() -> None:
        pass

    account = Account("alice", "coinbase-advanced", "live")
    sequencer = Sequencer(Ledger(), publish, lambda *_: None, lambda _: None, lambda _: None)
    settler = Settler(sequencer, at_once, lambda: NOW_NS, lambda _: None)
    records = AdvancedRecords(account, TokenSigner(ES256_KEY_NAME, ES256_PEM))
    inquiry = Inquiry(records, cast("RationedRest", rest), lambda: 0, at_once)
    row = read_order(shown)
    assert not await settler.settle(inquiry, row.key, "BTC-USD", 0, row)
    assert published == []
    rest.rows["/api/v3/brokerage/orders/historical/fills"] = {"fills": fills[::-1], "cursor": ""}
    assert await settler.settle(inquiry, row.key, "BTC-USD", 0, row)
    assert [event.last_fill.trade_id for event in published if event.last_fill] == ["t26", "t27", "t28"]


def _at(second: int) -> str:
    return f"2024-08-30T13:07:{second}Z"
