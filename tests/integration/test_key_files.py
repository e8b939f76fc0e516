"""The keys of accounts as files, read again while a gateway runs: replaced, half written, unreadable, gone."""

import json
import os
from pathlib import Path

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.gateway.keys import Keys
from fillwire.runtime.settings import AccountsRead, load_accounts, load_settings
from fillwire.venues.venue import VenueKey
from support.mounted_keys import mount, write_key

ALICE, BOB = Account("alice", "binance", "live"), Account("bob", "binance", "live")
PLANTED = "planted-Zq8xV1nR7sLw3tKd"


def _write(directory: Path, account: Account, api_key: str, secret: str | bytes = PLANTED) -> Path:
    return write_key(directory, account, {"api_key": api_key, "secret": secret})


def _mount(directory: Path, version: str, **api_keys: str) -> None:
    keys = {Account(user, "binance", "live"): api_key for user, api_key in api_keys.items()}
    mount(
        directory,
        version,
        {account: {"api_key": key, "secret": PLANTED} for account, key in keys.items()},
    )


def _environ(directory: Path) -> dict[str, str]:
    return {"FILLWIRE_CREDENTIALS_DIR": str(directory)}


def _keys(directory: Path) -> Keys:
    environ = _environ(directory)
    return Keys(load_settings(environ=environ), "binance", lambda: load_accounts(environ=environ))


async def _settled(keys: Keys) -> bool:
    """Look until nothing changes any more; return whether keys were read."""
    was_read = [await keys.look() for _ in range(3)]
    assert not was_read[-1]
    return any(was_read)


def _read(directory: Path) -> AccountsRead:
    return load_accounts(environ=_environ(directory))


async def test_a_mounted_secret_is_read_when_its_version_is_replaced(tmp_path: Path) -> None:
    """The link of a Kubernetes mount leads to another directory: two looks later the new key is there."""
    _mount(tmp_path, "..2026_01", alice="old", bob="bobs")
    keys = _keys(tmp_path)
    assert await _settled(keys)  # the first look reads in any case
    assert not await _settled(keys)
    _mount(tmp_path, "..2026_02", alice="new", bob="bobs")
    assert not await keys.look()  # it has just changed, and may change on
    assert keys.get(ALICE) == VenueKey(api_key="old", secret=PLANTED)
    assert await keys.look()
    assert keys.get(ALICE) == VenueKey(api_key="new", secret=PLANTED)
    assert keys.get(BOB) == VenueKey(api_key="bobs", secret=PLANTED)
    assert not await _settled(keys)


async def test_a_file_that_still_changes_is_left_alone(tmp_path: Path) -> None:
    """Half of a key is not read while the other half is being written."""
    _write(tmp_path, ALICE, "old")
    keys = _keys(tmp_path)
    await _settled(keys)
    for half in ("n", "ne", "new"):
        _write(tmp_path, ALICE, half)
        assert not await keys.look()
    assert await keys.look()
    assert keys.get(ALICE) == VenueKey(api_key="new", secret=PLANTED)


async def test_a_new_account_and_one_that_leaves_are_seen(tmp_path: Path) -> None:
    """The directories are looked at as well."""
    _write(tmp_path, ALICE, "alices")
    keys = _keys(tmp_path)
    await _settled(keys)
    _write(tmp_path, BOB, "bobs")
    assert await _settled(keys)
    assert keys.accounts == {ALICE, BOB}
    (tmp_path / "alice").rename(tmp_path / ".alice")
    assert await _settled(keys)
    assert keys.accounts == {BOB}
    assert (
        keys.trouble(ALICE) == "the account's key is gone: a connection that stands goes on, no other is made"
    )


@pytest.mark.parametrize(
    ("api_key", "secret", "complaint"),
    [
        ("", PLANTED, "FILLWIRE_CREDENTIALS_DIR: expected a secret at {place}/api_key, found an empty file"),
        ("new", b"\xff\xfe", "FILLWIRE_CREDENTIALS_DIR: expected text at {place}/secret, found other bytes"),
        (
            "new",
            "x" * 70_000,
            "FILLWIRE_CREDENTIALS_DIR: expected a secret of at most 65536 bytes at {place}/secret, found more",
        ),
        (
            "new",
            None,
            "{place}: expected secret or privateKey, found neither",
        ),
    ],
)
async def test_what_cannot_be_used_leaves_the_key_and_the_others_alone(
    tmp_path: Path, api_key: str, secret: str | bytes | None, complaint: str
) -> None:
    """Half written, no text, too long or not there: one sentence that names the file, and nothing of what is in it."""
    place = _write(tmp_path, ALICE, "old")
    _write(tmp_path, BOB, "old")
    keys = _keys(tmp_path)
    await _settled(keys)
    _write(tmp_path, ALICE, api_key, secret or "")
    if secret is None:
        (place / "secret").unlink()
    _write(tmp_path, BOB, "new")
    assert await _settled(keys)
    assert keys.get(ALICE) == VenueKey(api_key="old", secret=PLANTED)
    assert keys.get(BOB) == VenueKey(api_key="new", secret=PLANTED)
    expected = complaint.format(place=f"{tmp_path}/alice/binance/live")
    assert keys.trouble(ALICE) == (
        f"the account's key cannot be read, the one read before stays in use: {expected}"
    )
    assert keys.trouble(BOB) is None
    assert PLANTED not in (keys.trouble(ALICE) or "")
    _write(tmp_path, ALICE, "new")
    assert await _settled(keys)
    assert (keys.get(ALICE), keys.trouble(ALICE)) == (VenueKey(api_key="new", secret=PLANTED), None)


async def test_a_link_that_leads_nowhere_is_no_key_left_out(tmp_path: Path) -> None:
    """The secret's file is there and cannot be read: that is said, and not that there should be one."""
    place = _write(tmp_path, ALICE, "old")
    keys = _keys(tmp_path)
    await _settled(keys)
    (place / "secret").unlink()
    (place / "secret").symlink_to("nowhere")
    assert await _settled(keys)
    assert (keys.trouble(ALICE) or "").endswith(
        f"expected a readable file at {place}/secret, found No such file or directory"
    )


async def test_a_referred_file_is_looked_at_too(tmp_path: Path) -> None:
    """`file:` in the configuration, and the configuration itself, from which an account may vanish."""
    (tmp_path / "secret").write_text("old")
    account = {"user": "alice", "exchange": "binance", "apiKey": "env:KEY", "secret": "file:secret"}
    config = tmp_path / "fillwire.json"
    config.write_text(json.dumps({"accounts": [account]}))
    environ = {"KEY": "k"}
    keys = Keys(load_settings(config, environ), "binance", lambda: load_accounts(config, environ))
    await _settled(keys)
    (tmp_path / "secret").write_text("new")
    assert await _settled(keys)
    assert keys.get(ALICE) == VenueKey(api_key="k", secret="new")
    (tmp_path / "secret").unlink()
    assert await _settled(keys)
    assert keys.get(ALICE) == VenueKey(api_key="k", secret="new")
    assert (keys.trouble(ALICE) or "").endswith(
        f"accounts[0].secret: expected a readable file at {tmp_path}/secret, found No such file or directory"
    )
    config.write_text("{")
    assert await _settled(keys)
    assert keys.get(ALICE) == VenueKey(api_key="k", secret="new")
    assert (keys.trouble(ALICE) or "").startswith("keys cannot be read, those read before stay in use: ")
    config.write_text("{}")
    assert await _settled(keys)
    assert keys.accounts == frozenset()


async def test_a_directory_that_is_gone_leaves_all_keys(tmp_path: Path) -> None:
    """It cannot be told which accounts there are; when it is back, its keys are read."""
    directory = tmp_path / "keys"
    _write(directory, ALICE, "old")
    keys = _keys(directory)
    await _settled(keys)
    directory.rename(tmp_path / "aside")
    assert await _settled(keys)
    assert keys.get(ALICE) == VenueKey(api_key="old", secret=PLANTED)
    assert (keys.trouble(ALICE) or "").endswith(f"expected a directory at {directory}, found none")
    _write(tmp_path / "aside", ALICE, "new")
    (tmp_path / "aside").rename(directory)
    assert await _settled(keys)
    assert (keys.get(ALICE), keys.trouble(ALICE)) == (VenueKey(api_key="new", secret=PLANTED), None)


async def test_a_directory_that_comes_after_it_was_named_is_read(tmp_path: Path) -> None:
    """The configuration names another one that is not there yet, and is not written again."""
    config, before, after = tmp_path / "fillwire.json", tmp_path / "before", tmp_path / "after"
    _write(before, ALICE, "old")
    config.write_text(json.dumps({"credentialsDir": str(before)}))
    keys = Keys(load_settings(config, {}), "binance", lambda: load_accounts(config, {}))
    await _settled(keys)
    config.write_text(json.dumps({"credentialsDir": str(after)}))
    assert await _settled(keys)
    assert (keys.trouble(ALICE) or "").endswith(f"expected a directory at {after}, found none")
    _write(after, ALICE, "new")
    assert await _settled(keys)
    assert (keys.get(ALICE), keys.trouble(ALICE)) == (VenueKey(api_key="new", secret=PLANTED), None)


def test_accounts_are_read_apart_from_each_other(tmp_path: Path) -> None:
    """Where all settings together are refused at the start, the accounts that can be used are read while it runs."""
    _write(tmp_path, ALICE, "")
    _write(tmp_path, BOB, "bobs")
    with pytest.raises(ConfigError):
        load_settings(environ=_environ(tmp_path))
    read = _read(tmp_path)
    assert [entry.account for entry in read.accounts] == [BOB]
    assert set(read.unusable) == {ALICE}


def test_an_account_that_is_listed_twice_is_used_by_neither() -> None:
    """Nobody knows which key is meant."""
    once = {"user": "alice", "exchange": "binance", "apiKey": "k", "secret": "s"}
    read = load_accounts(environ={"FILLWIRE_ACCOUNTS": json.dumps([once, once | {"apiKey": "other"}])})
    assert read.accounts == ()
    assert read.unusable == {ALICE: "expected each account once, found alice@binance/live twice"}


def test_every_file_that_was_read_is_remembered_as_it_was(tmp_path: Path) -> None:
    """So that no change goes unseen, not even one between the reading and the first look."""
    place = _write(tmp_path, ALICE, "k")
    stamps = _read(tmp_path).stamps
    above = {tmp_path, tmp_path / "alice", tmp_path / "alice" / "binance", place}
    assert set(stamps) == above | {place / "api_key", place / "secret"}
    status = os.stat(place / "secret")  # noqa: PTH116 - as the system says it
    stamp = stamps[place / "secret"]
    assert stamp is not None
    assert stamp[:3] == (status.st_dev, status.st_ino, len(PLANTED))
