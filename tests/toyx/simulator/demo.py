"""The accounts and the symbols with which ToyX is simulated."""

from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.settings import AccountSettings, KeySettings, SymbolSettings

_KEYS = (("toy-key-1", "toy-secret-1"), ("toy-key-2", "toy-secret-2"))

DEMO = Demo(
    accounts=(
        AccountSettings(
            user="demo", keys=tuple(KeySettings(api_key=key, secret=secret) for key, secret in _KEYS)
        ),
    ),
    symbols=(
        SymbolSettings(symbol="BTC/USD", base="BTC", quote="USD", price="64000", tick="0.5", step="0.00001"),
        SymbolSettings(symbol="ETH/USD", base="ETH", quote="USD", price="3200", tick="0.1", step="0.0001"),
    ),
    balances={"USD": "1000000000", "BTC": "10000", "ETH": "100000"},
    rate="0.001",
    introduction=[f"  {key} {secret}" for key, secret in _KEYS],
    variables={
        f"SIMULATED_TOYX_{what}_{number}": text
        for number, key in enumerate(_KEYS, 1)
        for what, text in zip(("KEY", "SECRET"), key, strict=True)
    },
    keys=[
        {"apiKey": f"env:SIMULATED_TOYX_KEY_{number}", "secret": f"env:SIMULATED_TOYX_SECRET_{number}"}
        for number in (1, 2)
    ],
    lacks=frozenset({"shutdown_notice", "stream_terminated"}),
)
