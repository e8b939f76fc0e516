"""The simulated Alpaca's account stream: logging in, what orders say, and everything that may go wrong with it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import msgpack
import pytest

from fillwire.simulator.alpaca.demo import DEMO_API_KEY, DEMO_SECRET
from fillwire.simulator.alpaca.server import AlpacaSimulator
from fillwire.simulator.alpaca.times import parse_time
from fillwire.simulator.settings import AccountSettings, KeySettings, SimulatorSettings
from support.alpaca_client import AUTH, LISTEN, AlpacaClient
from support.eventually import eventually

OLD_AUTH = {"action": "authenticate", "data": {"key_id": DEMO_API_KEY, "secret_key": DEMO_SECRET}}


@pytest.fixture
async def sim() -> AsyncIterator[AlpacaSimulator]:
    """Return a running simulator with the demo account."""
    async with AlpacaSimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: AlpacaSimulator) -> AsyncIterator[AlpacaClient]:
    """Return a client of the demo account."""
    async with AlpacaClient(sim) as alpaca:
        yield alpaca


# Logging in


async def test_both_formats_of_authentication_are_accepted(client: AlpacaClient) -> None:
    """The old format is told that it is deprecated; both are called authenticate in the reply."""
    async with client.open_stream() as stream:
        assert await stream.send(AUTH) == {
            "stream": "authorization",
            "data": {"status": "authorized", "action": "authenticate"},
        }
    async with client.open_stream() as stream:
        reply = await stream.send(OLD_AUTH)
    assert (reply["data"]["status"], reply["data"]["action"]) == ("authorized", "authenticate")
    assert "deprecated" in reply["data"]["message"]


@pytest.mark.parametrize("message", [AUTH | {"secret": "wrong"}, {"action": "auth", "key": "PKNOBODY"}])
async def test_wrong_credentials_are_refused_and_the_connection_ends(
    client: AlpacaClient, message: dict[str, Any]
) -> None:
    """The reply says unauthorized, with the venue's sentence."""
    async with client.open_stream() as stream:
        assert await stream.send(message) == {
            "stream": "authorization",
            "data": {
                "action": "authenticate",
                "message": "access key verification failed",
                "status": "unauthorized",
            },
        }
        await stream.until(lambda: stream.close_code is not None)


async def test_revoked_key_and_refused_login_are_unauthorized(client: AlpacaClient) -> None:
    """A key that was taken away opens no stream; a fault may refuse a good one."""
    await client.fault("login_refused")
    for _ in range(2):
        async with client.open_stream() as stream:
            assert (await stream.send(AUTH))["data"]["status"] == "unauthorized"
        await client.fault("revoke_key", user="demo")
    await client.control("DELETE", "faults")
    async with client.open_stream() as stream:
        assert (await stream.send(AUTH))["data"]["status"] == "authorized"


async def test_listening_names_the_complete_set_of_streams(client: AlpacaClient) -> None:
    """Before authentication it is refused; unknown streams are left out; an empty list ends the updates."""
    async with client.open_stream() as stream:
        assert await stream.send(LISTEN) == {
            "stream": "authorization",
            "data": {"status": "unauthorized", "action": "listen"},
        }
        await stream.send(AUTH)
        asked = {"action": "listen", "data": {"streams": ["account_updates", "trade_updates"]}}
        assert await stream.send(asked) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        await client.place()
        await stream.wait_for("pending_new", "new")
        nothing = await stream.send({"action": "listen", "data": {"streams": []}})
        assert nothing == {"stream": "listening", "data": {"streams": []}}
        await client.place()
        assert await stream.send(LISTEN) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        assert stream.events() == ["pending_new", "new"]


async def test_what_is_no_message_is_answered_with_an_error_and_a_close(client: AlpacaClient) -> None:
    """The error has an action and no stream."""
    async with client.open_stream() as stream:
        await stream.socket.send_str("hello")
        await stream.until(lambda: stream.close_code is not None)
        assert [message["action"] for message in stream.messages] == ["error"]
        assert set(stream.messages[0]["data"]) == {"error_message"}


async def test_frames_are_text_live_and_binary_on_paper(client: AlpacaClient) -> None:
    """The JSON is the same."""
    for paper, kind in ((False, "text"), (True, "binary")):
        async with client.listening(paper=paper) as stream:
            order = await client.place()
            await stream.wait_for("pending_new", "new", order_id=order["id"])
            assert set(stream.kinds) == {kind}


async def test_message_pack_is_spoken_if_asked_for(sim: AlpacaSimulator) -> None:
    """The handshake's content type chooses the codec of both directions."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(sim.websocket_url, headers={"Content-Type": "application/msgpack"}) as socket,
        AlpacaClient(sim) as client,
    ):
        replies = []
        for message in (AUTH, LISTEN):
            await socket.send_bytes(msgpack.packb(message))
            replies.append(msgpack.unpackb(await socket.receive_bytes(timeout=10)))
        assert replies[1] == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        order = await client.place()
        update = msgpack.unpackb(await socket.receive_bytes(timeout=10))
    assert update["data"]["event"] == "pending_new"
    assert update["data"]["order"]["id"] == order["id"]


# One connection per account


async def test_second_connection_is_refused_while_the_first_lives(client: AlpacaClient) -> None:
    """The handshake is answered with 429; after a clean close there is room at once."""
    async with client.listening():
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with client.open_stream():
                raise AssertionError("a second connection was accepted")
        assert refused.value.status == 429
    async with client.listening():
        stats = await client.control("GET", "stats")
    assert stats["answered"]["handshake 429"] == 1


async def test_connection_that_the_venue_closes_makes_room_at_once(
    sim: AlpacaSimulator, client: AlpacaClient
) -> None:
    """A client that comes back as soon as it sees the close frame is let in, though its old socket is not closed yet."""
    async with aiohttp.ClientSession() as session:
        old = await session.ws_connect(sim.websocket_url, autoclose=False)
        await old.send_json(AUTH)
        await old.receive_json(timeout=10)
        await client.control("POST", "cut", {"user": "demo", "how": "close"})
        assert (await old.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
        async with client.listening() as stream:
            assert stream.close_code is None
        await old.close()


async def test_connection_that_was_lost_counts_for_a_while(
    sim: AlpacaSimulator, client: AlpacaClient
) -> None:
    """Without a close frame the venue believes in the connection until it has waited; its end gives the slot back."""
    await client.fault("retention", seconds=90)
    async with client.listening() as stream:
        await client.control("POST", "cut", {"user": "demo", "how": "abort"})
        await stream.until(lambda: stream.close_code is not None)
    await eventually(lambda: not sim.core.connections)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with client.open_stream():
            raise AssertionError("the lost connection was forgotten")
    sim.core.venue.clock.skew_ns = 91 * 10**9
    async with client.listening() as stream:
        assert stream.close_code is None


async def test_second_connection_may_displace_the_first(client: AlpacaClient) -> None:
    """With this fault the newer one stays."""
    await client.fault("displace", on=True)
    async with client.listening() as first, client.listening() as second:
        await first.until(lambda: first.close_code is not None)
        await client.place()
        await second.wait_for("pending_new", "new")


async def test_accounts_have_a_connection_each() -> None:
    """What one account does is told to no other; a second login of one account is refused on the connection."""
    accounts = tuple(
        AccountSettings(user=user, keys=(KeySettings(api_key=f"PK{user}", secret=f"secret-{user}"),))
        for user in ("alice", "bob")
    )
    alice, bob = (
        {"action": "auth", "key": f"PK{user}", "secret": f"secret-{user}"} for user in ("alice", "bob")
    )
    async with (
        AlpacaSimulator(SimulatorSettings(accounts=accounts)) as sim,
        AlpacaClient(sim, "PKalice", "secret-alice") as client,
        client.open_stream() as first,
        client.open_stream() as second,
    ):
        await first.send(alice)
        await first.send(LISTEN)
        refusal = await second.send(alice)
        assert "another connection is open" in refusal["data"]["error_message"]
        await second.until(lambda: second.close_code is not None)
        async with client.open_stream() as third:
            await third.send(bob)
            await third.send(LISTEN)
            await client.place()
            await first.wait_for("pending_new", "new")
            assert third.updates() == []


# What orders say


async def test_every_member_of_an_update_is_as_the_documents_show_it(client: AlpacaClient) -> None:
    """A resting order is pending without an execution id, and new with one of its own; ids carry the time of sending."""
    async with client.listening() as stream:
        placed = await client.place("BTC/USD", "0.5", client_order_id="mine-1")
        pending, new = await stream.wait_for("pending_new", "new")
    assert list(pending) == ["at", "event_id", "event", "timestamp", "order"]
    assert set(new) == {*pending, "execution_id"}
    assert len(new["event_id"]) == 26
    order = new["order"]
    assert pending["order"] | {"status": "new"} == order
    assert order == {
        "id": placed["id"],
        "client_order_id": "mine-1",
        "created_at": placed["created_at"],
        "updated_at": placed["created_at"],
        "submitted_at": placed["created_at"],
        "filled_at": None,
        "expired_at": None,
        "cancel_requested_at": None,
        "canceled_at": None,
        "failed_at": None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": order["asset_id"],
        "symbol": "BTC/USD",
        "asset_class": "crypto",
        "notional": None,
        "qty": "0.5",
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "order_type": "limit",
        "type": "limit",
        "side": "buy",
        "position_intent": "buy_to_open",
        "time_in_force": "gtc",
        "limit_price": "60000",
        "stop_price": None,
        "status": "new",
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "expires_at": order["expires_at"],
    }
    assert parse_time(new["at"]) >= parse_time(new["timestamp"]) - 1_000


async def test_fills_tell_themselves_and_the_order_what_was_before(client: AlpacaClient) -> None:
    """Price and quantity are of one execution, the order's sums are cumulative, each has an id that the records share."""
    async with client.listening() as stream:
        job = await client.emitted(
            symbols=["AAPL"], count=4, orders=1, quantity="1.5", side="BUY", positions=False
        )
        fills = (await stream.wait_for("pending_new", "new", *["partial_fill"] * 3, "fill"))[2:]
    assert job["emitted"] == 4
    assert [fill["qty"] for fill in fills] == ["1.5"] * 4
    assert [fill["order"]["filled_qty"] for fill in fills] == ["1.5", "3", "4.5", "6"]
    assert [fill["order"]["status"] for fill in fills] == ["partially_filled"] * 3 + ["filled"]
    assert {fill["order"]["filled_avg_price"] for fill in fills} == {fills[0]["price"]}
    positions = [Decimal(fill["position_qty"]) for fill in fills]
    assert positions == [100_000 + Decimal("1.5") * count for count in range(1, 5)]
    rows = (await client.control("GET", "executions", user="demo"))["rows"]
    assert [(row[1], row[2]) for row in rows] == [
        (fill["order"]["id"], fill["execution_id"]) for fill in fills
    ]
    assert "swap_rate" not in fills[0]


async def test_fills_at_several_levels_shows_a_weighted_average(client: AlpacaClient) -> None:
    """A large market order fills at several prices; its average is theirs by weight, its settlement the same day."""
    async with client.listening() as stream:
        order = await client.ok(
            "POST",
            "orders",
            {"symbol": "ETH/USD", "qty": "50", "side": "sell", "type": "market", "time_in_force": "ioc"},
        )
        await stream.until(lambda: "fill" in stream.events(order["id"]))
        fills = stream.updates(order["id"])[2:]
    assert len(fills) > 1
    total = sum((Decimal(fill["price"]) * Decimal(fill["qty"]) for fill in fills), Decimal())
    assert abs(total / 50 - Decimal(fills[-1]["order"]["filled_avg_price"])) <= Decimal("0.0000000005")
    assert {fill["swap_rate"] for fill in fills} == {"1"}
    assert order["status"] == "pending_new"


async def test_order_by_amount_has_no_quantity(client: AlpacaClient) -> None:
    """A notional order shows its amount, and what it bought only as what was filled."""
    async with client.listening() as stream:
        await client.ok(
            "POST",
            "orders",
            {"symbol": "AAPL", "notional": "1000", "side": "buy", "type": "market", "time_in_force": "day"},
        )
        fill = (await stream.wait_for("pending_new", "new", "fill"))[-1]
    assert (fill["order"]["qty"], fill["order"]["notional"]) == (None, "1000")
    assert fill["order"]["filled_qty"] == fill["qty"] == "4.347637"


async def test_remainder_of_an_immediate_order_is_canceled(client: AlpacaClient) -> None:
    """An order that may not rest, and finds nothing, ends as canceled."""
    async with client.listening() as stream:
        await client.place("BTC/USD", "0.5", time_in_force="ioc")
        last = (await stream.wait_for("pending_new", "new", "canceled"))[-1]
    assert (last["order"]["status"], last["order"]["canceled_at"]) == ("canceled", last["timestamp"])


async def test_replacing_ends_the_old_order_and_begins_a_new_one(client: AlpacaClient) -> None:
    """The old one is replaced and names the new one, which has the whole quantity and names the old one."""
    async with client.listening() as stream:
        old = await client.place("AAPL", "10")
        new = await client.ok("PATCH", f"orders/{old['id']}", {"limit_price": "201.5"})
        await stream.wait_for("pending_new", "new", "replaced", "pending_new", "new")
        replaced = stream.updates(old["id"])[-1]
    assert (new["replaces"], new["limit_price"], new["qty"]) == (old["id"], "201.5", "10")
    assert replaced["order"]["replaced_by"] == new["id"]
    assert replaced["order"]["status"] == "replaced"
    assert stream.events(new["id"]) == ["pending_new", "new"]


async def test_equities_wait_for_their_market_and_expire_with_the_day(client: AlpacaClient) -> None:
    """Outside of hours an order is accepted only, cannot be replaced, and is routed at the open; at the close it expires."""
    async with client.listening() as stream:
        await client.control("POST", "session", {"open": False})
        day = await client.place("AAPL", "1", time_in_force="day")
        bought = await client.place("MSFT", "1", limit_price="500")
        gone, stays = await client.place("AAPL", "1"), await client.place("TSLA", "1")
        await client.place("BTC/USD", "0.5")
        assert (day["status"], (await client.ok("GET", f"orders/{day['id']}"))["status"]) == ("accepted",) * 2
        assert (await client.call("PATCH", f"orders/{day['id']}", {"qty": "2"}))[0] == 422
        assert not (await client.ok("GET", "clock"))["is_open"]
        await client.ok("DELETE", f"orders/{gone['id']}")
        await stream.wait_for(*["accepted"] * 4, "pending_new", "new", "canceled")
        await client.control("POST", "session", {"open": True})
        await client.control("POST", "session", {"open": False})
        await stream.wait_for("accepted", "pending_new", "new", "expired", order_id=day["id"])
        await stream.wait_for("accepted", "pending_new", "new", "fill", order_id=bought["id"])
        assert stream.events(gone["id"]) == ["accepted", "canceled"]
        assert stream.events(stays["id"]) == ["accepted", "pending_new", "new"]


# Faults


async def test_executions_are_redelivered_under_the_same_id(client: AlpacaClient) -> None:
    """After a fill the order's last messages come again: the same executions, with times and ids of their sending."""
    await client.fault("redeliver", times=1)
    async with client.listening() as stream:
        await client.place("BTC/USD", "0.1", limit_price="65000")
        updates = await stream.wait_for("pending_new", "new", "fill", "pending_new", "new", "fill")
    first, again = updates[2], updates[5]
    assert first["execution_id"] == again["execution_id"]
    assert first["event_id"] != again["event_id"]
    assert first["order"] == again["order"]


async def test_new_may_come_after_the_fill(client: AlpacaClient) -> None:
    """The message of an order's acceptance is overtaken."""
    await client.fault("late_new")
    async with client.listening() as stream:
        await client.place("BTC/USD", "0.1", limit_price="65000")
        await stream.wait_for("pending_new", "fill", "new")


async def test_execution_is_taken_back(client: AlpacaClient) -> None:
    """A bust has a negative quantity, names the execution, and takes what was filled back while the order stays filled."""
    async with client.listening() as stream:
        order = await client.place("AAPL", "2", limit_price="300")
        fill = (await stream.wait_for("pending_new", "new", "fill"))[-1]
        await client.control("POST", "bust", {"user": "demo"})
        bust = (await stream.wait_for("pending_new", "new", "fill", "trade_bust"))[-1]
    assert (bust["qty"], bust["price"], bust["position_qty"]) == ("-2", fill["price"], "100000")
    assert bust["previous_execution_id"] == fill["execution_id"] != bust["execution_id"]
    assert (bust["order"]["status"], bust["order"]["filled_qty"]) == ("filled", "0")
    assert (await client.ok("GET", f"orders/{order['id']}"))["filled_qty"] == "0"


async def test_old_format_lacks_what_is_sent_with_each_message(client: AlpacaClient) -> None:
    """Frames of 2022 have neither `at` nor `event_id`; some of their times are New York's."""
    await client.fault("old_format")
    await client.fault("mixed_offsets")
    async with client.listening() as stream:
        order = await client.place()
        update = (await stream.wait_for("pending_new", "new"))[-1]
    assert not {"at", "event_id"} & set(update)
    told = update["order"]["created_at"]
    assert told.endswith("-04:00")
    assert parse_time(told) == parse_time(order["created_at"])


async def test_error_is_told_before_the_venue_closes(client: AlpacaClient) -> None:
    """The error is the last message."""
    async with client.listening() as stream:
        await client.control("POST", "error", {"user": "demo"})
        await stream.until(lambda: stream.close_code is not None)
    assert stream.messages[-1] == {"action": "error", "data": {"error_message": "internal server error"}}


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"kind": "drop", "target": "execution"}, ["pending_new", "new"]),
        ({"kind": "duplicate", "target": "execution"}, ["pending_new", "new", "fill", "fill"]),
        ({"kind": "unknown_event", "target": "fill"}, ["pending_new", "new", "unheard_of", "fill"]),
        ({"kind": "corrupt", "how": "null_data", "target": "new"}, ["pending_new", "fill"]),
        ({"kind": "corrupt", "how": "truncated", "target": "execution"}, ["pending_new", "new"]),
    ],
)
async def test_frames_are_spoilt_on_demand(
    client: AlpacaClient, fault: dict[str, Any], seen: list[str]
) -> None:
    """What a client sees of an order that fills, under each fault."""
    await client.fault(**fault)
    async with client.listening() as stream:
        await client.place("BTC/USD", "0.1", limit_price="65000")
        await stream.send({"action": "listen", "data": {"streams": ["trade_updates"]}})
        await stream.until(lambda: any(m and m.get("stream") == "listening" for m in stream.messages))
        assert stream.events() == seen


async def test_silent_connection_answers_pings_unless_it_is_dead(
    sim: AlpacaSimulator, client: AlpacaClient
) -> None:
    """A stalled connection answers the client's pings and says nothing; a dead one does not even do that."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(sim.websocket_url, autoping=False) as socket,
    ):
        for message in (AUTH, LISTEN):
            await socket.send_json(message)
            await socket.receive_json(timeout=10)
        await client.control("POST", "stall", {"user": "demo", "seconds": 60})
        await client.place()
        await socket.ping(b"one")
        answer = await socket.receive(timeout=10)
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"one")
        await client.control("POST", "stall", {"user": "demo", "seconds": 60, "pings": False})
        await socket.ping(b"two")
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.3)
