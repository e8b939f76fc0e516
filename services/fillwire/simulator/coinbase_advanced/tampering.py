"""Frames of the user feed, spoilt on demand."""

import re

_EXECUTED = re.compile(rb'"number_of_fills":"[1-9]')


class AdvancedTampering:
    """How frames of the feed are told apart and spoilt."""

    corruptions = ("truncated", "not_json", "missing_field", "wrong_type", "bad_quantity", "duplicate_key")

    def is_execution(self, payload: bytes, kind: str) -> bool:
        """Return whether a frame shows an order of which something is executed."""
        return kind == "update" and _EXECUTED.search(payload) is not None

    def corrupt(self, payload: bytes, how: str) -> bytes:
        """Return a frame that a parser must not take for a good one."""
        if how == "truncated":
            return payload[: len(payload) * 2 // 3]
        if how == "not_json":
            return payload.replace(b'":', b'"=', 3)
        if how == "missing_field":
            return re.sub(rb'"order_id":"[^"]*",', b"", payload, count=1)
        if how == "wrong_type":
            return re.sub(rb'"sequence_num":(\d+)', rb'"sequence_num":"\1"', payload, count=1)
        if how == "bad_quantity":
            return re.sub(rb'"cumulative_quantity":"[^"]*"', b'"cumulative_quantity":"-1"', payload, count=1)
        return re.sub(
            rb'("cumulative_quantity":"[^"]*",)', rb'\1"cumulative_quantity":"1",', payload, count=1
        )

    def unknown_event(self, payload: bytes) -> bytes:
        """Return the frame of a channel that nobody has heard of."""
        return re.sub(rb'"channel":"[a-z]+"', b'"channel":"something_new"', payload, count=1)

    def unknown_value(self, payload: bytes, field: str | None) -> bytes:
        """Return the frame with an unheard-of value in a field, the status unless one is named."""
        name = (field or "status").encode()
        return re.sub(rb'"%b":"[A-Z_]+"' % name, b'"%b":"UNHEARD_OF"' % name, payload, count=1)

    def extra_fields(self, payload: bytes) -> bytes:
        """Return the frame with members that nobody has heard of."""
        return payload[:-1] + b',"zz":{"new":[1,"\xc3\xa9"]},"yy":null}'
