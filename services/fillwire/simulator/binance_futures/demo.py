"""The account and the contracts with which Binance USD-M Futures is simulated unless said otherwise."""

from fillwire.simulator.binance.demo import DEMO as SPOT
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
        name.replace("SIMULATED_", "SIMULATED_FUTURES_"): value for name, value in SPOT.variables.items()
    },
    keys=tuple(
        {member: value.replace("SIMULATED_", "SIMULATED_FUTURES_") for member, value in key.items()}
        for key in SPOT.keys
    ),
    # The venue announces neither the end of its server nor that of a stream whose key is valid.
    lacks=frozenset({"shutdown_notice", "stream_terminated"}),
    tells_symbols=False,
    peak_per_s=1_000,
)
