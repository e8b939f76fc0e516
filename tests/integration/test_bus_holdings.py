"""What a process holds for as long as it lives, on a real broker: one holder at a time, through every kind of end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from random import Random

import pytest

from fillwire.bus.buckets import BOT_LEASES, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.holdings import Holder, Holdings, held_key, session_key
from fillwire.domain.errors import DecodeError
from support.broker import ConnectBus
from support.eventually import eventually

Make = Callable[..., Awaitable[Holdings]]
KEY = "alice.grid"


@pytest.fixture
async def make(bus: Bus, connect_bus: ConnectBus) -> AsyncIterator[Make]:  # noqa: ARG001 - the broker has the bucket
    """Makes holdings with a session, each on a connection of its own."""
    async with AsyncExitStack() as stack:

        async def holdings(name: str, ttl_s: float = 2.0) -> Holdings:
            made = Holdings(
                Bucket(await connect_bus(name), BOT_LEASES),
                Holder(kind="host", name=name, session=f"{name}-1"),
                ttl_s=ttl_s,
                random=Random(1),
                on_change=lambda: None,
            )
            await made.start()
            stack.push_async_callback(made.stop)
            await eventually(lambda: made.session.is_held)
            return made

        yield holdings


async def test_one_of_many_that_take_a_key_at_once_has_it(make: Make) -> None:
    """The others know that they have not; given back, it is the next one's, whose token is greater."""
    some = [await make(f"host-{number}", 10.0) for number in range(5)]
    fences = await asyncio.gather(*(holdings.take(KEY) for holdings in some))
    (first,) = [number for number, fence in enumerate(fences) if fence is not None]
    fence = fences[first]
    assert fence is not None
    assert some[first].has(KEY, fence)
    await eventually(lambda: all(h.holder_of(KEY) == some[first].holder for h in some))
    other = some[(first + 1) % 5]
    assert await other.take(KEY) is None
    await some[first].give(KEY, fence)
    await eventually(lambda: other.holder_of(KEY) is None)
    second = await other.take(KEY)
    assert second is not None
    assert second > fence
    await eventually(lambda: not some[first].has(KEY, fence))


async def test_what_a_dead_process_held_is_free_when_its_session_ends(make: Make) -> None:
    """Until then it is nobody else's, though nothing renews it."""
    dead, heir = await make("dead"), await make("heir", 10.0)
    fence = await dead.take(KEY)
    assert fence is not None
    task = dead.session._task
    assert task is not None
    task.cancel()  # as if killed: nothing is given back

    async def is_taken() -> bool:
        believed = dead.has(KEY, fence)
        taken = await heir.take(KEY) is not None
        assert not (taken and believed and dead.has(KEY, fence))
        return taken

    await eventually(is_taken, 10.0)
    assert not dead.session.is_held


async def test_a_session_is_evicted_only_if_its_process_is_out_of_reach(make: Make) -> None:
    """Asked in between, who is there keeps it; and a renewal that comes first prevents it."""
    host, other = await make("host", 10.0), await make("other", 10.0)
    fence = await host.take(KEY)
    assert fence is not None

    async def is_there() -> bool:
        return False

    async def is_gone() -> bool:
        return True

    async def renews_first() -> bool:
        await host.session._lease.renew()
        return True

    assert not await other.evict("host-1", is_there)
    assert not await other.evict("host-1", renews_first)
    assert host.session.fence is not None
    before = host.session.fence
    assert await other.evict("host-1", is_gone)
    await eventually(lambda: host.session.fence not in {None, before}, what="a session of its own again")
    assert await host.take(KEY) is not None
    assert not await other.evict("nobody", is_gone)


async def test_a_session_that_was_lost_for_a_moment_takes_each_key_again(
    make: Make, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who saw it gone may have taken the key meanwhile: of both that write, one has it."""
    # At once a key without its session counts as one, and not as a reading half done.
    monkeypatch.setattr("fillwire.bus.holdings._GRACE_S", 0.0)
    host, other = await make("host", 10.0), await make("other", 10.0)
    assert await host.take(KEY) is not None
    await eventually(lambda: other.holder_of(KEY) == host.holder)
    fence = host.session.fence
    await Bucket(bus, BOT_LEASES).delete(session_key("host-1"))
    await eventually(lambda: host.session.fence not in {None, fence})

    async def see_it_gone(_: str) -> None:
        return None

    other._sessions.clear()  # all that it reads is a moment behind
    monkeypatch.setattr(other._bucket, "get", see_it_gone)
    both_looked = asyncio.Barrier(2)

    def once_both_looked(put: Callable[..., Awaitable[int]]) -> Callable[..., Awaitable[int]]:
        async def put_later(*arguments: object, **options: object) -> int:
            await both_looked.wait()
            return await put(*arguments, **options)

        return put_later

    for bucket in (host._bucket, other._bucket):
        monkeypatch.setattr(bucket, "put", once_both_looked(bucket.put))
    async with asyncio.timeout(5):
        taken = await asyncio.gather(host.take(KEY), other.take(KEY))
    assert sum(token is not None for token in taken) == 1


async def test_a_key_that_names_us_though_we_do_not_use_it_is_released(make: Make) -> None:
    """An answer that was lost leaves one behind; one that is used meanwhile stays."""
    host, other = await make("host", 10.0), await make("other", 10.0)
    fence = await host.take(KEY)
    assert fence is not None
    await eventually(lambda: host.ours == [KEY])
    await host.release(KEY, lambda: False)
    assert host.has(KEY, fence)
    await host.release(KEY, lambda: True)
    await eventually(lambda: host.ours == [] and not host.has(KEY, fence))
    assert await other.take(KEY) is not None
    await host.release(KEY, lambda: True)
    assert await host.take(KEY) is None


async def test_what_names_no_holder_is_passed_over(make: Make, bus: Bus) -> None:
    """Another's writing in the bucket neither stops the watch nor gives a key away."""
    host = await make("host", 10.0)
    for value in (b"", b"[]", b'{"v":2}', b'{"v":1}'):
        with pytest.raises(DecodeError):
            Holder.decode(value)
        await Bucket(bus, BOT_LEASES).put(held_key("bob.x"), value)
    assert await host.take("bob.x") is None
    assert await host.take(KEY) is not None
