"""What a gateway counts of its connections that nothing else needs: a few additions per connection, none per event."""

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fillwire.runtime.latency import LatencyHistogram
from fillwire.venues.states import Step

if TYPE_CHECKING:
    from fillwire.domain.identifiers import Account

_NS = 1_000_000_000


@dataclass(slots=True)
class ConnectionMeter:
    """One account's connections since the gateway started, whoever held the account in between.

    Attributes:
        attempts: to connect, planned successors not counted.
        successes: of those, that led to a connection which receives.
        losses: of connections that were receiving.
        refusals: of the key.
    """

    attempts: int = 0
    successes: int = 0
    losses: int = 0
    refusals: int = 0
    _received_ns: int = 0
    _since_ns: int | None = None

    def note(self, step: Step, now_ns: int) -> None:
        """Count a step of the connection."""
        if step is Step.OPEN:
            self.attempts += 1
        elif step is Step.REFUSED:
            self.refusals += 1
        elif step is Step.SUBSCRIBED:
            self.successes += 1
            self._since_ns = now_ns
            return
        if self._since_ns is not None:
            self.losses += step is not Step.CLOSED
            self._received_ns += max(0, now_ns - self._since_ns)
            self._since_ns = None

    def received_s(self, now_ns: int) -> float:
        """Return for how long the account has been receiving in all, in seconds."""
        running_ns = 0 if self._since_ns is None else max(0, now_ns - self._since_ns)
        return (self._received_ns + running_ns) / _NS


class Meters:
    """The meters of one process.

    Attributes:
        connections: by account.
        caught_up: how long each catching up took, by environment.
    """

    def __init__(self) -> None:
        self.connections: defaultdict[Account, ConnectionMeter] = defaultdict(ConnectionMeter)
        self.caught_up: defaultdict[str, LatencyHistogram] = defaultdict(LatencyHistogram)
