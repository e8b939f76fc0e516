"""The file of who may log in: written and read back, keys that overlap, and no secret anywhere in it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import nkeys
import pytest

from fillwire.bus.tenants import TenantLimits
from fillwire.cli.users.accounts import accounts_conf
from fillwire.cli.users.registry import (
    FILE,
    Kind,
    Login,
    Registry,
    locked,
    new_key,
    read_registry,
    rotated,
    write_registry,
)
from fillwire.domain.errors import ConfigError

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _registry() -> tuple[Registry, list[str]]:
    registry, seeds = Registry(), []
    for login in (
        Login(name="alice", kind=Kind.TENANT, limits=TenantLimits(connections=3)),
        Login(name="gw", kind=Kind.GATEWAY, exchange="binance"),
        Login(name="door", kind=Kind.DOOR),
    ):
        key, seed = new_key(NOW)
        seeds.append(seed)
        registry = registry.with_login(rotated(login, key, NOW, HOUR))
    return registry, seeds


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Names, kinds, limits and keys; a directory without the file holds nobody."""
    assert read_registry(tmp_path) == Registry()
    registry, _ = _registry()
    write_registry(tmp_path, registry)
    assert read_registry(tmp_path) == registry
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_no_secret_is_written(tmp_path: Path) -> None:
    """Neither file holds a seed; both hold the public keys."""
    registry, seeds = _registry()
    write_registry(tmp_path, registry)
    for text in ((tmp_path / FILE).read_text(), accounts_conf(registry).decode()):
        for seed in seeds:
            assert seed not in text
            assert nkeys.from_seed(bytearray(seed.encode())).public_key.decode() in text


def test_the_old_key_is_valid_for_the_overlap_and_no_longer() -> None:
    """While one secret replaces another both log in; a third does not prolong the first."""
    registry, _ = _registry()
    login = registry.logins["alice"]
    first = login.keys[0].nkey
    login = rotated(login, new_key(NOW)[0], NOW, HOUR)
    login = rotated(login, new_key(NOW)[0], NOW + HOUR / 2, 24 * HOUR)
    registry = registry.with_login(login)
    assert [key.until for key in login.keys] == [NOW + HOUR, NOW + HOUR / 2 + 24 * HOUR, None]
    assert first in accounts_conf(registry.at(NOW + HOUR / 2)).decode()
    assert first not in accounts_conf(registry.at(NOW + HOUR)).decode()
    assert len(registry.at(NOW + 48 * HOUR).logins["alice"].keys) == 1


def test_without_overlap_the_old_key_is_gone_at_once() -> None:
    """For a secret that was stolen."""
    login = _registry()[0].logins["alice"]
    assert len(rotated(login, new_key(NOW)[0], NOW, timedelta()).keys) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"v":2,"users":[]}', '{"v":1,"users":[{"name":"a"}]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    """Nobody is locked out because a file was overwritten."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ConfigError, match=r"users\.json"):
        read_registry(tmp_path)


def test_one_command_at_a_time(tmp_path: Path) -> None:
    """Two that read before either wrote would lose one of the changes."""
    with locked(tmp_path), pytest.raises(ConfigError, match="is being changed by another"), locked(tmp_path):
        pass
