"""Strict reading of our own JSON documents into the frozen dataclasses of the domain."""

from typing import Generic, Literal, TypeVar

import msgspec
from msgspec.structs import astuple

from fillwire.domain.errors import DecodeError
from fillwire.wire.defects import AMOUNT_CHARACTERS, VERSION, amounts_of, find_defect, lists_of, parts_of

T = TypeVar("T")


class Reader(Generic[T]):
    """Reads one kind of document.

    Strict: each field has exactly its type, words of closed sets are known, amounts are plain decimal strings. Open:
    keys that the dataclass does not have are skipped unread.

    It reads twice, once the version and the text of the amounts, once the values: a second pass of a compiled decoder
    costs less than Python code that looks at each value.

    Args:
        kind: a dataclass of the domain; its fields are the keys of the document, beside `v`.
        what: what the document is called in errors.
    """

    def __init__(self, kind: type[T], what: str) -> None:
        self._kind = kind
        self._what = what
        self._amount_count = len(amounts_of(kind))
        self._decode_texts = msgspec.json.Decoder(_texts_of_document(kind)).decode
        self._decode_value = msgspec.json.Decoder(kind).decode

    def read(self, data: bytes) -> T:
        """Return the value in `data`.

        Raises:
            DecodeError: `data` is no such document; the pointer names the first key that is wrong.
        """
        try:
            members = astuple(self._decode_texts(data))
            amounts = members[: self._amount_count]
            for part in members[self._amount_count : -1]:
                if isinstance(part, list):
                    amounts += tuple(text for element in part for text in astuple(element))
                elif part is not None:
                    amounts += astuple(part)
            if not "".join(filter(None, amounts)).strip(AMOUNT_CHARACTERS):
                return self._decode_value(data)
        except (ValueError, RecursionError) as error:
            raise self._error(data, f"{error}") from error
        raise self._error(data, "expected plain decimal strings")

    def _error(self, data: bytes, reason: str) -> DecodeError:
        return DecodeError(self._what, *(find_defect(self._kind, data) or ("/", reason)))


def _texts_of_document(kind: type) -> type[msgspec.Struct]:
    """Return a structure of a document's amounts as text, then its parts and lists of parts, then its version."""
    parts = [(name, _texts_of(part) | None, None) for name, part in parts_of(kind).items()]
    lists = [(name, list[_texts_of(part)] | None, None) for name, part in lists_of(kind).items()]  # type: ignore[misc]  # a type made at run time
    return msgspec.defstruct(
        f"{kind.__name__}Texts",
        [*_amount_members(kind), *parts, *lists, ("v", Literal[VERSION])],
        kw_only=True,
    )


def _texts_of(part: type) -> type[msgspec.Struct]:
    return msgspec.defstruct(f"{part.__name__}Texts", _amount_members(part))


def _amount_members(kind: type) -> list[tuple[str, object, None]]:
    return [(name, str | None, None) for name in amounts_of(kind)]
