"""Strategies that come with Fillwire: a grid and dollar-cost averaging, on a base that keeps a set of orders open."""

from fillwire.strategies.dca import DCAStrategy
from fillwire.strategies.dca_plan import DCAConfig, Entry
from fillwire.strategies.grid import GridStrategy
from fillwire.strategies.grid_plan import AtLower, AtUpper, GridConfig, Spacing, Start, Unit

__all__ = [
    "AtLower",
    "AtUpper",
    "DCAConfig",
    "DCAStrategy",
    "Entry",
    "GridConfig",
    "GridStrategy",
    "Spacing",
    "Start",
    "Unit",
]
