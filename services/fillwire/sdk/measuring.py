"""What a host says of its bots in numbers: read from what they count, when somebody asks."""

import time
from collections.abc import Callable, Iterable, Iterator

from fillwire.bus.connection import Bus
from fillwire.bus.measuring import measure_publisher
from fillwire.bus.publisher import OrderedPublisher
from fillwire.runtime import metric_names as names
from fillwire.runtime.metrics import Measures
from fillwire.sdk.running import RunningBot

_NS = 1_000_000_000


class HostMeasures:
    """Reads the bots of one host.

    Args:
        bus: the connection to the broker.
        publisher: takes the dead letters.
        bots: returns the bots that run.
    """

    def __init__(
        self, bus: Bus, publisher: OrderedPublisher, bots: Callable[[], Iterable[RunningBot]]
    ) -> None:
        self._bus = bus
        self._publisher = publisher
        self._bots = bots

    def __call__(self, into: Measures) -> Iterator[None]:
        """Say everything, bot by bot."""
        now_ns = time.time_ns()
        into.put(names.BROKER_UP, float(self._bus.is_connected))
        measure_publisher(into, self._publisher)
        for running in self._bots():
            self._measure_bot(into, running, now_ns)
            yield

    @staticmethod
    def _measure_bot(into: Measures, running: RunningBot, now_ns: int) -> None:
        account, worker = running.bot.account, running.worker
        labels = account.exchange, account.environment, account.user, running.bot.name
        lag = running.intake.known_waiting_count
        if lag is not None:
            into.put(names.BOT_LAG, max(lag, worker.waiting_count), *labels)
        oldest_ns = worker.oldest_ns
        into.put(names.BOT_LAG_TIME, 0.0 if oldest_ns is None else max(0, now_ns - oldest_ns) / _NS, *labels)
        into.put(names.BOT_INBOX, worker.waiting_count, *labels)
        into.put(names.BOT_HANDLED, worker.handled_count, *labels)
        into.put(names.BOT_REPEATED, worker.repeated_count, *labels)
        into.put(names.BOT_DEAD_LETTERS, worker.dead_letter_count, *labels)
        into.put(names.BOT_CALLS, worker.call_count, *labels)
        into.put(names.BOT_CALL_TIME, worker.call_ns / _NS, *labels)
        into.put(names.BOT_FAILURES, worker.failure_count, *labels)
        into.put(names.BOT_RETRIES, worker.retry_count, *labels)
