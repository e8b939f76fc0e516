"""What a frame costs until it is a validated event and its JSON bytes: ours, msgspec, orjson with a dataclass.

All in one process and interleaved, so that the ratios hold on any machine; CPU time, medians of rounds. msgspec checks
types and closed sets only and encodes what it decoded; ours also checks the venue's rules, maps to the canonical
event and builds its identity.
"""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from statistics import median
from typing import Any, Literal

import msgspec
import orjson

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.venues.parsing import ExecutionReport, Parser
from fillwire.wire.codec import encode_order

_ROUNDS = 15
_FRAMES = 100  # different ones, few enough to stay in the cache, where a frame just received is
_REPEATS = 40
_NOW_NS = 1_795_000_000 * 10**9
_ACCOUNT = Account("alice", "binance", "live")
_SYMBOLS = {"SOLUSDT": "SOL-USDT"}

ExecutionType = Literal["NEW", "CANCELED", "REPLACED", "REJECTED", "TRADE", "EXPIRED", "TRADE_PREVENTION"]
Status = Literal["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED", "EXPIRED", "EXPIRED_IN_MATCH"]


class _Report(msgspec.Struct, frozen=True):
    """An `executionReport` with every field that an event is made of."""

    E: int
    s: str
    c: str
    S: Literal["BUY", "SELL"]
    o: Literal[
        "LIMIT", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT", "LIMIT_MAKER"
    ]
    f: Literal["GTC", "IOC", "FOK"]
    q: Decimal
    p: Decimal
    P: Decimal
    g: int
    C: str | None
    x: ExecutionType
    X: Status
    r: str
    i: int
    l: Decimal  # noqa: E741 - the venue's key
    z: Decimal
    L: Decimal
    n: Decimal
    N: str | None
    T: int
    t: int
    I: int  # noqa: E741 - the venue's key
    w: bool
    m: bool
    Z: Decimal
    Y: Decimal
    Q: Decimal


class _Frame(msgspec.Struct, frozen=True):
    """The wrapper."""

    event: _Report
    subscriptionId: int | None = None  # noqa: N815 - the venue's key


def frames(count: int) -> list[bytes]:
    """Return so many fills, each of another order, price and quantity, written as the venue does."""
    chance = random.Random(7)
    made = []
    for number in range(count):
        price, last = Decimal(chance.randrange(10**4, 10**7)) / 100, Decimal(chance.randrange(1, 10**4)) / 100
        before = Decimal(chance.randrange(10**4)) / 100
        total, time_ms = before + last, 1_773_000_000_000 + number * 37
        event = {
            "e": "executionReport",
            "E": time_ms + 1,
            "s": "SOLUSDT",
            "c": f"x-{number:032x}",
            "S": chance.choice(["BUY", "SELL"]),
            "o": "LIMIT",
            "f": "GTC",
            "q": f"{total + 1:.8f}",
            "p": f"{price:.8f}",
            "P": "0.00000000",
            "F": "0.00000000",
            "g": -1,
            "C": "",
            "x": "TRADE",
            "X": "PARTIALLY_FILLED",
            "r": "NONE",
            "i": 7_000_000_101 + number * 13,
            "l": f"{last:.8f}",
            "z": f"{total:.8f}",
            "L": f"{price:.8f}",
            "n": f"{last / 1000:.8f}",
            "N": "SOL",
            "T": time_ms,
            "t": 41_000_001 + number,
            "I": 14_000_001_010 + number * 3,
            "w": True,
            "m": chance.random() < 0.5,
            "M": True,
            "O": time_ms - 9000,
            "Z": f"{price * total:.8f}",
            "Y": f"{price * last:.8f}",
            "Q": "0.00000000",
            "W": time_ms - 9000,
            "V": "EXPIRE_MAKER",
        }
        made.append(orjson.dumps({"subscriptionId": 0, "event": event}))
    return made


def ours(account: Account, symbols: Mapping[str, str]) -> Callable[[bytes], object]:
    """Return how an account's frames are read here."""
    parse = Parser(account, symbols).parse

    def read(frame: bytes) -> object:
        (report,) = parse(frame, _NOW_NS)
        assert isinstance(report, ExecutionReport)  # as the gateway tells events from controls
        return report.event_id, report.json, report.pair, report.kind

    return read


def by_msgspec(frame_type: type[msgspec.Struct]) -> Callable[[bytes], object]:
    """Return how msgspec reads frames of a type: it checks types and closed sets only and encodes what it decoded."""
    decoder: msgspec.json.Decoder[msgspec.Struct] = msgspec.json.Decoder(frame_type)
    decode, encode = decoder.decode, msgspec.json.Encoder().encode
    return lambda frame: encode(decode(frame))


def _orjson_dataclass(frame: bytes) -> object:
    report = orjson.loads(frame)["event"]
    order_id, trade_id = str(report["i"]), str(report["t"])
    quantity, quote = Decimal(report["z"]), Decimal(report["Z"])
    fill = Fill(
        trade_id=trade_id,
        price=Decimal(report["L"]),
        quantity=Decimal(report["l"]),
        quote=Decimal(report["Y"]),
        fee=Decimal(report["n"]),
        fee_currency=report["N"],
        liquidity=Liquidity.MAKER if report["m"] else Liquidity.TAKER,
    )
    event = OrderEvent(
        event_id=execution_event_id(_ACCOUNT, report["s"], order_id, trade_id),
        kind=Kind.FILLED if report["X"] == "FILLED" else Kind.PARTIALLY_FILLED,
        exchange=_ACCOUNT.exchange,
        environment=_ACCOUNT.environment,
        user=_ACCOUNT.user,
        pair=_SYMBOLS[report["s"]],
        symbol=report["s"],
        order_id=order_id,
        client_order_id=report["C"] or report["c"],
        new_client_order_id=None,
        order_list_id=None if report["g"] < 0 else str(report["g"]),
        side=Side(report["S"].lower()),
        type=OrderType(report["o"].lower()),
        time_in_force=TimeInForce(report["f"].lower()),
        price=Decimal(report["p"]) or None,
        stop_price=Decimal(report["P"]) or None,
        quantity=Decimal(report["q"]),
        quote_quantity=Decimal(report["Q"]) or None,
        cumulative_quantity=quantity,
        cumulative_quote=quote,
        average_price=quote / quantity,
        prevented_quantity=None,
        is_working=report["w"],
        venue_status=report["X"],
        last_fill=fill,
        reject_reason=None,
        execution_id=str(report["I"]),
        exchange_time_ns=report["E"] * 1_000_000,
        transaction_time_ns=report["T"] * 1_000_000,
        received_time_ns=_NOW_NS,
        source=Source.STREAM,
    )
    return encode_order(event)


def _cpu_us(read: Callable[[bytes], object], batch: Sequence[bytes]) -> float:
    """Return the CPU time per frame, in microseconds."""
    start = time.process_time_ns()
    for frame in batch:
        read(frame)
    return (time.process_time_ns() - start) / len(batch) / 1_000


def compared(different: list[bytes], ways: Mapping[str, Callable[[bytes], object]]) -> dict[str, Any]:
    """Return the cost of a frame by each way, in microseconds of CPU, and how much less that of `fillwire` is."""
    batch = different * _REPEATS
    rounds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(_ROUNDS):
        for name, read in ways.items():
            rounds[name].append(_cpu_us(read, batch))
    costs = {name: median(values) for name, values in rounds.items()}
    # Ratios within a round: what slows the machine for a moment slows both.
    ratios = {
        name: median(other / own for other, own in zip(rounds[name], rounds["fillwire"], strict=True))
        for name in ways
        if name != "fillwire"
    }
    return {
        "frame_bytes": round(sum(map(len, batch)) / len(batch)),
        "frames": len(batch) * _ROUNDS,
        "cpu_us_per_frame": {name: round(cost, 2) for name, cost in costs.items()},
        "least_cpu_us_per_frame": {name: round(min(values), 2) for name, values in rounds.items()},
        "times_the_cost_of_fillwire": {name: round(ratio, 1) for name, ratio in ratios.items()},
    }


def run() -> dict[str, Any]:
    """Return the cost of a fill's frame by each way, in microseconds of CPU, and how much less ours is."""
    ways = {
        "fillwire": ours(_ACCOUNT, _SYMBOLS),
        "msgspec": by_msgspec(_Frame),
        "orjson_dataclass": _orjson_dataclass,
    }
    return compared(frames(_FRAMES), ways)


if __name__ == "__main__":
    print(json.dumps(run()))  # noqa: T201 - a benchmark prints
