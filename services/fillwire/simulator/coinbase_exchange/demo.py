"""The account and the products with which Coinbase Exchange is simulated unless said otherwise."""

from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.settings import AccountSettings, KeySettings, SymbolSettings

# Nobody's key: the secret is the bytes 0 to 63.
DEMO_API_KEY = "a53c4a1d047bddd07e6d4b5783ae18b0"
DEMO_SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="  # noqa: S105 - counted bytes
DEMO_PASSPHRASE = "my-passphrase"  # noqa: S105 - published
# A second one, so that a key can be replaced: its bytes count down.
DEMO_SECOND_API_KEY = "0b8e13a7f2c94d56b1f0a4c87e93d521"
DEMO_SECOND_SECRET = (
    "Pz49PDs6OTg3NjU0MzIxMC8uLSwrKikoJyYlJCMiISAfHh0cGxoZGBcWFRQTEhEQDw4NDAsKCQgHBgUEAwIBAA=="  # noqa: S105 - counted bytes
)

_PRODUCTS = (
    ("BTC", "USD", "64000", "0.01", "0.000001"),
    ("ETH", "USD", "3200", "0.01", "0.0001"),
    ("SOL", "USD", "150", "0.01", "0.001"),
    ("LTC", "USD", "80", "0.01", "0.001"),
    ("BTC", "USDT", "64000", "0.01", "0.000001"),
    ("ETH", "BTC", "0.05", "0.00001", "0.001"),
)

# The two products of the house trade on the same books.
SYMBOLS = tuple(
    SymbolSettings(
        symbol=f"{base}-{quote}",
        base=base,
        quote=quote,
        price=price,
        tick=tick,
        step=step,
        min_notional="1" if quote != "BTC" else "0.00001",
    )
    for base, quote, price, tick, step in _PRODUCTS
)
BALANCES = {
    "USD": "1000000000",
    "USDT": "1000000000",
    "BTC": "10000",
    "ETH": "100000",
    "SOL": "1000000",
    "LTC": "100000",
}

DEMO = Demo(
    accounts=(
        AccountSettings(
            user="demo",
            keys=(
                KeySettings(api_key=DEMO_API_KEY, secret=DEMO_SECRET, passphrase=DEMO_PASSPHRASE),
                KeySettings(
                    api_key=DEMO_SECOND_API_KEY, secret=DEMO_SECOND_SECRET, passphrase=DEMO_PASSPHRASE
                ),
            ),
        ),
    ),
    symbols=SYMBOLS,
    balances=BALANCES,
    rate="0.004",
    lacks=frozenset({"shutdown_notice", "stream_terminated"}),
    keeps_orders=False,
    introduction=(
        f"  key         {DEMO_API_KEY}",
        f"  secret      {DEMO_SECRET}",
        f"  passphrase  {DEMO_PASSPHRASE}",
    ),
    variables={
        "SIMULATED_COINBASE_API_KEY": DEMO_API_KEY,
        "SIMULATED_COINBASE_SECRET": DEMO_SECRET,
        "SIMULATED_COINBASE_PASSPHRASE": DEMO_PASSPHRASE,
        "SIMULATED_COINBASE_SECOND_API_KEY": DEMO_SECOND_API_KEY,
        "SIMULATED_COINBASE_SECOND_SECRET": DEMO_SECOND_SECRET,
    },
    keys=(
        {
            "apiKey": "env:SIMULATED_COINBASE_API_KEY",
            "secret": "env:SIMULATED_COINBASE_SECRET",
            "passphrase": "env:SIMULATED_COINBASE_PASSPHRASE",
        },
        {
            "apiKey": "env:SIMULATED_COINBASE_SECOND_API_KEY",
            "secret": "env:SIMULATED_COINBASE_SECOND_SECRET",
            "passphrase": "env:SIMULATED_COINBASE_PASSPHRASE",
        },
    ),
)
