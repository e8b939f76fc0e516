"""Whatever is written into a file or the environment, it becomes settings or a sentence, and no secret is repeated."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings import (
    AccountSettings,
    EnvironmentSettings,
    ExchangeSettings,
    NatsSettings,
    ReconnectSettings,
    Settings,
    TelemetrySettings,
    WebSocketSettings,
    load_settings,
)

PLANTED = "planted-Zq8xV1nR7sLw3tKd"
SECTIONS: tuple[type[BaseModel], ...] = (
    AccountSettings,
    EnvironmentSettings,
    ExchangeSettings,
    NatsSettings,
    ReconnectSettings,
    Settings,
    TelemetrySettings,
    WebSocketSettings,
)
KEYS = sorted({name for section in SECTIONS for name in section.model_fields})
SECRETS = ("api_key", "secret", "private_key", "passphrase", "password")

keys = st.sampled_from([*KEYS, "apiKey", "maxRetries", "binance", "testnet", "live"]) | st.text(max_size=5)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(
        [
            "env:K",
            "file:k",
            "file:\0",
            "wss://a",
            "ws://127.0.0.1:1",
            "https://a",
            "nats://a",
            "hmac",
            "live",
            "null",
        ]
    )
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)
variables = st.dictionaries(
    st.lists(st.sampled_from(KEYS) | st.text("AB_", max_size=3), min_size=1, max_size=4).map(
        lambda parts: "FILLWIRE_" + "__".join(parts).upper()
    ),
    scalars.map(str) | documents.map(json.dumps),
    max_size=4,
)


def _refused(error: ConfigError) -> list[str]:
    lines = str(error).split("\n")
    assert all(lines)
    assert all(line.isprintable() for line in lines)
    return lines


@given(variables)
@example({"FILLWIRE_NATS": "[]", "FILLWIRE_NATS__URL": "nats://a"})
@example({"FILLWIRE_CREDENTIALS_DIR": "x" * 5_000, "FILLWIRE_NATS__CREDENTIALS_FILE": "x" * 5_000})
@example({"FILLWIRE_EXCHANGES": '{"binance": []}', "FILLWIRE_EXCHANGES__BINANCE__REST_URL": "https://a"})
def test_any_environment_is_accepted_or_refused_in_sentences(environ: dict[str, str]) -> None:
    """No variable makes anything but settings or a `ConfigError`."""
    try:
        assert isinstance(load_settings(environ=environ), Settings)
    except ConfigError as error:
        for line in _refused(error):
            assert ": expected " in line or ": unknown " in line


@given(documents)
def test_any_file_is_accepted_or_refused_in_sentences(document: Any) -> None:
    """No JSON document makes anything but settings or a `ConfigError` that begins with the file."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "fillwire.json"
        path.write_text(json.dumps(document))
        try:
            assert isinstance(load_settings(path, {"K": "k"}), Settings)
        except ConfigError as error:
            _refused(error)


def _places(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner)


@given(documents, st.data())
def test_a_secret_is_never_repeated_from_an_account_or_under_its_name(
    document: Any, data: st.DataObject
) -> None:
    """Planted anywhere among accounts, or anywhere at all under the name of a secret, it is in no complaint."""
    account = {"user": "alice", "exchange": "binance", "noise": document}
    whole = {"accounts": [account, document], "nats": {"password": document}}
    _plant_as_secret(whole)
    places = list(_places(whole["accounts"]))
    if places:
        holder, key = data.draw(st.sampled_from(places))
        holder[key] = PLANTED
    environ = {
        "FILLWIRE_ACCOUNTS": json.dumps(whole["accounts"]),
        "FILLWIRE_NATS": json.dumps(whole["nats"]),
    }
    assert PLANTED not in _answer(environ)


def _answer(environ: dict[str, str]) -> str:
    try:
        return repr(load_settings(environ=environ))
    except ConfigError as error:
        return f"{error} {error!r}"


def _plant_as_secret(whole: Any) -> None:
    for holder, key in list(_places(whole)):
        if key in SECRETS:
            holder[key] = PLANTED
