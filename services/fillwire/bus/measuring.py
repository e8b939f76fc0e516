"""What every service says of the broker in numbers: read when somebody asks."""

from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.runtime import metric_names as names
from fillwire.runtime.metrics import Measures, Source


def broker_source(bus: Bus) -> Source:
    """Return a source that says whether a service is connected to the broker."""

    def say(into: Measures) -> None:
        into.put(names.BROKER_UP, float(bus.is_connected))

    return say


def measure_publisher(into: Measures, publisher: OrderedPublisher) -> None:
    """Say what became of a publisher's messages."""
    duplicates = publisher.duplicate_count
    into.put(names.PUBLISHED_MESSAGES, publisher.acknowledged_count - duplicates, "stored")
    into.put(names.PUBLISHED_MESSAGES, duplicates, "duplicate")
    into.put(names.PUBLISHED_MESSAGES, publisher.resent_count, "resent")
    into.put(names.PUBLISHED_MESSAGES, publisher.refused_count, "refused")
