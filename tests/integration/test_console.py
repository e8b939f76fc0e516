"""The console by HTTP: who gets in, what each is told, and what cannot be done to it from elsewhere."""

import asyncio
from dataclasses import replace
from ipaddress import ip_network

import aiohttp
import pytest

from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.console.scope import KEPT_EVENTS, Scope
from fillwire.console.sessions import ATTEMPTS
from fillwire.domain.enums import ConnectionState
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.runtime import metric_names as names
from fillwire.runtime.metrics import Measures, Metric
from fillwire.runtime.settings import ConsoleSettings
from fillwire.sdk.desired import Wish
from fillwire.wire.subjects import account_tokens
from support.broker import ConnectBus
from support.console import ADMIN_TOKEN, ALICE_TOKEN, BOB_TOKEN, ONCE_TOKEN, console, visitor
from support.eventually import eventually
from support.order_events import ALICE, EPOCH_NS, connection_event, order_event
from support.publishing import publish, publish_connection

BOB = Account("bob", "binance", "live")


async def wish(bus: Bus, account: Account, bots: int) -> None:
    """Say that bots listen to an account, or that none does any more."""
    bucket, key = Bucket(bus, DESIRED), f"{account_tokens(account)}.host"
    if bots:
        await bucket.put(key, Wish(("BTC-USDT",), bots).encode(), ttl_s=60)
    else:
        await bucket.delete(key)


async def test_the_page_and_nothing_else_is_for_everybody(bus: Bus) -> None:
    """Page and scripts come without login and with all headers; each question is refused, and nothing of data is kept."""
    async with console(bus) as made, visitor(made) as guest:
        for path in ("/", "/app.js", "/style.css", "/icon.svg"):
            async with guest.http.get(made.address + path) as response:
                assert response.status == 200
                policy = response.headers["Content-Security-Policy"]
                assert "unsafe-inline" not in policy
                assert "frame-ancestors 'none'" in policy
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Referrer-Policy"] == "no-referrer"
        for path in ("/api/me", "/api/stream"):
            async with guest.http.get(made.address + path) as response:
                assert response.status == 401
                assert response.headers["Cache-Control"] == "no-store"
                assert "Content-Security-Policy" in response.headers
        assert (await guest.post("/api/logout"))[0] == 401
        assert (await guest.get("/../../etc/passwd"))[0] == 404


async def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_have(bus: Bus) -> None:
    """The cookie is HttpOnly and SameSite=Strict; beyond this machine it is Secure, too."""
    async with console(bus) as made, aiohttp.ClientSession() as http:
        async with http.post(f"{made.address}/api/login", json={"token": ALICE_TOKEN}) as response:
            cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "Secure" not in cookie
    async with console(bus, host="0.0.0.0") as made, aiohttp.ClientSession() as http:  # noqa: S104 - the case at hand
        address = made.address.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - as above
        async with http.post(f"{address}/api/login", json={"token": ALICE_TOKEN}) as response:
            cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie


async def test_guessing_tokens_is_slowed(bus: Bus) -> None:
    """After some wrong tokens an address waits, even with the right one; the answer does not show the token."""
    async with console(bus) as made, visitor(made) as guest:
        for _ in range(ATTEMPTS):
            assert await guest.log_in("a-token-that-nobody-has") == 401
        status, body = await guest.post("/api/login", {"token": ALICE_TOKEN})
        assert status == 429
        assert ALICE_TOKEN not in str(body)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "is_waiting"),
    [
        (("127.0.0.0/8",), "203.0.113.7", False),  # another visitor of the proxy
        (("127.0.0.0/8",), "203.0.113.9", True),
        (("127.0.0.0/8",), "203.0.113.7, 203.0.113.9", True),  # what stands before, the visitor has written
        (("127.0.0.0/8", "10.0.0.0/8"), "203.0.113.7, 10.1.2.3", False),  # by two proxies
        ((), "203.0.113.7", True),  # nobody is believed
        (("10.0.0.0/8",), "203.0.113.7", True),
    ],
)
async def test_who_guesses_behind_a_proxy_keeps_nobody_else_out(
    bus: Bus, trusted: tuple[str, ...], forwarded: str, *, is_waiting: bool
) -> None:
    """One visitor of a proxy has guessed too often: who waits is who comes from the same address."""
    proxies = tuple(ip_network(network) for network in trusted)
    async with console(bus, trusted_proxies=proxies) as made, aiohttp.ClientSession() as http:

        async def log_in(token: str, from_address: str) -> int:
            headers = {"X-Forwarded-For": from_address}
            async with http.post(
                f"{made.address}/api/login", json={"token": token}, headers=headers
            ) as response:
                return response.status

        for _ in range(ATTEMPTS):
            assert await log_in("a-token-that-nobody-has", "203.0.113.9") == 401
        assert await log_in(ALICE_TOKEN, forwarded) == (429 if is_waiting else 200)


async def test_a_token_for_one_login_opens_one_session(bus: Bus) -> None:
    """The link of a demo works once; the session it opened goes on."""
    async with console(bus) as made, visitor(made, ONCE_TOKEN) as first, visitor(made) as second:
        assert await second.log_in(ONCE_TOKEN) == 401
        assert (await first.get("/api/me"))[1]["user"] == "alice"


async def test_logging_out_ends_the_stream_and_the_session(bus: Bus) -> None:
    """After a logout the stream is closed by the server and the cookie opens nothing."""
    async with console(bus) as made, visitor(made, ALICE_TOKEN) as alice:
        stream = await alice.listen()
        kept = {cookie.key: cookie.value for cookie in alice.http.cookie_jar}
        assert (await alice.post("/api/logout"))[0] == 200
        async with asyncio.timeout(5):
            await stream.task
        assert stream.told[-1][0] == "ended"
        header = "; ".join(f"{name}={value}" for name, value in kept.items())
        assert (await alice.get("/api/me", {"Cookie": header}))[0] == 401


async def test_a_session_expires(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session past its time is none, and its stream ends by itself."""
    async with console(bus) as made, visitor(made, ALICE_TOKEN) as alice:
        stream = await alice.listen()
        session = next(iter(made._sessions._sessions.values()))
        monkeypatch.setattr(session, "expires_s", asyncio.get_running_loop().time())
        await publish(bus, order_event())  # so that the stream looks at the time before its next quiet word
        async with asyncio.timeout(5):
            await stream.task
        assert (await alice.get("/api/me"))[0] == 401


async def test_a_page_of_another_site_changes_nothing(bus: Bus) -> None:
    """A request with the cookie but from another origin, as a form, or without the session's token is refused."""
    async with console(bus) as made, visitor(made, ALICE_TOKEN) as alice:
        token, alice.csrf = alice.csrf, ""
        assert (await alice.post("/api/logout"))[0] == 403
        alice.csrf = token + "x"
        assert (await alice.post("/api/logout"))[0] == 403
        alice.csrf = token
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await alice.post("/api/logout", headers=headers))[0] == 403
            assert await alice.log_in(ALICE_TOKEN, headers) == 403
            assert (await alice.get("/api/me", headers))[0] == 403
        async with alice.http.post(f"{made.address}/api/login", data={"token": ALICE_TOKEN}) as response:
            assert response.status == 415
        assert (await alice.get("/api/me"))[0] == 200


async def test_an_origin_that_is_no_address_is_another_site(bus: Bus) -> None:
    """Whoever writes nonsense into that header is refused, and makes no noise in the log."""
    async with console(bus) as made, visitor(made) as guest:
        assert await guest.log_in(ALICE_TOKEN, {"Origin": "http://["}) == 403


async def test_users_are_told_their_own_and_an_administrator_everything(bus: Bus) -> None:
    """The state and the stream hold what the viewer's own accounts do: before the page was opened, and after."""
    await publish(bus, order_event(order_id="a1"), order_event(account=BOB, order_id="b1"))
    for account in (ALICE, BOB):
        await publish_connection(bus, connection_event(ConnectionState.RECEIVING, account=account))
    async with (
        console(bus) as made,
        visitor(made, ALICE_TOKEN) as alice,
        visitor(made, BOB_TOKEN) as bob,
        visitor(made, ADMIN_TOKEN) as admin,
    ):
        seen = {name: await who.listen() for name, who in (("a", alice), ("b", bob), ("all", admin))}
        assert (await alice.get("/api/me"))[1]["role"] == "user"
        assert (await admin.get("/api/me"))[1]["role"] == "admin"
        await publish(bus, order_event(order_id="a2"), order_event(account=BOB, order_id="b2"))
        await wish(bus, BOB, 1)
        await publish_connection(
            bus, connection_event(ConnectionState.RECONNECTING, account=BOB, gateway="gateway-2")
        )
        await eventually(lambda: len(seen["all"].events) == 4)
        await eventually(lambda: seen["b"].accounts[account_tokens(BOB)]["is_lost"])
        await eventually(lambda: len(seen["a"].events) == len(seen["b"].events) == 2)
        assert [event["order_id"] for event in seen["a"].events] == ["a1", "a2"]
        assert [event["order_id"] for event in seen["b"].events] == ["b1", "b2"]
        assert set(seen["a"].accounts) == {account_tokens(ALICE)}
        assert set(seen["b"].accounts) == {account_tokens(BOB)}
        assert set(seen["all"].accounts) == {account_tokens(ALICE), account_tokens(BOB)}
        assert "bob" not in str(seen["a"].told)


async def test_an_event_that_is_told_twice_is_shown_once(bus: Bus) -> None:
    """What the broker tells again, or the log and the live subject both tell, is one event."""
    await publish(bus, order_event(order_id="1"))
    async with console(bus) as made, visitor(made, ALICE_TOKEN) as alice:
        stream = await alice.listen()
        await publish(bus, order_event(order_id="1"), order_event(order_id="2"))
        await eventually(lambda: len(stream.events) >= 2)
        assert [event["order_id"] for event in stream.events] == ["1", "2"]


async def test_detection_is_lost_while_a_bot_listens_and_nothing_is_received(bus: Bus) -> None:
    """An account is said to be lost from the wish of a bot until it receives, and again when its gateway goes silent."""
    key = account_tokens(ALICE)
    async with console(bus) as made, visitor(made, ALICE_TOKEN) as alice:
        stream = await alice.listen()
        assert stream.accounts == {}

        async def becomes(*, lost: bool) -> None:
            await eventually(lambda: key in stream.accounts and stream.accounts[key]["is_lost"] is lost)

        await wish(bus, ALICE, 2)
        await becomes(lost=True)
        receiving = connection_event(ConnectionState.RECEIVING, time_ns=1_800_000_000_000_000_000)
        await publish_connection(bus, receiving)
        await becomes(lost=False)
        again = replace(receiving, state=ConnectionState.RECONNECTING, reason="socket closed")
        await publish_connection(bus, again)
        await becomes(lost=True)
        assert stream.accounts[key]["connection"]["reason"] == "socket closed"
        await publish_connection(bus, receiving, ttl_s=1.0)  # and then the gateway says nothing more
        await becomes(lost=False)
        await becomes(lost=True)
        assert stream.accounts[key]["is_silent"]
        await wish(bus, ALICE, 0)
        await becomes(lost=False)
        assert stream.accounts[key]["is_gone"]


async def test_a_page_that_is_too_slow_is_told_how_much_it_missed_and_begins_anew(bus: Bus) -> None:
    """What waits for a page is bounded; beyond it the page gets the newest state and the number of what it missed."""
    async with console(bus, capacity=20) as made, visitor(made, ALICE_TOKEN) as alice:
        stream = await alice.listen()
        await publish(bus, *(order_event(order_id=str(number)) for number in range(300)))
        await eventually(lambda: any(event["order_id"] == "299" for event in stream.events))
        states = stream.all("state")
        assert len(states) >= 2
        dropped = sum(state["dropped"] for state in states)
        told = sum(len(batch) for batch in stream.all("events"))
        assert dropped > 0
        assert dropped + told == 300
        assert [event["order_id"] for event in states[-1]["events"]][-1] >= "250"


async def test_a_page_that_stands_still_is_kept_waiting_in_bounds_and_then_told(bus: Bus) -> None:
    """Who reads nothing for a while, with the socket full, finds the newest state and the count of the rest."""
    async with console(bus, capacity=500) as made, visitor(made, ALICE_TOKEN) as alice:
        response = await alice.http.get(f"{made.address}/api/stream")
        scope = next(iter(made._scopes._scopes.values()))
        (client,) = scope._clients
        number = 0
        async with asyncio.timeout(40):
            # Which only a writer that waits for the socket lets happen: it would take what waits ten times a second.
            while client._dropped_count < 20_000:
                batch = [order_event(order_id=str(number + more)) for more in range(500)]
                await publish(bus, *batch)
                number += len(batch)
                assert len(client._events) <= 500
        stream = await alice.hear(response)  # and only now reads
        await eventually(lambda: len(stream.all("state")) >= 2, 20)
        await publish(bus, order_event(order_id="last"))
        await eventually(lambda: stream.events[-1]["order_id"] == "last")
        dropped = sum(state["dropped"] for state in stream.all("state"))
        assert dropped > 0
        assert dropped + sum(map(len, stream.all("events"))) == number + 1


async def test_a_page_hears_that_the_broker_is_away_and_then_what_happened(
    broker: EmbeddedServer, connect_bus: ConnectBus, bus: Bus
) -> None:
    """While the broker is away the page is told so; when it is back, the state is told anew."""
    async with console(await connect_bus("console")) as made, visitor(made, ALICE_TOKEN) as alice:
        stream = await alice.listen()
        await broker.stop()
        await eventually(lambda: {"is_connected": False} in stream.all("broker"))
        await broker.start()
        await eventually(lambda: bus.is_connected)
        await publish(bus, order_event(order_id="after"))
        await eventually(lambda: stream.all("broker")[-1] == {"is_connected": True}, 20)
        await eventually(lambda: [event["order_id"] for event in stream.events][-1:] == ["after"], 20)
        assert len(stream.all("state")) >= 2


@pytest.mark.usefixtures("bus")
async def test_a_page_is_not_told_that_a_broker_is_back_that_went_again(
    broker: EmbeddedServer, connect_bus: ConnectBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there for long enough to connect, and not for reading the log."""
    of_console = await connect_bus("console")
    looks_back = Scope._look_back

    async def look_back(scope: Scope) -> None:
        if going_again.is_set():
            going_again.clear()
            await broker.stop()
            await eventually(lambda: not of_console.is_connected)
        await looks_back(scope)

    going_again = asyncio.Event()
    monkeypatch.setattr(Scope, "_look_back", look_back)
    async with console(of_console) as made, visitor(made, ALICE_TOKEN) as alice:
        stream = await alice.listen()
        going_again.set()
        await broker.stop()
        await broker.start()
        await eventually(lambda: len(stream.all("state")) >= 2, 30)
        assert {"is_connected": True} not in stream.all("broker")
        await broker.start()
        await eventually(lambda: stream.all("broker")[-1] == {"is_connected": True}, 20)


async def test_what_is_told_while_the_log_is_read_is_shown(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page begins with the newest events: what the log has from before does not push them out."""
    look_back = Scope._look_back

    async def look_back_late(scope: Scope) -> None:
        newest = order_event(order_id="meanwhile", received_time_ns=EPOCH_NS + 2_000_000_000)
        await publish(bus, newest)
        await eventually(lambda: bool(scope._events))
        await look_back(scope)

    monkeypatch.setattr(Scope, "_look_back", look_back_late)
    await publish(bus, *(order_event(order_id=str(number)) for number in range(KEPT_EVENTS)))
    async with console(bus) as made, visitor(made, ALICE_TOKEN) as alice:
        events = (await alice.listen()).events
        assert len(events) == KEPT_EVENTS
        assert events[-1]["order_id"] == "meanwhile"


async def test_pages_that_are_opened_at_once_are_counted(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait for each other until what they show is known; there are no more of them than the bound for that."""
    monkeypatch.setattr("fillwire.console.streaming.MAX_CLIENTS_OF_ONE", 2)
    async with console(bus) as made, visitor(made, ALICE_TOKEN) as alice:
        path = f"{made.address}/api/stream"
        answers = await asyncio.gather(*(alice.http.get(path) for _ in range(5)))
        assert sorted(answer.status for answer in answers) == [200, 200, 503, 503, 503]
        assert made._scopes.count() == 2
        for answer in answers:
            answer.close()


async def test_nobody_is_followed_when_no_page_is_open(bus: Bus) -> None:
    """When the last page of a user is closed, the user's subjects are followed no more."""
    async with console(bus) as made:
        async with visitor(made, ALICE_TOKEN) as alice:
            await alice.listen()
            assert made._scopes.count() == 1
        await publish(bus, order_event())  # a page that has gone is noticed when it is told something
        await eventually(lambda: made._scopes._scopes == {}, 20)


async def test_a_console_for_nobody_does_not_start(bus: Bus) -> None:
    """Without users there is no console, and the sentence says what is expected."""
    with pytest.raises(ConfigError, match="expected users who may log in"):
        async with console(bus, users=()):
            raise AssertionError("it started")


def test_tokens_are_long_and_of_one_user() -> None:
    """A short token and one that two have are refused by the settings."""
    with pytest.raises(ValueError, match="at least 16"):
        ConsoleSettings.model_validate({"users": [{"user": "alice", "token": "short"}]})
    twice = [{"user": user, "token": "0123456789abcdef"} for user in ("alice", "bob")]
    with pytest.raises(ValueError, match="found one twice"):
        ConsoleSettings.model_validate({"users": twice})


async def test_the_console_says_what_it_is_in_numbers(bus: Bus) -> None:
    """Pages, logins by what became of them, answers, and what slow pages were not told."""
    async with console(bus, capacity=20) as made, visitor(made) as guest, visitor(made, ALICE_TOKEN) as alice:

        def said(metric: Metric, *labels: str) -> object:
            measures = Measures()
            made.measure(measures)
            return measures.families[metric.name].points[labels]

        for _ in range(ATTEMPTS + 1):
            await guest.log_in("a-token-that-nobody-has")
        assert (await guest.get("/api/me"))[0] == 401
        stream = await alice.listen()
        assert said(names.CONSOLE_LOGINS, "opened") == 1
        assert said(names.CONSOLE_LOGINS, "refused") == ATTEMPTS
        assert said(names.CONSOLE_LOGINS, "delayed") == 1
        assert said(names.CONSOLE_SESSIONS) == said(names.CONSOLE_STREAMS) == 1
        assert said(names.CONSOLE_REQUESTS, "2xx") == 1  # the login; the stream has not ended
        assert said(names.CONSOLE_REQUESTS, "4xx") == ATTEMPTS + 2
        assert said(names.CONSOLE_DROPPED) == 0
        await publish(bus, *(order_event(order_id=str(number)) for number in range(300)))
        await eventually(lambda: any(event["order_id"] == "299" for event in stream.events))
        dropped = sum(state["dropped"] for state in stream.all("state"))
        assert said(names.CONSOLE_DROPPED) == dropped > 0
        assert (await alice.post("/api/logout"))[0] == 200
        await eventually(lambda: said(names.CONSOLE_STREAMS) == 0)
        assert said(names.CONSOLE_SESSIONS) == 0
        assert said(names.CONSOLE_DROPPED) == dropped
        await eventually(lambda: said(names.CONSOLE_REQUESTS, "2xx") == 3)
