"""What a record looks like to a machine and to a person, and what it never shows."""

import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import configure_logs, get_log
from fillwire.runtime.tracing import trace_ids


class _Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Give pytest its own handlers back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("fillwire").setLevel(logging.NOTSET)


def _machine(level: str = "") -> io.StringIO:
    stream = io.StringIO()
    configure_logs({"FILLWIRE_LOG": level}, stream)
    return stream


def _records(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def _raised(text: str) -> ValueError:
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        raise ValueError(text)
    return caught.value


def test_a_record_is_one_json_object() -> None:
    """Time, level, event and logger stand first, then the fields as they were given."""
    stream = _machine()
    get_log("fillwire.gateway").bind(account=Account("alice", "binance", "live")).info(
        "connection_opened", attempt=3, is_first=True, url=None
    )
    (record,) = _records(stream)
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "info",
        "event": "connection_opened",
        "logger": "fillwire.gateway",
        "account": "alice@binance/live",
        "attempt": 3,
        "is_first": True,
    }


def test_an_event_brings_its_trace() -> None:
    """Whoever reads a log line about a fill can open its trace, and need not be given the id."""
    stream = _machine()
    log = get_log("fillwire.x")
    log.info("published", event_id="e1")
    log.info("published", trace_id=255)
    log.info("published", trace_id="ff")
    first, second, third = _records(stream)
    assert first["trace_id"] == f"{trace_ids('e1').trace_id:032x}"
    assert second["trace_id"] == f"{255:032x}"
    assert third["trace_id"] == "ff"


def test_an_error_brings_its_traceback_and_a_warning_its_reason() -> None:
    """What failed is shown whole; what is merely noted takes one line."""
    stream = _machine()
    log = get_log("fillwire.x")
    error = _raised("no such thing")
    log.warning("retrying", error=error)
    log.error("failed", error=error)
    warning, failure = _records(stream)
    assert warning["reason"] == "ValueError: no such thing"
    assert "stacktrace" not in warning
    assert failure["error"] == "ValueError: no such thing"
    assert "in _raised" in failure["stacktrace"]


def test_secrets_are_masked_everywhere() -> None:
    """In fields by name and type, in texts, in nested requests, and in what exceptions say."""
    stream = _machine()
    log = get_log("fillwire.x")
    log.error(
        "request apiKey=hunter2hunter2",
        error=_raised("bad request: signature=hunter2hunter2"),
        apiKey="hunter2hunter2",
        key=SecretStr("hunter2hunter2"),
        headers={"X-MBX-APIKEY": "hunter2hunter2"},
        url="wss://h/ws?listenKey=hunter2hunter2",
    )
    (record,) = _records(stream)
    assert "hunter2" not in json.dumps(record)


def test_fields_cannot_take_the_place_of_what_every_record_has() -> None:
    """A field called `event` or `level` stands beside the real one."""
    stream = _machine()
    get_log("fillwire.x").info("opened", level="high", logger="mine")
    (record,) = _records(stream)
    assert (record["level"], record["level_"], record["logger_"]) == ("info", "high", "mine")


def test_libraries_speak_in_the_same_form() -> None:
    """A warning of the broker's client is a JSON line too, and its chatter stays out."""
    stream = _machine()
    logging.getLogger("nats").info("chatter")
    logging.getLogger("nats").warning("lost %s", "server")
    (record,) = _records(stream)
    assert (record["event"], record["logger"]) == ("lost server", "nats")


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("", ["info", "warning", "error"]),
        ("debug", ["debug", "info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("off", []),
        ("error, fillwire.x=debug", ["debug", "info", "warning", "error"]),
    ],
)
def test_levels_are_set_by_the_variable(level: str, heard: list[str]) -> None:
    """`FILLWIRE_LOG` sets our own level, and that of a logger that it names."""
    stream = _machine(level)
    log = get_log("fillwire.x")
    try:
        log.debug("a")
        log.info("a")
        log.warning("a")
        log.error("a")
        assert [record["level"] for record in _records(stream)] == heard
        assert log.is_debug() is ("debug" in heard)
    finally:
        logging.getLogger("fillwire.x").setLevel(logging.NOTSET)


def test_an_unknown_level_is_refused() -> None:
    """A mistyped level is not silently the default."""
    with pytest.raises(ConfigError) as caught:
        _machine("nats=loud")
    assert str(caught.value) == "FILLWIRE_LOG: expected debug, info, warning, error, off, found 'loud'"


def test_a_person_reads_one_line() -> None:
    """In a terminal: the time of day, the level, the event, and fields that can be read."""
    stream = _Terminal()
    configure_logs({"NO_COLOR": "1"}, stream)
    get_log("fillwire.x").info("opened", account="alice", note="two words", empty="")
    _, _, rest = stream.getvalue().partition(" ")
    assert rest == "info    opened account=alice note='two words' empty=''\n"


def test_colours_are_for_those_who_want_them() -> None:
    """A terminal gets colours unless `NO_COLOR` says otherwise."""
    stream = _Terminal()
    configure_logs({}, stream)
    get_log("fillwire.x").warning("opened")
    assert "\x1b[33mwarning" in stream.getvalue()


def test_foreign_text_cannot_write_to_the_terminal() -> None:
    """Control characters from a venue or a user are shown, not obeyed: no line can be forged or erased."""
    stream = _Terminal()
    configure_logs({"NO_COLOR": "1"}, stream)
    get_log("fillwire.x").info("opened\n12:00 info forged", reason="\x1b[2Jgone\nforged")
    assert len(stream.getvalue().splitlines()) == 1
    assert "\x1b" not in stream.getvalue()


def test_configuring_twice_logs_once() -> None:
    """A second call replaces the first: no line comes out double."""
    _machine()
    stream = _machine()
    get_log("fillwire.x").info("once")
    assert len(_records(stream)) == 1
