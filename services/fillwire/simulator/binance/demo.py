"""The account and the symbols with which Binance is simulated unless said otherwise."""

from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.settings import AccountSettings, KeySettings, SymbolSettings

# Published test vectors: the HMAC pair of the venue's documents, and the key of RFC 8032, section 7.1, test 1.
DEMO_HMAC_API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
DEMO_HMAC_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105 - published
DEMO_ED25519_API_KEY = "mjcKCrJzTU6TChLsnPmgnQJJMR616J4yWvdZWDUeXkk6vL6dLyS7rcVOQlADlVjA"
DEMO_ED25519_PRIVATE_KEY = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
DEMO_ED25519_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""

_BALANCES = {
    "USDT": "1000000000",
    "BTC": "10000",
    "ETH": "100000",
    "BNB": "1000",
    "SOL": "1000000",
    "XRP": "10000000",
    "LTC": "100000",
}


def _demo_accounts() -> tuple[AccountSettings, ...]:
    return (
        AccountSettings(
            user="demo",
            keys=(
                KeySettings(api_key=DEMO_HMAC_API_KEY, secret=DEMO_HMAC_SECRET),
                KeySettings(api_key=DEMO_ED25519_API_KEY, public_key=DEMO_ED25519_PUBLIC_KEY),
            ),
        ),
    )


def _default_symbols() -> tuple[SymbolSettings, ...]:
    rows = (
        ("BTC", "USDT", "64000", "0.01", "0.00001"),
        ("ETH", "USDT", "3200", "0.01", "0.0001"),
        ("BNB", "USDT", "600", "0.01", "0.001"),
        ("SOL", "USDT", "150", "0.01", "0.001"),
        ("XRP", "USDT", "0.6", "0.0001", "0.1"),
        ("LTC", "USDT", "80", "0.01", "0.001"),
    )
    crosses = (
        ("ETH", "BTC", "0.05", "0.00001", "0.001", "0.0001"),
        ("BNB", "BTC", "0.0094", "0.000001", "0.01", "0.0001"),
        ("LTC", "BTC", "0.00125", "0.000001", "0.01", "0.0001"),
        ("LTC", "BNB", "0.133", "0.0001", "0.001", "0.01"),
    )
    return tuple(
        SymbolSettings(symbol=base + quote, base=base, quote=quote, price=price, tick=tick, step=step)
        for base, quote, price, tick, step in rows
    ) + tuple(
        SymbolSettings(
            symbol=base + quote,
            base=base,
            quote=quote,
            price=price,
            tick=tick,
            step=step,
            min_notional=notional,
        )
        for base, quote, price, tick, step, notional in crosses
    )


DEMO = Demo(
    accounts=_demo_accounts(),
    symbols=_default_symbols(),
    balances=_BALANCES,
    rate="0.00100000",
    tells_symbols=False,
    introduction=(
        f"  HMAC     {DEMO_HMAC_API_KEY}",
        f"           secret {DEMO_HMAC_SECRET}",
        f"  Ed25519  {DEMO_ED25519_API_KEY}",
        *(f"           {line}" for line in DEMO_ED25519_PRIVATE_KEY.splitlines()),
    ),
    variables={
        "SIMULATED_API_KEY": DEMO_HMAC_API_KEY,
        "SIMULATED_SECRET": DEMO_HMAC_SECRET,
        "SIMULATED_ED25519_API_KEY": DEMO_ED25519_API_KEY,
        "SIMULATED_ED25519_PRIVATE_KEY": DEMO_ED25519_PRIVATE_KEY,
    },
    keys=(
        {"apiKey": "env:SIMULATED_API_KEY", "secret": "env:SIMULATED_SECRET"},
        {"apiKey": "env:SIMULATED_ED25519_API_KEY", "privateKey": "env:SIMULATED_ED25519_PRIVATE_KEY"},
    ),
)
