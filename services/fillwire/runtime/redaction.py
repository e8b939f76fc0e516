"""What must never be read in a log, a trace or an error: secrets by name, and known secrets by value."""

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from pydantic import SecretBytes, SecretStr

REDACTED: Final = "***"

_NAMES: Final = (
    r"api[_-]?key|secret|signature|listen[_-]?key|password|passphrase|private[_-]?key|authorization"
    r"|access[_-]?(?:key|sign)|(?:access|auth|bearer|refresh)[_-]?token|jwt"
)
_SECRET_NAME: Final = re.compile(rf"(?i){_NAMES}")
# A name and its value inside a text: in a URL, a header line, a repr or JSON. Our own sentences say of a setting
# what was expected of it, and stay. What stands before the name in its word stays without being matched: to look for it
# at each letter took seconds of a text without spaces.
_NAMED_VALUE: Final = re.compile(
    rf"""(?ix)
    ( (?: {_NAMES} ) [\w-]* ["']? \s* [=:] \s* ["']? )
    (?! expected\b )
    (?: (?: bearer | basic ) \s+ )? [^\s"'&,;)}}\]]+
    """
)
# No scheme is longer; to read a long word to its end from each of its parts took a minute.
_USER_INFO: Final = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/]+@")
_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{8,}")  # what keys, signatures and lines of a PEM file consist of

_HEAD: Final = 8

_known_runs: set[str] = set()
_by_head: dict[str, set[str]] = {}  # the known runs by their first eight characters


def remember_secret(value: str) -> None:
    """Have `redacted_text` mask `value` wherever it turns up: each of its runs of eight or more key characters.

    So it is in Base64 and with percent signs, as it stands in a header or an address.
    """
    for form in (value, quote(value, safe=""), b64encode(value.encode()).decode()):
        for run in _RUN.findall(form):
            _known_runs.add(run)
            _by_head.setdefault(run[:_HEAD], set()).add(run)


def _masked(match: re.Match[str]) -> str:
    """Return a run of key characters with what is known to be secret masked, also where something sticks to it."""
    text = match[0]
    if text in _known_runs:
        return REDACTED
    at = 0
    while at <= len(text) - _HEAD:
        runs = _by_head.get(text[at : at + _HEAD], ())
        found = max((run for run in runs if text.startswith(run, at)), key=len, default="")
        if found:
            text = f"{text[:at]}{REDACTED}{text[at + len(found) :]}"
            at += len(REDACTED)
        else:
            at += 1
    return text


def is_secret_name(name: str) -> bool:
    """Return whether a parameter, header or field of this name holds a secret, such as `X-MBX-APIKEY`."""
    return _SECRET_NAME.search(name) is not None


def redacted_text(text: str) -> str:
    """Return `text` with the values of secret names, the user part of addresses and known secrets masked."""
    text = _USER_INFO.sub(rf"\1{REDACTED}@", _NAMED_VALUE.sub(rf"\1{REDACTED}", text))
    if not _known_runs:
        return text
    return _RUN.sub(_masked, text)


def printable(text: str) -> str:
    """Return `text` with control characters spelt out.

    A venue or a user may send some that would write to the terminal what never happened.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def redacted(name: str, value: object) -> object:
    """Return `value` as a field of this name may be shown: secrets masked, in nested mappings and lists too."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, SecretStr | SecretBytes) or is_secret_name(name):
        return REDACTED
    if isinstance(value, int | float):
        return value
    if isinstance(value, Mapping):
        return {redacted_text(str(key)): redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(name, inner) for inner in value]
    return redacted_text(str(value))
