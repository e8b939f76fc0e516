"""What a message of Coinbase Exchange costs: ours, and orjson with a dictionary of orders and our dataclass.

A fill is told by what the connection remembers of its order, so both ways keep orders and sum up trades. Everybody's
messages on the channel `full` are passed over, which both ways do as early as they can.
"""

import json
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from statistics import median
from typing import Any

import orjson

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.venues.parsing import Parser
from fillwire.wire.codec import encode_order

_ROUNDS = 15
_FRAMES = 2_000
_NOW_NS = 1_795_000_000 * 10**9
_ACCOUNT = Account("alice", "coinbase", "live")
_SYMBOLS = {"BTC-USD": "BTC-USD"}
_US = {"user_id": "54fc141576dcf32596000133", "profile_id": "774ee0ce-fdda-405f-aa8d-47189a14ba0a"}
_ORDER_ID = "88bf7086-7b15-40ff-8b19-ab4e08516d69"
_HEAD = {"side": "sell", "product_id": "BTC-USD", "time": "2026-03-05T16:37:13.396107Z"}
_RECEIVED = orjson.dumps(
    {"type": "received", **_HEAD, "sequence": 1, **_US, "order_id": _ORDER_ID, "order_type": "limit"}
    | {"size": "100000", "price": "47400", "client_oid": "a317abb9-2b30-4370-ebfe-0deecb300180"}
)

Read = Callable[[bytes], object]


def _match(number: int) -> dict[str, object]:
    return {
        "type": "match",
        **_HEAD,
        "sequence": 5_641_897_876 + number,
        "trade_id": 5_455_505 + number,
        "maker_order_id": _ORDER_ID,
        "taker_order_id": "e5f5754d-70a3-4346-95a6-209bcb503629",
        "size": f"0.{number + 1:08d}",
        "price": "47338.46",
    }


def fills() -> list[bytes]:
    """Return trades of one order."""
    own = {**_US, "maker_user_id": _US["user_id"], "maker_fee_rate": "0.004"}
    return [orjson.dumps(_match(number) | own) for number in range(_FRAMES)]


def others() -> list[bytes]:
    """Return trades of others."""
    return [orjson.dumps(_match(number)) for number in range(_FRAMES)]


def _ours() -> Read:
    parse = Parser(_ACCOUNT, _SYMBOLS).parse
    parse(_RECEIVED, _NOW_NS)

    def read(frame: bytes) -> object:
        return [report.json for report in parse(frame, _NOW_NS)]

    return read


def _orjson_dataclass() -> Read:
    received = orjson.loads(_RECEIVED)
    orders = {_ORDER_ID: (Decimal(0), Decimal(0))}

    def read(frame: bytes) -> object:
        row = orjson.loads(frame)
        if "user_id" not in row:
            return None
        is_maker = "maker_user_id" in row
        order_id = row["maker_order_id" if is_maker else "taker_order_id"]
        price, size = Decimal(row["price"]), Decimal(row["size"])
        cumulative, quote = orders[order_id]
        cumulative, quote = orders[order_id] = cumulative + size, quote + price * size
        trade_id = str(row["trade_id"])
        event = OrderEvent(
            event_id=execution_event_id(_ACCOUNT, row["product_id"], order_id, trade_id),
            kind=Kind.PARTIALLY_FILLED,
            exchange=_ACCOUNT.exchange,
            environment=_ACCOUNT.environment,
            user=_ACCOUNT.user,
            pair=_SYMBOLS[row["product_id"]],
            symbol=row["product_id"],
            order_id=order_id,
            client_order_id=received["client_oid"],
            new_client_order_id=None,
            order_list_id=None,
            side=Side(row["side"]),
            type=OrderType(received["order_type"]),
            time_in_force=None,
            price=Decimal(received["price"]),
            stop_price=None,
            quantity=Decimal(received["size"]),
            quote_quantity=None,
            cumulative_quantity=cumulative,
            cumulative_quote=quote,
            average_price=quote / cumulative,
            prevented_quantity=None,
            is_working=None,
            venue_status="match",
            last_fill=Fill(
                trade_id=trade_id,
                price=price,
                quantity=size,
                quote=None,
                fee=None,
                fee_currency=None,
                liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
            ),
            reject_reason=None,
            execution_id=str(row["sequence"]),
            exchange_time_ns=_NOW_NS,
            transaction_time_ns=_NOW_NS,
            received_time_ns=_NOW_NS,
            source=Source.STREAM,
        )
        return encode_order(event)

    return read


def _cpu_us(read: Read, batch: Sequence[bytes]) -> float:
    """Return the CPU time per frame, in microseconds."""
    start = time.process_time_ns()
    for frame in batch:
        read(frame)
    return (time.process_time_ns() - start) / len(batch) / 1_000


def run() -> dict[str, Any]:
    """Return the cost of a fill and of somebody else's message by each way, in microseconds of CPU, and the ratios."""
    batches = {"fill": fills(), "others": others()}
    found: dict[str, Any] = {"frames": _FRAMES * _ROUNDS}
    for name, batch in batches.items():
        rounds = [(_cpu_us(_ours(), batch), _cpu_us(_orjson_dataclass(), batch)) for _ in range(_ROUNDS)]
        found[name] = {
            "frame_bytes": round(sum(map(len, batch)) / len(batch)),
            "cpu_us_per_frame": {
                "fillwire": round(median(own for own, _ in rounds), 2),
                "orjson_dataclass": round(median(other for _, other in rounds), 2),
            },
            "times_the_cost_of_fillwire": round(median(other / own for own, other in rounds), 1),
        }
    return found


if __name__ == "__main__":
    print(json.dumps(run()))  # noqa: T201 - a benchmark prints
