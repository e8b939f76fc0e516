"""The broker's address on the command line: judged as in the settings, by every command that takes one."""

import pytest
from click.testing import CliRunner

from fillwire.cli import run
from fillwire.cli.broker import with_nats
from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings import Settings


def test_an_address_of_the_command_line_overrides_the_settings() -> None:
    """Of one broker or of a cluster; without one the settings stay."""
    settings = Settings()
    assert with_nats(settings, None) is settings
    cluster = "nats://one:4222,tls://two:4222"
    assert with_nats(settings, cluster).nats.url == cluster


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "localhost:4222",
            "--nats: expected an address that begins with nats:// or tls:// or wss:// or ws://, found 'localhost:4222'",
        ),
        (
            "nats://alice:hunter2@broker",
            "--nats: expected addresses without user and password, found one with them",
        ),
        (
            "nats://a,nats://b c",
            "--nats: expected an address, found one with white space, a control character or a backslash",
        ),
        ("nats://broker:99999", "--nats: expected an address, found 'nats://broker:99999'"),
    ],
)
def test_a_bad_address_is_refused_in_one_sentence(url: str, sentence: str) -> None:
    """It names the option and what was expected, and no password."""
    with pytest.raises(ConfigError) as refused:
        with_nats(Settings(), url)
    assert str(refused.value) == sentence


def test_run_refuses_a_bad_address_before_anything_starts() -> None:
    """The bot is a class that exists; nothing is dialled."""
    arguments = [
        "fillwire.bots.shipped.ping_pong:PingPong",
        "--param",
        "price=1",
        "--user",
        "alice",
        "--nats",
        "localhost:4222",
    ]
    found = CliRunner().invoke(run.command, arguments)
    assert isinstance(found.exception, ConfigError)
    assert str(found.exception).startswith("--nats: expected")
