"""What must never be read in a log, a trace or an error: secrets by name, and known secrets by value."""

import re
from typing import Final

from pydantic import SecretBytes, SecretStr

REDACTED: Final = "***"

# Parameters and headers whose value is secret, compared without case, hyphen and underscore.
_SECRET_NAME: Final = re.compile(
    r"apikey|apisecret|secret|signature|listenkey|password|passphrase|privatekey|authorization|accesskey|accesssign|token|jwt"
)
# The same names inside a text: a URL, a header line, a repr or JSON; then what separates name and value, then the value.
_NAMED_VALUE: Final = re.compile(
    r"""(?ix)
    ( [\w-]* (?: api[_-]?key | secret | signature | listen[_-]?key | password | passphrase | private[_-]?key
                | authorization | access[_-]?key | access[_-]?sign | token | jwt ) [\w-]*
      ["']? \s* [=:] \s* ["']? )
    ( (?: (?: bearer | basic ) \s+ )? [^\s"'&,;)}\]]+ )
    """
)
_USER_INFO: Final = re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@")
_RUN: Final = re.compile(r"[A-Za-z0-9+/_-]{8,}")  # what keys, signatures and lines of a PEM file consist of

_known_runs: set[str] = set()


def remember_secret(value: str) -> None:
    """Have `redacted_text` mask `value` wherever it turns up: each of its runs of eight or more key characters."""
    _known_runs.update(_RUN.findall(value))


def is_secret_name(name: str) -> bool:
    """Return whether a parameter, header or field of this name holds a secret."""
    return _SECRET_NAME.search(name.lower().replace("-", "").replace("_", "")) is not None


def redacted_text(text: str) -> str:
    """Return `text` with the values of secret names, the user part of addresses and known secrets masked."""
    text = _USER_INFO.sub(rf"\1{REDACTED}@", _NAMED_VALUE.sub(rf"\1{REDACTED}", text))
    if not _known_runs:
        return text
    return _RUN.sub(lambda match: REDACTED if match[0] in _known_runs else match[0], text)


def redacted(name: str, value: object) -> object:
    """Return `value` as a field of this name may be shown: secrets masked, in nested mappings and lists too."""
    if value is None or isinstance(value, bool | int | float):
        return (
            REDACTED if value is not None and is_secret_name(name) and not isinstance(value, bool) else value
        )
    if isinstance(value, SecretStr | SecretBytes) or is_secret_name(name):
        return REDACTED
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, dict):
        return {str(key): redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted("", inner) for inner in value]
    return redacted_text(str(value))
