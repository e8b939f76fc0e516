"""Venue simulators that speak the real protocols, with a matching engine and faults on demand."""

from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.simulator.coinbase_advanced.server import CoinbaseAdvancedSimulator
from fillwire.simulator.coinbase_exchange.server import CoinbaseExchangeSimulator
from fillwire.simulator.settings import (
    AccountSettings,
    KeySettings,
    LimitSettings,
    SimulatorSettings,
    SymbolSettings,
)

__all__ = [
    "AccountSettings",
    "BinanceSimulator",
    "CoinbaseAdvancedSimulator",
    "CoinbaseExchangeSimulator",
    "KeySettings",
    "LimitSettings",
    "SimulatorSettings",
    "SymbolSettings",
]
