"""Frames to typed fields, for the oracle: the json module, made as strict as the venue's frames deserve."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

MAX_FRAME_BYTES = 4 << 20
MAX_DEPTH = 32
MAX_DIGITS = 18
SPACE = " \t\n\r"


class Refused(Exception):
    """The frame is refused; `code` as the parser says it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Integer(str):
    """A JSON number without fraction and exponent, as written."""

    __slots__ = ()

    @property
    def is_absurd(self) -> bool:
        """Whether 64 bits do not hold it."""
        return not -(2**63) <= int(self) < 2**63

    @property
    def canonical(self) -> str:
        """The digits; `-0` is `0`."""
        return str(int(self))


class Number(str):
    """Any other JSON number, as written."""

    __slots__ = ()


class Pairs(dict[str, Any]):
    """A JSON object."""

    __slots__ = ()


def refuse(code: str) -> NoReturn:
    """Refuse the frame."""
    raise Refused(code)


# --- the text itself


def _too_deep_at(text: str) -> int:
    """Return where a level too many begins, if strings are where they seem to be; the length if nowhere."""
    depth, in_string, escaped = 0, False, False
    for position, character in enumerate(text):
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return position
        elif character in "}]":
            depth -= 1
    return len(text)


def decode(frame: bytes) -> Pairs:
    """Return the object that the frame is."""
    text, start = _text(frame)
    notes: set[str] = set()

    def collect(pairs: list[tuple[str, Any]]) -> Pairs:
        document = Pairs(pairs)
        if len(document) != len(pairs):
            notes.add("duplicate_key")
        if any(_holds_surrogate(part) for pair in pairs for part in pair):
            notes.add("unpaired_surrogate")
        return document

    def constant(name: str) -> NoReturn:
        raise json.JSONDecodeError("no JSON", text, text.index(name))

    decoder = json.JSONDecoder(
        object_pairs_hook=collect, parse_int=Integer, parse_float=Number, parse_constant=constant
    )
    too_deep_at = _too_deep_at(text)
    try:
        document, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        refuse("invalid_json" if error.pos <= too_deep_at else "nesting_too_deep")
    if too_deep_at < end:
        refuse("nesting_too_deep")
    if text[end:].strip(SPACE):
        refuse("trailing_data")
    for code in ("unpaired_surrogate", "duplicate_key"):
        if code in notes:
            refuse(code)
    assert isinstance(document, Pairs)
    return document


def _text(frame: bytes) -> tuple[str, int]:
    """Return the frame as text, and where its object begins."""
    if len(frame) > MAX_FRAME_BYTES:
        refuse("frame_too_large")
    try:
        text = frame.decode()
    except UnicodeDecodeError:
        refuse("invalid_utf8")
    start = len(text) - len(text.lstrip(SPACE))
    if start == len(text):
        refuse("empty_frame")
    if text[start] != "{":
        refuse("not_an_object")
    return text, start


def _holds_surrogate(value: object) -> bool:
    if isinstance(value, list):
        return any(_holds_surrogate(element) for element in value)
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)


# --- fields


@dataclass(slots=True)
class Amount:
    """A decimal string: its value, the decimals it was written with, and whether it is beyond all reason."""

    value: Decimal
    decimals: int


class Reader:
    """Typed access to an object; the first absurd number is only noted."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.is_absurd = False

    def _get(self, key: str, is_mandatory: bool, fits: Callable[[Any], bool]) -> Any:
        value = self.document.get(key)
        if value is None:
            return refuse("missing_field") if is_mandatory else None
        return value if fits(value) else refuse("wrong_type")

    def text(self, key: str, *, is_mandatory: bool = True) -> Any:
        """A string."""
        return self._get(key, is_mandatory, lambda value: type(value) is str)

    def boolean(self, key: str) -> Any:
        """A boolean; never mandatory."""
        return self._get(key, False, lambda value: isinstance(value, bool))

    def array(self, key: str) -> list[Any]:
        """A mandatory array."""
        value: list[Any] = self._get(key, True, lambda value: isinstance(value, list))
        return value

    def unread_integer(self, key: str) -> None:
        """An integer of which only the type matters; never mandatory."""
        self._get(key, False, lambda value: isinstance(value, Integer))

    def integer(self, key: str, *, is_mandatory: bool = True) -> Any:
        """An integer."""
        value = self._get(key, is_mandatory, lambda value: isinstance(value, Integer))
        if value is not None and value.is_absurd:
            self.is_absurd = True
            return Integer("0")
        return value

    def amount(self, key: str, *, is_mandatory: bool = True) -> Any:
        """A decimal string."""
        text = self.text(key, is_mandatory=is_mandatory)
        if text is None:
            return None
        match = re.fullmatch(r"-?([0-9]+)(?:\.([0-9]+))?", text)
        if match is None:
            return refuse("invalid_decimal")
        integer, fraction = match[1].lstrip("0"), match[2] or ""
        if len(integer) > MAX_DIGITS or len(fraction.rstrip("0")) > MAX_DIGITS:
            self.is_absurd = True
            return Amount(Decimal(0), 0)
        return Amount(Decimal(text), len(fraction))

    def refuse_absurd(self) -> None:
        """Refuse if an absurd number was read."""
        if self.is_absurd:
            refuse("absurd_magnitude")


def plain(value: Any) -> Any:
    """Return a JSON value as the json module reads it by default."""
    if isinstance(value, Pairs):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, Integer):
        return int(value)
    return float(value) if isinstance(value, Number) else value
