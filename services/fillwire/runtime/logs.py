"""Logs as an event name and fields: for people in a terminal, as JSON lines everywhere else, without secrets in both.

    log = get_log(__name__)
    log.info("connection_opened", account=account, attempt=3)

Underneath is the standard library's logging, so that libraries' own records come out the same way. `FILLWIRE_LOG` sets the
levels: `debug`, or `info,nats=debug` where a logger is named.
"""

import logging
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

import orjson

from fillwire.domain.errors import ConfigError
from fillwire.runtime.redaction import printable, redacted, redacted_text
from fillwire.runtime.tracing import trace_ids

LEVEL_VARIABLE: Final = "FILLWIRE_LOG"
_ROOT: Final = "fillwire"
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "off": logging.CRITICAL + 1,
}
_COLOURS: Final = {logging.DEBUG: "2", logging.INFO: "36", logging.WARNING: "33", logging.ERROR: "31"}
_FIELDS: Final = "fillwire_fields"
_RESERVED: Final = frozenset({"time", "level", "event", "logger", "error", "stacktrace"})


class Log:
    """A logger of one module; fields given with `bind` stand in each of its records."""

    __slots__ = ("_fields", "_logger")

    def __init__(self, logger: logging.Logger, fields: Mapping[str, object] | None = None) -> None:
        self._logger = logger
        self._fields = dict(fields or {})

    def bind(self, **fields: object) -> "Log":
        """Return a log whose records all carry `fields`."""
        return Log(self._logger, self._fields | fields)

    def is_debug(self) -> bool:
        """Return whether `debug` would be heard; ask before computing something for it."""
        return self._logger.isEnabledFor(logging.DEBUG)

    def debug(self, event: str, /, **fields: object) -> None:
        """Note what only a developer wants to know."""
        self._write(logging.DEBUG, event, fields, None)

    def info(self, event: str, /, **fields: object) -> None:
        """Note what happened."""
        self._write(logging.INFO, event, fields, None)

    def warning(self, event: str, /, *, error: BaseException | None = None, **fields: object) -> None:
        """Note what someone should look at, with the sentence of the error that caused it."""
        if error is not None:
            fields["reason"] = f"{type(error).__name__}: {error}"
        self._write(logging.WARNING, event, fields, None)

    def error(self, event: str, /, *, error: BaseException | None = None, **fields: object) -> None:
        """Note a failure, with the error that caused it and its traceback."""
        self._write(logging.ERROR, event, fields, error)

    def _write(self, level: int, event: str, fields: dict[str, object], error: BaseException | None) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(
                level, event, exc_info=error, stacklevel=3, extra={_FIELDS: self._fields | fields}
            )


def get_log(name: str) -> Log:
    """Return the log of a module: `get_log(__name__)`."""
    return Log(logging.getLogger(name))


def configure_logs(environ: Mapping[str, str] | None = None, stream: TextIO | None = None) -> None:
    """Write all logs of the process to `stream`: coloured lines if that is a terminal, JSON lines if not.

    Args:
        environ: where `FILLWIRE_LOG` and `NO_COLOR` are read; None for the process's environment.
        stream: where to write; None for the standard error stream.

    Raises:
        ConfigError: `FILLWIRE_LOG` names a level that does not exist.
    """
    environ = os.environ if environ is None else environ
    stream = sys.stderr if stream is None else stream
    levels = _levels(environ.get(LEVEL_VARIABLE, ""))
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        PrettyFormatter(is_coloured="NO_COLOR" not in environ) if stream.isatty() else JsonFormatter()
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _levels(text: str) -> dict[str, int]:
    levels = {_ROOT: logging.INFO}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, level = part.rpartition("=")
        if level.lower() not in _LEVELS:
            raise ConfigError(f"{LEVEL_VARIABLE}: expected {', '.join(_LEVELS)}, found {level!r}")
        levels[name or _ROOT] = _LEVELS[level.lower()]
    return levels


def _fields(record: logging.LogRecord) -> dict[str, object]:
    given: Mapping[str, object] = getattr(record, _FIELDS, {})
    fields = {
        f"{name}_" if name in _RESERVED else redacted_text(name): redacted(name, value)
        for name, value in given.items()
        if value is not None
    }
    event_id, trace_id = given.get("event_id"), given.get("trace_id")
    if trace_id is None and isinstance(event_id, str):
        trace_id = trace_ids(event_id).trace_id
    if isinstance(trace_id, int):
        fields["trace_id"] = f"{trace_id:032x}"
    return fields


def _stacktrace(record: logging.LogRecord) -> str | None:
    error = record.exc_info[1] if record.exc_info else None
    return None if error is None else redacted_text("".join(traceback.format_exception(error)))


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class JsonFormatter(logging.Formatter):
    """One JSON object per record: `time`, `level`, `event`, `logger`, then the fields, then the error."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        document: dict[str, object] = {
            "time": _time(record).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": redacted_text(record.getMessage()),
            "logger": record.name,
            **_fields(record),
        }
        if (stacktrace := _stacktrace(record)) is not None and record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            document["error"] = redacted_text(f"{type(error).__name__}: {error}")
            document["stacktrace"] = stacktrace
        return orjson.dumps(document, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class PrettyFormatter(logging.Formatter):
    """One line per record for a person: local time, level, event, `field=value`; the traceback below it.

    Args:
        is_coloured: whether the terminal shows colours.
    """

    def __init__(self, *, is_coloured: bool) -> None:
        super().__init__()
        self._is_coloured = is_coloured

    def _colour(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._is_coloured else text

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = _time(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        level = self._colour(f"{record.levelname.lower():<7}", _COLOURS.get(record.levelno, "31"))
        fields = "".join(
            f" {self._colour(f'{name}=', '2')}{_readable(value)}" for name, value in _fields(record).items()
        )
        line = f"{self._colour(time, '2')} {level} {printable(redacted_text(record.getMessage()))}{fields}"
        stacktrace = _stacktrace(record)
        return line if stacktrace is None else f"{line}\n{stacktrace.rstrip()}"


def _readable(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text and '"' not in text else repr(text)
