"""The account and the contracts with which Binance USD-M Futures is simulated unless said otherwise."""

from fillwire.simulator.binance.demo import DEMO as SPOT
from fillwire.simulator.binance.demo import DEMO_HMAC_API_KEY, DEMO_HMAC_SECRET
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.settings import SymbolSettings

_PERPETUALS = (
    ("BTC", "64000", "0.1", "0.001"),
    ("ETH", "3200", "0.01", "0.001"),
    ("SOL", "150", "0.01", "0.01"),
    ("XRP", "0.6", "0.0001", "0.1"),
    ("LTC", "80", "0.01", "0.001"),
)
DEMO = Demo(
    accounts=SPOT.accounts,
    symbols=tuple(
        SymbolSettings(symbol=f"{base}USDT", base=base, quote="USDT", price=price, tick=tick, step=step)
        for base, price, tick, step in _PERPETUALS
    ),
    # What of each asset is there to be sold stands for the margin of a short position.
    balances=SPOT.balances,
    rate="0.00040000",
    introduction=SPOT.introduction,
    variables={
        "SIMULATED_FUTURES_API_KEY": DEMO_HMAC_API_KEY,
        "SIMULATED_FUTURES_SECRET": DEMO_HMAC_SECRET,
    },
    keys=({"apiKey": "env:SIMULATED_FUTURES_API_KEY", "secret": "env:SIMULATED_FUTURES_SECRET"},),
)
