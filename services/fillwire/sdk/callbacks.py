"""Which callbacks of a listener an event is for: looked up once per listener, not per event."""

import difflib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fillwire.domain.enums import Kind
from fillwire.domain.errors import ConfigError
from fillwire.sdk.listener import Returned
from fillwire.sdk.strategy import Strategy

ON_FILL = "on_fill"
ON_START = "on_start"
ON_STOP = "on_stop"
ON_WAKE = "on_wake"
ON_CONNECTED = "on_websocket_connected"
ON_DISCONNECTED = "on_websocket_disconnected"
ON_ERROR = "on_websocket_error"
ON_RECONCILED = "on_reconciled"

BY_KIND = {
    Kind.NEW: "on_order_accepted",
    Kind.PARTIALLY_FILLED: "on_order_partially_filled",
    Kind.FILLED: "on_order_filled",
    Kind.CANCELLED: "on_order_cancelled",
    Kind.EXPIRED: "on_order_expired",
    Kind.REJECTED: "on_order_rejected",
    Kind.REPLACED: "on_order_replaced",
}

_WITHOUT_ARGUMENT = (ON_START, ON_STOP, ON_WAKE)
_WITH_ARGUMENT = (ON_FILL, *BY_KIND.values(), ON_CONNECTED, ON_DISCONNECTED, ON_ERROR, ON_RECONCILED)
NAMES = frozenset((*_WITHOUT_ARGUMENT, *_WITH_ARGUMENT))


@dataclass(frozen=True, slots=True)
class Callback:
    """One method of a listener.

    Attributes:
        name: as it appears in logs, dead letters and client order ids.
        function: the bound method.
        is_async: whether it is a coroutine function; another may still return an awaitable.
    """

    name: str
    function: Callable[..., Returned]
    is_async: bool


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What a listener wants to be called for; methods that it does not have, or inherits empty, are absent.

    Attributes:
        executions: by kind, for events with an execution: `on_fill` first, then the kind's own.
        steps: by kind, for events without one.
        named: the others by name.
    """

    executions: Mapping[Kind, tuple[Callback, ...]]
    steps: Mapping[Kind, tuple[Callback, ...]]
    named: Mapping[str, Callback]


def _overridden(listener: object, name: str) -> Any:
    """Return the listener's own method, None if it has none or only the empty one of `Strategy`."""
    method = getattr(listener, name, None)
    if method is None:
        return None
    if getattr(method, "__func__", None) is getattr(Strategy, name, None):
        return None
    return method


def _misspelt(listener: object) -> None:
    """Refuse public `on_…` methods that nothing would ever call: a bot that misses its fills is worse than none."""
    for name in dir(listener):
        if name.startswith("on_") and name not in NAMES and callable(getattr(listener, name)):
            close = difflib.get_close_matches(name, sorted(NAMES), n=1)
            hint = f"did you mean {close[0]}" if close else f"expected one of {', '.join(sorted(NAMES))}"
            raise ConfigError(f"{type(listener).__name__}.{name} is no callback: {hint}")


def _callback(listener: object, name: str, arguments: int) -> Callback | None:
    method = _overridden(listener, name)
    if method is None:
        return None
    where = f"{type(listener).__name__}.{name}"
    if not callable(method):
        raise ConfigError(f"{where} is {method!r}: expected a method")
    try:
        inspect.signature(method).bind(*[None] * arguments)
    except TypeError:
        expected = "no argument beside self" if arguments == 0 else "one argument beside self, the event"
        raise ConfigError(
            f"{where}{inspect.signature(method)} cannot be called: expected {expected}"
        ) from None
    except ValueError:  # a callable without a signature to read, such as one written in C
        pass
    return Callback(name, method, inspect.iscoroutinefunction(method))


def callbacks_of(listener: object) -> Callbacks:
    """Return what `listener`, a strategy or any object with such methods, is to be called for.

    Raises:
        ConfigError: a callback is no method, takes other arguments than it will be given, or is misspelt.
    """
    _misspelt(listener)
    found = {
        name: callback
        for names, arguments in ((_WITHOUT_ARGUMENT, 0), (_WITH_ARGUMENT, 1))
        for name in names
        if (callback := _callback(listener, name, arguments)) is not None
    }
    fill = (found[ON_FILL],) if ON_FILL in found else ()
    steps = {kind: (found[name],) if name in found else () for kind, name in BY_KIND.items()}
    return Callbacks(
        executions={kind: (*fill, *callbacks) for kind, callbacks in steps.items()},
        steps=steps,
        named={name: found[name] for name in found if name not in BY_KIND.values() and name != ON_FILL},
    )
