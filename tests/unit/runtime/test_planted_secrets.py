"""Secrets planted in every place that a log line is made of: none is ever seen, by a machine or in a terminal."""

import base64
import io
import logging
import urllib.parse
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from fillwire.runtime import redaction
from fillwire.runtime.logs import configure_logs, get_log
from fillwire.runtime.redaction import remember_secret

SECRET = "pLanted/Secret+0123456789abcdef=="
QUOTED = urllib.parse.quote(SECRET, safe="")
BASE64 = base64.b64encode(SECRET.encode()).decode()
PIECES = ("pLanted/Secret", "0123456789abcdef", QUOTED, BASE64)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Shown:
    def __repr__(self) -> str:
        return f"<connection with {SECRET}>"


@pytest.fixture(autouse=True)
def _logging_and_secrets_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(redaction, "_known_runs", set())
    monkeypatch.setattr(redaction, "_by_head", {})
    remember_secret(SECRET)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("fillwire").setLevel(logging.NOTSET)


def _refuse(text: str) -> None:
    raise ValueError(f"inner {text}")


def _error() -> RuntimeError:
    error = RuntimeError(f"outer {SECRET}")
    error.add_note(f"a note with {SECRET}")
    try:
        _refuse(SECRET)
    except ValueError as inner:
        error.__cause__ = inner
    return error


_log = get_log("fillwire.planted")
_library = logging.getLogger("fillwire.library")
PLACES: dict[str, Callable[[], object]] = {
    "the event": lambda: _log.info(f"opened {SECRET}"),
    "a field": lambda: _log.info("opened", url=SECRET),
    "a field that is bound": lambda: _log.bind(url=SECRET).info("opened"),
    "a field's name": lambda: _log.info("opened", **{SECRET: 1}),
    "a nested value": lambda: _log.info("opened", request={"headers": [{"x": (SECRET,)}]}),
    "a nested key": lambda: _log.info("opened", request={SECRET: 1}),
    "bytes": lambda: _log.info("opened", frame=SECRET.encode()),
    "a secret of the settings": lambda: _log.info("opened", key=SecretStr(SECRET), keys=[SecretStr(SECRET)]),
    "an object's own words": lambda: _log.info("opened", connection=_Shown()),
    "an address": lambda: _log.info("opened", url=f"wss://user:{SECRET}@host/path"),
    "a query": lambda: _log.info("opened", url=f"https://host/?listenKey={QUOTED}"),
    "percent signs": lambda: _log.info("opened", url=f"https://host/{QUOTED}"),
    "Base64": lambda: _log.info("opened", header=BASE64),
    "with something before it": lambda: _log.info("opened", url=f"key{SECRET}"),
    "with something behind it": lambda: _log.info("opened", url=f"{SECRET.rstrip('=')}xyz"),
    "an error": lambda: _log.error("failed", error=_error()),
    "an error in a warning": lambda: _log.warning("failed", error=_error()),
    "several errors": lambda: _log.error(
        "failed", error=ExceptionGroup(SECRET, [_error(), KeyError(SECRET)])
    ),
    "a trace id": lambda: _log.info("opened", trace_id=SECRET),
    "a library's record": lambda: _library.warning("got %s", SECRET),
    "a library's error": lambda: _library.warning("failed", exc_info=_error()),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stream", [io.StringIO, _Terminal], ids=["machine", "terminal"])
def test_no_planted_secret_is_seen(place: str, stream: type[io.StringIO]) -> None:
    """The line is written, and what is written holds no piece of it in any form."""
    written = stream()
    configure_logs({"FILLWIRE_LOG": "debug"}, written)
    PLACES[place]()
    line = written.getvalue()
    assert "opened" in line or "failed" in line or "got" in line
    assert not [piece for piece in PIECES if piece in line]


def test_what_only_resembles_a_secret_stays() -> None:
    """A word that begins like one is no secret, and a line stays readable."""
    assert redaction.redacted_text("pLanted/Secreg 0123456789abcdeg") == "pLanted/Secreg 0123456789abcdeg"
