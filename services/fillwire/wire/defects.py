"""Why a document is refused: the place and the sentence that a `DecodeError` carries.

Runs only when reading has failed, so it may take its time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

VERSION: Final = 1

# What an amount may be made of. These characters cannot say what `Decimal` would take though no amount is written
# so: `NaN`, `Infinity`, `1e5`, `1_000`, ` 1 `. What they can say and is no number (`1-2`) `Decimal` refuses.
AMOUNT_CHARACTERS: Final = "0123456789.-"

_JSON_TYPES: Mapping[type, str] = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
    type(None): "null",
}
_LONGEST_QUOTE = 60


class Defect(NamedTuple):
    """What is wrong with a document.

    Attributes:
        pointer: JSON pointer to the value that is wrong; `/` is the document as a whole.
        reason: what was expected there and what was found.
    """

    pointer: str
    reason: str


def amounts_of(kind: type) -> tuple[str, ...]:
    """Return the names of a dataclass's amounts."""
    return tuple(name for name, hint in get_type_hints(kind).items() if Decimal in _members(hint))


def parts_of(kind: type) -> dict[str, type]:
    """Return the fields of a dataclass that hold dataclasses, by name."""
    return {
        name: member
        for name, hint in get_type_hints(kind).items()
        for member in _members(hint)
        if isinstance(member, type) and is_dataclass(member)
    }


def lists_of(kind: type) -> dict[str, type]:
    """Return the fields of a dataclass that hold any number of a dataclass, by name of the field."""
    return {
        name: get_args(member)[0]
        for name, hint in get_type_hints(kind).items()
        for member in _members(hint)
        if get_origin(member) is tuple and is_dataclass(get_args(member)[0])
    }


def find_defect(kind: type, data: bytes) -> Defect | None:
    """Return the first thing that makes `data` no document of the dataclass `kind`, None if all is as it should be."""
    try:
        document = msgspec.json.decode(data)
    except (ValueError, RecursionError) as error:
        return Defect("/", f"expected JSON, {_sentence(error)}")
    if not isinstance(document, dict):
        return Defect("/", f"expected an object, was {_found(document)}")
    version = document.get("v", MISSING)
    if version is MISSING:
        return Defect("/v", "expected a value, the key is missing")
    if type(version) is not int or version != VERSION:
        return Defect("/v", f"expected {VERSION}, was {_found(version)}")
    return _defect_of_object(kind, document, "")


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def _defect_of_object(kind: type, document: Mapping[str, Any], place: str) -> Defect | None:
    hints = get_type_hints(kind)
    for field in fields(kind):
        pointer = f"{place}/{field.name}"
        if field.name not in document:
            if field.default is MISSING:
                return Defect(pointer, "expected a value, the key is missing")
            continue
        defect = _defect_of_value(_members(hints[field.name]), document[field.name], pointer)
        if defect is not None:
            return defect
    return None


def _defect_of_value(members: tuple[Any, ...], value: Any, pointer: str) -> Defect | None:
    kind = members[0]
    if value is None and type(None) in members:
        return None
    if isinstance(value, dict) and isinstance(kind, type) and is_dataclass(kind):
        return _defect_of_object(kind, value, pointer)
    items = _items(kind, value)
    if items is not None:
        member = get_args(kind)[get_origin(kind) is Mapping]
        defects = (_defect_of_value((member,), item, f"{pointer}/{place}") for place, item in items)
        return next((defect for defect in defects if defect is not None), None)
    if _is_of(kind, value):
        return None
    or_null = " or null" if type(None) in members else ""
    return Defect(pointer, f"expected {_expected(kind)}{or_null}, was {_found(value)}")


def _items(kind: Any, value: Any) -> Iterable[tuple[object, Any]] | None:
    """Return what a list or a mapping holds, with the place of each; None if it is none, or not to be one."""
    if get_origin(kind) is tuple and isinstance(value, list):
        return enumerate(value)
    if get_origin(kind) is Mapping and isinstance(value, dict):
        return value.items()
    return None


def _is_of(kind: type, value: Any) -> bool:
    if get_origin(kind) is not None or is_dataclass(kind):
        return False
    if kind is Decimal:
        return isinstance(value, str) and _is_amount(value)
    if issubclass(kind, StrEnum):
        return isinstance(value, str) and value in list(kind)
    return type(value) is kind


def _is_amount(text: str) -> bool:
    try:
        Decimal(text)
    except ArithmeticError:
        return False
    return not text.strip(AMOUNT_CHARACTERS)


def _expected(kind: Any) -> str:
    if kind is Decimal:
        return "a decimal string"
    if is_dataclass(kind) or get_origin(kind) is Mapping:
        return "an object"
    if get_origin(kind) is tuple:
        return "an array"
    if issubclass(kind, StrEnum):
        return f"one of {', '.join(kind)}"
    word = _JSON_TYPES[kind]
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def _found(value: Any) -> str:
    word = _JSON_TYPES[type(value)]
    if value is None or isinstance(value, dict | list):
        return word
    text = msgspec.json.encode(value).decode()
    return f"{word} {text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + '…'}"


def _sentence(error: Exception) -> str:
    text = str(error).removeprefix("JSON is malformed: ").rstrip(".")
    return text[:1].lower() + text[1:]
