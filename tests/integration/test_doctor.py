"""What an examination finds at a real broker, a simulated venue and a real gateway: each failure by its name."""

import asyncio
from pathlib import Path

import orjson
import pytest

from fillwire.bus.buckets import DESIRED, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer, find_server
from fillwire.cli.doctor.findings import CheckName, Outcome
from fillwire.domain.enums import ConnectionState
from fillwire.domain.identifiers import Account
from fillwire.runtime.ports import free_ports
from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.simulator.settings import SimulatorSettings
from fillwire.wire.subjects import account_tokens
from support.binance_keys import API_KEY, ED25519_PEM, HMAC_SECRET
from support.doctoring import Findings, control, examined, outcomes
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, ENVIRONMENT, Rig, gateway_environ, rig

FAILED, WARNING, SKIPPED = Outcome.FAILED, Outcome.WARNING, Outcome.SKIPPED
NO_GATEWAY = ["broker"]  # a warning of every examination here that has no gateway


async def _examine(
    venue: BinanceSimulator, broker: EmbeddedServer, account: Account = ACCOUNT, **environ: object
) -> Findings:
    return await examined(account, gateway_environ(venue, FILLWIRE_NATS__URL=broker.url, **environ))


def _keyed(**key: str) -> list[dict[str, str]]:
    return [{"user": ACCOUNT.user, "exchange": ACCOUNT.exchange, "environment": ENVIRONMENT, **key}]


async def _is_kept(it: Rig, state: ConnectionState) -> bool:
    kept = await it.kept_status()
    return kept is not None and kept.state is state


async def _want(bus: Bus, *pairs: str) -> None:
    await ensure_buckets(bus)
    wish = orjson.dumps({"v": 1, "pairs": pairs, "bots": 1})
    await Bucket(bus, DESIRED).put(f"{account_tokens(ACCOUNT)}.test", wish)


async def test_all_is_well_beside_a_gateway_that_receives(tmp_path: Path) -> None:
    """Nothing is found wrong, the gateway is named with the time since when it receives, and its socket stays the only one."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        sockets = await it.sockets()
        findings = await examined(ACCOUNT, it.environ | {"FILLWIRE_NATS__URL": it.broker.url})
        assert outcomes(findings) == {}
        assert list(findings) == list(CheckName)
        assert "gateway-test receives since 20" in findings[CheckName.BROKER].found
        assert findings[CheckName.SYMBOLS].found == "10 symbols, among them what bots want: BTC-USDT"
        assert findings[CheckName.SUBSCRIPTION].found.startswith(
            "not tried, for gateway-test receives since 20"
        )
        assert len(sockets) == 1
        assert await it.sockets() == sockets
        assert len((await it.control("stats", method="GET"))["handshakes"]) == 1


async def test_a_stream_that_outlives_its_key_is_told_beside_the_key(tmp_path: Path) -> None:
    """The key is refused by now and the gateway still receives: both are said."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "revoke_key", "user": ACCOUNT.user})
        findings = await examined(ACCOUNT, it.environ | {"FILLWIRE_NATS__URL": it.broker.url})
    assert outcomes(findings) == {FAILED: ["accepted"], SKIPPED: ["permissions"]}
    assert findings[CheckName.SUBSCRIPTION].found.startswith("not tried, for gateway-test receives since")


async def test_what_a_gateway_told_of_a_refused_key_is_said(tmp_path: Path) -> None:
    """The account's state and reason come from the broker; the key's own check says the same of the key."""
    async with rig(tmp_path) as it:
        await it.control("faults", {"kind": "revoke_key", "user": ACCOUNT.user})
        await it.wish("BTC-USDT")
        await it.state(ConnectionState.AUTH_FAILED)
        await eventually(lambda: _is_kept(it, ConnectionState.AUTH_FAILED), what="kept")
        findings = await examined(ACCOUNT, it.environ | {"FILLWIRE_NATS__URL": it.broker.url})
    assert outcomes(findings) == {
        WARNING: ["broker"],
        FAILED: ["accepted"],
        SKIPPED: ["permissions", "subscription"],
    }
    assert " s ago: auth_failed, binance: Invalid API-key" in findings[CheckName.BROKER].found
    assert (findings[CheckName.BROKER].advice or "").startswith("see the checks of the key below")


async def test_without_a_gateway_the_stream_is_tried_and_closed_again(broker: EmbeddedServer) -> None:
    """The venue acknowledges the account's stream, and no socket is left behind."""
    async with BinanceSimulator() as venue:
        findings = await _examine(venue, broker)
        stats = await control(venue, "GET", "stats")
    assert outcomes(findings) == {WARNING: NO_GATEWAY}
    assert "`fillwire gateway --exchange binance`" in (findings[CheckName.BROKER].advice or "")
    assert findings[CheckName.SUBSCRIPTION].found.startswith("the venue acknowledged the stream after 0.")
    assert stats["connections"] == []
    assert stats["answered"]["websocket 200"] >= 1


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({"apiKey": "A" * 64, "secret": HMAC_SECRET}, "Invalid API-key, IP, or permissions for action"),
        ({"apiKey": API_KEY, "secret": "B" * 64}, "Signature for this request is not valid"),
        ({"apiKey": API_KEY, "privateKey": ED25519_PEM}, "Signature for this request is not valid"),
    ],
    ids=["unknown key", "wrong secret", "another key's secret"],
)
async def test_a_key_that_the_venue_refuses(broker: EmbeddedServer, key: dict[str, str], said: str) -> None:
    """The venue's sentence is told with what it usually means; what needs the key is skipped."""
    async with BinanceSimulator() as venue:
        findings = await _examine(venue, broker, FILLWIRE_ACCOUNTS=_keyed(**key))
    assert outcomes(findings) == {
        WARNING: NO_GATEWAY,
        FAILED: ["accepted"],
        SKIPPED: ["permissions", "subscription"],
    }
    assert said in findings[CheckName.ACCEPTED].found
    assert "one of simulated" in (findings[CheckName.ACCEPTED].advice or "")
    assert findings[CheckName.SUBSCRIPTION].found == "the key was not accepted"


async def test_a_revoked_key(broker: EmbeddedServer) -> None:
    """It is whole and was good once; the venue's refusal is what shows it."""
    async with BinanceSimulator() as venue:
        await control(venue, "POST", "faults", {"kind": "revoke_key", "user": ACCOUNT.user})
        findings = await _examine(venue, broker)
    assert findings[CheckName.KEY].outcome is Outcome.OK
    assert outcomes(findings)[FAILED] == ["accepted"]
    assert "revoked" in (findings[CheckName.ACCEPTED].advice or "")


async def test_text_that_is_no_key(broker: EmbeddedServer) -> None:
    """A key that cannot be one is told before anybody is asked; the venue is examined all the same."""
    async with BinanceSimulator() as venue:
        findings = await _examine(venue, broker, FILLWIRE_ACCOUNTS=_keyed(apiKey="a key", secret=HMAC_SECRET))
    assert outcomes(findings) == {
        WARNING: NO_GATEWAY,
        FAILED: ["key"],
        SKIPPED: ["accepted", "permissions", "subscription"],
    }
    assert "holds white space" in findings[CheckName.KEY].found
    assert findings[CheckName.ACCEPTED].found == "needs what the check key did not find"


@pytest.mark.parametrize(("skew_ms", "side"), [(3_000, "ahead of"), (-3_000, "behind")])
async def test_a_clock_that_is_off(broker: EmbeddedServer, skew_ms: int, side: str) -> None:
    """Three seconds are a warning with the side and the venue's tolerance; requests are signed with its time and pass."""
    async with BinanceSimulator(SimulatorSettings(skew_ms=skew_ms)) as venue:
        findings = await _examine(venue, broker)
    assert outcomes(findings) == {WARNING: [*NO_GATEWAY, "clock"]}
    assert f" ms {side} this machine's" in findings[CheckName.CLOCK].found
    assert "until 5 s after it was signed" in findings[CheckName.CLOCK].found
    assert "NTP" in (findings[CheckName.CLOCK].advice or "")


async def test_a_venue_that_is_not_there(broker: EmbeddedServer) -> None:
    """Nobody listens: refused, with the place; everything that needs the venue is skipped, the broker is not."""
    async with BinanceSimulator() as venue:
        environ = gateway_environ(venue, FILLWIRE_NATS__URL=broker.url)
    findings = await examined(ACCOUNT, environ)
    assert outcomes(findings) == {
        WARNING: NO_GATEWAY,
        FAILED: ["rest"],
        SKIPPED: ["clock", "symbols", "accepted", "permissions", "subscription"],
    }
    assert "refuses the connection" in findings[CheckName.REST].found
    assert findings[CheckName.CLOCK].found == "needs what the check rest did not find"


async def test_a_broker_that_is_not_there(broker: EmbeddedServer) -> None:
    """The venue is examined, and no socket dialled beside one that a gateway may have."""
    await broker.stop()
    async with BinanceSimulator() as venue:
        findings = await _examine(venue, broker)
        handshakes = (await control(venue, "GET", "stats"))["handshakes"]
    assert outcomes(findings) == {FAILED: ["broker"], SKIPPED: ["subscription"]}
    assert broker.url in findings[CheckName.BROKER].found
    assert "which pairs bots want is not known" in findings[CheckName.SYMBOLS].found
    assert "without the broker nobody knows" in findings[CheckName.SUBSCRIPTION].found
    assert handshakes == []


async def test_a_broker_without_jetstream() -> None:
    """It answers, and keeps nothing: told apart from one that is not there."""
    (port,) = free_ports(1)
    server = await asyncio.create_subprocess_exec(
        find_server(), "-a", "127.0.0.1", "-p", str(port), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with BinanceSimulator() as venue:
            environ = gateway_environ(venue, FILLWIRE_NATS__URL=f"nats://127.0.0.1:{port}")
            findings = await examined(ACCOUNT, environ)
    finally:
        server.terminate()
        await server.wait()
    assert outcomes(findings) == {FAILED: ["broker"], SKIPPED: ["subscription"]}
    assert findings[CheckName.BROKER].found == f"the broker at nats://127.0.0.1:{port} has no JetStream"


async def test_a_user_without_a_key(broker: EmbeddedServer) -> None:
    """Those that exist are named; what needs no key is looked at."""
    async with BinanceSimulator() as venue:
        stranger = Account("mallory", ACCOUNT.exchange, ENVIRONMENT)
        findings = await _examine(venue, broker, stranger)
    assert outcomes(findings) == {
        WARNING: NO_GATEWAY,
        FAILED: ["configuration"],
        SKIPPED: ["key", "accepted", "permissions", "subscription"],
    }
    assert findings[CheckName.CONFIGURATION].found == (
        "there is no key for mallory@binance/simulated: the settings have demo@binance/simulated"
    )


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Account("demo", "bitstamp", "live"), "exchange 'bitstamp' is unknown"),
        (Account("demo", "binance", "moon"), "environment 'moon' of binance"),
    ],
)
async def test_an_exchange_or_environment_that_nobody_knows(
    broker: EmbeddedServer, account: Account, said: str
) -> None:
    """What is known is named, and no venue is asked."""
    async with BinanceSimulator() as venue:
        findings = await _examine(venue, broker, account)
    assert outcomes(findings)[FAILED] == ["configuration"]
    assert said in findings[CheckName.CONFIGURATION].found
    assert findings[CheckName.REST].outcome is SKIPPED


async def test_settings_that_cannot_be_used(broker: EmbeddedServer) -> None:
    """All that is wrong is one sentence, and everything else is skipped."""
    async with BinanceSimulator() as venue:
        findings = await _examine(venue, broker, FILLWIRE_JOURNAL__MAX_BYTES="3", FILLWIRE_NONSENSE="1")
    assert outcomes(findings) == {FAILED: ["configuration"], SKIPPED: [*list(CheckName)[1:]]}
    found = findings[CheckName.CONFIGURATION].found
    assert "\n" not in found
    assert "FILLWIRE_JOURNAL__MAX_BYTES" in found
    assert "FILLWIRE_NONSENSE" in found


async def test_a_retired_address_is_shown(broker: EmbeddedServer) -> None:
    """The address of listenKey streams is replaced by the venue's own, and said so."""
    retired = {"binance": {"websocketUrl": "wss://stream.binance.com:9443/ws"}}
    account = Account(ACCOUNT.user, ACCOUNT.exchange, "live")
    accounts = [
        {"user": account.user, "exchange": account.exchange, "apiKey": API_KEY, "secret": HMAC_SECRET}
    ]
    retired["binance"]["restUrl"] = "http://127.0.0.1:1"
    environ = {
        "FILLWIRE_NATS__URL": broker.url,
        "FILLWIRE_EXCHANGES": orjson.dumps(retired).decode(),
        "FILLWIRE_ACCOUNTS": orjson.dumps(accounts).decode(),
    }
    finding = (await examined(account, environ))[CheckName.CONFIGURATION]
    assert finding.outcome is WARNING
    assert "listenKey stream, which the venue ended" in finding.found


async def test_a_pair_that_the_venue_does_not_list(broker: EmbeddedServer, bus: Bus) -> None:
    """The pair is named, and one that may have been meant."""
    await _want(bus, "ETH-USDT", "BTC-USTD", "*")
    async with BinanceSimulator() as venue:
        findings = await _examine(venue, broker)
    assert outcomes(findings) == {WARNING: NO_GATEWAY, FAILED: ["symbols"]}
    assert (
        findings[CheckName.SYMBOLS].found
        == "10 symbols, and bots want what the venue does not list: BTC-USTD"
    )
    assert "perhaps to BTC-USDT" in (findings[CheckName.SYMBOLS].advice or "")
    assert findings[CheckName.ACCEPTED].found.endswith("open orders on ETHUSDT: 0")


async def test_a_login_that_the_socket_refuses(broker: EmbeddedServer) -> None:
    """REST takes the key and the socket does not: only the stream has failed."""
    async with BinanceSimulator() as venue:
        await control(venue, "POST", "faults", {"kind": "login_refused", "next": 1})
        findings = await _examine(venue, broker)
        connections = (await control(venue, "GET", "stats"))["connections"]
    assert outcomes(findings) == {WARNING: NO_GATEWAY, FAILED: ["subscription"]}
    assert "Invalid API-key" in findings[CheckName.SUBSCRIPTION].found
    assert connections == []


async def test_a_socket_that_says_nothing(broker: EmbeddedServer) -> None:
    """The venue takes the connection and answers no login: told within the time that the settings give it."""
    async with BinanceSimulator() as venue:
        await control(venue, "POST", "faults", {"kind": "drop", "target": "response", "next": 100})
        findings = await _examine(venue, broker, FILLWIRE_WEBSOCKET={"connectionTimeout": 500})
    assert outcomes(findings) == {WARNING: NO_GATEWAY, FAILED: ["subscription"]}
    assert findings[CheckName.SUBSCRIPTION].seconds < 5


async def test_a_venue_that_wants_to_be_left_alone(broker: EmbeddedServer) -> None:
    """How long to wait is said, and obeyed: nothing more is asked."""
    async with BinanceSimulator() as venue:
        fault = {"kind": "request_error", "method": "openOrders.status", "status": 429, "retry_after_s": 70}
        await control(venue, "POST", "faults", fault)
        findings = await _examine(venue, broker)
        answered = (await control(venue, "GET", "stats"))["answered"]
    assert outcomes(findings) == {
        WARNING: NO_GATEWAY,
        FAILED: ["accepted"],
        SKIPPED: ["permissions", "subscription"],
    }
    assert "ask nothing for 70 s" in (findings[CheckName.ACCEPTED].advice or "")
    assert "the venue wants nothing from this machine for" in findings[CheckName.PERMISSIONS].found
    assert answered == {"rest 200": 7, "rest 429": 1}


async def test_an_account_that_may_not_trade(broker: EmbeddedServer) -> None:
    """The venue says so; fills are told all the same, so it is a warning."""
    async with BinanceSimulator() as venue:
        await control(venue, "POST", "faults", {"kind": "block_trading", "user": ACCOUNT.user})
        findings = await _examine(venue, broker)
    assert outcomes(findings) == {WARNING: [*NO_GATEWAY, "permissions"]}
    assert findings[CheckName.PERMISSIONS].found == (
        "read: yes, trade: no; canTrade is false: trading is disabled on the account"
    )


async def test_a_venue_that_polls_only(broker: EmbeddedServer) -> None:
    """With live detection switched off there is no socket to try, and without polling either no gateway would start."""
    async with BinanceSimulator() as venue:
        findings = await _examine(
            venue, broker, FILLWIRE_WEBSOCKET={"enabled": False, "fallbackToPolling": True}
        )
        assert outcomes(findings) == {WARNING: ["configuration", *NO_GATEWAY], SKIPPED: ["subscription"]}
        findings = await _examine(venue, broker, FILLWIRE_WEBSOCKET={"enabled": False})
        assert outcomes(findings)[FAILED] == ["configuration"]
