"""What a frame of Binance USD-M Futures costs until it is a validated event and its JSON bytes: ours and msgspec."""

import random
from decimal import Decimal
from typing import Any, Literal

import msgspec
import orjson

from bench.bench_parse import by_msgspec, compared, ours
from fillwire.domain.identifiers import Account

_FRAMES = 100


class _Order(msgspec.Struct, frozen=True):
    """The order of an `ORDER_TRADE_UPDATE` with every field that an event is made of."""

    s: str
    c: str
    S: Literal["BUY", "SELL"]
    o: Literal["LIMIT", "MARKET"]
    f: Literal["GTC", "IOC", "FOK", "GTX"]
    q: Decimal
    p: Decimal
    ap: Decimal
    sp: Decimal
    x: Literal["NEW", "CANCELED", "CALCULATED", "EXPIRED", "TRADE", "AMENDMENT"]
    X: Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"]
    i: int
    l: Decimal  # noqa: E741 - the venue's name
    z: Decimal
    L: Decimal
    n: Decimal
    N: str
    T: int
    t: int
    m: bool
    er: str


class _Frame(msgspec.Struct, frozen=True):
    """The frame."""

    E: int
    T: int
    o: _Order


def frames(count: int) -> list[bytes]:
    """Return fills of Binance USD-M Futures in the shape of recordings, the same on every run."""
    draw = random.Random(1)
    made = []
    for number in range(count):
        price, last = draw.randrange(10_000, 20_000) / 100, draw.randrange(1, 1_000)
        order = {
            "s": "SOLUSDT",
            "c": f"acme-{number:04d}",
            "S": draw.choice(("BUY", "SELL")),
            "o": "LIMIT",
            "f": "GTC",
            "q": "2000",
            "p": f"{price:g}",
            "ap": f"{price:g}",
            "sp": "0",
            "x": "TRADE",
            "X": "PARTIALLY_FILLED",
            "i": 188_000_000_000 + number,
            "l": str(last),
            "z": str(last),
            "L": f"{price:g}",
            "n": f"{last / 1e4:g}",
            "N": "USDT",
            "T": 1_773_000_007_410 + number,
            "t": 2_710_000_000 + number,
            "b": "0",
            "a": "0",
            "m": draw.random() < 0.5,
            "R": False,
            "wt": "CONTRACT_PRICE",
            "ot": "LIMIT",
            "ps": "BOTH",
            "cp": False,
            "rp": "0",
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            "gtd": 0,
            "er": "0",
        }
        time_ms = 1_773_000_007_411 + number
        made.append(orjson.dumps({"e": "ORDER_TRADE_UPDATE", "T": time_ms - 1, "E": time_ms, "o": order}))
    return made


def run() -> dict[str, Any]:
    """Return the cost of a fill's frame by each way, in microseconds of CPU, and how much less ours is."""
    account = Account("alice", "binance-futures", "live")
    ways = {"fillwire": ours(account, {"SOLUSDT": "SOL-USDT"}), "msgspec": by_msgspec(_Frame)}
    return compared(frames(_FRAMES), ways)
