"""Client order ids that follow from their cause."""

import asyncio

from fillwire.sdk.causality import ClientOrderIds, caused_by


def ids(bot: str = "grid", account: str = "alice@binance/live", start: str = "start-1") -> ClientOrderIds:
    """Return the id source of one start of a bot."""
    return ClientOrderIds(bot, account, start)


def test_an_event_handled_again_asks_for_the_same_ids() -> None:
    """The same callback on the same event gets the same ids in the same sequence, even after a restart."""
    first, second = ids(start="start-1"), ids(start="start-2")
    with caused_by("e1", "on_fill"):
        before = [first.next(), first.next()]
    with caused_by("e1", "on_fill"):
        after = [second.next(), second.next()]
    assert before == after
    assert len(set(before)) == 2


def test_ids_differ_by_everything_that_causes_them() -> None:
    """Another event, callback, bot or account means another order."""
    seen = set()
    for bot, account, event, callback in (
        ("grid", "a", "e1", "on_fill"),
        ("grid", "a", "e2", "on_fill"),
        ("grid", "a", "e1", "on_order_filled"),
        ("dca", "a", "e1", "on_fill"),
        ("grid", "b", "e1", "on_fill"),
    ):
        with caused_by(event, callback):
            seen.add(ids(bot, account).next())
    assert len(seen) == 5


def test_orders_without_a_cause_are_new_with_each_start() -> None:
    """Outside of a callback a restarted bot places anew."""
    first, second = ids(start="start-1"), ids(start="start-2")
    assert len({first.next(), first.next(), second.next(), second.next()}) == 4


async def test_the_cause_follows_into_tasks_and_threads() -> None:
    """Orders that a callback places through tasks or a thread still belong to its event, each with its own id."""
    source = ids()

    async def place() -> str:
        return source.next()

    with caused_by("e1", "on_fill"):
        inside = [*await asyncio.gather(place(), place()), await asyncio.to_thread(source.next)]
    with caused_by("e1", "on_fill"):
        assert [source.next() for _ in range(3)] == inside
