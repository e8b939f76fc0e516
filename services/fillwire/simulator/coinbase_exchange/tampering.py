"""Frames of the feed, spoilt on demand."""

import re


class ExchangeTampering:
    """How frames of the feed are told apart and spoilt."""

    corruptions = ("truncated", "not_json", "missing_field", "wrong_type", "bad_quantity", "duplicate_key")

    def is_execution(self, payload: bytes, kind: str) -> bool:
        """Return whether a frame tells an execution of the account that reads it."""
        return kind == "match" and b'"user_id":' in payload

    def corrupt(self, payload: bytes, how: str) -> bytes:
        """Return a frame that a parser must not take for a good one."""
        if how == "truncated":
            return payload[: len(payload) * 2 // 3]
        if how == "not_json":
            return payload.replace(b'":', b'"=', 3)
        if how == "missing_field":
            return re.sub(rb'"product_id":"[^"]*",', b"", payload, count=1)
        if how == "wrong_type":
            return re.sub(rb'"sequence":(\d+)', rb'"sequence":"\1"', payload, count=1)
        if how == "bad_quantity":
            return re.sub(rb'"(size|remaining_size)":"[^"]*"', rb'"\1":"-1"', payload, count=1)
        return re.sub(rb'("side":"[a-z]*",)', rb'\1"side":"buy",', payload, count=1)

    def unknown_event(self, payload: bytes) -> bytes:
        """Return the frame of an event that nobody has heard of."""
        return re.sub(rb'"type":"[a-z]+"', b'"type":"something_new"', payload, count=1)

    def unknown_value(self, payload: bytes, field: str | None) -> bytes:
        """Return the frame with an unheard-of value in a field, the side unless one is named."""
        name = (field or "side").encode()
        return re.sub(rb'"%b":"[a-z]+"' % name, b'"%b":"unheard_of"' % name, payload, count=1)

    def extra_fields(self, payload: bytes) -> bytes:
        """Return the frame with members that nobody has heard of."""
        return payload[:-1] + b',"zz":{"new":[1,"\xc3\xa9"]},"yy":null}'
