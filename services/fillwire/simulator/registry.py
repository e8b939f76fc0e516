"""The simulators, one line per exchange."""

from collections.abc import Mapping

from fillwire.simulator.alpaca.server import AlpacaSimulator
from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.simulator.binance_futures.server import BinanceFuturesSimulator
from fillwire.simulator.coinbase_advanced.server import CoinbaseAdvancedSimulator
from fillwire.simulator.coinbase_exchange.server import CoinbaseExchangeSimulator
from fillwire.simulator.exchange.server import Simulator

SIMULATORS: Mapping[str, type[Simulator]] = {
    "binance": BinanceSimulator,
    "binance-futures": BinanceFuturesSimulator,
    "coinbase": CoinbaseExchangeSimulator,
    "coinbase-advanced": CoinbaseAdvancedSimulator,
    "alpaca": AlpacaSimulator,
}
