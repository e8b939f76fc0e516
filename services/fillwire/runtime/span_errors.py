"""What a span says of an exception: its status and an event with the traceback, without secrets."""

import traceback
from typing import Final

from fillwire.runtime import telemetry_names as names
from fillwire.runtime.otlp_encoding import error_status, event
from fillwire.runtime.redaction import redacted_text

_MAX_STACKTRACE: Final = 8192  # characters; the innermost frames stay
_MAX_MESSAGE: Final = 8192  # characters; a strategy's own exception may say any amount


def error_parts(error: BaseException, at_ns: int) -> bytes:
    """Return event and status, encoded, of a span in which `error` was raised."""
    message = _message(error)
    stacktrace = "".join(traceback.format_exception(error))
    raised = event(
        "exception",
        at_ns,
        (names.EXCEPTION_TYPE, _type_name(error)),
        (names.EXCEPTION_MESSAGE, message),
        (names.EXCEPTION_STACKTRACE, redacted_text(stacktrace[-_MAX_STACKTRACE:])),
    )
    return raised + error_status(f"{type(error).__name__}: {message}")


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return redacted_text(str(error))[:_MAX_MESSAGE]
    except Exception:  # noqa: BLE001 - a strategy's own exception, whose __str__ may be broken
        return "(no message: str() of the exception raised)"
