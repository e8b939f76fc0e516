"""Settings and secrets as files: where they are found, what they hold, and what is said when they do not serve."""

import json
from pathlib import Path

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.runtime.settings import Settings, load_settings

# The documented form, byte for byte.
DOCUMENTED = """\
{"websocket": {"enabled": true, "reconnect": {"maxRetries": 10, "initialDelayMs": 100, "maxDelayMs": 30000,
  "backoffMultiplier": 1.5}, "connectionTimeout": 10000, "heartbeatIntervalMs": 30000, "fallbackToPolling": false,
  "pollIntervalMs": 5000},
 "exchanges": {"binance": {"websocketEnabled": true, "websocketUrl": "wss://stream.binance.com:9443/ws"},
  "coinbase": {"websocketEnabled": true, "websocketUrl": "wss://ws-feed.exchange.coinbase.com"}}}
"""
PLANTED = "planted-Zq8xV1nR7sLw3tKd"


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _complaints(path: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ)
    return str(caught.value).splitlines()


def test_the_documented_form_is_accepted_as_it_stands(tmp_path: Path) -> None:
    """Every key of the documentation's example is known and lands where it belongs."""
    settings = load_settings(_written(tmp_path / "fillwire.json", DOCUMENTED), {})
    assert settings.websocket == Settings().websocket
    assert settings.websocket.connection_timeout_ms == 10_000
    assert settings.exchange("binance").websocket_url == "wss://stream.binance.com:9443/ws"
    assert settings.exchange("coinbase").websocket_url == "wss://ws-feed.exchange.coinbase.com"


def test_snake_case_says_the_same(tmp_path: Path) -> None:
    """The same document in Python's spelling makes the same settings."""
    snake = (
        DOCUMENTED.replace("maxRetries", "max_retries")
        .replace("initialDelayMs", "initial_delay_ms")
        .replace("maxDelayMs", "max_delay_ms")
        .replace("backoffMultiplier", "backoff_multiplier")
        .replace("connectionTimeout", "connection_timeout")
        .replace("heartbeatIntervalMs", "heartbeat_interval_ms")
        .replace("fallbackToPolling", "fallback_to_polling")
        .replace("pollIntervalMs", "poll_interval_ms")
        .replace("websocketEnabled", "websocket_enabled")
        .replace("websocketUrl", "websocket_url")
    )
    assert load_settings(_written(tmp_path / "snake.json", snake), {}) == load_settings(
        _written(tmp_path / "camel.json", DOCUMENTED), {}
    )


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """One key is overridden, its neighbours stay as the file says."""
    path = _written(tmp_path / "fillwire.json", '{"nats": {"url": "nats://a:4222", "replicas": 3}}')
    settings = load_settings(path, {"FILLWIRE_NATS__URL": "nats://b:4222"})
    assert (settings.nats.url, settings.nats.replicas) == ("nats://b:4222", 3)


def test_where_the_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that was named, else the variable's, else `fillwire.json` beside us, else none."""
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={}).nats.replicas == 1
    _written(tmp_path / "fillwire.json", '{"nats": {"replicas": 2}}')
    assert load_settings(environ={}).nats.replicas == 2
    variable = {"FILLWIRE_CONFIG": str(_written(tmp_path / "other.json", '{"nats": {"replicas": 3}}'))}
    assert load_settings(environ=variable).nats.replicas == 3
    named = _written(tmp_path / "named.json", '{"nats": {"replicas": 4}}')
    assert load_settings(named, variable).nats.replicas == 4


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            b"{",
            ": expected JSON, found a mistake at line 1, column 2: expecting property name enclosed in double quotes",
        ),
        (b"", ": expected JSON, found a mistake at line 1, column 1: expecting value"),
        (b"[]", ": expected an object, found a list"),
        (b"\xff\xfe", ": expected text in UTF-8, found other bytes"),
        (b'{"nats": {}, "nats": {}}', ": expected each key once, found nats twice"),
        (b"[" * 100_000, ": expected JSON, found objects nested too deep"),
        (b'{"webSocket": {"enabled": "x"}}', ": webSocket: unknown key, did you mean websocket"),
        (
            b'{"exchanges": {"binance_us": {}, "Binance-US": {}}}',
            ": exchanges.Binance-US: expected once, found in two spellings",
        ),
        (
            b'{"exchanges": {"binance": {"environments": {"testnet": {"restUrl": "a.example"}}}}}',
            ": exchanges.binance.environments.testnet.restUrl: expected an address that begins with https:// or http://, found 'a.example'",
        ),
    ],
)
def test_a_file_that_does_not_serve_is_named_with_the_place(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    """The complaint begins with the file and the path inside it, as written."""
    path = tmp_path / "fillwire.json"
    path.write_bytes(content)
    assert _complaints(path) == [f"{path}{complaint}"]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A mistyped `--config` must not mean the defaults."""
    path = tmp_path / "missing.json"
    assert _complaints(path) == [f"{path}: expected a readable file, found No such file or directory"]


def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """A file is copied, committed and mailed; the refusal says where the secret may stand instead."""
    document = {
        "accounts": [{"user": "alice", "exchange": "binance", "apiKey": PLANTED, "secret": "env:S"}],
        "nats": {"user": "env:U", "password": PLANTED},
    }
    path = _written(tmp_path / "fillwire.json", json.dumps(document))
    assert _complaints(path, S="s", U="u") == [
        f"{path}: accounts[0].apiKey: expected env:NAME or file:/path, found the secret itself",
        f"{path}: nats.password: expected env:NAME or file:/path, found the secret itself",
    ]


def test_references_lead_to_files_beside_the_configuration(tmp_path: Path) -> None:
    """A relative path begins where the configuration lies, and a line end at the end of a file is no part of a secret."""
    _written(tmp_path / "keys" / "api_key", "the-key\n")
    _written(tmp_path / "keys" / "secret", "the-secret\r\n")
    document = {
        "accounts": [
            {
                "user": "alice",
                "exchange": "binance",
                "apiKey": "file:keys/api_key",
                "secret": f"file:{tmp_path}/keys/secret",
            }
        ]
    }
    account = load_settings(_written(tmp_path / "fillwire.json", json.dumps(document)), {}).accounts[0]
    assert account.api_key.get_secret_value() == "the-key"
    assert account.secret is not None
    assert account.secret.get_secret_value() == "the-secret"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "expected a secret at {}, found an empty file"),
        (b"\n", "expected a secret at {}, found an empty file"),
        (b"\xff", "expected text at {}, found other bytes"),
        (b"x" * 70_000, "expected a secret of at most 65536 bytes at {}, found more"),
    ],
    ids=["empty", "only a line end", "no text", "too large"],
)
def test_files_that_hold_no_secret_are_named(tmp_path: Path, content: bytes, complaint: str) -> None:
    """A mount that went wrong is told from a key that is wrong."""
    secret = tmp_path / "secret"
    secret.write_bytes(content)
    path = _written(tmp_path / "fillwire.json", '{"nats": {"user": "env:U", "password": "file:secret"}}')
    assert _complaints(path, U="u") == [f"{path}: nats.password: {complaint.format(secret)}"]


def _mounted(directory: Path) -> Path:
    """Lay out two accounts as the kubelet mounts a secret: real files in a dated directory, links to them above."""
    version = directory / "..2026_01_01_00_00_00.1"
    for place, key in (("alice/binance/live", "live-key"), ("alice/binance/testnet", "test-key")):
        _written(version / place / "api_key", f"{key}\n")
        _written(version / place / "secret", f"{key}-secret\n")
    _written(directory / ".old" / "binance" / "live" / "api_key", "a key that somebody put aside")
    (directory / "..data").symlink_to(version.name, target_is_directory=True)
    (directory / "alice").symlink_to("..data/alice", target_is_directory=True)
    return directory


def test_a_mounted_kubernetes_secret_brings_its_accounts(tmp_path: Path) -> None:
    """Accounts are found by their place, once each, though every version of the mount lies beside them."""
    settings = load_settings(environ={"FILLWIRE_CREDENTIALS_DIR": str(_mounted(tmp_path))})
    assert {account.account: account.api_key.get_secret_value() for account in settings.accounts} == {
        Account("alice", "binance", "live"): "live-key",
        Account("alice", "binance", "testnet"): "test-key",
    }


def test_a_listed_account_is_completed_from_the_directory_or_keeps_its_own_keys(tmp_path: Path) -> None:
    """The list says which accounts, the mount their keys; a key that the list names itself stays."""
    document = {
        "credentialsDir": "mounted",
        "accounts": [
            {"user": "alice", "exchange": "binance"},
            {
                "user": "alice",
                "exchange": "binance",
                "environment": "testnet",
                "apiKey": "env:OWN",
                "secret": "env:OWN",
            },
        ],
    }
    _mounted(tmp_path / "mounted")
    path = _written(tmp_path / "fillwire.json", json.dumps(document))
    keys = [
        account.api_key.get_secret_value() for account in load_settings(path, {"OWN": "own-key"}).accounts
    ]
    assert keys == ["live-key", "own-key"]


def test_a_directory_that_lacks_half_a_key_is_named(tmp_path: Path) -> None:
    """The complaint leads to the directory in which a file is missing."""
    _written(tmp_path / "alice" / "binance" / "live" / "api_key", "k")
    assert _complaints_of_directory(tmp_path) == [
        f"{tmp_path}/alice/binance/live: expected secret or privateKey, found neither"
    ]


def _complaints_of_directory(directory: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={"FILLWIRE_CREDENTIALS_DIR": str(directory)})
    return str(caught.value).splitlines()


def test_the_brokers_credentials_file_is_found_beside_the_configuration(tmp_path: Path) -> None:
    """The file that `nsc` makes is handed on by path; the broker's client reads it itself."""
    _written(tmp_path / "gateway.creds", "x")
    path = _written(tmp_path / "fillwire.json", '{"nats": {"credentialsFile": "gateway.creds"}}')
    assert load_settings(path, {}).nats.credentials_file == tmp_path / "gateway.creds"
