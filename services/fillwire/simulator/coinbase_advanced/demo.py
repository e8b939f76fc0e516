"""The account and the products with which Coinbase Advanced Trade is simulated unless said otherwise."""

from fillwire.simulator.coinbase_exchange.demo import BALANCES, SYMBOLS
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.settings import AccountSettings, KeySettings

# Nobody's keys: the P-256 key of RFC 6979, A.2.5, and Ed25519 of the bytes 0 to 31.
_ORGANIZATION = "organizations/00000000-0000-0000-0000-000000000001/apiKeys"
DEMO_ED25519_KEY_NAME = f"{_ORGANIZATION}/00000000-0000-0000-0000-000000000002"
DEMO_ES256_KEY_NAME = f"{_ORGANIZATION}/00000000-0000-0000-0000-000000000003"
DEMO_ES256_PRIVATE_KEY = """\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49
AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8
maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END EC PRIVATE KEY-----
"""
DEMO_ES256_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7
Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==
-----END PUBLIC KEY-----
"""
DEMO_ED25519_PRIVATE_KEY = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
"""
DEMO_ED25519_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
-----END PUBLIC KEY-----
"""

DEMO = Demo(
    accounts=(
        AccountSettings(
            user="demo",
            keys=(
                KeySettings(api_key=DEMO_ES256_KEY_NAME, public_key=DEMO_ES256_PUBLIC_KEY),
                KeySettings(api_key=DEMO_ED25519_KEY_NAME, public_key=DEMO_ED25519_PUBLIC_KEY),
            ),
        ),
    ),
    symbols=SYMBOLS,
    balances=BALANCES,
    rate="0.006",
    introduction=(
        f"  ES256    {DEMO_ES256_KEY_NAME}",
        *(f"           {line}" for line in DEMO_ES256_PRIVATE_KEY.splitlines()),
        f"  Ed25519  {DEMO_ED25519_KEY_NAME}",
        *(f"           {line}" for line in DEMO_ED25519_PRIVATE_KEY.splitlines()),
    ),
    variables={
        "SIMULATED_COINBASE_ADVANCED_API_KEY": DEMO_ES256_KEY_NAME,
        "SIMULATED_COINBASE_ADVANCED_PRIVATE_KEY": DEMO_ES256_PRIVATE_KEY,
        "SIMULATED_COINBASE_ADVANCED_ED25519_API_KEY": DEMO_ED25519_KEY_NAME,
        "SIMULATED_COINBASE_ADVANCED_ED25519_PRIVATE_KEY": DEMO_ED25519_PRIVATE_KEY,
    },
    keys=(
        {
            "apiKey": "env:SIMULATED_COINBASE_ADVANCED_API_KEY",
            "privateKey": "env:SIMULATED_COINBASE_ADVANCED_PRIVATE_KEY",
        },
        {
            "apiKey": "env:SIMULATED_COINBASE_ADVANCED_ED25519_API_KEY",
            "privateKey": "env:SIMULATED_COINBASE_ADVANCED_ED25519_PRIVATE_KEY",
        },
    ),
    # The venue announces neither the end of its server nor that of a stream whose key is valid; and executions have
    # no order but that of their times, so that there is no right answer to a venue whose own clock jumps.
    lacks=frozenset({"shutdown_notice", "stream_terminated", "clock_jump"}),
)
