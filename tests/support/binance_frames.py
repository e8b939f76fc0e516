"""Hypothesis strategies for Binance Spot frames: valid ones, and what can become of them.

An object is a list of `(key, JSON text of the value)`, so that keys can double, move and hold anything.
"""

import json
from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

NOW_MS = 1_795_000_000_000
SYMBOLS = {"SOLUSDT": "SOL-USDT", "LTCBNB": "LTC-BNB", "１２３": "１２-３", "A.B*": "A-B*"}  # noqa: RUF001 - the venue has such symbols

Object = list[tuple[str, str]]
Units = int  # of 10^-8

_UNITS = 10**8
_LEGAL = (
    ("NEW", "NEW"),
    ("NEW", "PENDING_NEW"),
    ("TRADE", "PARTIALLY_FILLED"),
    ("TRADE", "FILLED"),
    ("CANCELED", "CANCELED"),
    ("EXPIRED", "EXPIRED"),
    ("REJECTED", "REJECTED"),
    ("REPLACED", "NEW"),
    ("REPLACED", "PARTIALLY_FILLED"),
    ("REPLACED", "PENDING_NEW"),
    ("TRADE_PREVENTION", "EXPIRED_IN_MATCH"),
    ("TRADE_PREVENTION", "EXPIRED"),
    ("TRADE_PREVENTION", "NEW"),
    ("TRADE_PREVENTION", "PARTIALLY_FILLED"),
)
# The fields that a report may lack, beside those that only some reports have.
_OPTIONAL = ("P", "F", "g", "C", "r", "I", "w", "m", "M", "O", "Z", "Y", "Q", "W", "V")

ids = st.integers(0, 2**63 - 1)
times = st.integers(NOW_MS - 10**11, NOW_MS + 60_000)
client_ids = st.one_of(st.text(max_size=36), st.from_regex(r"\A[a-zA-Z0-9-_]{1,36}\Z"))
assets = st.sampled_from(["BNB", "SOL", "USDT", "１"])  # noqa: RUF001 - as SYMBOLS


def string(text: str) -> str:
    """Return `text` as JSON with the characters as they are."""
    return json.dumps(text, ensure_ascii=False)


def padded(units: Units) -> str:
    """Return an amount as the venue writes it, as JSON."""
    integer, fraction = divmod(units, _UNITS)
    return f'"{integer}.{fraction:08d}"'


@st.composite
def amounts(draw: DrawFn, units: Units) -> str:
    """An amount of `units` in one of the ways to write it, as JSON."""
    usual = padded(units)
    plain = usual.strip('"').rstrip("0").rstrip(".")
    return draw(st.sampled_from([usual, usual, usual, f'"{plain}"', f'"0{usual.strip(chr(34))}00"']))


@st.composite
def execution_reports(draw: DrawFn) -> Object:
    """An `executionReport` that keeps all rules, with its keys in the venue's order."""
    execution_type, status = draw(st.sampled_from(_LEGAL))
    is_trade = execution_type == "TRADE"
    quantity = draw(st.integers(1, 10**18))
    cumulative = quantity if status == "FILLED" else draw(st.integers(int(is_trade), quantity))
    last = draw(st.integers(1, cumulative)) if is_trade else 0
    last_price = draw(st.integers(1, 10**15)) if is_trade else 0
    product = last * last_price
    last_quote = product // _UNITS + (draw(st.integers(0, 1)) if product % _UNITS else 0)
    cumulative_quote = last_quote + draw(st.integers(0, 10**17))
    price, stop_price = draw(st.integers(0, 10**15)), draw(st.sampled_from([0, 10**8]))
    commission = draw(st.integers(0, 10**9)) if is_trade else 0
    has_asset = is_trade and (commission > 0 or draw(st.booleans()))

    def amount(units: Units) -> str:
        return draw(amounts(units))

    report = [
        ("e", '"executionReport"'),
        ("E", str(draw(times))),
        ("s", string(draw(st.sampled_from(sorted(SYMBOLS))))),
        ("c", string(draw(client_ids))),
        ("S", draw(st.sampled_from(['"BUY"', '"SELL"']))),
        (
            "o",
            draw(
                st.sampled_from(
                    ['"LIMIT"', '"MARKET"', '"STOP_LOSS"', '"TAKE_PROFIT_LIMIT"', '"LIMIT_MAKER"']
                )
            ),
        ),
        ("f", draw(st.sampled_from(['"GTC"', '"IOC"', '"FOK"']))),
        ("q", amount(quantity)),
        ("p", amount(price)),
        ("P", amount(stop_price)),
        ("F", amount(0)),
        ("g", str(draw(st.integers(-1, 10**6)))),
        ("C", draw(st.one_of(st.sampled_from(['""', "null", '"null"']), client_ids.map(string)))),
        ("x", string(execution_type)),
        ("X", string(status)),
        ("r", draw(st.sampled_from(['"NONE"', '"WOULD_MATCH_IMMEDIATELY"']))),
        ("i", str(draw(ids))),
        ("l", amount(last)),
        ("z", amount(cumulative)),
        ("L", amount(last_price)),
        ("n", amount(commission)),
        ("N", string(draw(assets)) if has_asset else "null"),
        ("T", str(draw(times))),
        ("t", str(draw(ids)) if is_trade else "-1"),
        ("I", str(draw(ids))),
        ("w", draw(st.sampled_from(["true", "false"]))),
        ("m", draw(st.sampled_from(["true", "false"]))),
        ("M", draw(st.sampled_from(["true", "false"]))),
        ("O", str(draw(times))),
        ("Z", amount(cumulative_quote)),
        ("Y", padded(last_quote)),
        ("Q", amount(0)),
        ("W", str(draw(times))),
        ("V", '"EXPIRE_MAKER"'),
    ]
    return draw(_with_variants(report, is_trade=is_trade))


@st.composite
def _with_variants(draw: DrawFn, report: Object, *, is_trade: bool) -> Object:
    """The report without some optional fields, and with some rare ones: it stays valid."""
    absent = draw(st.sets(st.sampled_from(_OPTIONAL), max_size=3)) if draw(st.booleans()) else set()
    report = [(key, value) for key, value in report if key not in absent]
    rare = [
        ("eR", '"INSUFFICIENT_LIQUIDITY"'),
        ("v", str(draw(ids))),
        ("A", '"0.00000001"'),
        ("pl", '"1.5"'),
        ("uS", "true"),
        ("zz", '{"future":[1,{"a":null}]}'),
    ]
    if is_trade:
        rare.append(("a", str(draw(ids))))
    chosen = draw(st.lists(st.sampled_from(rare), unique=True)) if draw(st.booleans()) else []
    return report + chosen


@st.composite
def other_events(draw: DrawFn) -> Object:
    """Any other event of the user data stream."""
    time = str(draw(times))
    kind = draw(
        st.sampled_from(
            [
                "outboundAccountPosition",
                "balanceUpdate",
                "externalLockUpdate",
                "listStatus",
                "eventStreamTerminated",
                "serverShutdown",
                "listenKeyExpired",
            ]
        )
    )
    event = [("e", string(kind)), ("E", time)]
    match kind:
        case "outboundAccountPosition":
            rows = draw(st.lists(st.tuples(assets, st.integers(0, 10**12)), max_size=3))
            balances = [
                f'{{"a":{string(asset)},"f":{draw(amounts(units))},"l":"0.0"}}' for asset, units in rows
            ]
            event += [("u", time), ("B", f"[{','.join(balances)}]")]
        case "balanceUpdate" | "externalLockUpdate":
            event += [("a", string(draw(assets))), ("d", '"-1.50"'), ("T", time)]
        case "listStatus":
            orders = [f'{{"s":"LTCBNB","i":{order},"c":"x"}}' for order in draw(st.lists(ids, max_size=3))]
            event += [("s", '"LTCBNB"'), ("g", "2"), ("c", '"OCO"'), ("l", '"ALL_DONE"'), ("L", '"ALL_DONE"')]
            event += [("r", '"NONE"'), ("C", '"x\\ty"'), ("T", time), ("O", f"[{','.join(orders)}]")]
        case "listenKeyExpired":
            event.append(("listenKey", '"abc"'))
        case _:
            pass  # the time says it all
    return event


@st.composite
def responses(draw: DrawFn) -> Object:
    """An answer to a request."""
    answer = [
        ("id", draw(st.sampled_from(["null", "7", '"a-b"', '"\\u0041"']))),
        ("status", draw(st.sampled_from(["200", "400"]))),
    ]
    body = draw(
        st.sampled_from([("result", "{ }"), ("result", '[1.50, "a b"]'), ("error", '{"code":-2010}')])
    )
    limits = [("rateLimits", '[{"count" : 1}]')] if draw(st.booleans()) else []
    return [*answer, body, *limits]


events = st.one_of(execution_reports(), execution_reports(), other_events())

_VALUES = [
    *(
        "null",
        "true",
        "0",
        "-0",
        "-1",
        "-2",
        "1",
        "1.5",
        "1e5",
        "[]",
        "{}",
        "NaN",
        "-Infinity",
        "01",
        ".5",
        "tru",
    ),
    *(
        "99999999999999999999",
        "9223372036854775807",
        "1795000000000",
        '"1"',
        '"-1"',
        '"-0.0"',
        '"0"',
        '"1.5"',
    ),
    *('"1e5"', '"1.2.3"', '"1."', '".5"', '"+1"', '" 1"', '"１"', '"123456789012345678.123456789012345678"'),  # noqa: RUF001
    *('"1234567890123456789"', '"0.0000000000000000001"', '"0.00000001"', '""', '"null"', '"NONE"', '"x"'),
    *(
        '"\\u0031.5"',
        '"\\ud800"',
        '"\\ud83d\\ude00"',
        '"\\udc00\\ud800"',
        '"\\x"',
        '"\t"',
        '{"a":1,"\\u0061":2}',
    ),
    *('"NEW"', '"TRADE"', '"FILLED"', '"EXPIRED"', '"GTX"', '"BUY"', '"\\u0042UY"', '"UNKNOWN"', '"LTCBNB"'),
]
_KEYS = [
    "e",
    "E",
    "s",
    "x",
    "i",
    "zz",
    "event",
    "data",
    "stream",
    "id",
    "status",
    "\\u0065",
    "subscriptionId",
    "error",
]


@dataclass(frozen=True, slots=True)
class Layout:
    """How an object is written."""

    space: str = ""

    def write(self, fields: Object) -> str:
        """Return the JSON text."""
        pad = self.space
        members = (f'"{key}"{pad}:{pad}{value}{pad}' for key, value in fields)
        return f"{{{pad}{f',{pad}'.join(members)}}}"


layouts: SearchStrategy[Layout] = st.sampled_from(["", "", "", " ", "\n\t\r "]).map(Layout)


@st.composite
def wrappers(draw: DrawFn) -> tuple[Object | None, str]:
    """What is around an event: the outer object, None for none, and the key that holds the event."""
    return draw(
        st.sampled_from(
            [
                (None, ""),
                ([("subscriptionId", "0"), ("event", "")], "event"),
                ([("event", "")], "event"),
                ([("stream", '"abc"'), ("data", "")], "data"),
            ]
        )
    )


@st.composite
def frames(draw: DrawFn, events: SearchStrategy[Object] = events) -> bytes:
    """A valid frame."""
    event = draw(events)
    outer, holder = draw(wrappers())
    return _frame(draw(layouts), event, outer, holder).encode()


def _frame(layout: Layout, event: Object, outer: Object | None, holder: str) -> str:
    inner = layout.write(event)
    if outer is None:
        return inner
    return layout.write([(key, inner if key == holder else value) for key, value in outer])


@st.composite
def mutated(draw: DrawFn, fields: Object) -> Object:
    """The fields with up to three of them dropped, doubled, moved, escaped or of another value."""
    fields = list(fields)
    for _ in range(draw(st.integers(0, 3))):
        index = draw(st.integers(0, len(fields) - 1)) if fields else 0
        match (
            draw(st.sampled_from(["drop", "retype", "double", "move", "add", "escape"])) if fields else "add"
        ):
            case "drop":
                del fields[index]
            case "retype":
                fields[index] = (fields[index][0], draw(st.sampled_from(_VALUES)))
            case "double":
                fields.insert(draw(st.integers(0, len(fields))), fields[index])
            case "move":
                fields.insert(draw(st.integers(0, len(fields) - 1)), fields.pop(index))
            case "escape":
                key, value = fields[index]
                fields[index] = ("".join(f"\\u{ord(character):04x}" for character in key), value)
            case _:
                fields.insert(index, (draw(st.sampled_from(_KEYS)), draw(st.sampled_from(_VALUES))))
    return fields


@st.composite
def damaged_frames(draw: DrawFn) -> bytes:
    """A frame that may have been valid before."""
    if draw(st.integers(0, 9)) == 0:
        event, (outer, holder) = draw(responses()), (None, "")
    else:
        event = draw(events)
        outer, holder = draw(wrappers())
    event = draw(mutated(event))
    outer = None if outer is None else draw(mutated(outer))
    frame = _frame(draw(layouts), event, outer, holder).encode("utf-8", "surrogatepass")
    return draw(distorted(frame))


@st.composite
def distorted(draw: DrawFn, frame: bytes) -> bytes:
    """The frame with a byte flipped, its end cut off, something behind it, or too deep; or as it is."""
    match draw(st.sampled_from(["leave", "leave", "leave", "flip", "cut", "append", "nest"])):
        case "flip":
            index = draw(st.integers(0, len(frame) - 1))
            frame = frame[:index] + bytes([draw(st.integers(0, 255))]) + frame[index + 1 :]
        case "cut":
            frame = frame[: draw(st.integers(0, len(frame)))]
        case "append":
            frame += draw(st.sampled_from([b" ", b"\n", b"}", b"\x00", b"{}", b"\xff"]))
        case "nest":
            depth = draw(st.integers(28, 34))
            frame = frame.replace(b"{", b'{"zz":' + b"[" * depth + b"]" * depth + b",", 1)
        case _:
            pass
    return frame
