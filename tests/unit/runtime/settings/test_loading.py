"""Settings from the environment: what they become, and what is said when they cannot be used."""

import logging
from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import JsonFormatter
from fillwire.runtime.settings import Settings, load_settings
from support.settings import accounts_variable, complaints

PLANTED = "planted-Zq8xV1nR7sLw3tKd"


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
    assert complaints({variable: value}) == [f"{variable}: {complaint}"]


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
    assert complaints({variable: document}) == [f"{variable}{complaint}"]


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Nobody wants to start a service five times to learn of five mistakes."""
    assert complaints(
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
        environ=accounts_variable(
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


def test_an_account_is_listed_once() -> None:
    """Two keys for one account would mean two owners of one connection."""
    account = {"user": "alice", "exchange": "binance", "apiKey": "env:K", "secret": "env:K"}
    assert complaints(accounts_variable(account, account, K="k")) == [
        "FILLWIRE_ACCOUNTS: expected each account once, found alice@binance/live twice"
    ]


def test_one_way_to_log_in_at_the_broker() -> None:
    """Half a login, two logins and a file that is not there are refused before anything connects."""
    assert complaints({"FILLWIRE_NATS__USER": "gateway"}) == [
        "nats: expected user and password together, found one of them"
    ]
    assert complaints({"FILLWIRE_NATS__CREDENTIALS_FILE": "/nowhere/user.creds"}) == [
        "nats: expected a file at credentialsFile, found none at /nowhere/user.creds"
    ]


def test_settings_are_frozen() -> None:
    """What was checked at the start cannot change behind anyone's back."""
    with pytest.raises(ValidationError):
        setattr(load_settings(environ={}).nats, "replicas", 3)  # noqa: B010 - mypy would refuse the plain form


def test_a_planted_secret_is_nowhere_to_be_read() -> None:
    """Not in repr, str, dumps, logs or complaints; only where it is asked for by name."""
    settings = load_settings(
        environ=accounts_variable(
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
        accounts_variable(
            {"user": "alice", "exchange": "binance", "apiKey": "env:K", "privateKey": "env:S"},
            K=PLANTED,
            S=PLANTED,
        ),
        accounts_variable({"user": "alice", "exchange": "binance", "keyType": PLANTED}),
        accounts_variable({"user": "alice", "exchange": "binance", "apiKeyy": PLANTED}),
        accounts_variable({"user": [PLANTED], "exchange": "binance", "apiKey": PLANTED, "secret": PLANTED}),
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
