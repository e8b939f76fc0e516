"""The life of an account's connection: everything that decides its state lives here.

`STEPS` is the whole state machine: what may happen in a state, and the state it leads to. What a state does not
list cannot happen in it; `ConnectionLife.take` refuses it. `diagram` draws the table for the documentation.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from fillwire.domain.enums import ConnectionState
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log

_log = get_log(__name__)


class Step(StrEnum):
    """What can happen to a connection."""

    OPEN = "open"  # an attempt to connect begins
    OPENED = "opened"  # the socket is up
    AUTHENTICATED = "authenticated"  # the venue accepted the key
    SUBSCRIBED = "subscribed"  # the venue acknowledged the stream: from here on every fill is seen live
    HELD = "held"  # the next attempt has to wait for the venue's sake: a ban, its circuit breaker, the connect budget
    LOST = "lost"  # the attempt or the connection failed, another attempt follows
    REFUSED = "refused"  # the venue refuses the key, or there is none
    GAVE_UP = "gave up"  # as many attempts failed as are allowed in a row
    CLOSED = "closed"  # nobody wants the connection any more


_STATE = ConnectionState

STEPS: Mapping[ConnectionState, Mapping[Step, ConnectionState]] = MappingProxyType(
    {
        _STATE.DISCONNECTED: {
            Step.OPEN: _STATE.CONNECTING,
            Step.HELD: _STATE.DISCONNECTED,
            Step.REFUSED: _STATE.AUTH_FAILED,
        },
        _STATE.CONNECTING: {
            Step.OPENED: _STATE.CONNECTED,
            Step.LOST: _STATE.RECONNECTING,
            Step.REFUSED: _STATE.AUTH_FAILED,
            Step.CLOSED: _STATE.DISCONNECTED,
        },
        _STATE.CONNECTED: {
            Step.AUTHENTICATED: _STATE.AUTHENTICATED,
            Step.LOST: _STATE.RECONNECTING,
            Step.REFUSED: _STATE.AUTH_FAILED,
            Step.CLOSED: _STATE.DISCONNECTED,
        },
        _STATE.AUTHENTICATED: {
            Step.SUBSCRIBED: _STATE.RECEIVING,
            Step.LOST: _STATE.RECONNECTING,
            Step.REFUSED: _STATE.AUTH_FAILED,
            Step.CLOSED: _STATE.DISCONNECTED,
        },
        _STATE.RECEIVING: {
            Step.LOST: _STATE.RECONNECTING,
            Step.REFUSED: _STATE.AUTH_FAILED,
            Step.CLOSED: _STATE.DISCONNECTED,
        },
        _STATE.RECONNECTING: {
            Step.OPEN: _STATE.CONNECTING,
            Step.HELD: _STATE.RECONNECTING,
            Step.REFUSED: _STATE.AUTH_FAILED,
            Step.GAVE_UP: _STATE.DISCONNECTED,
            Step.CLOSED: _STATE.DISCONNECTED,
        },
        # Left only by a person's doing: another key, or no more bots. Nothing here retries by itself.
        _STATE.AUTH_FAILED: {
            Step.OPEN: _STATE.CONNECTING,
            Step.REFUSED: _STATE.AUTH_FAILED,
            Step.CLOSED: _STATE.DISCONNECTED,
        },
    }
)


class IllegalStep(RuntimeError):
    """A step that the state does not allow: a mistake in the gateway, not in the world."""


class ConnectionLife:
    """Where one account's connection is in its life. Starts disconnected.

    Attributes:
        previous_state: the state before the current one; equal to `state` at the start.
        reason: one sentence why the state was entered, or None.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._state = ConnectionState.DISCONNECTED
        self.previous_state = ConnectionState.DISCONNECTED
        self.reason: str | None = None

    @property
    def state(self) -> ConnectionState:
        """Where the connection is now; only `take` changes it."""
        return self._state

    def allows(self, step: Step) -> bool:
        """Whether `step` can happen now."""
        return step in STEPS[self._state]

    def take(self, step: Step, reason: str | None = None) -> ConnectionState:
        """Return the state into which `step` leads, after entering it.

        Raises:
            IllegalStep: the state does not allow the step; the state is unchanged.
        """
        target = STEPS[self._state].get(step)
        if target is None:
            expected = ", ".join(STEPS[self._state])
            raise IllegalStep(
                f"connection of {self._account} is {self._state}: expected {expected}, was {step}"
            )
        self.previous_state, self._state, self.reason = self._state, target, reason
        _log.info(
            "connection_state",
            account=str(self._account),
            state=target,
            previous_state=self.previous_state,
            reason=reason,
        )
        return target


def diagram() -> str:
    """Return the state machine as a Mermaid state diagram, one line per step."""
    lines = ["stateDiagram-v2", f"    [*] --> {ConnectionState.DISCONNECTED}"]
    lines += [
        f"    {state} --> {target}: {step}"
        for state, steps in STEPS.items()
        for step, target in steps.items()
    ]
    return "\n".join(lines) + "\n"
