"""Fixtures that any test may use; they live in tests/support."""

from hypothesis import settings

from support.broker import broker, broker_cluster, bus, connect_bus
from support.jaeger_binary import JAEGER
from support.logged import logs_as_before
from support.positions import positions
from support.shared_broker import shared_broker_url

__all__ = [
    "JAEGER",
    "broker",
    "broker_cluster",
    "bus",
    "connect_bus",
    "logs_as_before",
    "positions",
    "shared_broker_url",
]

# An example is not timed: the machine is shared, and the timeout of a test guards them all.
settings.register_profile("fillwire", deadline=None)
settings.load_profile("fillwire")
