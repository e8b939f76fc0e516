"""Hypothesis strategies for frames of Binance USD-M Futures: valid ones, and what can become of them."""

import json

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from support.binance_frames import (
    Layout,
    Object,
    amounts,
    assets,
    client_ids,
    distorted,
    ids,
    layouts,
    mutated,
    string,
    times,
)

SYMBOLS = {"SOLUSDT": "SOL-USDT", "BTCUSDT_260327": "BTC-USDT_260327", "１２３": "１２-３"}  # noqa: RUF001 - the venue has such symbols

_LEGAL = (
    ("NEW", "NEW"),
    ("NEW", "NEW_ADL"),
    ("TRADE", "PARTIALLY_FILLED"),
    ("TRADE", "FILLED"),
    ("CALCULATED", "PARTIALLY_FILLED"),
    ("CALCULATED", "FILLED"),
    ("CALCULATED", "NEW_INSURANCE"),
    ("CANCELED", "CANCELED"),
    ("EXPIRED", "EXPIRED"),
    ("EXPIRED", "EXPIRED_IN_MATCH"),
    ("AMENDMENT", "NEW"),
    ("AMENDMENT", "PARTIALLY_FILLED"),
)
_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "LIQUIDATION"]
_TYPES += ["TRAILING_STOP_MARKET"]
_OPTIONAL = ("ap", "sp", "n", "b", "a", "m", "R", "wt", "ot", "ps", "cp", "rp", "pP", "si", "V", "gtd", "er")


def words(*choices: str) -> SearchStrategy[str]:
    """One of the words, as JSON."""
    return st.sampled_from([string(choice) for choice in choices])


@st.composite
def order_updates(draw: DrawFn) -> Object:
    """An `ORDER_TRADE_UPDATE` that keeps all rules, its keys in the order of recordings."""
    execution_type, status = draw(st.sampled_from(_LEGAL))
    is_fill = execution_type == "TRADE" or (
        execution_type == "CALCULATED" and status in {"FILLED", "PARTIALLY_FILLED"} and draw(st.booleans())
    )
    quantity = draw(st.integers(1, 10**15))
    cumulative = quantity if status == "FILLED" else draw(st.integers(int(is_fill), quantity))
    last = draw(st.integers(1, cumulative)) if is_fill else 0
    last_price = draw(st.integers(1, 10**12)) if is_fill else 0
    sign = draw(st.sampled_from(["", "-"]))
    trade_id = str(draw(st.integers(1, 2**63 - 1))) if is_fill else "0"

    def amount(units: int) -> str:
        return draw(amounts(units))

    order = [
        ("s", string(draw(st.sampled_from(sorted(SYMBOLS))))),
        ("c", string(draw(client_ids))),
        ("S", draw(words("BUY", "SELL"))),
        ("o", draw(words(*_TYPES))),
        ("f", draw(words("GTC", "IOC", "FOK", "GTX", "GTD", "RPI"))),
        ("q", amount(quantity)),
        ("p", amount(draw(st.integers(0, 10**12)))),
        ("ap", amount(draw(st.integers(0, 10**12)))),
        ("sp", amount(draw(st.sampled_from([0, 10**8])))),
        ("x", string(execution_type)),
        ("X", string(status)),
        ("i", str(draw(ids))),
        ("l", amount(last)),
        ("z", amount(cumulative)),
        ("L", amount(last_price)),
        ("n", amount(draw(st.integers(0, 10**9))).replace('"', f'"{sign}', 1)),
        ("N", string(draw(assets))),
        ("T", str(draw(times))),
        ("t", trade_id),
        ("b", amount(draw(st.integers(0, 10**12)))),
        ("a", '"0"'),
        ("m", draw(st.sampled_from(["true", "false"]))),
        ("R", draw(st.sampled_from(["true", "false"]))),
        ("wt", '"CONTRACT_PRICE"'),
        ("ot", draw(words(*_TYPES))),
        ("ps", draw(words("BOTH", "LONG"))),
        ("cp", draw(st.sampled_from(["true", "false"]))),
        ("rp", '"-1.50"'),
        ("pP", "false"),
        ("si", "0"),
        ("ss", "0"),
        ("V", '"EXPIRE_MAKER"'),
        ("pm", '"NONE"'),
        ("gtd", "0"),
        ("er", draw(words("0", "2", "8"))),
    ]
    absent = draw(st.sets(st.sampled_from(_OPTIONAL), max_size=3)) if draw(st.booleans()) else set()
    order = [(key, value) for key, value in order if key not in absent]
    rare = [("AP", '"7476.89"'), ("cr", '"5.0"'), ("st", '"ALGO_CONDITION"'), ("M", '"77"'), ("M", '"a"')]
    extra = draw(st.sampled_from([[], [], [], *([pair] for pair in rare), [("W", "null"), ("zz", "{}")]]))
    body = draw(layouts).write(order + extra)
    return [("e", '"ORDER_TRADE_UPDATE"'), ("T", str(draw(times))), ("E", str(draw(times))), ("o", body)]


@st.composite
def announced_fills(draw: DrawFn) -> Object:
    """A `TRADE_LITE`."""
    return [
        ("e", '"TRADE_LITE"'),
        ("E", str(draw(times))),
        ("T", str(draw(times))),
        ("s", string(draw(st.sampled_from(sorted(SYMBOLS))))),
        ("q", draw(amounts(draw(st.integers(0, 10**12))))),
        ("p", draw(amounts(draw(st.sampled_from([0, 10**8]))))),
        ("m", draw(st.sampled_from(["true", "false"]))),
        ("c", string(draw(client_ids))),
        ("S", draw(words("BUY", "SELL"))),
        ("L", draw(amounts(draw(st.integers(1, 10**12))))),
        ("l", draw(amounts(draw(st.integers(1, 10**12))))),
        ("t", str(draw(st.integers(1, 2**63 - 1)))),
        ("i", str(draw(ids))),
    ]


@st.composite
def other_events(draw: DrawFn) -> Object:
    """Any other event of the stream."""
    time = str(draw(times))
    status = draw(words("NEW", "CANCELED", "TRIGGERING", "TRIGGERED", "FINISHED", "REJECTED", "EXPIRED"))
    position = '{"s":"SOLUSDT","pa":"-0.1","ep":"80.19","mp":"1","mm":"2","ps":"BOTH"}'
    kind, members = draw(
        st.sampled_from(
            [
                ("ACCOUNT_UPDATE", [("a", f'{{"m":"ORDER","B":[],"P":[{position}]}}')]),
                (
                    "ACCOUNT_UPDATE",
                    [("a", '{"m":"DEPOSIT","B":[{"a":"USDT","wb":"1.50","cw":"-1","bc":"0"}]}')],
                ),
                ("ALGO_UPDATE", [("o", f'{{"s":"X","aid":7,"caid":"c","X":{status},"ai":"","rm":"no"}}')]),
                ("ALGO_UPDATE", [("o", f'{{"s":"X","aid":7,"caid":"c","X":{status},"ai":"490"}}')]),
                ("CONDITIONAL_ORDER_TRIGGER_REJECT", [("or", '{"s":"X","i":9,"r":"no"}')]),
                ("MARGIN_CALL", [("cw", '"3.16"'), ("p", f"[{position},{position}]")]),
                ("ACCOUNT_CONFIG_UPDATE", [("ac", '{"s":"X","l":25}')]),
                ("ACCOUNT_CONFIG_UPDATE", [("ai", '{"j":true}')]),
                ("GRID_UPDATE", [("gu", '{"si":1}')]),
                ("STRATEGY_UPDATE", []),
                ("listenKeyExpired", [("listenKey", '"abc"')]),
            ]
        )
    )
    return [("e", string(kind)), ("E", time), ("T", time), *members]


events = st.one_of(order_updates(), order_updates(), announced_fills(), other_events())


@st.composite
def frames(draw: DrawFn, events: SearchStrategy[Object] = events) -> bytes:
    """A valid frame, bare or in a combined stream."""
    return _wrapped(draw(layouts), draw(events), is_wrapped=draw(st.booleans())).encode()


def _wrapped(layout: Layout, event: Object, *, is_wrapped: bool) -> str:
    text = layout.write(event)
    return layout.write([("stream", '"key"'), ("data", text)]) if is_wrapped else text


@st.composite
def contradicted(draw: DrawFn) -> Object:
    """An order update, decodable and of known words, that may contradict itself."""
    event = draw(order_updates())
    pairs = json.loads(event[-1][1], object_pairs_hook=list)
    order = {name: json.dumps(value) for name, value in pairs if not isinstance(value, list)}
    amounts = [order["q"], order["z"], order["l"], '"0"', '"-1"', '"1"', '"99999999999"', '"0.000000000001"']
    choices = {
        **dict.fromkeys(("q", "l", "z", "L", "p", "b"), amounts),
        **{key: ["0", "-1", "7"] for key in ("t", "i")},
        "x": [string(what) for what, _ in _LEGAL],
        "X": [string(status) for _, status in _LEGAL],
        "N": ["null"],
    }
    for key in draw(st.lists(st.sampled_from(sorted(choices)), min_size=1, max_size=2)):
        order[key] = draw(st.sampled_from(choices[key]))
    return [*event[:-1], ("o", Layout().write(list(order.items())))]


@st.composite
def damaged_frames(draw: DrawFn) -> bytes:
    """A frame that may have been valid before; the order in it is damaged as often as what is around it."""
    event = draw(events)
    if draw(st.booleans()):
        event = draw(contradicted())
    within = [index for index, (_, value) in enumerate(event) if value.startswith("{")]
    if within and draw(st.integers(0, 2)) == 0:
        index = within[0]
        key, value = event[index]
        pairs = json.loads(value, object_pairs_hook=list)
        fields = [(name, json.dumps(member)) for name, member in pairs if not isinstance(member, list)]
        event[index] = key, Layout().write(draw(mutated(fields)))
    elif draw(st.booleans()):
        event = draw(mutated(event))
    text = _wrapped(draw(layouts), event, is_wrapped=draw(st.booleans()))
    return draw(distorted(text.encode("utf-8", "surrogatepass")))
