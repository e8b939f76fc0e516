"""What a venue is simulated with where the settings say nothing, and how it is used then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fillwire.simulator.settings import AccountSettings, SymbolSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A venue's own accounts, symbols and amounts.

    Attributes:
        balances: of an account without balances of its own, as decimal strings by asset.
        rate: commission rate of maker and taker where an account says nothing, a decimal string.
        introduction: lines that tell a person the keys of the demo account.
        variables: environment variables that hold these keys.
        lacks: faults of a chaos run that have no counterpart at this venue.
        keeps_orders: whether the venue still shows an order that was cancelled without an execution.
        tells_symbols: whether the venue's records tell in which symbols something happened; where not, a bot has to name them.
        peak_per_s: executions per second at which a chaos run drives it, by what its own limits let a client follow.
        keys: the members of an entry in `fillwire.json` that refer to the variables; one alternative for each key.
    """

    accounts: tuple[AccountSettings, ...]
    symbols: tuple[SymbolSettings, ...]
    balances: Mapping[str, str]
    rate: str
    introduction: Sequence[str]
    variables: Mapping[str, str]
    keys: Sequence[Mapping[str, str]]
    lacks: frozenset[str] = frozenset()
    keeps_orders: bool = True
    tells_symbols: bool = True
    peak_per_s: int = 2_000
