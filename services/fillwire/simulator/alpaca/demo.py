"""The account and the symbols with which Alpaca is simulated unless said otherwise."""

from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.settings import AccountSettings, KeySettings, SymbolSettings

DEMO_API_KEY = "PKSIMULATED000000001"
DEMO_SECRET = "simulated-secret-of-the-first-demo-key-1"  # noqa: S105 - opens nothing but the simulator
DEMO_SECOND_API_KEY = "PKSIMULATED000000002"
DEMO_SECOND_SECRET = "simulated-secret-of-the-second-demo-key2"  # noqa: S105 - as above

_EQUITIES = (
    ("AAPL", "230"),
    ("MSFT", "430"),
    ("SPY", "590"),
    ("TSLA", "340"),
    ("BRK.B", "470"),
)
_CRYPTO = (
    ("BTC", "USD", "64000", "1", "0.0000001", "10"),
    ("ETH", "USD", "3200", "0.1", "0.0000001", "10"),
    ("SOL", "USD", "150", "0.01", "0.000001", "10"),
    ("LTC", "USD", "80", "0.01", "0.000001", "10"),
    ("DOGE", "USD", "0.085", "0.0000001", "0.1", "10"),
    ("BTC", "USDT", "64000", "1", "0.0000001", "1"),
    ("ETH", "BTC", "0.05", "0.000001", "0.01", "0.0001"),
)


def _symbols() -> tuple[SymbolSettings, ...]:
    equities = (
        SymbolSettings(
            symbol=symbol,
            base=symbol,
            quote="USD",
            price=price,
            tick="0.01",
            step="0.000001",
            min_notional="1",
        )
        for symbol, price in _EQUITIES
    )
    pairs = (
        SymbolSettings(
            symbol=f"{base}/{quote}",
            base=base,
            quote=quote,
            price=price,
            tick=tick,
            step=step,
            min_notional=notional,
        )
        for base, quote, price, tick, step, notional in _CRYPTO
    )
    return (*equities, *pairs)


DEMO = Demo(
    accounts=(
        AccountSettings(
            user="demo",
            keys=(
                KeySettings(api_key=DEMO_API_KEY, secret=DEMO_SECRET),
                KeySettings(api_key=DEMO_SECOND_API_KEY, secret=DEMO_SECOND_SECRET),
            ),
        ),
    ),
    symbols=_symbols(),
    balances={
        "USD": "1000000000",
        "USDT": "1000000000",
        **{symbol: "100000" for symbol, _price in _EQUITIES},
        "BTC": "10000",
        "ETH": "100000",
        "SOL": "1000000",
        "LTC": "100000",
        "DOGE": "100000000",
    },
    # The venue announces no end, ends no subscription by itself, and its requests carry no time.
    lacks=frozenset({"shutdown_notice", "stream_terminated", "clock_jump"}),
    rate="0",  # equities are free of commission, and fees of crypto are posted at the end of the day
    introduction=(
        f"  first   {DEMO_API_KEY}",
        f"          secret {DEMO_SECRET}",
        f"  second  {DEMO_SECOND_API_KEY}",
        f"          secret {DEMO_SECOND_SECRET}",
    ),
    variables={
        "SIMULATED_ALPACA_API_KEY": DEMO_API_KEY,
        "SIMULATED_ALPACA_SECRET": DEMO_SECRET,
        "SIMULATED_ALPACA_SECOND_API_KEY": DEMO_SECOND_API_KEY,
        "SIMULATED_ALPACA_SECOND_SECRET": DEMO_SECOND_SECRET,
    },
    keys=(
        {"apiKey": "env:SIMULATED_ALPACA_API_KEY", "secret": "env:SIMULATED_ALPACA_SECRET"},
        {"apiKey": "env:SIMULATED_ALPACA_SECOND_API_KEY", "secret": "env:SIMULATED_ALPACA_SECOND_SECRET"},
    ),
)
