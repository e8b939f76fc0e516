"""Hypothesis strategies for Coinbase Exchange: lives of orders as the venue tells them, and what becomes of them on the way."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from support.coinbase_exchange_oracle_orders import Facts

NOW_NS = 1_795_000_000 * 10**9
SYMBOLS = {"BTC-USD": "BTC-USD", "ETH-EUR": "ETH-EUR"}
US = {"user_id": "54fc141576dcf32596000133", "profile_id": "774ee0ce-fdda-405f-aa8d-47189a14ba0a"}

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of the venue."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Time that goes by before the next frame."""

    seconds: int


Step = Frame | Facts | Pause


@dataclass(slots=True)
class _Life:
    """One order as the venue has it; `steps` are its messages and what the records show after each."""

    order_id: str
    product: str
    side: str
    steps: list[tuple[Document, Facts]] = field(default_factory=list)


def text(amount: Decimal) -> str:
    """Return an amount as the venue writes it."""
    return f"{amount:f}"


def lots() -> SearchStrategy[Decimal]:
    """Quantities and prices."""
    return st.integers(1, 10**6).map(lambda units: Decimal(units) / 1000)


@st.composite
def _life(draw: DrawFn, number: int, trade_ids: list[int]) -> _Life:  # noqa: PLR0912, PLR0915, C901 - a whole life
    life = _Life(
        f"0000000{number}-aaaa",
        draw(st.sampled_from(sorted(SYMBOLS))),
        draw(st.sampled_from(["buy", "sell"])),
    )
    kind = draw(st.sampled_from(["limit", "limit", "market", "funds", "stop"]))
    price = draw(lots())
    trades = draw(st.lists(lots(), max_size=4))
    rest = draw(st.one_of(st.just(Decimal(0)), lots())) if trades else draw(lots())
    quantity = sum(trades, rest)
    client_id = draw(st.sampled_from(["", f"client-{number}", 'a "quoted" é']))
    executed, quote, last_id = Decimal(0), Decimal(0), None
    values: dict[str, Any] = {
        "client_order_id": client_id or None,
        "order_type": "limit",
        "time_in_force": "gtc",
        "price": price,
        "stop_price": None,
        "quantity": quantity,
        "quote_quantity": None,
    }

    def add(document: Document, *, is_open: bool = True) -> None:
        facts = Facts(
            order_id=life.order_id,
            symbol=life.product,
            values=dict(values),
            side=life.side,
            executed=executed,
            quote=quote,
            last_trade_id=last_id,
            is_open=is_open,
        )
        life.steps.append(({"side": life.side, "product_id": life.product, **US} | document, facts))

    received: Document = {"type": "received", "order_id": life.order_id, "client_oid": client_id}
    if kind == "stop":
        stop = draw(st.sampled_from(["loss", "entry"]))
        is_loss = (stop, life.side) in {("loss", "sell"), ("entry", "buy")}
        values |= {"order_type": "stop_loss_limit" if is_loss else "take_profit_limit", "stop_price": price}
        activate = {
            "type": "activate",
            "order_id": life.order_id,
            "stop_type": stop,
            "stop_price": text(price),
        }
        add(activate | {"timestamp": "1793736448.299000", "size": text(quantity), "private": True})
    if kind in {"limit", "stop"}:
        received |= {"order_type": "limit", "size": text(quantity), "price": text(price)}
    elif kind == "market":
        values |= {"order_type": "market", "price": None}
        received |= {"order_type": "market", "size": text(quantity)}
        if draw(st.booleans()):
            received["funds"] = "9000"
    else:
        values |= {"order_type": "market", "price": None, "quantity": None, "quote_quantity": Decimal(500)}
        received |= {"order_type": "market", "funds": "500"}
    add(received)
    opens_after = draw(st.integers(0, len(trades)))
    changes_after = draw(st.sampled_from([None, None, *range(len(trades))]))
    for index in range(len(trades) + 1):
        if kind in {"limit", "stop"} and index == opens_after and executed < quantity:
            remaining = {"remaining_size": text(quantity - executed), "price": text(price)}
            add({"type": "open", "order_id": life.order_id} | remaining)
        if kind in {"limit", "stop"} and index == changes_after:
            before, after = quantity - executed, sum(trades[index:], draw(lots()))
            quantity = executed + after
            values["quantity"] = quantity
            sizes = {"old_size": text(before), "new_size": text(after), "price": text(price)}
            reason = draw(
                st.sampled_from([{}, {"reason": "STP"}, {"reason": "modify_order", "new_price": text(price)}])
            )
            add({"type": "change", "order_id": life.order_id} | sizes | reason)
        if index == len(trades):
            break
        is_maker = draw(st.booleans())
        ours, theirs = ("maker", "taker") if is_maker else ("taker", "maker")
        executed += trades[index]
        quote += price * trades[index]
        trade_ids[0] += draw(st.integers(1, 3))
        last_id = trade_ids[0]
        fill: Document = {
            "type": "match",
            "trade_id": last_id,
            f"{ours}_order_id": life.order_id,
            f"{theirs}_order_id": "ffffffff",
            f"{ours}_user_id": US["user_id"],
            f"{ours}_fee_rate": "0.005",
            "size": text(trades[index]),
            "price": text(price),
        }
        maker_side = life.side if is_maker else {"buy": "sell", "sell": "buy"}[life.side]
        add(fill | {"side": maker_side})
    end = draw(
        st.sampled_from(["none", "filled", "canceled", "101:Time In Force", "102:Self Trade Prevention"])
    )
    if executed == quantity or end == "filled":
        end = "filled" if executed == quantity or kind in {"market", "funds"} else "canceled"
    if end != "none":
        done: Document = {
            "type": "done",
            "order_id": life.order_id,
            "reason": "filled" if end == "filled" else "canceled",
        }
        if kind in {"limit", "stop"} or draw(st.booleans()):
            done["remaining_size"] = "0" if end == "filled" else text(quantity - executed)
        if end[0] == "1":
            done["cancel_reason"] = end
        add(done, is_open=False)
    return life


@st.composite
def journeys(draw: DrawFn) -> list[Step]:  # noqa: C901, PLR0912, PLR0915 - each thing that can happen on the way
    """Frames of some orders' lives, mixed, some lost, doubled or late, and what the records show now and then."""
    trade_ids = [draw(st.integers(0, 2**53 + 5))]
    lives = [draw(_life(number, trade_ids)) for number in range(draw(st.integers(1, 3)))]
    left = {life.order_id: list(life.steps) for life in lives}
    shown: dict[str, list[Facts]] = {life.order_id: [] for life in lives}
    number = draw(st.integers(1, 10**12))
    steps: list[Step] = []
    delayed: list[Step] = []
    if draw(st.sampled_from([True, False])):
        products = draw(st.lists(st.sampled_from(sorted(SYMBOLS)), min_size=1, max_size=2, unique=True))
        channels = [
            {"name": "full", "product_ids": products},
            {"name": "user", "product_ids": draw(st.sampled_from([sorted(SYMBOLS), []]))},
        ]
        steps.append(_frame({"type": "subscriptions", "channels": channels}))
    while left:
        order_id = draw(st.sampled_from(sorted(left)))
        document, facts = left[order_id].pop(0)
        if not left[order_id]:
            del left[order_id]
        shown[order_id].append(facts)
        number += draw(st.sampled_from([1, 1, 1, 2]))
        if document["type"] != "activate":
            document = {**document, "sequence": number, "time": "2026-11-07T08:19:27.028459Z"}
        fate = draw(st.sampled_from(["kept"] * 8 + ["lost", "doubled", "late", "spaced"]))
        is_time = draw(st.booleans())
        if delayed and is_time:
            steps += delayed
            delayed.clear()
        frame = _frame(document, is_spaced=fate == "spaced")
        match fate:
            case "lost":
                pass
            case "doubled":
                steps += [frame, frame]
            case "late":
                delayed.append(frame)
            case _:
                steps.append(frame)
        number += 1
        match draw(st.sampled_from(["", "", "public", "heartbeat", "note", "note", "pause"])):
            case "pause":
                steps.append(Pause(draw(st.integers(1, 12))))
            case "public":
                public = {
                    "type": "open",
                    "product_id": document["product_id"],
                    "sequence": number,
                    "order_id": "x",
                }
                steps.append(_frame(public, is_spaced=draw(st.booleans())))
            case "heartbeat":
                beat = {"type": "heartbeat", "product_id": document["product_id"], "sequence": number}
                steps.append(_frame(beat | {"last_trade_id": 1, "time": "2026-11-07T08:19:28Z"}))
            case "note":
                seen = draw(
                    st.sampled_from(shown[draw(st.sampled_from(sorted(id_ for id_ in shown if shown[id_])))])
                )
                steps.append(replace(seen, last_trade_id=None) if draw(st.integers(0, 4)) == 0 else seen)
            case _:
                pass
    return [*steps, *delayed]


def _frame(document: Mapping[str, Any], *, is_spaced: bool = False) -> Frame:
    separators = (", ", ": ") if is_spaced else (",", ":")
    return Frame(json.dumps(document, separators=separators, ensure_ascii=False).encode())


ODD_VALUES: tuple[Any, ...] = (
    None, 0, -1, 1.5, 2**70, True, "", "0", "-1", "1e5", "abc", "0.1", [], {}, "buy", "filled", "ETH-EUR", "1" * 40,
    "2026-11-07T08:19:27Z", "2126-11-07T08:19:27Z", "2026-02-30T08:19:27Z", 'a"\\é',
)  # fmt: skip


@st.composite
def damaged(draw: DrawFn) -> list[Step]:
    """A journey with one frame of which a field is gone, doubled or odd, or the text cut."""
    steps = draw(journeys())
    frames = [index for index, step in enumerate(steps) if isinstance(step, Frame)]
    if not frames:
        return steps
    index = draw(st.sampled_from(frames))
    step = steps[index]
    assert isinstance(step, Frame)
    document = json.loads(step.data)
    key = draw(st.sampled_from([*sorted(document), "maker_user_id", "reason", "funds", "client-oid", "zz"]))
    match draw(st.sampled_from(["odd", "odd", "gone", "cut", "twice"])):
        case "odd":
            document[key] = draw(st.sampled_from(ODD_VALUES))
            data = _frame(document).data
        case "gone":
            document.pop(key, None)
            data = _frame(document).data
        case "cut":
            data = step.data[: draw(st.integers(0, len(step.data)))]
        case _:
            data = step.data[:-1] + b"," + step.data[1:]
    return [*steps[:index], Frame(data), *steps[index + 1 :]]
