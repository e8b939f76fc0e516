"""How one order stands with the venue, beyond what events have told of it."""

from dataclasses import dataclass

from fillwire.strategies.state import OrderState, Terms, Wanted
from fillwire.strategies.steps import Step

S = 1_000_000_000
LONGEST_PAUSE_S = 60.0
_FIRST_PAUSE_S = 1.0
_MOST_DOUBLINGS = 10


@dataclass(slots=True)
class Standing:
    """What a bot has asked for an order, and what came of it.

    Attributes:
        step: which order.
        is_asked: whether it was sent and nobody knows what became of it.
        failures: how often in a row it was refused or not answered, or ended by itself.
        due_ns: nothing is asked of it before.
        missed_ns: since when the venue does not list it though it is believed to be open; None while it does.
        is_cancelling: whether the bot has asked for its end.
    """

    step: Step
    is_asked: bool = False
    failures: int = 0
    due_ns: int = 0
    missed_ns: int | None = None
    is_cancelling: bool = False

    @property
    def is_in_doubt(self) -> bool:
        """Whether nobody knows if the venue has it."""
        return self.is_asked or self.missed_ns is not None

    def put_off(self, now_ns: int) -> None:
        """Ask nothing of it for a pause that grows from failure to failure."""
        self.failures += 1
        self.due_ns = now_ns + int(pause_s(self.failures) * S)


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row: one second, two, four, up to a minute."""
    return min(LONGEST_PAUSE_S, _FIRST_PAUSE_S * float(2 ** min(failures - 1, _MOST_DOUBLINGS)))


def is_as_wanted(terms: Terms | None, state: OrderState, order: Wanted | None) -> bool:
    """Return whether an open order is one that should be; if its terms are not known, it is."""
    if order is None or state.slots[order.slot].turn[0] != order.cycle:
        return False
    return terms is None or terms.ask_the_same(order.terms)
