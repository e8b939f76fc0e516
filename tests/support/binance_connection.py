"""Frames of a Binance Spot connection in microseconds, for tests that need one of a given identity."""

import orjson

NOW_NS = 1_773_000_000_000_000_000


def trade_frame(  # noqa: PLR0913 - the facts of a fill
    *,
    symbol: str = "BTCUSDT",
    order_id: int = 7001,
    trade_id: int = 41,
    quantity: str = "0.50000000",
    price: str = "64000.00000000",
    client_order_id: str = "grid-1",
    time_ns: int = NOW_NS,
) -> bytes:
    """Return the frame of an order's only fill, which fills it."""
    quote = f"{float(quantity) * float(price):.8f}"
    time_us = time_ns // 1000
    return orjson.dumps(
        {
            "subscriptionId": 0,
            "event": {
                "e": "executionReport",
                "E": time_us,
                "s": symbol,
                "c": client_order_id,
                "S": "BUY",
                "o": "LIMIT",
                "f": "GTC",
                "q": quantity,
                "p": price,
                "P": "0.00000000",
                "F": "0.00000000",
                "g": -1,
                "C": "",
                "x": "TRADE",
                "X": "FILLED",
                "r": "NONE",
                "i": order_id,
                "l": quantity,
                "z": quantity,
                "L": price,
                "n": "0.00100000",
                "N": "BNB",
                "T": time_us,
                "t": trade_id,
                "I": trade_id * 10,
                "w": False,
                "m": True,
                "M": True,
                "O": time_us,
                "Z": quote,
                "Y": quote,
                "Q": "0.00000000",
                "W": time_us,
                "V": "NONE",
            },
        }
    )


def answer_frame(call_id: int | None, result: object) -> bytes:
    """Return the frame of an answer that grants."""
    return orjson.dumps({"id": call_id, "status": 200, "result": result})


def refusal_frame(
    call_id: int | None, code: int, text: str, *, status: int = 400, retry_after_ms: int | None = None
) -> bytes:
    """Return the frame of an answer that refuses."""
    error: dict[str, object] = {"code": code, "msg": text}
    if retry_after_ms is not None:
        error["data"] = {"serverTime": 1, "retryAfter": retry_after_ms}
    return orjson.dumps({"id": call_id, "status": status, "error": error})
