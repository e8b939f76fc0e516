"""A gateway whose accounts' keys are replaced while it runs: who is meant connects anew, and no fill is lost."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fillwire.domain.alert_names import KEY_REFUSED, KEY_UNREADABLE
from fillwire.domain.enums import ConnectionState
from fillwire.domain.identifiers import Account
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.simulator.registry import SIMULATORS
from fillwire.simulator.settings import AccountSettings, KeySettings, SimulatorSettings
from support.binance_keys import API_KEY, HMAC_SECRET
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, ENVIRONMENT, Rig
from support.gateway_rig import rig as rig_of
from support.mounted_keys import Files, demo_key, mount, write_key

S = ConnectionState
DEADLINE_S = 30.0
OTHER = replace(ACCOUNT, user="other")
OTHER_KEY: Files = {"api_key": "o" * 64, "secret": "p" * 64}
WRONG: Files = {"api_key": API_KEY, "secret": "q" * 64}
# Nothing is found by asking now and then: what a change of connections loses stays lost.
PATIENT = ReconcilePolicy(audit_interval_s=3600.0, sweep_interval_s=3600.0, follow_up_s=(3600.0,))
WEBSOCKET = {
    "heartbeatIntervalMs": 30000,
    "reconnect": {"maxRetries": 10, "initialDelayMs": 50, "maxDelayMs": 400, "backoffMultiplier": 1.5},
}


class Exchange(NamedTuple):
    """One exchange: what is traded there, and how fast the records of the test may be asked."""

    name: str
    pair: str
    symbol: str
    rate: int = 100


EXCHANGES = [
    Exchange("binance", "BTC-USDT", "BTCUSDT"),
    Exchange("binance-futures", "BTC-USDT", "BTCUSDT"),
    Exchange("coinbase", "BTC-USD", "BTC-USD"),
    Exchange("coinbase-advanced", "BTC-USD", "BTC-USD", rate=20),
]
ALPACA = Exchange("alpaca", "BTC-USD", "BTC/USD")


@asynccontextmanager
async def rig(path: Path, directory: Path, **options: Any) -> AsyncIterator[Rig]:
    """Run broker, venue and gateway, whose keys lie in `directory`."""
    options |= {"FILLWIRE_ACCOUNTS": [], "FILLWIRE_CREDENTIALS_DIR": str(directory)}
    async with rig_of(path, FILLWIRE_WEBSOCKET=WEBSOCKET, **options) as it:
        yield it


def _account(exchange: Exchange) -> Account:
    return Account("demo", exchange.name, ENVIRONMENT)


def _first(exchange: Exchange) -> Files:
    return demo_key(SIMULATORS[exchange.name].demo, 0)


def _second(exchange: Exchange) -> Files:
    return demo_key(SIMULATORS[exchange.name].demo, 1)


async def _emitting(it: Rig, exchange: Exchange, count: int) -> dict[str, Any]:
    """Have the venue execute, a while long; return the job."""
    body = {"user": "demo", "count": count, "symbols": [exchange.symbol], "orders": 4, "rate": exchange.rate}
    job = await it.control("emit", body)
    await eventually(lambda: len(it.fills) > 3, DEADLINE_S, "fills coming in")
    assert isinstance(job, dict)
    return job


async def _complete(it: Rig, job: dict[str, Any]) -> None:
    """Wait for the end of the emission, and until each execution has been published, once."""
    await eventually(lambda: it._is_emitted(job), DEADLINE_S, "emitted")
    executed = await it.executions()
    await eventually(lambda: len(it.fills) >= len(executed), DEADLINE_S, "all executions published")
    assert Counter(it.fills) == Counter(executed)


async def _succeeded(it: Rig, before: list[int]) -> None:
    """Wait until other sockets serve than before, as many as then."""

    async def is_so() -> bool:
        now = await it.sockets()
        return len(now) == len(before) and not set(now) & set(before)

    await eventually(is_so, DEADLINE_S, "another connection in place of the one before")


async def _revoke(it: Rig, key: Files) -> None:
    await it.control("faults", {"kind": "revoke_key", "api_key": key["api_key"]})


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
async def test_a_new_key_takes_over_without_a_gap(tmp_path: Path, exchange: Exchange) -> None:
    """While fills come, a connection with the new key receives before the old one closes; the old key is needed no more."""
    directory = tmp_path / "keys"
    mount(directory, "..1", {_account(exchange): _first(exchange)})
    async with rig(tmp_path, directory, exchange=exchange.name, reconciling=PATIENT) as it:
        await it.wish(exchange.pair)
        await it.receiving()
        before = await it.sockets()
        job = await _emitting(it, exchange, 3 * exchange.rate)
        mount(directory, "..2", {_account(exchange): _second(exchange)})
        await _succeeded(it, before)
        await _complete(it, job)
        assert S.RECONNECTING not in it.states
        assert it.states[-1] is S.RECEIVING
        await _revoke(it, _first(exchange))
        await it.control("cut", {})
        await it.passed(S.RECONNECTING)
        await it.receiving()
        assert await it.alerts() == []
        assert (await it.status()).key_trouble is None


async def test_where_one_connection_is_allowed_the_new_key_is_tried_before_the_old_one_closes(
    tmp_path: Path,
) -> None:
    """A key that is refused closes nothing; one that serves costs a gap, and the records fill it."""
    directory, account = tmp_path / "keys", _account(ALPACA)
    mount(directory, "..1", {account: _first(ALPACA)})
    async with rig(tmp_path, directory, exchange="alpaca") as it:
        await it.control("faults", {"kind": "retention", "seconds": 0})
        await it.wish(ALPACA.pair)
        await it.receiving()
        before = await it.sockets()
        mount(directory, "..2", {account: {**_second(ALPACA), "secret": "wrong"}})
        await _alert(it, KEY_REFUSED)
        assert await it.sockets() == before
        job = await _emitting(it, ALPACA, 200)
        mount(directory, "..3", {account: _second(ALPACA)})
        await _succeeded(it, before)
        await _complete(it, job)
        lost = next(event for event in it.connections if event.state is S.RECONNECTING)
        assert lost.reason == "alpaca: closed for another key: the exchange holds one connection per account"
        assert it.states.count(S.RECONNECTING) == 1


async def _alert(it: Rig, name: str, count: int = 1) -> str:
    """Wait for an alert of the demo account, and return its reason."""
    found: list[str] = []

    async def is_raised() -> bool:
        found[:] = [each.reason for each in await it.alerts() if each.alert == name and each.user == "demo"]
        return len(found) >= count

    await eventually(is_raised, DEADLINE_S, name)
    assert len(found) == count
    return found[-1]


def _two_accounts() -> SimulatorSettings:
    demo = SIMULATORS["binance"].demo.accounts[0]
    other = KeySettings(api_key=str(OTHER_KEY["api_key"]), secret=str(OTHER_KEY["secret"]))
    return SimulatorSettings(accounts=(demo, AccountSettings(user="other", keys=(other,))))


async def _sockets_of(it: Rig, user: str) -> list[int]:
    connections = (await it.control("stats", method="GET"))["connections"]
    return [each["connected_us"] for each in connections if each["users"] == [user]]


async def test_a_new_key_of_one_account_leaves_the_others_alone(tmp_path: Path) -> None:
    """Two accounts of one gateway, in one mounted secret: the one with a new key connects anew, the other keeps its socket."""
    directory = tmp_path / "keys"
    exchange = EXCHANGES[0]
    mount(directory, "..1", {ACCOUNT: _first(exchange), OTHER: OTHER_KEY})
    async with rig(tmp_path, directory, simulator=_two_accounts(), reconciling=PATIENT) as it:
        for account in (ACCOUNT, OTHER):
            await it.wish(exchange.pair, account=account)
        await it.receiving()

        async def are_there() -> bool:
            return all([len(await _sockets_of(it, user)) == 1 for user in ("demo", "other")])

        await eventually(are_there, DEADLINE_S, "both accounts connected")
        demos, others = await _sockets_of(it, "demo"), await _sockets_of(it, "other")
        job = await _emitting(it, exchange, 300)
        mount(directory, "..2", {ACCOUNT: _second(exchange), OTHER: OTHER_KEY})

        async def is_anew() -> bool:
            now = await _sockets_of(it, "demo")
            return len(now) == 1 and now != demos

        await eventually(is_anew, DEADLINE_S, "the demo account's other connection")
        await _complete(it, job)
        assert await _sockets_of(it, "other") == others
        assert S.RECONNECTING not in it.states


async def test_a_new_key_that_is_refused_costs_nothing(tmp_path: Path) -> None:
    """The old connection goes on, a person is told once, and it is not tried again until it has changed."""
    directory = tmp_path / "keys"
    exchange = EXCHANGES[0]
    mount(directory, "..1", {ACCOUNT: _first(exchange)})
    async with rig(tmp_path, directory, reconciling=PATIENT) as it:
        await it.wish(exchange.pair)
        await it.receiving()
        before = await it.sockets()
        mount(directory, "..2", {ACCOUNT: WRONG})
        reason = await _alert(it, KEY_REFUSED)
        assert reason == (
            "the new key is refused, the one before stays in use: "
            "binance: Signature for this request is not valid (code -1022)"
        )
        assert (await it.status()).key_trouble == reason
        handshakes = (await it.control("stats", method="GET"))["handshakes"]
        job = await _emitting(it, exchange, 50)
        await _complete(it, job)
        assert await it.sockets() == before
        assert (await it.control("stats", method="GET"))["handshakes"] == handshakes
        mount(directory, "..3", {ACCOUNT: _second(exchange)})
        await _succeeded(it, before)
        assert (await it.status()).key_trouble is None
        assert S.RECONNECTING not in it.states
        await _alert(it, KEY_REFUSED)  # still the one


async def test_a_refused_new_key_shows_when_the_old_connection_ends(tmp_path: Path) -> None:
    """From then on there is nothing to connect with: a state of its own, until the key is right."""
    directory = tmp_path / "keys"
    exchange = EXCHANGES[0]
    mount(directory, "..1", {ACCOUNT: _first(exchange)})
    async with rig(tmp_path, directory) as it:
        await it.wish(exchange.pair)
        await it.receiving()
        mount(directory, "..2", {ACCOUNT: WRONG})
        await _alert(it, KEY_REFUSED)
        await it.control("cut", {})
        refused = await it.state(S.AUTH_FAILED, DEADLINE_S)
        assert refused.reason == "binance: Signature for this request is not valid (code -1022)"
        assert refused.key_trouble is None
        mount(directory, "..3", {ACCOUNT: _first(exchange)})
        await it.state(S.RECEIVING, DEADLINE_S)


async def test_a_key_that_cannot_be_read_is_told_of_and_stays_in_use(tmp_path: Path) -> None:
    """Half written: the connection stands, and is made again with the key before when it is lost; then it is put right."""
    directory = tmp_path / "keys"
    exchange = EXCHANGES[0]
    place = write_key(directory, ACCOUNT, _first(exchange))
    async with rig(tmp_path, directory) as it:
        await it.wish(exchange.pair)
        await it.receiving()
        before = await it.sockets()
        write_key(directory, ACCOUNT, {"secret": ""})
        reason = await _alert(it, KEY_UNREADABLE)
        assert reason == (
            "the account's key cannot be read, the one read before stays in use: FILLWIRE_CREDENTIALS_DIR: "
            f"expected a secret at {place}/secret, found an empty file"
        )
        assert (await it.status()).key_trouble == reason
        assert await it.sockets() == before
        await it.control("cut", {})
        await it.passed(S.RECONNECTING)
        await it.receiving()
        again = await it.sockets()
        write_key(directory, ACCOUNT, {"secret": HMAC_SECRET})
        await eventually(lambda: it.connections[-1].key_trouble is None, DEADLINE_S, "no trouble any more")
        job = await _emitting(it, exchange, 20)
        await _complete(it, job)
        assert await it.sockets() == again


async def test_a_key_that_is_gone_lets_the_connection_stand_and_makes_no_other(tmp_path: Path) -> None:
    """The account's directory vanishes: fills come while the connection lives; the next one wants a key."""
    directory = tmp_path / "keys"
    exchange = EXCHANGES[0]
    write_key(directory, ACCOUNT, _first(exchange))
    async with rig(tmp_path, directory) as it:
        await it.wish(exchange.pair)
        await it.receiving()
        before = await it.sockets()
        (directory / "demo").rename(directory / ".demo")
        reason = await _alert(it, KEY_UNREADABLE)
        assert reason.startswith("the account's key is gone")
        job = await _emitting(it, exchange, 20)
        await _complete(it, job)
        assert await it.sockets() == before
        await it.control("cut", {})
        refused = await it.state(S.AUTH_FAILED, DEADLINE_S)
        assert (refused.reason or "").startswith("no key for demo@binance/simulated")
        (directory / ".demo").rename(directory / "demo")
        await it.state(S.RECEIVING, DEADLINE_S)
        assert (await it.status()).key_trouble is None
