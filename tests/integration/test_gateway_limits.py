"""When the venue says wait: by whatever way it says so, no account of the machine asks before the time has passed."""

from pathlib import Path

import orjson
import pytest

from fillwire.domain.enums import ConnectionState, OrderType, Side
from fillwire.domain.orders import OrderRequest, Outcome
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.venues.binance.venue import BinanceSpot
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, ENVIRONMENT, Rig, rig
from support.venue_record import answered, crowd, follow_all, handshakes, keys_of

S = ConnectionState
# Asks for the open orders ten times a second, so that a gateway that does not stop is noticed.
BUSY = ReconcilePolicy(audit_interval_s=0.1, sweep_interval_s=0.2, follow_up_s=(0.1,))
QUICK = {
    "connectionTimeout": 5000,
    "reconnect": {"maxRetries": None, "initialDelayMs": 10, "maxDelayMs": 50, "backoffMultiplier": 1.5},
}


def _order(number: int) -> OrderRequest:
    return OrderRequest(
        client_order_id=f"limit-{number}",
        pair="BTC-USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        quantity="0.01",  # type: ignore[arg-type]  # as text
        price="60000",  # type: ignore[arg-type]  # as text
    )


async def _has_answered(it: Rig, what: str, count: int = 1) -> bool:
    return await answered(it, what) >= count


@pytest.mark.parametrize("status", [429, 418])
async def test_a_handshake_that_is_told_to_wait_speaks_for_all_accounts(tmp_path: Path, status: int) -> None:
    """One account is refused with Retry-After: until then nobody dials, nobody asks REST, and no order is sent."""
    accounts = crowd(3)
    async with rig(
        tmp_path, reconciling=BUSY, FILLWIRE_WEBSOCKET=QUICK, FILLWIRE_ACCOUNTS=keys_of(accounts)
    ) as it:
        told = await follow_all(it, accounts)
        await it.wish("BTC-USDT")
        await it.receiving()
        await eventually(lambda: _has_answered(it, "rest 200", 10), what="questions")
        await it.control(
            "faults", {"kind": "connection_refused", "status": status, "retry_after_s": 2, "next": 1}
        )
        await it.wish("BTC-USDT", account=accounts[1])
        await eventually(lambda: _has_answered(it, f"handshake {status}"), what="a refusal")
        await it.wish("BTC-USDT", account=accounts[2])
        refused = await it.place(_order(1))
        assert refused.outcome is Outcome.REJECTED
        assert refused.reason is not None
        assert refused.reason.startswith("not sent: the venue wants nothing from this machine for ")
        asked = await answered(it, "rest 200")
        await eventually(
            lambda: all(told[account] and told[account][-1].state is S.RECEIVING for account in accounts),
            20.0,
            "all receive",
        )
        first, at, *after = await handshakes(it)
        assert first < at
        assert len(after) == 2
        assert min(after) - at >= 2.0
        held = [event.reason for event in told[accounts[2]] if event.reason]
        assert any("the venue wants nothing from this machine for" in reason for reason in held), held
        assert told[ACCOUNT][-1].state is S.RECEIVING  # the live one was left as it is
        # One question may have been on its way.
        assert asked <= await answered(it, "rest 200") - 1
        assert (await it.place(_order(2))).outcome is Outcome.ACCEPTED


async def test_rest_that_is_told_to_wait_stops_everybody(tmp_path: Path) -> None:
    """A question is answered 429: no further question of any account, and no dialling, before Retry-After."""
    accounts = crowd(2)
    async with rig(
        tmp_path, reconciling=BUSY, FILLWIRE_WEBSOCKET=QUICK, FILLWIRE_ACCOUNTS=keys_of(accounts)
    ) as it:
        told = await follow_all(it, accounts)
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control(
            "faults", {"kind": "request_error", "api": "rest", "status": 429, "retry_after_s": 2, "next": 1}
        )
        await eventually(lambda: _has_answered(it, "rest 429"), what="a refusal")
        asked = await answered(it, "rest 200")
        await it.wish("BTC-USDT", account=accounts[1])
        await eventually(
            lambda: told[accounts[1]] and told[accounts[1]][-1].state is S.RECEIVING,
            20.0,
            "the second account",
        )
        first, second = await handshakes(it)
        assert second - first >= 1.5  # the refusal came after the first
        reasons = [event.reason or "" for event in told[accounts[1]]]
        assert any("the venue wants nothing from this machine for" in reason for reason in reasons), reasons
        await eventually(lambda: _has_answered(it, "rest 200", asked + 5), what="questions again")
        assert await answered(it, "rest 429") == 1


async def test_a_banned_machine_does_not_prolong_its_ban(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue bans the address and cuts its sockets: a refusal or two, then silence until the ban ends, then all again."""
    monkeypatch.setattr(BinanceSpot, "connects_per_minute", 60_000)
    accounts = crowd(6)
    async with rig(
        tmp_path, reconciling=BUSY, FILLWIRE_WEBSOCKET=QUICK, FILLWIRE_ACCOUNTS=keys_of(accounts)
    ) as it:
        told = await follow_all(it, accounts)
        for account in accounts:
            await it.wish("BTC-USDT", account=account)
        await eventually(
            lambda: all(events and events[-1].state is S.RECEIVING for events in told.values()),
            20.0,
            "all receive",
        )
        await it.control("faults", {"kind": "ban", "seconds": 3})
        await eventually(
            lambda: all(any(e.state is S.RECONNECTING for e in events) for events in told.values()),
            20.0,
            "all lost",
        )
        await eventually(
            lambda: all(events[-1].state is S.RECEIVING for events in told.values()),
            30.0,
            "all receive again",
        )
        # Each account may have had one question or attempt on its way when the first refusal came.
        refusals = await answered(it, "rest 418") + await answered(it, "handshake 418")
        assert 1 <= refusals <= 2 * len(accounts)
        assert await answered(it, "websocket 418") == 0


async def test_an_order_that_is_told_to_wait_stops_everybody(tmp_path: Path) -> None:
    """The socket answers an order with 429: it is told as the venue said it, and the next is not sent."""
    accounts = crowd(2)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=QUICK, FILLWIRE_ACCOUNTS=keys_of(accounts)) as it:
        told = await follow_all(it, accounts)
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control(
            "faults",
            {
                "kind": "request_error",
                "api": "websocket",
                "method": "order.place",
                "status": 429,
                "retry_after_s": 2,
            },
        )
        first = await it.place(_order(1))
        assert (first.outcome, first.code) == (Outcome.REJECTED, -1003)
        second = await it.place(_order(2))
        assert (second.reason or "").startswith("not sent: the venue wants nothing from this machine for ")
        await it.wish("BTC-USDT", account=accounts[1])
        await eventually(
            lambda: told[accounts[1]] and told[accounts[1]][-1].state is S.RECEIVING,
            20.0,
            "the second account",
        )
        one, other = await handshakes(it)
        assert other - one >= 1.5
        assert await answered(it, "websocket 429") == 1
        assert (await it.place(_order(3))).outcome is Outcome.ACCEPTED


async def test_too_many_orders_of_one_account_concern_no_other(tmp_path: Path) -> None:
    """Order counts are by account: its next order is held back, its connection and the others are not."""
    accounts = crowd(2)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=QUICK, FILLWIRE_ACCOUNTS=keys_of(accounts)) as it:
        told = await follow_all(it, accounts)
        await it.wish("BTC-USDT")
        await it.receiving()
        fault = {"kind": "request_error", "method": "order.place", "status": 429, "code": -1015}
        await it.control("faults", fault | {"retry_after_s": 60})
        assert (await it.place(_order(1))).code == -1015
        assert "not sent: the venue wants nothing" in ((await it.place(_order(2))).reason or "")
        await it.wish("BTC-USDT", account=accounts[1])
        await eventually(
            lambda: told[accounts[1]] and told[accounts[1]][-1].state is S.RECEIVING,
            10.0,
            "the second account",
        )


async def test_accounts_take_turns_within_the_connect_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 120 connections a minute, ten of fourteen accounts dial at once, and the others half a second apart."""
    monkeypatch.setattr(BinanceSpot, "connects_per_minute", 120)
    accounts = crowd(15)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=QUICK, FILLWIRE_ACCOUNTS=keys_of(accounts)) as it:
        told = await follow_all(it, accounts)
        await it.wish("BTC-USDT")
        await it.receiving()  # the table of symbols, which each would wait for, is there from now on
        for account in accounts[1:]:
            await it.wish("BTC-USDT", account=account)
        await eventually(
            lambda: all(events and events[-1].state is S.RECEIVING for events in told.values()),
            20.0,
            "all receive",
        )
        _, *made = await handshakes(it)
        assert len(made) == 14
        # on the way to the venue some time is lost, and not by all alike
        assert made[-1] - made[0] >= 4 * 0.5 - 0.8


async def test_a_key_that_is_replaced_on_disk_is_tried_and_no_sooner(tmp_path: Path) -> None:
    """A refused key file: one attempt and one alert; the file is replaced, as a mounted secret is, and it receives."""
    from support.binance_keys import API_KEY, HMAC_SECRET  # noqa: PLC0415 - the one test that writes them

    place = tmp_path / "keys" / ACCOUNT.user / ACCOUNT.exchange / ENVIRONMENT
    place.mkdir(parents=True)
    (place / "api_key").write_text(API_KEY)
    (place / "secret").write_text("x" * 64)
    async with rig(
        tmp_path,
        FILLWIRE_WEBSOCKET=QUICK,
        FILLWIRE_ACCOUNTS=orjson.dumps([]).decode(),
        FILLWIRE_CREDENTIALS_DIR=str(tmp_path / "keys"),
    ) as it:
        await it.wish("BTC-USDT")
        refused = await it.state(S.AUTH_FAILED)
        assert "Signature for this request is not valid" in (refused.reason or "")
        assert len(await handshakes(it)) == 1
        (place / "new").write_text(HMAC_SECRET)
        (place / "new").replace(place / "secret")
        await it.receiving()
        assert len(await handshakes(it)) == 2
        assert [alert.alert for alert in await it.alerts()] == ["key_refused"]
