"""Every kind of document of ours, read and written again."""

from collections.abc import Callable, Mapping

from fillwire.wire.bots import (
    decode_bot_answer,
    decode_bot_creation,
    decode_bot_order,
    decode_bot_request,
    encode_bot,
)
from fillwire.wire.codec import (
    decode_alert,
    decode_connection,
    decode_order,
    encode_alert,
    encode_connection,
    encode_order,
)
from fillwire.wire.commands import (
    decode_cancel_request,
    decode_frame_reading,
    decode_open_orders,
    decode_open_orders_query,
    decode_order_query,
    decode_order_request,
    decode_reading_request,
    decode_rules_answer,
    decode_rules_query,
    decode_trade_order,
    encode_command,
)

ROUND_TRIPS: Mapping[tuple[str, int], Callable[[bytes], bytes]] = {
    ("order", 1): lambda data: encode_order(decode_order(data)),
    ("connection", 1): lambda data: encode_connection(decode_connection(data)),
    ("alert", 1): lambda data: encode_alert(decode_alert(data)),
    ("order_request", 1): lambda data: encode_command(decode_order_request(data)),
    ("cancel_request", 1): lambda data: encode_command(decode_cancel_request(data)),
    ("trade_order", 1): lambda data: encode_command(decode_trade_order(data)),
    ("order_query", 1): lambda data: encode_command(decode_order_query(data)),
    ("open_orders_query", 1): lambda data: encode_command(decode_open_orders_query(data)),
    ("open_orders", 1): lambda data: encode_command(decode_open_orders(data)),
    ("rules_query", 1): lambda data: encode_command(decode_rules_query(data)),
    ("rules_answer", 1): lambda data: encode_command(decode_rules_answer(data)),
    ("reading_request", 1): lambda data: encode_command(decode_reading_request(data)),
    ("frame_reading", 1): lambda data: encode_command(decode_frame_reading(data)),
    ("bot_creation", 1): lambda data: encode_bot(decode_bot_creation(data)),
    ("bot_request", 1): lambda data: encode_bot(decode_bot_request(data)),
    ("bot_order", 1): lambda data: encode_bot(decode_bot_order(data)),
    ("bot_answer", 1): lambda data: encode_bot(decode_bot_answer(data)),
}
"""By name and version: a version 2 is added, and version 1 stays."""
