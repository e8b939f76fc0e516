"""An examination at every simulated exchange that the gateway knows: nothing of a venue is known to it but its seams."""

import time
from typing import Any

import orjson
import pytest

from fillwire.bus.buckets import DESIRED, STATUS, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.cli.doctor.findings import CheckName, Outcome
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.registry import SIMULATORS
from fillwire.simulator.settings import SimulatorSettings
from fillwire.venues.registry import VENUES
from fillwire.wire.codec import encode_connection
from fillwire.wire.subjects import account_tokens
from support.doctoring import Findings, control, examined, outcomes

EXCHANGES = sorted(SIMULATORS.keys() & VENUES.keys())
ENVIRONMENT = "simulated"
PERMISSIONS = {
    "alpaca": "read: yes, trade: yes",
    "binance": "read: yes, trade: yes; the key may be used from any address",
    "binance-futures": "read: yes, trade: not said; the account may trade, whether its key may is not said",
    "coinbase": "coinbase does not say what a key may do",
    "coinbase-advanced": "read: yes, trade: yes",
}
BLOCKED = {
    "alpaca": "read: yes, trade: no; trade_suspended_by_user is true",
    "binance": "read: yes, trade: no; canTrade is false: trading is disabled on the account",
    "binance-futures": "read: yes, trade: no; canTrade is false: trading is disabled on the account",
    "coinbase-advanced": "read: yes, trade: no",
}


def _account(exchange: str) -> Account:
    return Account("demo", exchange, ENVIRONMENT)


def _environ(venue: Simulator, broker: EmbeddedServer, key: int = 0) -> dict[str, str]:
    account = _account(venue.exchange)
    entry = {"user": account.user, "exchange": account.exchange, "environment": ENVIRONMENT}
    urls = {"websocketUrl": venue.websocket_url, "restUrl": venue.rest_url}
    exchanges = {account.exchange: {"environments": {ENVIRONMENT: urls}}}
    return {
        "FILLWIRE_NATS__URL": broker.url,
        "FILLWIRE_EXCHANGES": orjson.dumps(exchanges).decode(),
        "FILLWIRE_ACCOUNTS": orjson.dumps([entry | dict(venue.demo.keys[key])]).decode(),
        **venue.demo.variables,
    }


async def _examine(venue: Simulator, broker: EmbeddedServer) -> Findings:
    return await examined(_account(venue.exchange), _environ(venue, broker))


async def _first_pair(venue: Simulator) -> str:
    market: dict[str, Any] = (await control(venue, "GET", "symbols"))[0]
    return f"{market['base']}-{market['quote']}"


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_nothing_is_wrong_at_a_venue_that_is_well(
    exchange: str, broker: EmbeddedServer, bus: Bus
) -> None:
    """Every check passes but for the gateway that does not run; the stream is acknowledged, and no socket stays."""
    async with SIMULATORS[exchange](SimulatorSettings()) as venue:
        pair = await _first_pair(venue)
        await ensure_buckets(bus)
        wish = orjson.dumps({"v": 1, "pairs": [pair], "bots": 1})
        await Bucket(bus, DESIRED).put(f"{account_tokens(_account(exchange))}.test", wish)
        findings = await _examine(venue, broker)
        connections = (await control(venue, "GET", "stats"))["connections"]
    is_silent = exchange == "coinbase"  # of permissions
    expected = {Outcome.WARNING: ["broker"]} | ({Outcome.SKIPPED: ["permissions"]} if is_silent else {})
    assert outcomes(findings) == expected
    assert findings[CheckName.SYMBOLS].found.endswith(f"among them what bots want: {pair}")
    assert findings[CheckName.PERMISSIONS].found == PERMISSIONS[exchange]
    assert findings[CheckName.SUBSCRIPTION].found.startswith("the venue acknowledged the stream")
    assert connections == []


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_revoked_key_is_told_as_one_thing(exchange: str, broker: EmbeddedServer) -> None:
    """Only the check of the key fails, also where the venue answers nothing at all without a key."""
    async with SIMULATORS[exchange](SimulatorSettings()) as venue:
        await control(venue, "POST", "faults", {"kind": "revoke_key", "user": "demo"})
        findings = await _examine(venue, broker)
    found = outcomes(findings)
    assert found[Outcome.FAILED] == ["accepted"]
    assert set(found[Outcome.SKIPPED]) >= {"permissions", "subscription"}
    assert findings[CheckName.ACCEPTED].found.startswith(f"the venue refuses the key: {exchange}: ")
    assert findings[CheckName.REST].outcome is Outcome.OK


@pytest.mark.parametrize("exchange", [exchange for exchange in EXCHANGES if exchange in BLOCKED])
async def test_an_account_that_may_not_trade_is_a_warning(exchange: str, broker: EmbeddedServer) -> None:
    """In the venue's own words."""
    async with SIMULATORS[exchange](SimulatorSettings()) as venue:
        await control(venue, "POST", "faults", {"kind": "block_trading", "user": "demo"})
        findings = await _examine(venue, broker)
    assert outcomes(findings) == {Outcome.WARNING: ["broker", "permissions"]}
    assert findings[CheckName.PERMISSIONS].found == BLOCKED[exchange]


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_login_that_the_socket_refuses_fails_the_stream_alone(
    exchange: str, broker: EmbeddedServer
) -> None:
    """REST takes the key and the socket does not, twice: where a venue refuses good keys now and then it is asked again."""
    async with SIMULATORS[exchange](SimulatorSettings()) as venue:
        await control(venue, "POST", "faults", {"kind": "login_refused", "next": 2})
        findings = await _examine(venue, broker)
        connections = (await control(venue, "GET", "stats"))["connections"]
    assert outcomes(findings)[Outcome.FAILED] == ["subscription"]
    assert findings[CheckName.SUBSCRIPTION].advice
    assert connections == []


@pytest.mark.parametrize("exchange", EXCHANGES)
async def test_a_pair_that_is_not_listed_is_named(exchange: str, broker: EmbeddedServer, bus: Bus) -> None:
    """At every venue, in our spelling."""
    await ensure_buckets(bus)
    wish = orjson.dumps({"v": 1, "pairs": ["NO_SUCH-PAIR"], "bots": 1})
    await Bucket(bus, DESIRED).put(f"{account_tokens(_account(exchange))}.test", wish)
    async with SIMULATORS[exchange](SimulatorSettings()) as venue:
        findings = await _examine(venue, broker)
    assert outcomes(findings)[Outcome.FAILED] == ["symbols"]
    assert findings[CheckName.SYMBOLS].found.endswith("what the venue does not list: NO_SUCH-PAIR")


@pytest.mark.parametrize(
    ("exchange", "state", "is_tried"),
    [
        ("alpaca", ConnectionState.RECONNECTING, False),
        ("alpaca", ConnectionState.DISCONNECTED, True),
        ("binance", ConnectionState.RECONNECTING, True),
    ],
)
async def test_the_only_connection_is_left_to_a_gateway_that_is_about_to_have_it(
    exchange: str, state: ConnectionState, is_tried: bool, broker: EmbeddedServer, bus: Bus
) -> None:
    """Where a venue holds one per account; a gateway that has given up for a while loses nothing."""
    await ensure_buckets(bus)
    event = ConnectionEvent(
        user="demo",
        exchange=exchange,
        environment=ENVIRONMENT,
        state=state,
        previous_state=ConnectionState.RECEIVING,
        reason="the connection was lost",
        attempt=1,
        subscription_count=1,
        connected_since_ns=None,
        last_event_time_ns=None,
        clock_offset_ns=None,
        gateway="gateway-0",
        time_ns=time.time_ns(),
    )
    await Bucket(bus, STATUS).put(account_tokens(event.account), encode_connection(event))
    async with SIMULATORS[exchange](SimulatorSettings()) as venue:
        findings = await _examine(venue, broker)
    found = findings[CheckName.SUBSCRIPTION]
    assert (found.outcome is Outcome.OK) == is_tried
    assert ("gateway-0 is about to have it: reconnecting" in found.found) == (not is_tried)
