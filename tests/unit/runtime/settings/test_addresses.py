"""Plain addresses are for this machine, and nothing that merely looks like it passes for this machine."""

from collections.abc import Callable

import pytest

from fillwire.runtime.settings.addresses import (
    broker_addresses,
    database_address,
    is_loopback,
    rest_address,
    websocket_address,
)

PLAIN = "expected wss://, as ws:// is allowed to this machine only"


@pytest.mark.parametrize(
    ("check", "address"),
    [
        (websocket_address, "wss://ws-api.binance.com:443/ws-api/v3"),
        (websocket_address, "wss://stream.binance.com:9443/ws"),
        (websocket_address, "ws://127.0.0.1:8080/ws-api/v3"),
        (websocket_address, "ws://127.8.9.10/"),
        (websocket_address, "ws://[::1]:8080/"),
        (websocket_address, "ws://localhost:1/x?a=b"),
        (rest_address, "https://api.binance.com"),
        (rest_address, "http://localhost:8080"),
        (broker_addresses, "nats://127.0.0.1:4222"),
        (broker_addresses, "nats://nats.trading.svc:4222"),
        (broker_addresses, "tls://a:4222, tls://b:4222,nats://c:4222"),
    ],
)
def test_addresses_that_serve(check: Callable[[str], str], address: str) -> None:
    """Encrypted addresses, plain ones of this machine, and brokers, which come back as they were written."""
    assert check(address) == address


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("ws://example.com", PLAIN),
        ("ws://127.0.0.1.example.com", PLAIN),
        ("ws://localhost.example.com", PLAIN),
        ("ws://10.0.0.1", PLAIN),
        ("ws://0.0.0.0", PLAIN),
        ("ws://127.1", PLAIN),
        ("ws://2130706433", PLAIN),
        ("ws://[::ffff:10.0.0.1]", PLAIN),
        ("ws://[::2]", PLAIN),
        ("ws://localhost@example.com", "expected an address without user and password"),
        ("wss://user:hunter2@example.com", "expected an address without user and password"),
        ("wss://example.com/#x", "expected an address without #"),
        ("https://example.com", "expected an address that begins with wss:// or ws://"),
        ("example.com", "expected an address that begins with wss:// or ws://"),
        ("wss://", "expected an address that begins with wss:// or ws://"),
        ("", "expected an address that begins with wss:// or ws://"),
        ("wss://example.com:99999", "expected an address"),
        ("wss://[::1", "expected an address"),
        ("ws://loca\nlhost", "found one with white space, a control character or a backslash"),
        ("ws://localhost\\@example.com", "found one with white space, a control character or a backslash"),
        ("ws://localhost /", "found one with white space, a control character or a backslash"),
    ],
)
def test_addresses_that_do_not(address: str, complaint: str) -> None:
    """A key would travel in the clear, or elsewhere than a reader thinks; no complaint repeats a password."""
    with pytest.raises(ValueError, match="expected") as caught:
        websocket_address(address)
    assert complaint in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["nats://alice:hunter2@broker:4222", "nats://hunter2@broker", "http://broker", ""]
)
def test_brokers_are_named_without_password(address: str) -> None:
    """A password inside an address would be printed with it; it has a setting of its own."""
    with pytest.raises(ValueError, match=r"expected (an address|addresses)") as caught:
        broker_addresses(f"nats://first:4222,{address}")
    assert "hunter2" not in str(caught.value)


def test_plain_http_is_for_this_machine_too() -> None:
    """REST is held to the same rule in its own scheme."""
    with pytest.raises(ValueError, match="expected https://, as http:// is allowed to this machine only"):
        rest_address("http://api.binance.com")


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.1.2", True),
        ("::1", True),
        ("localhost.", False),
        ("", False),
    ],
)
def test_what_this_machine_is(host: str, is_local: bool) -> None:
    """Only what means this machine by definition; no name is looked up."""
    assert is_loopback(host) is is_local


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///trades.sqlite",
        "sqlite:////var/lib/fillwire/trades.sqlite",
        "postgresql://fillwire@db.trading.svc:5432/trades?sslmode=verify-full",
        "postgresql:///trades",
    ],
)
def test_databases_that_serve(address: str) -> None:
    """Files of SQLite and databases of PostgreSQL."""
    assert database_address(address) == address


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        (
            "postgresql://fillwire:hunter2@db/trades",
            "found one with a password, which has a setting of its own",
        ),
        (
            "postgresql://db/trades?password=hunter2",
            "found one with a password, which has a setting of its own",
        ),
        ("mysql://db/trades", "found one that begins with 'mysql'"),
        ("trades.sqlite", "found one that begins with ''"),
        ("sqlite:///", "found one without a path"),
        ("sqlite://trades.sqlite", "found one without a path"),
        ("sqlite://trades/x.sqlite", "found one of SQLite with a host"),
        ("postgresql://db", "found one without a name"),
        ("postgresql://db:port/trades", "found something else"),
    ],
)
def test_databases_that_do_not(address: str, complaint: str) -> None:
    """The complaint says what was expected, and repeats no password."""
    with pytest.raises(ValueError, match="expected sqlite:///path/to/file or postgresql://") as error:
        database_address(address)
    assert complaint in str(error.value)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "password", ["hunter2", "cut/hunter2", "cut@hunter2", "cut,hunter2", "hunter2,cut", "hunter2:x"]
)
@pytest.mark.parametrize("check", [broker_addresses, websocket_address, rest_address])
def test_a_password_in_an_address_is_never_shown(check: Callable[[str], str], password: str) -> None:
    """Whatever is in it that makes the address another one."""
    for scheme in ("nats", "wss", "https"):
        with pytest.raises(ValueError, match="expected") as refused:
            check(f"{scheme}://alice:{password}@example.com")
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("check", "scheme"), [(broker_addresses, "nats"), (websocket_address, "ws"), (rest_address, "http")]
)
def test_nor_a_token_that_is_taken_for_host_and_path(check: Callable[[str], str], scheme: str) -> None:
    """It has no colon before it, and a slash in it."""
    with pytest.raises(ValueError, match="expected") as refused:
        check(f"{scheme}://cut/hunter2@example.com")
    assert "hunter2" not in str(refused.value)
