"""Fixtures that any test may use; they live in tests/support."""

from support.broker import broker, bus, connect_bus

__all__ = ["broker", "bus", "connect_bus"]
