"""From the engine's events to the sockets of whoever listens. Nothing is kept for those who do not."""

from collections.abc import Iterable

from fillwire.simulator.exchange.accounts import AccountEvent
from fillwire.simulator.exchange.clock import VenueClock


class Publisher:
    """Writes events to every active subscription of their account, stamped when they are written.

    Attributes:
        published: events told so far, once per subscription.
    """

    def __init__(self, clock: VenueClock) -> None:
        self._clock = clock
        self.published = 0

    def publish(self, events: Iterable[AccountEvent]) -> None:
        """Write the events; those of one call carry the same emission time."""
        now_ns = self._clock.now_ns()
        for event in events:
            account = event.account
            subscriptions = account.subscriptions
            if not subscriptions:
                continue
            if event.row >= 0:
                account.executions.emitted_ns[event.row] = now_ns
            for subscription in subscriptions:
                subscription.tell(event, now_ns)
                self.published += 1
