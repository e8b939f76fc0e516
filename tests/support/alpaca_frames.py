"""Hypothesis strategies for Alpaca's frames: valid ones, and what can become of them."""

from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from support.binance_frames import Layout, Object, client_ids, distorted, layouts, mutated, string

NOW_NS = 1_795_000_000 * 10**9
TABLE = {"T1": "T1-USD", "B/USD": "B-USD"}

_SYMBOLS = (
    ("us_equity", "AAPL"),
    ("us_equity", "BRK.B"),
    ("crypto", "DOGE/USD"),
    ("crypto", "SOLUSD"),
    ("crypto", "SHIBUSDT"),
    ("us_option", "AAPL250321P00200000"),
    ("treasury", "T1"),
)
_STATUS_OF = {
    "accepted": ("accepted", "new", "filled"),
    "pending_new": ("pending_new", "new"),
    "new": ("new", "partially_filled"),
    "held": ("held",),
    "partial_fill": ("partially_filled", "pending_cancel", "canceled"),
    "partially_filled": ("partially_filled",),
    "fill": ("filled",),
    "canceled": ("canceled",),
    "expired": ("expired", "canceled"),
    "rejected": ("rejected",),
    "replaced": ("replaced",),
    "done_for_day": ("done_for_day",),
    "pending_cancel": ("pending_cancel", "canceled"),
    "pending_replace": ("pending_replace",),
    "order_cancel_rejected": ("new",),
}
_FILLS = ("partial_fill", "partially_filled", "fill")
_TYPES = ("market", "limit", "stop", "stop_limit", "trailing_stop")
# The fields that an order may lack.
_OPTIONAL = (
    *("client_order_id", "order_class", "time_in_force", "notional", "filled_avg_price"),
    *("limit_price", "stop_price", "legs", "order_type"),
)
_WORDS = [
    *('"trade_bust"', '"trade_correct"', '"restated"', '"mystery"', '"fill"', '"partial_fill"', '"new"'),
    *('"filled"', '"canceled"', '"buy"', '"mleg"', '""', '"crypto"', '"us_index"', '"A B"', '"BTC/USD"'),
    *('"2036-06-01T14:30:00Z"', '"2014-12-31T23:59:59Z"', '"2026-06-01"', '"2026-02-30T00:00:00Z"'),
    *('"2026-06-01T14:30:00.5-04:00"', '"-5"', '"0"', '"7"', '"999999999999999999"', '"trade_updates"'),
    *(
        '"authorization"',
        '"listening"',
        '"error"',
        '"authorized"',
        '[{"id":"x"}]',
        '["trade_updates"]',
        "[7]",
    ),
]

times = st.integers(NOW_NS - 10**18 // 10, NOW_NS + 59 * 10**9)
ids = st.one_of(st.uuids().map(str), st.text(min_size=1, max_size=8))


def amount(units: int) -> str:
    """Return so many millionths as JSON."""
    integer, fraction = divmod(units, 10**6)
    return f'"{integer}.{fraction:06d}"'


@st.composite
def instants(draw: DrawFn, time_ns: int) -> str:
    """A time as the venue writes it, in some zone and with some digits, as JSON; maybe a little earlier."""
    hours = draw(st.sampled_from([0, -4, 5]))
    seconds, fraction = divmod(time_ns, 10**9)
    text = datetime.fromtimestamp(seconds + hours * 3600, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = draw(st.sampled_from(["", f"{fraction:09d}", f"{fraction:09d}"[:6], f"{fraction:09d}123"]))
    zone = draw(st.sampled_from(["Z", "+00:00"])) if hours == 0 else f"{hours:+03d}:00"
    return f'"{text}{"." if digits else ""}{digits}{zone}"'


@st.composite
def _amounts(draw: DrawFn, event: str) -> tuple[str, str, int, int]:
    """Quantity, filled quantity, and price and quantity of the execution, in millionths."""
    quantity = draw(st.integers(2, 10**12))
    if event == "fill":
        filled = quantity
    elif event in _FILLS:
        filled = draw(st.integers(1, quantity - 1))
    else:
        filled = draw(st.integers(0, quantity))
    last = draw(st.integers(1, max(1, filled)))
    return amount(quantity), amount(filled), draw(st.integers(1, 10**12)), last


@st.composite
def _order(draw: DrawFn, event: str, *, is_leg: bool = False) -> tuple[Object, int, int]:
    """An order that keeps all rules, and price and quantity of its execution."""
    status = draw(st.sampled_from(_STATUS_OF[event]))
    quantity, filled, price, last = draw(_amounts(event))
    if status == "filled":
        filled = quantity
    asset_class, symbol = draw(st.sampled_from([_SYMBOLS[5]] if is_leg else _SYMBOLS))
    kind = draw(st.sampled_from(_TYPES))
    order = [
        ("id", string(draw(ids))),
        ("client_order_id", string(draw(client_ids))),
        ("updated_at", draw(instants(draw(times)))),
        ("filled_at", draw(st.one_of(st.just("null"), instants(draw(times))))),
        ("canceled_at", "null"),
        ("asset_class", string(asset_class)),
        ("symbol", string(symbol)),
        ("notional", "null"),
        ("qty", quantity),
        ("filled_qty", filled),
        ("filled_avg_price", draw(st.sampled_from(["null", amount(price), '"0.123456789123"']))),
        ("order_class", '"mleg"' if is_leg else draw(st.sampled_from(['""', '"simple"', '"bracket"']))),
        ("order_type", string("" if is_leg else kind)),
        ("type", string("" if is_leg else kind)),
        ("side", draw(st.sampled_from(['"buy"', '"sell"']))),
        ("time_in_force", string(draw(st.sampled_from(["day", "gtc", "opg", "cls", "ioc", "fok"])))),
        ("limit_price", draw(st.sampled_from(["null", amount(price)]))),
        ("stop_price", "null"),
        ("status", string(status)),
        ("legs", "null"),
    ]
    if draw(st.booleans()) and event not in _FILLS and status != "filled":
        changes = {"qty": "null", "notional": '"10.00"'}
        order = [(key, changes.get(key, value)) for key, value in order]
    return order, price, last


@st.composite
def _head(draw: DrawFn, event: str) -> Object:
    time_ns = draw(times)
    head = [("event", string(event)), ("at", draw(instants(time_ns))), ("event_id", '"01M2TB1W7J"')]
    head.append(("timestamp", draw(instants(time_ns - draw(st.integers(0, 10**9))))))
    return [field for field in head if field[0] == "event" or draw(st.integers(0, 4))]


@st.composite
def updates(draw: DrawFn, *, damages: bool = False) -> Object:
    """The data of a trade update of one order."""
    event = draw(st.sampled_from(sorted(_STATUS_OF)))
    order, price, last = draw(_order(event))
    absent = draw(st.sets(st.sampled_from(_OPTIONAL), max_size=3)) if draw(st.booleans()) else set()
    order = [(key, value) for key, value in order if key not in absent]
    if damages:
        order = draw(altered(order))
    data = draw(_head(event))
    if event in _FILLS or draw(st.integers(0, 9)) == 0:
        data += [("price", amount(price)), ("qty", amount(last)), ("position_qty", '"-1"')]
    data.append(("execution_id", string(draw(ids))))
    data.append(("order", Layout().write(order)))
    return data


@st.composite
def packages(draw: DrawFn, *, damages: bool = False) -> Object:
    """The data of a trade update of several legs."""
    event = draw(st.sampled_from(["fill", "partial_fill", "new", "canceled", "pending_cancel"]))
    order, price, last = draw(_order(event))
    legs, executions = [], []
    for number in range(draw(st.integers(1, 3))):
        leg_event = draw(st.sampled_from([event, event, "partial_fill" if event in _FILLS else "new"]))
        leg, leg_price, leg_last = draw(_order(leg_event, is_leg=True))
        leg = [(key, f'"leg{number}"' if key == "id" else value) for key, value in leg]
        execution = [
            ("execution_id", string(draw(ids))),
            ("order_id", f'"leg{draw(st.sampled_from([number, number, number, 0]))}"'),
            ("price", amount(leg_price)),
            ("qty", amount(leg_last if event in _FILLS else 1)),
            ("symbol", '"AAPL250321P00200000"'),
        ]
        if draw(st.booleans()):
            execution.append(("timestamp", draw(instants(draw(times)))))
        if damages:
            leg, execution = draw(altered(leg)), draw(altered(execution))
        legs.append(Layout().write(leg))
        executions.append(Layout().write(execution))
    changes = {
        "symbol": '""',
        "asset_class": '""',
        "order_class": '"mleg"',
        "limit_price": '"-2"',
        "legs": f"[{','.join(legs)}]",
    }
    order = [(key, changes.get(key, value)) for key, value in order]
    if damages:
        order = draw(altered(order))
    data = draw(_head(event))
    data += [("price", amount(price)), ("qty", amount(last)), ("legs", f"[{','.join(executions)}]")]
    return [*data, ("order", Layout().write(order))]


@st.composite
def altered(draw: DrawFn, fields: Object) -> Object:
    """The fields with some of them otherwise: by the rules of JSON, or by those of the venue."""
    if draw(st.booleans()):
        return draw(mutated(fields))
    fields = list(fields)
    for _ in range(draw(st.integers(0, 2))):
        index = draw(st.integers(0, len(fields) - 1))
        fields[index] = (fields[index][0], draw(st.sampled_from(_WORDS)))
    return fields


controls: SearchStrategy[Object] = st.sampled_from(
    [
        [("stream", '"authorization"'), ("data", '{"status":"authorized","action":"authenticate"}')],
        [("stream", '"authorization"'), ("data", '{"status":"unauthorized","message":"a \\u0022b\\u0022"}')],
        [("stream", '"listening"'), ("data", '{"streams":["trade_updates","x\\ty"]}')],
        [("action", '"error"'), ("data", '{"error_message":"internal server error"}')],
        [("action", '"error"'), ("data", "{}")],
    ]
)


@st.composite
def frames(draw: DrawFn, data: SearchStrategy[Object] | None = None) -> bytes:
    """A valid frame of a trade update, wrapped as on the socket or bare as in the replay."""
    fields = draw(st.one_of(updates(), packages()) if data is None else data)
    layout = draw(layouts)
    text = layout.write(fields)
    if draw(st.integers(0, 3)):
        text = layout.write([("stream", '"trade_updates"'), ("data", text)])
    return text.encode()


@st.composite
def damaged_frames(draw: DrawFn) -> bytes:
    """A frame that may have been valid before."""
    layout = draw(layouts)
    if draw(st.integers(0, 5)) == 0:
        outer = draw(controls)
    else:
        data = draw(st.one_of(updates(damages=True), packages(damages=True)))
        outer = [("stream", '"trade_updates"'), ("data", layout.write(draw(altered(data))))]
    frame = layout.write(draw(altered(outer))).encode("utf-8", "surrogatepass")
    return draw(distorted(frame))
