"""The life of a connection: pings with random payload, the deadline for pongs, the end of its time."""

import asyncio
import time

import aiohttp
from aiohttp import WSMsgType

from fillwire.simulator import BinanceSimulator, SimulatorSettings

DEADLINE_S = 10.0


async def next_ping(socket: aiohttp.ClientWebSocketResponse) -> bytes:
    """Return the payload of the next ping."""
    async with asyncio.timeout(DEADLINE_S):
        message = await socket.receive()
    assert message.type is WSMsgType.PING, message
    return bytes(message.data)


async def end_of(socket: aiohttp.ClientWebSocketResponse) -> float:
    """Return after how many seconds the connection has ended."""
    start = time.monotonic()
    async with asyncio.timeout(DEADLINE_S):
        while not socket.closed:
            await socket.receive()
    return time.monotonic() - start


async def test_pings_carry_changing_payloads_and_answers_keep_the_connection() -> None:
    """Pings come at the interval, each with its own payload; a client that copies them stays past the deadline."""
    settings = SimulatorSettings(ping_interval_s=0.05, pong_deadline_s=0.2)
    async with BinanceSimulator(settings) as sim, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(sim.websocket_url, autoping=False)
        payloads = []
        for _ in range(8):  # twice the deadline
            payloads.append(await next_ping(socket))
            await socket.pong(payloads[-1])
        assert len(set(payloads)) == len(payloads)
        assert all(payload for payload in payloads)
        await socket.close()


async def test_unanswered_ping_ends_the_connection() -> None:
    """Neither silence nor a pong with another payload counts as an answer."""
    settings = SimulatorSettings(ping_interval_s=0.05, pong_deadline_s=0.3)
    async with BinanceSimulator(settings) as sim, aiohttp.ClientSession() as session:
        silent = await session.ws_connect(sim.websocket_url, autoping=False)
        assert 0.2 < await end_of(silent) < DEADLINE_S
        unasked = await session.ws_connect(sim.websocket_url, autoping=False)
        ended = asyncio.create_task(end_of(unasked))
        while not ended.done():  # one for every ping and more, but never its payload
            await unasked.pong(b"")
            await asyncio.wait({ended}, timeout=0.02)
        assert await ended < DEADLINE_S


async def test_answer_to_a_later_ping_covers_the_earlier() -> None:
    """A client that skips one ping and answers the next is alive."""
    settings = SimulatorSettings(ping_interval_s=0.05, pong_deadline_s=0.3)
    async with BinanceSimulator(settings) as sim, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(sim.websocket_url, autoping=False)
        for _ in range(6):
            await next_ping(socket)
            await socket.pong(await next_ping(socket))
        await socket.close()


async def test_client_pings_are_answered() -> None:
    """A ping of the client gets its own payload back."""
    async with BinanceSimulator() as sim, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(sim.websocket_url, autoping=False)
        await socket.ping(b"are you there")
        async with asyncio.timeout(DEADLINE_S):
            message = await socket.receive()
        assert (message.type, bytes(message.data)) == (WSMsgType.PONG, b"are you there")
        await socket.close()


async def test_connection_ends_at_the_end_of_its_time() -> None:
    """After its lifetime a connection is closed, however lively it is."""
    async with (
        BinanceSimulator(SimulatorSettings(lifetime_s=0.2)) as sim,
        aiohttp.ClientSession() as session,
    ):
        socket = await session.ws_connect(sim.websocket_url)
        assert 0.1 < await end_of(socket) < DEADLINE_S
        assert socket.close_code == 1001


async def test_binary_frames_end_the_connection() -> None:
    """Requests are text; a binary frame is answered with close code 1003."""
    async with BinanceSimulator() as sim, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(sim.websocket_url)
        await socket.send_bytes(b"{}")
        await end_of(socket)
        assert socket.close_code == 1003
