"""Messages of the account stream, spoilt on demand."""

import re

_FILLS = frozenset({"fill", "partial_fill"})
_NULL_DATA = b'{"stream":"trade_updates","data":null}'
_EDITS = {
    "missing_field": (rb'"order":\{"id":"[^"]*",', b'"order":{'),
    "wrong_type": (rb'"order":\{"id":"[^"]*"', b'"order":{"id":7'),
    "bad_quantity": (rb'("price":"[^"]*","qty":)"[^"]*"', rb'\1"-1"'),
    "duplicate_key": (rb'("filled_qty":"[^"]*",)', rb'\1"filled_qty":"0.00000001",'),
}


class AlpacaTampering:
    """How messages of the stream are told apart and spoilt. Those in MessagePack can be cut only."""

    corruptions = ("truncated", "not_json", *_EDITS, "null_data")

    def is_execution(self, payload: bytes, kind: str) -> bool:
        """Return whether a message tells an execution."""
        del payload
        return kind in _FILLS

    def corrupt(self, payload: bytes, how: str) -> bytes:
        """Return a message that a parser must not take for a good one."""
        if how == "truncated":
            return payload[: len(payload) * 2 // 3]
        if how == "not_json":
            return payload.replace(b'":', b'"=', 3)
        if how in _EDITS:
            pattern, replacement = _EDITS[how]
            return re.sub(pattern, replacement, payload, count=1)
        return _NULL_DATA

    def unknown_event(self, payload: bytes) -> bytes:
        """Return the message of an event that nobody has heard of."""
        return self.unknown_value(payload, "event")

    def unknown_value(self, payload: bytes, field: str | None) -> bytes:
        """Return the message with an unheard-of value in a field, the event unless one is named."""
        name = (field or "event").encode()
        return re.sub(rb'"%b":"[a-z_]+"' % name, b'"%b":"unheard_of"' % name, payload, count=1)

    def extra_fields(self, payload: bytes) -> bytes:
        """Return the message with members that nobody has heard of."""
        return payload[:-2] + b',"zz":{"new":[1,"\xc3\xa9"]},"yy":null}}'
