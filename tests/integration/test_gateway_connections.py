"""When an account is connected, what ends a connection, and what follows from each end."""

import asyncio
from pathlib import Path

import orjson
import pytest

from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.domain.alert_names import DETECTION_LOST, KEY_REFUSED
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.runtime.ports import free_ports
from fillwire.simulator.settings import SimulatorSettings
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import account_tokens, alert_subject, connection_subject
from support.binance_keys import API_KEY, ED25519_API_KEY, ED25519_PEM, HMAC_SECRET
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, ENVIRONMENT, Rig, rig

S = ConnectionState
CONNECTED_ONCE = [S.CONNECTING, S.CONNECTED, S.AUTHENTICATED, S.RECEIVING]


def _account(**changes: object) -> list[dict[str, object]]:
    values: dict[str, object] = {
        "user": ACCOUNT.user,
        "exchange": ACCOUNT.exchange,
        "environment": ENVIRONMENT,
        "apiKey": API_KEY,
        "secret": HMAC_SECRET,
    }
    return [{name: value for name, value in (values | changes).items() if value is not None}]


def _websocket(**changes: object) -> dict[str, object]:
    return {
        "connectionTimeout": 2000,
        "heartbeatIntervalMs": 30000,
        "reconnect": {"maxRetries": 3, "initialDelayMs": 1, "maxDelayMs": 50, "backoffMultiplier": 1.5},
        **changes,
    }


async def _alerts(it: Rig, name: str = DETECTION_LOST) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    await it.bus.subscribe(
        alert_subject(ACCOUNT, name), lambda message: found.append(orjson.loads(message.data))
    )
    return found


async def test_the_first_bot_opens_the_socket_and_the_last_closes_it(tmp_path: Path) -> None:
    """No bot, no socket; two hosts share one; it closes when both have left, and opens again for the next."""
    async with rig(tmp_path) as it:
        assert await it.sockets() == []
        await it.wish("BTC-USDT")
        await it.receiving()
        assert it.states == CONNECTED_ONCE
        assert len(await it.sockets()) == 1
        await it.wish("BTC-USDT", "ETH-USDT", subscriber="host-2")
        await eventually(lambda: _pairs(it, 2), what="two pairs")
        assert len(await it.sockets()) == 1
        await it.wish(subscriber="host-1")
        await it.wish(subscriber="host-2")
        told = await it.state(S.DISCONNECTED)
        assert (told.reason, told.subscription_count) == ("no bot listens to this account", 0)
        assert it.states == [*CONNECTED_ONCE, S.DISCONNECTED]
        await eventually(lambda: _sockets(it, 0), what="no socket")
        await it.wish("BTC-USDT")
        await it.receiving()
        assert it.states == [*CONNECTED_ONCE, S.DISCONNECTED, *CONNECTED_ONCE]


async def _pairs(it: Rig, count: int) -> bool:
    status = await it.kept_status()
    return status is not None and status.subscription_count == count


async def _sockets(it: Rig, count: int) -> bool:
    return len(await it.sockets()) == count


async def test_a_host_that_restarts_does_not_cost_a_connection(tmp_path: Path) -> None:
    """Leaving and coming back within the time of grace leaves the socket as it is, also when that time has passed."""
    other = Account("other", "binance", ENVIRONMENT)
    others = list[ConnectionEvent]()
    async with rig(tmp_path, linger_s=0.5) as it:
        await it.bus.subscribe(
            connection_subject(other), lambda message: others.append(decode_connection(message.data))
        )
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.wish()
        await eventually(lambda: _pairs(it, 0), what="no pair")
        await it.wish("BTC-USDT")
        await eventually(lambda: _pairs(it, 1), what="a pair")
        # An account that leaves later is closed later: when it is, the first one's time of grace has passed as well.
        await it.wish("BTC-USDT", account=other)
        await eventually(lambda: others and others[-1].state is S.AUTH_FAILED)
        await it.wish(account=other)
        await eventually(lambda: others[-1].state is S.DISCONNECTED)
        assert it.states == CONNECTED_ONCE
        assert len(await it.sockets()) == 1


async def test_a_wish_that_expires_is_a_bot_that_left(tmp_path: Path) -> None:
    """A host that crashed takes nothing back: its wish runs out, and the socket closes."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT", ttl_s=1.0)
        await it.receiving()
        await it.state(S.DISCONNECTED)


async def test_wishes_of_other_exchanges_and_wishes_that_make_no_sense_do_nothing(tmp_path: Path) -> None:
    """What cannot be read is said and passed over; the next wish is heard."""
    async with rig(tmp_path) as it:
        bucket = Bucket(it.bus, DESIRED)
        for value in (
            b"",
            b"[]",
            b'{"v":2}',
            b'{"v":1,"pairs":["X"],"bots":"many"}',
            b'{"v":1,"pairs":"X","bots":1}',
        ):
            await bucket.put(f"{account_tokens(ACCOUNT)}.host-1", value)
        await it.wish("BTC-USD", account=Account("demo", "coinbase", "live"))
        await it.wish("BTC-USDT", subscriber="host-2")
        await it.receiving()
        assert it.states == CONNECTED_ONCE


@pytest.mark.parametrize("how", ["abort", "close", "mid_frame"])
async def test_a_lost_connection_is_made_again(tmp_path: Path, how: str) -> None:
    """However the connection ends, another follows by itself, and fills come again."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(5)
        await eventually(lambda: len(it.fills) == 5)
        await it.control("cut", {"how": how})
        await it.passed(S.RECONNECTING)
        await it.receiving()
        assert it.states == [*CONNECTED_ONCE, S.RECONNECTING, *CONNECTED_ONCE]
        lost = it.connections[4]
        assert lost.reason
        assert lost.connected_since_ns is None
        assert lost.last_event_time_ns is not None
        await it.emit(5)
        await eventually(lambda: len(it.fills) == 10, what="fills on the new connection")


async def test_a_terminated_stream_is_made_again(tmp_path: Path) -> None:
    """The venue ends the stream and leaves the socket open: the connection is made anew, and says why."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("terminate", {})
        lost = await it.passed(S.RECONNECTING)
        assert lost.reason == "binance: the venue terminated the event stream"
        await it.receiving()
        assert len(await it.sockets()) == 1


async def test_a_silent_connection_is_found_by_probing(tmp_path: Path) -> None:
    """The socket stays open and says nothing: the probe is not answered, and another connection follows."""
    websocket = _websocket(heartbeatIntervalMs=100)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("stall", {"seconds": 60, "pings": False})
        lost = await it.passed(S.RECONNECTING, deadline_s=20.0)
        assert lost.reason == "binance: no answer to session.status in time"
        await it.receiving()


async def test_an_announced_shutdown_costs_nothing(tmp_path: Path) -> None:
    """The successor receives before the old connection closes: no state but receiving, and no fill is missed."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        (old,) = await it.sockets()
        emitting = asyncio.create_task(it.emit(200, rate=1000))
        await it.control("shutdown_notice", {})
        await eventually(lambda: _is_succeeded(it, old), what="one other socket")
        await emitting
        await eventually(lambda: len(set(it.fills)) == 200, what="all fills")
        assert it.states == CONNECTED_ONCE
        assert sorted(set(it.fills)) == sorted(await it.executions())


async def _is_succeeded(it: Rig, old: int) -> bool:
    sockets = await it.sockets()
    return len(sockets) == 1 and sockets[0] != old


async def test_a_wrong_secret_is_a_state_of_its_own_and_not_retried(tmp_path: Path) -> None:
    """One attempt, one alert, a clear reason; when the key is replaced, the account connects."""
    async with rig(
        tmp_path, FILLWIRE_ACCOUNTS=_account(secret="x" * 64), FILLWIRE_WEBSOCKET=_websocket()
    ) as it:
        alerts = await _alerts(it, KEY_REFUSED)
        await it.wish("BTC-USDT")
        refused = await it.state(S.AUTH_FAILED)
        assert refused.reason == "binance: Signature for this request is not valid (code -1022)"
        assert it.states == [S.CONNECTING, S.CONNECTED, S.AUTH_FAILED]
        await eventually(lambda: len(alerts) == 1, what="an alert")
        assert alerts[0]["reason"] == refused.reason
        # The keys are read again twenty times a second, and stay the same: no further attempt follows.
        reloads = 0
        load = it.gateway._keys._load

        def count() -> object:
            nonlocal reloads
            reloads += 1
            return load()

        it.gateway._keys._load = count  # type: ignore[assignment]
        await eventually(lambda: reloads > 5, what="keys read again")
        assert it.states == [S.CONNECTING, S.CONNECTED, S.AUTH_FAILED]
        assert (await it.status()).state is S.AUTH_FAILED
        it.environ["FILLWIRE_ACCOUNTS"] = orjson.dumps(_account()).decode()
        await it.receiving()


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (
            {"user": "somebody-else"},
            "no key for demo@binance/simulated: expected one in accounts or in credentialsDir",
        ),
        ({"secret": "two words"}, "the secret of binance holds white space"),
    ],
)
async def test_an_account_without_a_usable_key_says_so(
    tmp_path: Path, account: dict[str, object], reason: str
) -> None:
    """Nothing is dialled, nothing crashes: the state is auth_failed, and the reason names what is missing."""
    async with rig(tmp_path, FILLWIRE_ACCOUNTS=_account(**account)) as it:
        await it.wish("BTC-USDT")
        refused = await it.state(S.AUTH_FAILED)
        assert refused.reason is not None
        assert refused.reason.startswith(reason)
        assert it.states == [S.AUTH_FAILED]
        assert await it.sockets() == []
        it.environ["FILLWIRE_ACCOUNTS"] = orjson.dumps(_account()).decode()
        await it.receiving()


async def test_an_ed25519_key_logs_on(tmp_path: Path) -> None:
    """The same life with a session: logged on, subscribed, receiving, made again after a cut."""
    account = _account(apiKey=ED25519_API_KEY, secret=None, privateKey=ED25519_PEM)
    async with rig(tmp_path, FILLWIRE_ACCOUNTS=account) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("cut", {})
        await it.passed(S.RECONNECTING)
        await it.receiving()
        await it.emit(5)
        await eventually(lambda: len(it.fills) == 5)


async def test_a_key_that_is_revoked_in_use_is_noticed(tmp_path: Path) -> None:
    """The venue refuses the key of a running connection at the next probe: auth_failed, not a loop of attempts."""
    websocket = _websocket(heartbeatIntervalMs=100)
    account = _account(apiKey=ED25519_API_KEY, secret=None, privateKey=ED25519_PEM)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket, FILLWIRE_ACCOUNTS=account) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "revoke_key", "api_key": ED25519_API_KEY})
        refused = await it.state(S.AUTH_FAILED)
        assert refused.previous_state in {S.RECEIVING, S.CONNECTED}
        assert refused.reason == "binance: Invalid API-key, IP, or permissions for action (code -2015)"


async def test_a_clock_that_is_wrong_is_mended_by_measuring(tmp_path: Path) -> None:
    """The venue's clock is an hour off: the offset is measured, told, and signed with."""
    async with rig(tmp_path, simulator=SimulatorSettings(skew_ms=3_600_000)) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        offset_ns = it.connections[-1].clock_offset_ns
        assert offset_ns is not None
        assert abs(offset_ns - 3_600_000_000_000) < 1_000_000_000


async def test_a_clock_that_jumps_is_measured_again_when_the_venue_refuses_it(tmp_path: Path) -> None:
    """After the jump the first signed call is refused, the venue asked for its time, and the connection made."""
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket()) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "clock_skew", "milliseconds": -60_000})
        await it.control("cut", {})
        await it.passed(S.RECONNECTING)
        await it.receiving()
        assert it.states == [*CONNECTED_ONCE, S.RECONNECTING, *CONNECTED_ONCE]
        offset_ns = it.connections[-1].clock_offset_ns
        assert offset_ns is not None
        assert abs(offset_ns + 60_000_000_000) < 1_000_000_000


async def test_a_venue_that_is_away_is_given_up_told_and_tried_now_and_again(tmp_path: Path) -> None:
    """After the retries: disconnected with the reason and one alert; when the venue is back, receiving by itself."""
    simulator = SimulatorSettings(port=free_ports(1)[0])
    async with rig(tmp_path, simulator=simulator, FILLWIRE_WEBSOCKET=_websocket()) as it:
        alerts = await _alerts(it)
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.simulator.stop()
        given_up = await it.state(S.DISCONNECTED)
        assert given_up.reason is not None
        assert given_up.reason.startswith("gave up after ")
        assert "cannot connect" in given_up.reason
        await eventually(lambda: it.states.count(S.DISCONNECTED) >= 3, what="attempts after giving up")
        assert len(alerts) == 1
        await it.simulator.start()
        await it.receiving()


async def test_a_venue_that_does_not_answer_is_not_waited_for_without_end(tmp_path: Path) -> None:
    """A server that takes the connection and says nothing: each attempt ends at the timeout."""
    async with asyncio.timeout(20):
        server = await asyncio.start_server(_say_nothing, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with rig(tmp_path, FILLWIRE_WEBSOCKET=_websocket(connectionTimeout=200)) as it:
            addresses = it.gateway._settings.exchange("binance").environments[ENVIRONMENT]
            mute = addresses.model_copy(update={"websocket_url": f"ws://127.0.0.1:{port}/ws-api/v3"})
            it.gateway._settings.exchange("binance").environments[ENVIRONMENT] = mute
            await it.wish("BTC-USDT")
            lost = await it.passed(S.RECONNECTING)
            assert lost.reason == "binance: no connection within 0.2 s"
        server.close()
        await server.wait_closed()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1000):
        pass
    writer.close()


async def test_the_last_state_is_kept_for_who_comes_late(tmp_path: Path) -> None:
    """The bucket says what the events said; after the gateway's end it says disconnected, and why."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()

        async def is_kept() -> bool:
            status = await it.kept_status()
            return status is not None and status.is_connected

        await eventually(is_kept, what="receiving in the bucket")
        status = await it.kept_status()
        assert status is not None
        assert (status.gateway, status.subscription_count, status.attempt) == ("gateway-test", 1, 0)
        assert status == it.connections[-1]
        key = account_tokens(ACCOUNT)
        kept = await it.bus.request_message(f"$JS.API.DIRECT.GET.KV_STATUS.$KV.STATUS.{key}", b"", 2.0)
        assert kept.headers["Nats-TTL"] == "30"  # it does not outlive a gateway that was killed
