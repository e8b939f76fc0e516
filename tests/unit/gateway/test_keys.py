"""The keys of accounts."""

import json

from fillwire.domain.identifiers import Account
from fillwire.gateway.keys import Keys
from fillwire.runtime.settings import AccountsRead, Settings, SettingsRefused, load_settings
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
ALICES = Account("alice", "binance", "live")
BOBS = Account("bob", "binance", "testnet")
CAROLS = Account("carol", "coinbase", "live")


def _settings(*accounts: dict[str, str]) -> Settings:
    return load_settings(environ={"FILLWIRE_ACCOUNTS": json.dumps(accounts)})


def test_a_gateway_knows_the_keys_of_its_exchange() -> None:
    """Secrets and private keys as the venue takes them; other exchanges' keys are none of its business."""
    keys = Keys(_settings(ALICE, BOB, CAROL), "binance", _Store().load)
    assert keys.accounts == {ALICES, BOBS}
    assert keys.get(ALICES) == VenueKey(api_key=API_KEY, secret=HMAC_SECRET)
    found = keys.get(BOBS)
    assert found is not None
    assert found.secret.strip() == ED25519_PEM.strip()
    assert keys.get(CAROLS) is None


class _Store:
    """What the files of keys say now."""

    def __init__(self) -> None:
        self.accounts: tuple[dict[str, str], ...] | None = ()
        self.unusable: dict[Account, str] = {}
        self.reads = 0

    def load(self) -> AccountsRead:
        self.reads += 1
        if self.accounts is None:
            raise SettingsRefused("fillwire.json: expected JSON\nand more", {})
        found = _settings(*self.accounts).accounts
        return AccountsRead(accounts=found, unusable=self.unusable, stamps={})


async def _looked(store: _Store, *started_with: dict[str, str]) -> Keys:
    store.accounts = started_with
    keys = Keys(_settings(*started_with), "binance", store.load)
    assert await keys.look()
    return keys


async def test_keys_are_read_again_when_asked_for_and_not_without_a_reason() -> None:
    """The first look reads, since it has nothing to compare with; the next ones only if something has changed."""
    store = _Store()
    keys = await _looked(store)
    assert not await keys.look()
    store.accounts = (ALICE,)
    assert keys.get(ALICES) is None
    assert await keys.look(reads=True)
    assert keys.get(ALICES) == VenueKey(api_key=API_KEY, secret=HMAC_SECRET)
    assert store.reads == 2


async def test_a_key_that_cannot_be_read_stays_in_use() -> None:
    """Who has a key goes on with it and has a trouble, who has none has none; others know nothing of it."""
    store = _Store()
    keys = await _looked(store, ALICE, BOB)
    store.accounts = (BOB,)
    dave = Account("dave", "binance", "live")
    store.unusable = {ALICES: "file: found an empty file", dave: "no file", CAROLS: "not of this exchange"}
    assert await keys.look(reads=True)
    assert keys.get(ALICES) == VenueKey(api_key=API_KEY, secret=HMAC_SECRET)
    assert keys.trouble(ALICES) == (
        "the account's key cannot be read, the one read before stays in use: file: found an empty file"
    )
    assert keys.trouble(dave) == "the account's key cannot be read, it has none: no file"
    assert (keys.trouble(BOBS), keys.trouble(CAROLS)) == (None, None)
    store.accounts, store.unusable = (ALICE, BOB), {}
    assert await keys.look(reads=True)
    assert keys.trouble(ALICES) is None


async def test_a_key_that_is_gone_is_no_key_until_it_is_back() -> None:
    """The trouble stays for as long as the account is not listed."""
    store = _Store()
    keys = await _looked(store, ALICE, BOB)
    store.accounts = (BOB,)
    for _ in range(2):
        assert await keys.look(reads=True)
        assert keys.accounts == {BOBS}
        assert (keys.trouble(ALICES) or "").startswith("the account's key is gone")
    store.accounts = (ALICE, BOB)
    assert await keys.look(reads=True)
    assert keys.accounts == {ALICES, BOBS}
    assert keys.trouble(ALICES) is None


async def test_settings_that_cannot_be_read_leave_all_keys_as_they_are() -> None:
    """It cannot be told which accounts there are: every account has that trouble, and its key."""
    store = _Store()
    keys = await _looked(store, ALICE, BOB)
    store.accounts = None
    assert await keys.look(reads=True)
    assert keys.accounts == {ALICES, BOBS}
    for account in keys.accounts:
        assert keys.trouble(account) == (
            "keys cannot be read, those read before stay in use: fillwire.json: expected JSON"
        )


def test_keys_do_not_print() -> None:
    """Nothing of a key stands in any representation."""
    keys = Keys(_settings(ALICE), "binance", _Store().load)
    shown = repr(keys) + repr(keys.get(ALICES))
    assert API_KEY not in shown
    assert HMAC_SECRET not in shown
