"""What a gateway asks of a venue by HTTP: requests sent as they were signed, symbols and clock shared by all accounts."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal

import aiohttp
import pytest

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.errors import ConnectionLost, VenueError
from fillwire.domain.orders import OrderRequest
from fillwire.gateway import reference as reference_module
from fillwire.gateway import rest as rest_module
from fillwire.gateway.ban import Ban
from fillwire.gateway.rationing import RationedRest
from fillwire.gateway.reference import Reference
from fillwire.gateway.rest import RestClient
from fillwire.gateway.weights import WeightBudget
from fillwire.runtime.supervision import Supervisor
from fillwire.simulator.binance.server import BinanceSimulator
from fillwire.simulator.settings import LimitSettings, SimulatorSettings
from fillwire.venues.binance.venue import BinanceSpot
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.symbols import SymbolTable
from support.eventually import eventually


@asynccontextmanager
async def _answering(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve one answer to every request, or none at all; yields the address and what was asked, as it came."""
    asked: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is not None:
            writer.write(answer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


async def test_what_was_signed_is_sent_byte_for_byte() -> None:
    """Percent-encoding that a client would make prettier stays as it is, or the signature would not fit."""
    request = HttpRequest(
        method="GET",
        path="/api/v3/myTrades",
        query="symbol=%EF%BC%91%2F&x=a%20b&signature=a%2Bb%3D%3D",
        headers=(("X-MBX-APIKEY", "key"),),
    )
    answer = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\n{}"
    async with _answering(answer) as (url, asked), aiohttp.ClientSession() as session:
        response = await RestClient(session, "venue", url).send(request)
    lines = asked[0].split(b"\r\n")
    assert lines[0] == b"GET /api/v3/myTrades?symbol=%EF%BC%91%2F&x=a%20b&signature=a%2Bb%3D%3D HTTP/1.1"
    assert b"X-MBX-APIKEY: key" in lines
    assert (response.status, response.body, response.retry_after_s) == (429, b"{}", 7.0)


async def test_redirects_are_answers_not_instructions() -> None:
    """A key is sent where the configuration says, and nowhere else."""
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with _answering(answer) as (url, asked), aiohttp.ClientSession() as session:
        response = await RestClient(session, "venue", url).send(HttpRequest(method="GET", path="/"))
    assert (response.status, len(asked)) == (302, 1)


async def test_a_venue_that_does_not_answer_is_waited_for_no_longer_than_said() -> None:
    """The deadline covers everything, and the error says what was asked."""
    async with _answering(None) as (url, _), aiohttp.ClientSession() as session:
        with pytest.raises(ConnectionLost, match=r"venue: /api/v3/time not answered within 0\.1 s"):
            await RestClient(session, "venue", url).send(
                HttpRequest(method="GET", path="/api/v3/time"), timeout_s=0.1
            )


async def test_a_venue_that_is_away_is_a_lost_connection() -> None:
    """Nobody listens: a sentence with what was asked and why it could not be."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ConnectionLost, match="venue: /x cannot be asked: "):
            await RestClient(session, "venue", "http://127.0.0.1:1").send(
                HttpRequest(method="GET", path="/x")
            )


async def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body beyond the bound is refused before it fills the memory."""
    monkeypatch.setattr(rest_module, "MAX_BODY_BYTES", 100)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101
    async with _answering(answer) as (url, _), aiohttp.ClientSession() as session:
        with pytest.raises(ConnectionLost, match="/x answers more than 100 bytes"):
            await RestClient(session, "venue", url).send(HttpRequest(method="GET", path="/x"))


class CountedVenue(BinanceSpot):
    """Binance, counting how often its symbols and its time are asked for."""

    def __init__(self) -> None:
        self.symbols_asked = 0
        self.times_asked = 0

    def symbols_request(self) -> HttpRequest:
        """Count."""
        self.symbols_asked += 1
        return super().symbols_request()

    def time_request(self) -> HttpRequest:
        """Count."""
        self.times_asked += 1
        return super().time_request()


@asynccontextmanager
async def _referring(
    *, skew_ms: int = 0, symbols_pause_s: float = 0.0
) -> AsyncIterator[tuple[Reference, CountedVenue, BinanceSimulator]]:
    supervisor = Supervisor()
    async with (
        BinanceSimulator(SimulatorSettings(skew_ms=skew_ms)) as simulator,
        aiohttp.ClientSession() as session,
    ):
        venue = CountedVenue()
        reference = Reference(
            venue,
            "simulated",
            RationedRest(
                venue, RestClient(session, "binance", simulator.rest_url), WeightBudget(6000), Ban("binance")
            ),
            symbols_pause_s=symbols_pause_s,
        )
        reference.start(supervisor)
        try:
            yield reference, venue, simulator
        finally:
            await reference.stop()
            supervisor.close()


async def test_many_accounts_ask_once() -> None:
    """Symbols and clock are fetched for the first account and shared with those that come meanwhile and after."""
    async with _referring(skew_ms=5000) as (reference, venue, _):
        assert reference.clock_offset_ns is None
        tables = await asyncio.gather(*(reference.ready() for _ in range(20)))
        assert len({id(table) for table in tables}) == 1
        assert tables[0].pairs["BTCUSDT"] == "BTC-USDT"
        assert await reference.ready() is tables[0]
        assert venue.symbols_asked == 1
        assert venue.times_asked == 5
        assert reference.clock_offset_ns is not None
        assert abs(reference.clock_offset_ns - 5_000_000_000) < 500_000_000


async def test_fills_are_read_while_the_table_is() -> None:
    """It is megabytes: the loop turns meanwhile."""
    turned = threading.Event()

    class Slow(BinanceSpot):
        def read_symbols(self, response: HttpResponse) -> SymbolTable:
            loop.call_soon_threadsafe(turned.set)
            assert turned.wait(5.0), "the loop stood still"
            return super().read_symbols(response)

    loop = asyncio.get_running_loop()
    async with (
        BinanceSimulator(SimulatorSettings()) as simulator,
        aiohttp.ClientSession() as session,
    ):
        venue = Slow()
        rest = RationedRest(
            venue, RestClient(session, "binance", simulator.rest_url), WeightBudget(6000), Ban("binance")
        )
        assert await Reference(venue, "simulated", rest).fetch_symbols()


async def test_a_table_that_is_fetched_anew_is_told() -> None:
    """Connections read by the new table; a stream of unknown symbols has it fetched once a pause, not once a frame."""
    told = list[SymbolTable]()
    async with _referring(symbols_pause_s=0.2) as (reference, venue, _):
        await reference.ready()
        reference.on_symbols.append(told.append)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.gather(*(reference.fetch_symbols() for _ in range(50)))
        assert venue.symbols_asked == 2
        assert loop.time() - began >= 0.15
        assert len(told) == 1


async def test_a_measurement_made_elsewhere_is_taken_and_told() -> None:
    """A connection whose timestamp was refused has measured: everybody signs by it."""
    told: list[int] = []
    async with _referring() as (reference, _, _):
        reference.on_clock.append(told.append)
        reference.use_clock(-60_000_000_000)
        assert reference.clock_offset_ns == -60_000_000_000
        assert told == [-60_000_000_000]


async def test_a_venue_that_fails_leaves_what_is_known() -> None:
    """Fetching again fails with the venue's error; the table of before still serves, and the next fetch may succeed."""
    async with _referring() as (reference, _, simulator):
        table = await reference.ready()
        await simulator.stop()
        with pytest.raises(VenueError, match="cannot be asked"):
            await reference.fetch_symbols()
        assert await reference.ready() is table
        await eventually(lambda: reference.clock_offset_ns is not None)


async def test_what_may_be_asked_in_a_minute_is_what_the_venue_says() -> None:
    """With the symbols the venue tells its limits, and our share of the weight goes by them from then on."""
    limits = LimitSettings(weight_per_minute=12_000)
    async with (
        BinanceSimulator(SimulatorSettings(limits=limits)) as simulator,
        aiohttp.ClientSession() as session,
    ):
        venue, weights = BinanceSpot(), WeightBudget(6000)
        rest = RationedRest(
            venue, RestClient(session, "binance", simulator.rest_url), weights, Ban("binance")
        )
        weights.count(3_600)
        await Reference(venue, "simulated", rest).fetch_symbols()
        async with asyncio.timeout(1.0):  # not until the next minute
            await weights.spend(3_000)


async def test_an_order_that_breaks_a_rule_has_an_old_table_fetched_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The venue may have changed it: once while it is fetched, and not at all while the table is fresh."""
    order = OrderRequest(
        client_order_id="grid-1",
        pair="BTC-USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        quantity=Decimal("0.001"),
        price=Decimal("60000.001"),
    )
    async with _referring(symbols_pause_s=0.0) as (reference, venue, _):
        assert reference.broken_rule(order) is None  # nothing is known yet
        await reference.ready()
        assert "price is 60000.001" in (reference.broken_rule(order) or "")
        assert reference.broken_rule(replace(order, price=Decimal(60000))) is None
        assert venue.symbols_asked == 1
        monkeypatch.setattr(reference_module, "SYMBOLS_FRESH_S", 0.0)
        for _ in range(3):
            assert reference.broken_rule(order) is not None
        await eventually(lambda: venue.symbols_asked == 2, what="the symbols fetched again")
