"""Wishes that a tenant writes by hand: the pages of everybody else, administrators' too, go on."""

from pathlib import Path

from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.bus.connection import Bus
from fillwire.cli.users.registry import Kind
from fillwire.domain.identifiers import Account
from fillwire.gateway.desired import Desired
from fillwire.sdk.desired import Wish
from support.console import ADMIN_TOKEN, console, visitor
from support.eventually import eventually
from support.tenancy import tenancy

KEYS = ("alice.x", "alice.binance.live", "alice.binance.live.a.b", "alice.binance.=.h", "alice.=41.live.h")
VALUES = (
    b"",
    b"no JSON",
    b"[]",
    b'{"bots":1}',
    b'{"v":1,"pairs":[],"bots":1e300}',
    b'{"v":1,"pairs":[],"bots":18446744073709551615}',
    b'{"v":1,"pairs":[],"bots":"1"}',
)


def raw(subject: bytes, body: bytes) -> bytes:
    """Return the broker's command to publish on a subject that need be no text."""
    return b"PUB %b %d\r\n%b\r\n" % (subject, len(body), body)


async def write_wishes(alice: Bus, good: bytes) -> int:
    """Write what a tenant should not, beside one good wish; return how many there are."""
    for key in KEYS:
        await alice.request(f"$KV.DESIRED.{key}", good)
    for number, value in enumerate(VALUES):
        await alice.request(f"$KV.DESIRED.alice.binance.live.h{number}", value)
    await alice.request("$KV.DESIRED.alice.coinbase.live.good", good)
    alice.write(raw(b"$KV.DESIRED.alice.binance.\xff.h", good))  # which is no text
    assert await alice.is_healthy()
    return len(KEYS) + len(VALUES) + 2


async def test_wishes_that_nobody_can_read_end_no_page(tmp_path: Path) -> None:
    """Pages that are open are told on, those that are opened then begin, and the gateway of the exchange has its wishes."""
    good = Wish(("BTC-USDT",), 1).encode()
    async with tenancy(tmp_path, {"alice": Kind.TENANT, "bob": Kind.TENANT}) as made:
        system, alice = await made.connect("control"), await made.connect("alice")
        async with console(await made.connect("control")) as page, visitor(page, ADMIN_TOKEN) as admin:
            before = await admin.listen()
            count = await write_wishes(alice, good)

            async def is_written() -> bool:
                held = await Bucket(system, DESIRED).snapshot()
                return len(held) == count

            await eventually(is_written)
            await Bucket(await made.connect("bob"), DESIRED).put("bob.binance.live.h", good)
            await eventually(lambda: before.accounts.get("bob.binance.live", {}).get("bots") == 1)
            after = await admin.listen()
            for stream in (before, after):
                assert {key: account["bots"] for key, account in stream.accounts.items()} == {
                    "alice.binance.=": 1,  # an account it is, if none that anybody has
                    "alice.coinbase.live": 1,
                    "bob.binance.live": 1,
                }
            await Bucket(await made.connect("bob"), DESIRED).put("bob.binance.live.h2", good)
            for stream in (before, after):
                await eventually(lambda stream=stream: stream.accounts["bob.binance.live"]["bots"] == 2)
                assert not stream.task.done()
        desired = Desired(Bucket(system, DESIRED), "binance")
        await desired.start(lambda _: None)
        assert desired.pairs(Account("bob", "binance", "live")) == frozenset({"BTC-USDT"})
        assert desired.pairs(Account("alice", "binance", "live")) is None
        await desired.stop()
