"""MessagePack, as much of it as the account stream needs: nil, booleans, integers, strings, arrays and maps."""

import struct
from collections.abc import Callable
from typing import Any

_FIX_MAP, _FIX_ARRAY, _FIX_STRING, _NIL, _NEGATIVE = 0x80, 0x90, 0xA0, 0xC0, 0xE0
_CONSTANTS = {_NIL: None, 0xC2: False, 0xC3: True}
_STRINGS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_ARRAYS = {0xDC: ">H", 0xDD: ">I"}
_MAPS = {0xDE: ">H", 0xDF: ">I"}
_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_MAX_DEPTH = 16


def _head(size: int, fixed: int, fixed_limit: int, wider: dict[int, str]) -> bytes:
    if size < fixed_limit:
        return bytes((fixed | size,))
    for code, form in wider.items():
        if size < 1 << 8 * struct.calcsize(form):
            return bytes((code,)) + struct.pack(form, size)
    raise ValueError("value too long for MessagePack")


def pack(value: Any) -> bytes:
    """Return a value in MessagePack.

    Raises:
        TypeError: it holds something else than text, integers, booleans, None, lists and dictionaries.
    """
    if value is None:
        return bytes((_NIL,))
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        data = value.encode()
        return _head(len(data), _FIX_STRING, 32, _STRINGS) + data
    if isinstance(value, list):
        return _head(len(value), _FIX_ARRAY, 16, _ARRAYS) + b"".join(map(pack, value))
    if isinstance(value, dict):
        members = b"".join(pack(name) + pack(member) for name, member in value.items())
        return _head(len(value), _FIX_MAP, 16, _MAPS) + members
    raise TypeError(f"cannot pack {type(value).__name__}")


def unpack(data: bytes) -> Any:
    """Return the value that the bytes hold.

    Raises:
        ValueError: they are not exactly one value of the known kinds.
    """
    reader = _Reader(data)
    try:
        value = reader.value(0)
    except (struct.error, IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"malformed MessagePack: {error}") from error
    if reader.place != len(data):
        raise ValueError("more than one value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self._data, self.place)
        self.place += struct.calcsize(form)
        return value

    def _string(self, size: int, _depth: int) -> str:
        end = self.place + size
        if end > len(self._data):
            raise ValueError("string is cut off")
        text = self._data[self.place : end].decode()
        self.place = end
        return text

    def _array(self, size: int, depth: int) -> list[Any]:
        return [self.value(depth) for _ in range(size)]

    def _map(self, size: int, depth: int) -> dict[Any, Any]:
        return {self.value(depth): self.value(depth) for _ in range(size)}

    def value(self, depth: int) -> Any:
        """Read one value."""
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deeply")
        code = self._number(">B")
        if code < _FIX_MAP:
            return code
        if code >= _NEGATIVE:
            return code - 0x100
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        if code in _NUMBERS:
            return self._number(_NUMBERS[code])
        read, size = self._sized(code)
        return read(size, depth + 1)

    def _sized(self, code: int) -> tuple[Callable[[int, int], Any], int]:
        """Return what reads a value of this code, and how long the value is."""
        if code < _FIX_ARRAY:
            return self._map, code & 0x0F
        if code < _FIX_STRING:
            return self._array, code & 0x0F
        if code < _NIL:
            return self._string, code & 0x1F
        for read, forms in ((self._string, _STRINGS), (self._array, _ARRAYS), (self._map, _MAPS)):
            if code in forms:
                return read, self._number(forms[code])
        raise ValueError(f"unknown code {code:#x}")
