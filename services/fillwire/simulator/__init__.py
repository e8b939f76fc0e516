"""Venue simulators that speak the real protocols, with a matching engine and faults on demand."""
