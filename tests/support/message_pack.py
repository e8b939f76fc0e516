"""Values of JSON as MessagePack, in the shortest form of each."""

import struct
from collections.abc import Mapping
from typing import Any


def packed(value: Any) -> bytes:
    """Return `value` as MessagePack.

    Raises:
        TypeError: JSON has no such value.
    """
    match value:
        case None | bool():
            data = {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
        case int():
            data = _integer(value)
        case float():
            data = struct.pack(">Bd", 0xCB, value)
        case str():
            text = value.encode()
            data = _head(len(text), (0xA0, 32), (0xD9, 0xDA, 0xDB)) + text
        case Mapping():
            members = b"".join(packed(key) + packed(member) for key, member in value.items())
            data = _head(len(value), (0x80, 16), (None, 0xDE, 0xDF)) + members
        case list():
            data = _head(len(value), (0x90, 16), (None, 0xDC, 0xDD)) + b"".join(map(packed, value))
        case _:
            raise TypeError(f"expected a value of JSON, was {type(value).__name__}")
    return data


def _integer(value: int) -> bytes:
    if -32 <= value < 128:
        return struct.pack(">b", value) if value < 0 else bytes([value])
    return struct.pack(">Bq", 0xD3, value) if value < 2**63 else struct.pack(">BQ", 0xCF, value)


def _head(length: int, short: tuple[int, int], codes: tuple[int | None, int, int]) -> bytes:
    base, limit = short
    if length < limit:
        return bytes([base | length])
    sizes = zip(codes, (8, 16, 32), ("B", "H", "I"), strict=True)
    code, form = next((code, form) for code, bits, form in sizes if code is not None and length < 1 << bits)
    return struct.pack(f">B{form}", code, length)
