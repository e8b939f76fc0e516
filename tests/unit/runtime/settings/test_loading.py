"""Settings from the environment: what they become, and what is said when they cannot be used."""

import json
import logging
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from pydantic import ValidationError

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import JsonFormatter
from fillwire.runtime.settings import KeyType, Settings, load_settings

PLANTED = "planted-Zq8xV1nR7sLw3tKd"


def _complaints(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    return str(caught.value).splitlines()


def _pem(
    key: Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


ED25519 = _pem(Ed25519PrivateKey.generate())
RSA = _pem(generate_rsa(65537, 2048))
EC = _pem(generate_ec(SECP256R1()))


def _accounts(*accounts: Mapping[str, object], **environ: str) -> dict[str, str]:
    return {"FILLWIRE_ACCOUNTS": json.dumps(accounts), **environ}


def test_nothing_said_means_the_defaults() -> None:
    """An empty environment is a working configuration for this machine."""
    assert load_settings(environ={}) == Settings()
    assert Settings().nats.servers == ("nats://127.0.0.1:4222",)


def test_the_environment_reaches_every_depth() -> None:
    """Two underscores lead into a section, JSON stands for whole ones, and later words add to earlier ones."""
    settings = load_settings(
        environ={
            "FILLWIRE_NATS": '{"url": "nats://a:4222", "replicas": 3}',
            "FILLWIRE_NATS__URL": "nats://b:4222,nats://c:4222",
            "FILLWIRE_WEBSOCKET__RECONNECT__MAX_RETRIES": "null",
            "FILLWIRE_WEBSOCKET__CONNECTION_TIMEOUT": "2500",
            "FILLWIRE_WEBSOCKET__FALLBACK_TO_POLLING": "true",
            "FILLWIRE_EXCHANGES__BINANCE_FUTURES__POLL_INTERVAL_MS": "700",
            "FILLWIRE_EXCHANGES__BINANCE_FUTURES__ENVIRONMENTS__TESTNET__REST_URL": "http://127.0.0.1:1",
            "FILLWIRE_TELEMETRY__SAMPLE_RATIO": "0.25",
            "HOME": "/root",
        }
    )
    assert settings.nats.servers == ("nats://b:4222", "nats://c:4222")
    assert settings.nats.replicas == 3
    assert settings.websocket.reconnect.max_retries is None
    assert settings.websocket.connection_timeout_ms == 2_500
    assert settings.poll_interval_ms("binance-futures") == 700
    assert settings.poll_interval_ms("binance") == 5_000
    assert settings.falls_back_to_polling("binance-futures")
    assert settings.exchange("binance-futures").addresses("testnet").rest_url == "http://127.0.0.1:1"
    assert settings.telemetry.sample_ratio == 0.25


def test_an_exchange_may_differ() -> None:
    """What an exchange says wins over what is said for all, in both directions."""
    settings = load_settings(
        environ={
            "FILLWIRE_WEBSOCKET__FALLBACK_TO_POLLING": "true",
            "FILLWIRE_EXCHANGES": '{"coinbase": {"fallbackToPolling": false, "websocketEnabled": false}}',
        }
    )
    assert settings.falls_back_to_polling("binance")
    assert not settings.falls_back_to_polling("coinbase")
    assert settings.is_websocket_enabled("binance")
    assert not settings.is_websocket_enabled("coinbase")


def test_live_addresses_are_not_used_for_a_testnet() -> None:
    """An address given for the exchange is that of `live`; a test order must never reach it."""
    exchange = load_settings(
        environ={"FILLWIRE_EXCHANGES__BINANCE__WEBSOCKET_URL": "wss://stream.binance.com:9443/ws"}
    ).exchange("binance")
    assert exchange.addresses("live").websocket_url == "wss://stream.binance.com:9443/ws"
    assert exchange.addresses("testnet").websocket_url is None


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("FILLWIRE_NATS_URL", "nats://a:1", "unknown variable, did you mean FILLWIRE_NATS__URL"),
        ("FILLWIRE_NATS__ULR", "nats://a:1", "unknown variable, did you mean FILLWIRE_NATS__URL"),
        ("FILLWIRE_NATS__URL__X", "nats://a:1", "unknown variable, did you mean FILLWIRE_NATS__URL"),
        ("FILLWIRE_COLOUR", "red", "unknown variable"),
        ("FILLWIRE_NATS__REPLICAS", "three", "expected an integer, found 'three'"),
        ("FILLWIRE_NATS__REPLICAS", "9", "expected at most 5, found '9'"),
        ("FILLWIRE_NATS__REPLICAS", "", "expected an integer, found ''"),
        ("FILLWIRE_WEBSOCKET__ENABLED", "maybe", "expected true or false, found 'maybe'"),
        ("FILLWIRE_WEBSOCKET__RECONNECT__INITIAL_DELAY_MS", "0", "expected at least 1, found '0'"),
        ("FILLWIRE_WEBSOCKET__RECONNECT__INITIAL_DELAY_MS", "1.5", "expected an integer, found '1.5'"),
        ("FILLWIRE_WEBSOCKET__RECONNECT__BACKOFF_MULTIPLIER", "nan", "expected a finite number, found 'nan'"),
        ("FILLWIRE_TELEMETRY__SAMPLE_RATIO", "2", "expected at most 1, found '2'"),
        ("FILLWIRE_TELEMETRY__SAMPLE_RATIO", "null", "expected a number, found 'null'"),
        ("FILLWIRE_ACCOUNTS", "[", "expected JSON, found a mistake at line 1, column 2: expecting value"),
        ("FILLWIRE_ACCOUNTS", "{}", "expected a list, found an object"),
        ("FILLWIRE_NATS", "[]", "expected an object, found a list"),
        ("FILLWIRE_NATS", '{"replicas": NaN}', "expected JSON, found NaN"),
        (
            "FILLWIRE_NATS",
            '{"url": "nats://a:1", "url": "nats://b:1"}',
            "expected each key once, found url twice",
        ),
        ("FILLWIRE_CREDENTIALS_DIR", "/nowhere", "expected a directory at /nowhere, found none"),
    ],
)
def test_one_sentence_names_the_variable_what_was_found_and_what_was_expected(
    variable: str, value: str, complaint: str
) -> None:
    """Each kind of mistake comes out as one line that a person can act on."""
    assert _complaints({variable: value}) == [f"{variable}: {complaint}"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ('{"maxRetires": 3}', ".maxRetires: unknown key, did you mean maxRetries"),
        (
            '{"colour": 3}',
            ".colour: unknown key, expected one of maxRetries, initialDelayMs, maxDelayMs, backoffMultiplier",
        ),
        ('{"maxRetries": true}', ".maxRetries: expected a number, found true"),
        ('{"maxRetries": -1}', ".maxRetries: expected at least 0, found -1"),
        ('{"maxRetries": [1]}', ".maxRetries: expected an integer, found a list"),
        ('{"maxRetries": 1, "max_retries": 1}', ".max_retries: expected once, found in two spellings"),
        (
            '{"initialDelayMs": 500, "maxDelayMs": 100}',
            ": expected maxDelayMs of at least initialDelayMs, which is 500, found 100",
        ),
    ],
)
def test_places_inside_a_document_are_named_as_written(document: str, complaint: str) -> None:
    """The path below the variable is the one the person typed."""
    variable = "FILLWIRE_WEBSOCKET__RECONNECT"
    assert _complaints({variable: document}) == [f"{variable}{complaint}"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Nobody wants to start a service five times to learn of five mistakes."""
    assert _complaints(
        {
            "FILLWIRE_NATS__REPLICAS": "0",
            "FILLWIRE_NATS_URL": "x",
            "FILLWIRE_WEBSOCKET__ENABLED": "perhaps",
            "FILLWIRE_EXCHANGES__BINANCE__REST_URL": "x",
        }
    ) == [
        "FILLWIRE_NATS_URL: unknown variable, did you mean FILLWIRE_NATS__URL",
        "FILLWIRE_WEBSOCKET__ENABLED: expected true or false, found 'perhaps'",
        "FILLWIRE_EXCHANGES__BINANCE__REST_URL: expected an address that begins with https:// or http://, found 'x'",
        "FILLWIRE_NATS__REPLICAS: expected at least 1, found '0'",
    ]


def test_variables_that_are_not_the_settings_are_left_alone() -> None:
    """Kubernetes' service links, the process's own variables and the target of a reference are no mistakes."""
    settings = load_settings(
        environ=_accounts(
            {"user": "alice", "exchange": "binance", "apiKey": "env:FILLWIRE_ALICE_KEY", "secret": "env:S"},
            FILLWIRE_ALICE_KEY="k" * 20,
            S="s" * 20,
            FILLWIRE_LOG="debug",
            FILLWIRE_LOOP="asyncio",
            FILLWIRE_NATS_SERVICE_HOST="10.0.0.1",
            FILLWIRE_NATS_SERVICE_PORT="4222",
            FILLWIRE_NATS_SERVICE_PORT_CLIENT="4222",
            FILLWIRE_NATS_PORT="tcp://10.0.0.1:4222",
            FILLWIRE_NATS_PORT_4222_TCP="tcp://10.0.0.1:4222",
            FILLWIRE_NATS_PORT_4222_TCP_ADDR="10.0.0.1",
        )
    )
    assert settings.accounts[0].api_key.get_secret_value() == "k" * 20


@pytest.mark.parametrize(
    ("pem", "key_type"),
    [
        (ED25519, KeyType.ED25519),
        (RSA, KeyType.RSA),
        (EC, KeyType.ES256),
        (ED25519.replace("\n", "\\n"), KeyType.ED25519),
    ],
    ids=["ed25519", "rsa", "es256", "ed25519 on one line"],
)
def test_the_type_of_a_private_key_is_read_from_it(pem: str, key_type: KeyType) -> None:
    """Nobody has to say how a key signs; a PEM text whose line ends were escaped is put right."""
    account = load_settings(
        environ=_accounts(
            {
                "user": "alice",
                "exchange": "Binance",
                "environment": "testnet",
                "apiKey": "env:K",
                "privateKey": "env:P",
            },
            K="k",
            P=pem,
        )
    ).accounts[0]
    assert account.key_type is key_type
    assert account.private_key is not None
    assert "\\n" not in account.private_key.get_secret_value()
    assert account.account == Account("alice", "binance", "testnet")


def test_a_shared_secret_signs_by_hmac() -> None:
    """The plain kind of key needs no type either, and carries a passphrase where the venue has one."""
    account = load_settings(
        environ=_accounts(
            {
                "user": "a",
                "exchange": "coinbase",
                "apiKey": "env:K",
                "secret": "env:K",
                "passphrase": "env:P",
            },
            K="k",
            P="p",
        )
    ).accounts[0]
    assert account.key_type is KeyType.HMAC
    assert account.environment == "live"
    assert account.passphrase is not None


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({}, "[0]: expected secret or privateKey, found neither"),
        ({"secret": "env:S"}, "[0].apiKey: expected a value, found none"),
        (
            {"apiKey": "env:K", "secret": "env:S", "privateKey": "env:P"},
            "[0]: expected secret or privateKey, found both",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:S"},
            "[0]: expected a private key in PEM form, found something else",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:EC"},
            "[0]: expected an Ed25519, RSA or EC P-256 private key, found one of another algorithm",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:LOCKED"},
            "[0]: expected a private key without passphrase, found an encrypted one",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:P", "keyType": "rsa"},
            "[0]: expected keyType ed25519, as the key says, found rsa",
        ),
        (
            {"apiKey": "env:K", "secret": "env:NOWHERE"},
            "[0].secret: expected a secret in the environment variable NOWHERE, found none",
        ),
        (
            {"apiKey": "env:K", "secret": "env:EMPTY"},
            "[0].secret: expected a secret in the environment variable EMPTY, found an empty one",
        ),
        (
            {"apiKey": "env:K", "secret": "file:/nowhere/secret"},
            "[0].secret: expected a readable file at /nowhere/secret, found No such file or directory",
        ),
        ({"apiKey": 5, "secret": "env:S"}, "[0].apiKey: expected env:NAME or file:/path, found a number"),
        (
            {"apiKey": "env:K", "secret": "env:S", "user": ""},
            "[0].user: expected text that is not empty, found text",
        ),
        ({"apiKeey": "env:K", "secret": "env:S"}, "[0].apiKeey: unknown key, did you mean apiKey"),
    ],
)
def test_an_account_that_cannot_sign_is_refused(keys: Mapping[str, object], complaint: str) -> None:
    """What is wrong with a key is said without showing anything of it."""
    environ = _accounts(
        {"user": "alice", "exchange": "binance", **keys},
        K="k" * 20,
        S="s" * 20,
        P=ED25519,
        EC=_pem(generate_ec(SECP384R1())),
        LOCKED=_pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x")),
        EMPTY="",
    )
    assert _complaints(environ) == [f"FILLWIRE_ACCOUNTS{complaint}"]


def test_an_account_is_listed_once() -> None:
    """Two keys for one account would mean two owners of one connection."""
    account = {"user": "alice", "exchange": "binance", "apiKey": "env:K", "secret": "env:K"}
    assert _complaints(_accounts(account, account, K="k")) == [
        "FILLWIRE_ACCOUNTS: expected each account once, found alice@binance/live twice"
    ]


def test_one_way_to_log_in_at_the_broker() -> None:
    """Half a login, two logins and a file that is not there are refused before anything connects."""
    assert _complaints({"FILLWIRE_NATS__USER": "gateway"}) == [
        "nats: expected user and password together, found one of them"
    ]
    assert _complaints({"FILLWIRE_NATS__CREDENTIALS_FILE": "/nowhere/user.creds"}) == [
        "nats: expected a file at credentialsFile, found none at /nowhere/user.creds"
    ]


def test_settings_are_frozen() -> None:
    """What was checked at the start cannot change behind anyone's back."""
    with pytest.raises(ValidationError):
        setattr(load_settings(environ={}).nats, "replicas", 3)  # noqa: B010 - mypy would refuse the plain form


def test_a_planted_secret_is_nowhere_to_be_read() -> None:
    """Not in repr, str, dumps, logs or complaints; only where it is asked for by name."""
    settings = load_settings(
        environ=_accounts(
            {
                "user": "alice",
                "exchange": "binance",
                "apiKey": "env:K",
                "secret": "env:S",
                "passphrase": "env:W",
            },
            K=f"key-{PLANTED}",
            S=f"sec-{PLANTED}",
            W=f"pass-{PLANTED}",
            FILLWIRE_NATS__USER=f"user-{PLANTED}",
            FILLWIRE_NATS__PASSWORD=f"word-{PLANTED}",
        )
    )
    assert settings.accounts[0].api_key.get_secret_value() == f"key-{PLANTED}"
    record = logging.LogRecord("fillwire", logging.INFO, "", 0, f"raw key-{PLANTED} slipped in", None, None)
    shown = [
        repr(settings),
        str(settings),
        f"{settings.accounts}",
        str(settings.model_dump()),
        settings.model_dump_json(),
        JsonFormatter().format(record),
    ]
    assert not [text for text in shown if PLANTED in text]


@pytest.mark.parametrize(
    "environ",
    [
        _accounts(
            {"user": "alice", "exchange": "binance", "apiKey": "env:K", "privateKey": "env:S"},
            K=PLANTED,
            S=PLANTED,
        ),
        _accounts({"user": "alice", "exchange": "binance", "keyType": PLANTED}),
        _accounts({"user": "alice", "exchange": "binance", "apiKeyy": PLANTED}),
        _accounts({"user": [PLANTED], "exchange": "binance", "apiKey": PLANTED, "secret": PLANTED}),
        {"FILLWIRE_ACCOUNTS": f'["{PLANTED}"]'},
        {"FILLWIRE_ACCOUNTS": f'[{{"apiKey": "{PLANTED}" "secret": 1}}]'},
        {"FILLWIRE_ACCOUNTS": PLANTED},
        {"FILLWIRE_NATS": f'{{"password": {{"x": "{PLANTED}"}}}}'},
        {"FILLWIRE_NATS": f'"{PLANTED}"'},
        {"FILLWIRE_NATS__URL": f"nats://alice:{PLANTED}@broker:4222"},
        {"FILLWIRE_NATS__URL": f"http://{PLANTED}@broker"},
        {"FILLWIRE_NATS__PASSWORD": PLANTED},
        {"FILLWIRE_EXCHANGES__BINANCE__REST_URL": f"http://example.com/?apiKey={PLANTED}"},
        {"FILLWIRE_SECRET": PLANTED},
    ],
)
def test_a_secret_in_the_wrong_place_is_not_repeated(environ: Mapping[str, str]) -> None:
    """A complaint goes to a terminal and a log: it names the place and never what stood there."""
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    seen: list[BaseException | None] = [caught.value]
    for error in seen:
        if error is not None:
            assert PLANTED not in f"{error!r} {error}"
            seen += [cause for cause in (error.__cause__, error.__context__) if cause is not None]
