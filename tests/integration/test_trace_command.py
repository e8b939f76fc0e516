"""`fillwire trace` against a real broker: what a name means, and what is said when it means nothing or too much."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web

from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.enums import Kind
from fillwire.domain.identifiers import Account
from fillwire.wire.codec import encode_order
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.subjects import order_subject
from support.order_events import order_event
from support.processes import python
from support.publishing import publish

BOB = Account("bob", "coinbase", "live")


async def _trace(broker: EmbeddedServer, *arguments: str, status: int = 0) -> tuple[str, str]:
    """Run the command to its end and return what it said on both streams."""
    async with python("-m", "fillwire", "trace", *arguments, "--nats", broker.url) as process:
        assert await process.ended() == status, process.errors
        return "\n".join(process.lines), "\n".join(process.errors)


async def _documents(broker: EmbeddedServer, *arguments: str) -> list[dict[str, Any]]:
    lines, _ = await _trace(broker, *arguments, "--json")
    found: list[dict[str, Any]] = orjson.loads(lines)
    return found


@pytest.fixture
async def log(broker: EmbeddedServer, bus: Bus) -> EmbeddedServer:
    """Return a broker whose log has two orders of Alice, and one of Bob whose trade has the number of one of hers."""
    now_ns = time.time_ns()
    await publish(
        bus,
        order_event(order_id="11", trade=None, kind=Kind.NEW, cumulative="0", received_time_ns=now_ns),
        order_event(
            order_id="11", trade=101, kind=Kind.PARTIALLY_FILLED, cumulative="0.2", received_time_ns=now_ns
        ),
        order_event(order_id="11", trade=102, received_time_ns=now_ns),
        order_event(order_id="12", trade=103, client_order_id="mine-2", received_time_ns=now_ns),
        order_event(account=BOB, order_id="13", trade=103, client_order_id="his", received_time_ns=now_ns),
    )
    return broker


async def test_a_trade_is_shown_step_by_step_from_the_log_alone(log: EmbeddedServer) -> None:
    """Nothing is needed but the broker."""
    printed, _ = await _trace(log, "102")
    assert printed.startswith("trade 102: 0.5 at 64000, order 11 filled; alice@binance/live, BTC-USDT buy;")
    assert [line.strip().split("  ")[0] for line in printed.splitlines()[3:7]] == [
        "emit binance",
        "receive",
        "parse",
        "publish orders",
    ]
    assert "ask Jaeger with --jaeger" in printed
    (document,) = await _documents(log, "102")
    assert (document["trade_id"], document["source"]) == ("102", "log")
    assert all(span["end_ns"] >= span["start_ns"] > 0 for span in document["spans"])


@pytest.mark.parametrize("name", ["11", "binance:live:alice:BTCUSDT:11"])
async def test_an_order_is_shown_with_all_that_became_of_it(log: EmbeddedServer, name: str) -> None:
    """By its id, or by the part of the event ids that names it."""
    found = await _documents(log, name)
    assert [(one["kind"], one["trade_id"]) for one in found] == [
        ("new", None),
        ("partially_filled", "101"),
        ("filled", "102"),
    ]


async def test_a_name_that_several_have_lists_them_and_each_can_be_chosen(log: EmbeddedServer) -> None:
    """Trade ids are unique within an exchange at best."""
    _, said = await _trace(log, "103", status=1)
    first, *candidates = said.splitlines()
    assert first.startswith("fillwire: '103' names 2 trades or orders: expected one of these names instead")
    names = [line.removeprefix("fillwire: ").split()[0] for line in candidates]
    assert names == ["binance:live:alice:BTCUSDT:12:103", "coinbase:live:bob:BTCUSDT:13:103"]
    assert "trade of bob@coinbase/live, BTC-USDT" in candidates[1]
    for options in (names[1:], ["103", "--exchange", "coinbase"], ["103", "--user", "bob"], ["his"]):
        (found,) = await _documents(log, *options)
        assert found["event_id"] == names[1], options


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["99"],
            r"found no trade or order '99' in the log \(since .* UTC\): expected a trade id, .*; --since looks",
        ),
        (["102", "--pair", "ETH-USDT"], r"found no trade or order '102' in the log \(pair ETH-USDT, since"),
        (["alice"], "found no trade or order 'alice'"),
        (["102", "--jaeger", "http://127.0.0.1:1"], "cannot ask Jaeger at http://127.0.0.1:1: "),
    ],
)
async def test_what_is_not_there_is_said_in_a_sentence(
    log: EmbeddedServer, arguments: list[str], said: str
) -> None:
    """With what was looked for, and where."""
    printed, errors = await _trace(log, *arguments, status=1)
    assert printed == ""
    assert re.match(f"fillwire: {said}", errors), errors


async def test_a_dead_letter_that_was_given_back_is_not_the_fill(log: EmbeddedServer, bus: Bus) -> None:
    """It was stored hours after the fill, with the fill's own stamps: what it would show never happened."""
    event = order_event(order_id="14", trade=104, received_time_ns=time.time_ns())
    async with OrderedPublisher(bus) as publisher:
        subject = order_subject(event.account, event.pair, event.kind)
        publisher.submit("14", subject, encode_order(event), "a replay", {REPLAY_FOR: "alice=grid"})
        assert await publisher.flush(20.0) == 0
    _, errors = await _trace(log, "104", status=1)
    assert "found no trade or order '104'" in errors


async def test_a_broker_without_a_log_says_so(broker: EmbeddedServer) -> None:
    """No gateway has ever run there."""
    _, errors = await _trace(broker, "1", status=1)
    assert errors == "fillwire: the broker has no log of order events: no gateway has ever run here"


@pytest.mark.parametrize("url", ["foo", "ftp://127.0.0.1", "http://"])
async def test_an_address_that_is_none_is_refused(log: EmbeddedServer, url: str) -> None:
    """Before anything is asked."""
    _, errors = await _trace(log, "102", "--jaeger", url, status=2)
    assert errors == f"fillwire: --jaeger is {url!r}: expected an address such as http://127.0.0.1:16686"


@asynccontextmanager
async def _site(status: int, text: str) -> AsyncIterator[str]:
    """Run a web server that answers everything with the same, and yield its address."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "text", "said"),
    [
        (200, "<html>", "is not Jaeger's query API: expected the address of its user interface"),
        (404, "not found", "is not Jaeger's query API"),
        (404, "{}", "is not Jaeger's query API"),
        (200, "[]", "is not Jaeger's query API"),
        (500, '{"error": {"httpCode": 500}}', "answers with status 500: expected 200"),
    ],
)
async def test_what_is_no_jaeger_is_found_out(log: EmbeddedServer, status: int, text: str, said: str) -> None:
    """Another service at that address is not taken for a Jaeger that has no such trace."""
    async with _site(status, text) as url:
        _, errors = await _trace(log, "102", "--jaeger", url, status=1)
    assert said in errors


async def test_a_trace_that_jaeger_does_not_have_is_told_from_the_log(log: EmbeddedServer) -> None:
    """And the reader is told so."""
    async with _site(404, '{"error": {"httpCode": 404, "message": "No traces found"}}') as url:
        (found,) = await _documents(log, "102", "--jaeger", url)
    assert found["source"] == "log"
    assert found["note"].startswith("Jaeger has no such trace")
