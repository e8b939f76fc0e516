"""For the tests of those who write strategies: a venue that a test scripts, and a bot that runs against it in milliseconds.

Nothing here talks to a network. See docs/testing.md.
"""

from fillwire.testing.faults import Fault, Faults
from fillwire.testing.markets import Market
from fillwire.testing.rehearsal import Rehearsal
from fillwire.testing.tester import StrategyTester, accept
from fillwire.testing.venue import ScriptedVenue, VenueOrder, market

__all__ = [
    "Fault",
    "Faults",
    "Market",
    "Rehearsal",
    "ScriptedVenue",
    "StrategyTester",
    "VenueOrder",
    "accept",
    "market",
]
