"""What a frame of Alpaca costs until it is a validated event and its JSON bytes: ours and msgspec."""

import random
from decimal import Decimal
from typing import Any, Literal

import msgspec
import orjson

from bench.bench_parse import by_msgspec, compared, ours
from fillwire.domain.identifiers import Account

_FRAMES = 100


class _Order(msgspec.Struct, frozen=True):
    """An order with every field that an event is made of."""

    id: str
    client_order_id: str | None
    symbol: str
    asset_class: Literal["us_equity", "us_option", "crypto"]
    qty: Decimal | None
    notional: Decimal | None
    filled_qty: Decimal
    filled_avg_price: Decimal | None
    order_class: str
    type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
    side: Literal["buy", "sell"]
    time_in_force: Literal["day", "gtc", "opg", "cls", "ioc", "fok"]
    limit_price: Decimal | None
    stop_price: Decimal | None
    status: Literal["new", "partially_filled", "filled", "canceled"]


class _Data(msgspec.Struct, frozen=True):
    """An update with every field that an event is made of."""

    at: str
    timestamp: str
    event: Literal["new", "partial_fill", "fill", "canceled"]
    order: _Order
    price: Decimal
    qty: Decimal
    execution_id: str


class _Frame(msgspec.Struct, frozen=True):
    """The wrapper."""

    stream: str
    data: _Data


def frames(count: int) -> list[bytes]:
    """Return so many partial fills, each of another order, price and quantity, with the fields that the venue sends."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        price = f"{chance.randrange(10**4, 10**7) / 100:.2f}"
        last, before = chance.randrange(1, 10**4), chance.randrange(10**4)
        at = f"2026-09-18T13:24:{number % 60:02d}.034555Z"
        nulls = (
            "expired_at",
            "cancel_requested_at",
            "canceled_at",
            "failed_at",
            "replaced_at",
            "replaced_by",
        )
        order = {
            "id": f"b28e2b24-b1b2-40cc-8979-{number:012x}",
            "client_order_id": f"x-{number:032x}",
            "created_at": at,
            "updated_at": at,
            "submitted_at": at,
            "filled_at": at,
            **dict.fromkeys(nulls),
            "replaces": None,
            "asset_id": "03e005f7-4bfc-4616-b1b0-225dd64074fa",
            "symbol": "DOGE/USD",
            "asset_class": "crypto",
            "notional": None,
            "qty": str(before + last + 1),
            "filled_qty": str(before + last),
            "filled_avg_price": price,
            "order_class": "",
            "order_type": "limit",
            "type": "limit",
            "side": chance.choice(["buy", "sell"]),
            "position_intent": "sell_to_close",
            "time_in_force": "gtc",
            "limit_price": price,
            "stop_price": None,
            "status": "partially_filled",
            "extended_hours": False,
            **dict.fromkeys(("legs", "trail_percent", "trail_price", "hwm")),
            "expires_at": "2026-12-16T21:00:00Z",
        }
        data = {
            "at": at,
            "event_id": "01M2TB1W7J21FPR8S4CTGVBY7J",
            "event": "partial_fill",
            "timestamp": at,
            "order": order,
            "price": price,
            "qty": str(last),
            "position_qty": "0",
            "execution_id": f"a0b4b946-3ed9-4fd6-bb10-{number:012x}",
            "swap_rate": "1",
        }
        made.append(orjson.dumps({"stream": "trade_updates", "data": data}))
    return made


def run() -> dict[str, Any]:
    """Return the cost of a fill's frame by each way, in microseconds of CPU, and how much less ours is."""
    ways = {"fillwire": ours(Account("alice", "alpaca", "live"), {}), "msgspec": by_msgspec(_Frame)}
    return compared(frames(_FRAMES), ways)
