"""Credentials and urls: usable or a sentence, and never printed."""

from pathlib import Path

import pytest

from fillwire.bus.credentials import Credentials, mask_url, parse_servers
from fillwire.domain.errors import ConfigError


def test_credentials_do_not_print() -> None:
    """Neither repr nor str shows what a log must not hold."""
    credentials = Credentials(user="alice", password="pass", token="word")
    assert all(secret not in f"{credentials!r} {credentials}" for secret in ("alice", "pass'", "word'"))


def test_options_are_those_of_the_client_and_only_the_given_ones() -> None:
    """What is not given is left to the client's default."""
    assert Credentials().client_options() == {}
    assert Credentials(user="a", password="b").client_options() == {"user": "a", "password": "b"}
    assert Credentials(token="t").client_options() == {"token": "t"}


def test_missing_file_is_a_sentence(tmp_path: Path) -> None:
    """A mounted secret that is not there is said by its path at the start."""
    with pytest.raises(ConfigError, match=r"credentials file .*alice\.creds not found"):
        Credentials(credentials_path=tmp_path / "alice.creds").client_options()
    seed = tmp_path / "seed"
    seed.write_text("SUAA")
    assert Credentials(nkey_seed_path=seed).client_options() == {"nkeys_seed": str(seed)}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://alice:secret@host:4222", "nats://***@host:4222"),
        ("nats://token@host", "nats://***@host"),
        ("nats://alice:se@cret@host:4222", "nats://***@host:4222"),
        ("nats://alice:se/cret@host:4222", "nats://***@host:4222"),
        ("nats://host:4222", "nats://host:4222"),
    ],
)
def test_url_is_shown_without_its_secret(url: str, shown: str) -> None:
    """The host stays readable."""
    assert mask_url(url) == shown


def test_several_servers_are_separated_by_commas() -> None:
    """Blanks around them do not matter."""
    assert parse_servers("nats://a:1, tls://b:2") == ["nats://a:1", "tls://b:2"]


@pytest.mark.parametrize(
    "url", ["", "a:4222", "nats://a,", "http://a", "nats://a:x", "nats://a:99999", "nats://:1"]
)
def test_unusable_url_is_a_sentence(url: str) -> None:
    """The error shows what was found and what was expected."""
    with pytest.raises(ConfigError, match="expected nats://host:port"):
        parse_servers(url)


@pytest.mark.parametrize(
    "password", ["secret", "cut/secret", "cut@secret", "cut,secret", "secret,cut", "secret:x"]
)
def test_unusable_url_is_shown_without_its_secret(password: str) -> None:
    """A typing mistake does not print a password, whatever is in it."""
    for url in (f"http://alice:{password}@host", f"nats://alice:{password}@host:x"):
        with pytest.raises(ConfigError, match="expected nats://host:port") as caught:
            parse_servers(url)
        assert "secret" not in str(caught.value)
