"""Why a venue does not answer, told apart by what really happened on the way to it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from fillwire.cli.doctor.advice import refused
from fillwire.cli.doctor.findings import Verdict
from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.gateway.driver import Driver
from fillwire.gateway.rest import RestClient
from fillwire.runtime.ports import free_ports
from fillwire.venues.binance.venue import BinanceSpot
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.protocol import ConnectionLimits, Event, HttpAsk
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueKey
from support.binance_keys import API_KEY, HMAC_SECRET
from support.certificates import self_signed

EXPECTED = {
    "no name": "the name no-such-venue.invalid has no address",
    "nobody": "refuses the connection",
    "silence": "does not answer in time",
    "hang up": "does not answer as the venue does",
    "plain text": "speaks no TLS that this machine understands",
    "own certificate": "shows a certificate that this machine does not trust",
}


def _unknown(path: Path) -> ssl.SSLContext:
    """Return the context of a server whose certificate nobody else has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(path / "own.pem"))
    return context


@asynccontextmanager
async def _place(kind: str, path: Path) -> AsyncIterator[tuple[bool, str, int]]:
    """Yield whether TLS is spoken to it, host and port of a place of this kind."""
    if kind == "no name":
        yield True, "no-such-venue.invalid", 443
        return
    if kind == "nobody":
        yield False, "127.0.0.1", free_ports(1)[0]
        return
    held: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        if kind == "silence":
            return
        await reader.read(1)
        if kind == "plain text":
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    tls = _unknown(path) if kind == "own certificate" else None
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield kind in {"plain text", "own certificate"}, "localhost", server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in held:
            writer.close()


async def _ask(url: str) -> Verdict:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(VenueError) as caught:
            await RestClient(session, "binance", url).send(
                HttpRequest(method="GET", path="/t"), timeout_s=1.0
            )
    return refused(caught.value, url, "live")


class _Owner:
    """Hears of nothing, for no connection comes so far."""

    def opened(self) -> None:
        """Not called."""

    def receive(self, events: list[Event], frame_bytes: int) -> None:
        """Not called."""

    def ask(self, asks: list[HttpAsk]) -> None:
        """Not called."""

    def after_read(self) -> None:
        """Not called."""


async def _dial(url: str) -> Verdict:
    venue = BinanceSpot()
    endpoints = Endpoints(websocket_url=url, rest_url="https://localhost")
    key = VenueKey(api_key=API_KEY, secret=HMAC_SECRET)
    protocol = venue.account(Account("demo", "binance", "live"), key, endpoints).protocol(
        symbols=SymbolTable.of([]),
        pairs=frozenset(),
        limits=ConnectionLimits(
            connect_timeout_ns=10**9,
            heartbeat_interval_ns=10**9,
            lifetime_ns=10**12,
            order_timeout_ns=10**9,
            max_pending_orders=1,
        ),
        clock_offset_ns=0,
        dialled_ns=time.time_ns(),
    )
    driver = Driver(venue="binance", protocol=protocol, owner=_Owner(), explain=venue.error)
    with pytest.raises(VenueError) as caught:
        await driver.dial(url, 1.0, ssl.create_default_context() if url.startswith("wss") else None)
    return refused(caught.value, url, "live")


@pytest.mark.parametrize("kind", EXPECTED)
async def test_why_rest_does_not_answer_is_told_apart(kind: str, tmp_path: Path) -> None:
    """Name, refusal, silence, an end without answer, no TLS, a certificate of somebody else: each with its own advice."""
    async with _place(kind, tmp_path) as (is_encrypted, host, port):
        verdict = await _ask(f"{'https' if is_encrypted else 'http'}://{host}:{port}")
    assert EXPECTED[kind] in verdict.found
    assert host in verdict.found
    assert verdict.advice


@pytest.mark.parametrize("kind", EXPECTED)
async def test_why_the_socket_does_not_open_is_told_apart(kind: str, tmp_path: Path) -> None:
    """The same of the WebSocket."""
    async with _place(kind, tmp_path) as (is_encrypted, host, port):
        verdict = await _dial(f"{'wss' if is_encrypted else 'ws'}://{host}:{port}/ws")
    assert EXPECTED[kind] in verdict.found
