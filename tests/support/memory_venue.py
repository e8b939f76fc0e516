"""A venue in memory that answers questions for its records as Binance does, late if it is told to, and keeps frames."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import orjson

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.venues.records import RecordedReport
from fillwire.venues.rest import HttpRequest, HttpResponse
from support.order_events import ALICE

if TYPE_CHECKING:
    from collections.abc import Callable

SECOND_NS = 1_000_000_000
SYMBOL, PAIR = "BTCUSDT", "BTC-USDT"
OTHER_SYMBOL, OTHER_PAIR = "ABCUSDT", "ABC-USDT"


@dataclass(slots=True)
class Change:
    """One step in an order's life: when, what status, and the execution that made it."""

    time_ns: int
    status: str
    executed: int
    trade_id: int | None = None


@dataclass(slots=True)
class VenueOrder:
    """An order of whole units at a price of 10."""

    order_id: int
    quantity: int
    symbol: str = SYMBOL
    changes: list[Change] = field(default_factory=list)

    @property
    def executed(self) -> int:
        """Units executed so far."""
        return self.changes[-1].executed

    @property
    def is_open(self) -> bool:
        """Whether it may still execute."""
        return self.changes[-1].status in {"NEW", "PARTIALLY_FILLED"}

    def trade_ids(self) -> list[str]:
        """Return its executions, in order."""
        return [str(change.trade_id) for change in self.changes if change.trade_id is not None]


class MemoryVenue:
    """Orders of one account on two symbols.

    Attributes:
        now_ns: its clock, which moves when something happens.
        lag_ns: how far its records are behind.
        trades_lag_ns: how much further those of executions are.
        failures: questions that are answered with status 500, one after another.
        refused: symbols of which nothing may be asked, as of one that is not listed any more; None for all at once.
        garbled: orders whose rows nobody can read.
        frames: what it has sent and nobody has read yet.
        on_request: called before each question is answered: the stream goes on meanwhile.
    """

    def __init__(self, now_ns: int, account: Account = ALICE) -> None:
        self.account = account
        self.now_ns = now_ns
        self.lag_ns = 0
        self.trades_lag_ns = 0
        self.failures = 0
        self.refused: set[str | None] = set()
        self.garbled: set[int] = set()
        self.requests = 0
        self.orders: list[VenueOrder] = []
        self.frames: list[RecordedReport] = []
        self.on_request: Callable[[], None] = lambda: None
        self._trade_id = 100

    # -- what happens

    def place(self, quantity: int, symbol: str = SYMBOL) -> VenueOrder:
        """Accept an order."""
        order = VenueOrder(len(self.orders) + 1, quantity, symbol)
        self.orders.append(order)
        self._change(order, "NEW", 0)
        return order

    def fill(self, order: VenueOrder, quantity: int = 1) -> None:
        """Execute a part of an order."""
        executed = order.executed + quantity
        self._trade_id += 1 + order.order_id % 2
        self._change(
            order, "FILLED" if executed == order.quantity else "PARTIALLY_FILLED", executed, self._trade_id
        )

    def trade_with_self(self, one: VenueOrder, other: VenueOrder) -> None:
        """Execute one unit of two orders under one trade id."""
        self._trade_id += 1
        trade_id = self._trade_id
        for order in (one, other):
            executed = order.executed + 1
            self._change(
                order, "FILLED" if executed == order.quantity else "PARTIALLY_FILLED", executed, trade_id
            )

    def cancel(self, order: VenueOrder) -> None:
        """Cancel an order."""
        self._change(order, "CANCELED", order.executed)

    def _change(self, order: VenueOrder, status: str, executed: int, trade_id: int | None = None) -> None:
        self.now_ns += SECOND_NS
        change = Change(self.now_ns, status, executed, trade_id)
        last = executed - (order.executed if order.changes else 0)
        order.changes.append(change)
        self.frames.append(RecordedReport.of(self._event(order, change, last)))

    def _event(self, order: VenueOrder, change: Change, last: int) -> OrderEvent:
        order_id = str(order.order_id)
        kind = Kind(change.status.lower().replace("canceled", "cancelled"))
        fill = None
        event_id = state_event_id(self.account, order.symbol, order_id, kind)
        if change.trade_id is not None:
            event_id = execution_event_id(self.account, order.symbol, order_id, str(change.trade_id))
            fill = Fill(
                trade_id=str(change.trade_id),
                price=_decimal(10),
                quantity=_decimal(last),
                quote=_decimal(10 * last),
                fee=_decimal(last),
                fee_currency="BTC",
                liquidity=Liquidity.MAKER,
            )
        return OrderEvent(
            event_id=event_id,
            kind=kind,
            exchange=self.account.exchange,
            environment=self.account.environment,
            user=self.account.user,
            pair=PAIR if order.symbol == SYMBOL else OTHER_PAIR,
            symbol=order.symbol,
            order_id=order_id,
            client_order_id=f"mine-{order_id}",
            new_client_order_id=None,
            order_list_id=None,
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            price=_decimal(10),
            stop_price=None,
            quantity=_decimal(order.quantity),
            quote_quantity=None,
            cumulative_quantity=_decimal(change.executed),
            cumulative_quote=_decimal(10 * change.executed),
            average_price=_decimal(10) if change.executed else None,
            prevented_quantity=None,
            is_working=None,
            venue_status=change.status,
            last_fill=fill,
            reject_reason=None,
            execution_id=None,
            exchange_time_ns=change.time_ns,
            transaction_time_ns=change.time_ns,
            received_time_ns=change.time_ns,
            source=Source.STREAM,
        )

    # -- what its records show

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer a question, as `RestClient` would bring the answer."""
        self.requests += 1
        self.on_request()
        if self.failures:
            self.failures -= 1
            return HttpResponse(status=500, body=b"{}")
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        symbol = query.get("symbol")
        if symbol in self.refused:
            return HttpResponse(status=400, body=b'{"code":-1121,"msg":"Invalid symbol."}')
        answer = {
            "/api/v3/openOrders": self._open_orders,
            "/api/v3/order": self._order,
            "/api/v3/allOrders": self._all_orders,
            "/api/v3/myTrades": self._trades,
        }[request.path](query)
        if answer is None:
            return HttpResponse(status=400, body=b'{"code":-2013,"msg":"Order does not exist."}')
        return HttpResponse(status=200, body=orjson.dumps(answer))

    def _seen(self, order: VenueOrder, lag_ns: int = 0) -> list[Change]:
        until_ns = self.now_ns - self.lag_ns - lag_ns
        return [change for change in order.changes if change.time_ns <= until_ns]

    def _rows(self) -> list[dict[str, object]]:
        return [self._row(order, seen) for order in self.orders if (seen := self._seen(order))]

    def _row(self, order: VenueOrder, seen: list[Change]) -> dict[str, object]:
        last = seen[-1]
        return {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderListId": -1,
            "clientOrderId": "web_cancel" if last.status == "CANCELED" else f"mine-{order.order_id}",
            "price": "10.00",
            "origQty": f"{order.quantity}.00",
            "executedQty": f"{last.executed}.00",
            "cummulativeQuoteQty": f"{10 * last.executed}.00",
            "status": last.status,
            "timeInForce": "GTC",
            "type": "LIMIT",
            "side": "HOLD" if order.order_id in self.garbled else "BUY",
            "stopPrice": "0.00",
            "time": seen[0].time_ns // 1000,
            "updateTime": last.time_ns // 1000,
            "isWorking": True,
            "origQuoteOrderQty": "0.00",
        }

    def _open_orders(self, query: dict[str, str]) -> object:
        opened = [row for row in self._rows() if row["status"] in {"NEW", "PARTIALLY_FILLED"}]
        return [row for row in opened if query.get("symbol") in {None, row["symbol"]}]

    def _order(self, query: dict[str, str]) -> object:
        return next((row for row in self._rows() if row["orderId"] == int(query["orderId"])), None)

    def _all_orders(self, query: dict[str, str]) -> object:
        start, end = int(query["startTime"]) * 1000, int(query["endTime"]) * 1000
        own = [row for row in self._rows() if row["symbol"] == query["symbol"]]
        found = [row for row in own if start <= int(str(row["updateTime"])) <= end]
        return found[: int(query["limit"])]

    def _trades(self, query: dict[str, str]) -> object:
        rows = [
            {
                "symbol": order.symbol,
                "id": change.trade_id,
                "orderId": order.order_id,
                "orderListId": -1,
                "price": "10.00",
                "qty": f"{change.executed - before.executed}.00",
                "quoteQty": f"{10 * (change.executed - before.executed)}.00",
                "commission": f"{change.executed - before.executed}.00",
                "commissionAsset": "BTC",
                "time": change.time_ns // 1000,
                "isBuyer": True,
                "isMaker": True,
                "isBestMatch": True,
            }
            for order in self.orders
            for before, change in zip(order.changes, self._seen(order, self.trades_lag_ns)[1:], strict=False)
            if change.trade_id is not None and order.symbol == query["symbol"]
        ]
        rows.sort(key=lambda row: (row["id"], row["orderId"]))
        if "orderId" in query:
            rows = [row for row in rows if row["orderId"] == int(query["orderId"])]
        if "fromId" in query:
            rows = [row for row in rows if int(str(row["id"])) >= int(query["fromId"])]
        if "startTime" in query:
            start, end = int(query["startTime"]) * 1000, int(query["endTime"]) * 1000
            rows = [row for row in rows if start <= int(str(row["time"])) <= end]
        return rows[: int(query["limit"])]


def _decimal(units: int) -> Decimal:
    return Decimal(units)
