"""The keys of accounts."""

import json

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.gateway.keys import Keys
from fillwire.runtime.settings import Settings, load_settings
from fillwire.venues.venue import VenueKey
from support.binance_keys import API_KEY, ED25519_PEM, HMAC_SECRET

ALICE = {"user": "alice", "exchange": "binance", "apiKey": API_KEY, "secret": HMAC_SECRET}
BOB = {
    "user": "bob",
    "exchange": "binance",
    "environment": "testnet",
    "apiKey": API_KEY,
    "privateKey": ED25519_PEM,
}
CAROL = {"user": "carol", "exchange": "coinbase", "apiKey": "k", "secret": "s"}


def _settings(*accounts: dict[str, str]) -> Settings:
    return load_settings(environ={"FILLWIRE_ACCOUNTS": json.dumps(accounts)})


def test_a_gateway_knows_the_keys_of_its_exchange() -> None:
    """Secrets and private keys as the venue takes them; other exchanges' keys are none of its business."""
    keys = Keys(_settings(ALICE, BOB, CAROL), "binance", _settings)
    alice, bob = Account("alice", "binance", "live"), Account("bob", "binance", "testnet")
    assert keys.accounts == {alice, bob}
    assert keys.get(alice) == VenueKey(api_key=API_KEY, secret=HMAC_SECRET)
    found = keys.get(bob)
    assert found is not None
    assert found.secret.strip() == ED25519_PEM.strip()
    assert keys.get(Account("carol", "coinbase", "live")) is None


async def test_replaced_keys_are_read_and_unreadable_ones_change_nothing() -> None:
    """A new file is taken over; settings that cannot be used leave the keys as they were."""
    settings: list[Settings] = []

    def load() -> Settings:
        if not settings:
            raise ConfigError("fillwire.json: expected JSON")
        return settings[-1]

    keys = Keys(_settings(), "binance", load)
    account = Account("alice", "binance", "live")
    await keys.reload()
    assert keys.get(account) is None
    settings.append(_settings(ALICE))
    await keys.reload()
    assert keys.get(account) == VenueKey(api_key=API_KEY, secret=HMAC_SECRET)


def test_keys_do_not_print() -> None:
    """Nothing of a key stands in any representation."""
    keys = Keys(_settings(ALICE), "binance", _settings)
    shown = repr(keys) + repr(keys.get(Account("alice", "binance", "live")))
    assert API_KEY not in shown
    assert HMAC_SECRET not in shown
