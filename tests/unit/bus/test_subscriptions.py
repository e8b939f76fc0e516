"""The bounded queue between the read loop and a slow handler."""

import asyncio
from functools import partial

import pytest

from fillwire.bus.messages import Message
from fillwire.bus.subscriptions import Inbox, is_coroutine_handler
from support.eventually import eventually
from support.hanging import hang


async def test_items_are_handled_one_at_a_time_in_order() -> None:
    """The next item waits for the one before it."""
    handled: list[int] = []
    running = 0

    async def handle(item: int) -> None:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0)
        handled.append(item)
        running -= 1

    inbox = Inbox(handle, capacity=100, name="test")
    for item in range(100):
        assert inbox.put(item)
    assert await inbox.join(5)
    assert handled == list(range(100))
    await inbox.close()


async def test_full_inbox_takes_nothing_more() -> None:
    """What is refused is the caller's to count; what waits is kept."""
    gate, handled = asyncio.Event(), list[int]()

    async def handle(item: int) -> None:
        await gate.wait()
        handled.append(item)

    inbox = Inbox(handle, capacity=2, name="test")
    assert inbox.put(0)
    await eventually(lambda: inbox.is_busy)
    assert [inbox.put(item) for item in (1, 2, 3)] == [True, True, False]
    assert len(inbox) == 2
    gate.set()
    assert await inbox.join(5)
    assert handled == [0, 1, 2]
    await inbox.close()


async def test_join_gives_up_at_its_deadline() -> None:
    """A handler that hangs is reported, and closing cancels it."""
    ended: list[str] = []

    async def handle(_: int) -> None:
        try:
            await hang()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    inbox = Inbox(handle, capacity=2, name="test")
    inbox.put(0)
    assert not await inbox.join(0.05)
    await inbox.close()
    assert ended == ["cancelled"]


async def test_two_may_wait_for_the_same_emptiness() -> None:
    """Joining is no privilege of one caller, and an idle inbox is joined at once."""

    async def handle(_: int) -> None:
        await asyncio.sleep(0)

    inbox = Inbox(handle, capacity=9, name="test")
    for item in range(9):
        inbox.put(item)
    assert all(await asyncio.gather(inbox.join(5), inbox.join(5)))
    assert await inbox.join(0)
    await inbox.close()


async def test_item_that_fails_does_not_hold_up_the_next() -> None:
    """The error is logged at the task's edge."""
    handled: list[int] = []

    async def handle(item: int) -> None:
        if item == 0:
            raise ValueError("a bug")
        handled.append(item)

    inbox = Inbox(handle, capacity=9, name="test")
    inbox.put(0)
    inbox.put(1)
    assert await inbox.join(5)
    assert handled == [1]
    await inbox.close()


async def test_cleared_inbox_returns_what_waited() -> None:
    """Whoever clears it knows what was not handled."""

    async def handle(_: int) -> None:
        raise AssertionError("nothing was to be handled")

    inbox = Inbox(handle, capacity=9, name="test")
    inbox.put(1)
    inbox.put(2)
    assert inbox.clear() == [1, 2]
    assert len(inbox) == 0
    await inbox.close()


class _Handler:
    async def __call__(self, message: Message) -> None:
        raise NotImplementedError

    async def method(self, message: Message) -> None:
        raise NotImplementedError

    def plain(self, message: Message) -> None:
        raise NotImplementedError


async def _awaited(_: int, message: Message) -> None:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("handler", "is_awaited"),
    [
        (_Handler(), True),
        (_Handler().method, True),
        (partial(_awaited, 1), True),
        (_Handler().plain, False),
        (lambda _: None, False),
        ([].append, False),
    ],
)
def test_every_form_of_coroutine_function_is_awaited(handler: object, is_awaited: bool) -> None:
    """A handler that was called and not awaited would lose every message silently."""
    assert is_coroutine_handler(handler) is is_awaited  # type: ignore[arg-type]  # one of each kind
