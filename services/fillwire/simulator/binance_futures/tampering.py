"""Frames of the private stream, spoilt on demand."""

import re


class FuturesTampering:
    """How frames of the private stream are told apart and spoilt."""

    corruptions = ("truncated", "not_json", "missing_field", "wrong_type", "bad_quantity", "duplicate_key")

    def is_execution(self, payload: bytes, kind: str) -> bool:
        """Return whether a frame tells an execution; its announcement does not."""
        return kind == "ORDER_TRADE_UPDATE" and b'"x":"TRADE"' in payload

    def corrupt(self, payload: bytes, how: str) -> bytes:
        """Return a frame that a parser must not take for a good one."""
        if how == "truncated":
            return payload[: len(payload) * 2 // 3]
        if how == "not_json":
            return payload.replace(b'":', b'"=', 3)
        if how == "missing_field":
            return re.sub(rb'"i":\d+,', b"", payload, count=1)
        if how == "wrong_type":
            return re.sub(rb'"i":(\d+)', rb'"i":"\1"', payload, count=1)
        if how == "bad_quantity":
            return re.sub(rb'"l":"[^"]*"', b'"l":"-1"', payload, count=1)
        return re.sub(rb'("z":"[^"]*",)', rb'\1"z":"0.001",', payload, count=1)

    def unknown_event(self, payload: bytes) -> bytes:
        """Return the frame of an event that nobody has heard of."""
        return re.sub(rb'"e":"[A-Za-z_]+"', b'"e":"SOMETHING_NEW"', payload, count=1)

    def unknown_value(self, payload: bytes, field: str | None) -> bytes:
        """Return the frame with an unheard-of value in a field, the execution type unless one is named."""
        name = (field or "x").encode()
        return re.sub(rb'"%b":"[A-Z_]+"' % name, b'"%b":"UNHEARD_OF"' % name, payload, count=1)

    def extra_fields(self, payload: bytes) -> bytes:
        """Return the frame with members that nobody has heard of."""
        return payload[:-1] + b',"zz":{"new":[1,"\xc3\xa9"]},"yy":null}'
