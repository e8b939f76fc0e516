"""When a place is free that another process may hold, by a clock that jumps."""

import asyncio

import pytest

from fillwire.sdk.takeovers import Holder, RunsElsewhere, Seen, Takeover
from support.jumping_loop import JumpingLoop

NOBODY, UNKNOWN = Seen(Holder.NOBODY), Seen(Holder.UNKNOWN, "a")
SILENT, READS = Seen(Holder.SILENT, "a"), Seen(Holder.READS, "a")
ANOTHER = Seen(Holder.SILENT, "b")


def waited_s(*seen: Seen, takeover_s: float = 0.0) -> float:
    """Return how long is waited for a place at which these looks find one thing after another, and the last for ever."""
    left = list(seen)

    async def look() -> Seen:
        return left.pop(0) if len(left) > 1 else left[0]

    async def wait() -> float:
        await Takeover(takeover_s).wait(look)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(wait())


def test_a_place_that_nobody_has_claimed_is_free_at_once() -> None:
    """A bot that never ran need not wait."""
    assert waited_s(NOBODY) == 0
    assert waited_s(READS, NOBODY, takeover_s=60) == 0.25


def test_a_claimed_place_is_free_once_two_looks_in_a_row_find_nobody() -> None:
    """However little patience there is, for the second look is what tells a pause from an end."""
    assert waited_s(SILENT) == 0.25
    assert waited_s(SILENT, READS, SILENT, takeover_s=60) == 0.75


def test_a_place_that_another_has_claimed_between_two_looks_is_not_free() -> None:
    """It will read in a moment."""
    assert waited_s(SILENT, ANOTHER) == 0.5
    with pytest.raises(RunsElsewhere):
        waited_s(SILENT, ANOTHER, Seen(Holder.READS, "b"))


@pytest.mark.parametrize("before", [(), (SILENT,), (UNKNOWN, SILENT), (SILENT, READS, SILENT)])
def test_a_process_that_paused_between_two_events_is_not_taken_for_gone(before: tuple[Seen, ...]) -> None:
    """Also one that was not seen at first: it went from its own consumer to a shared reading at that moment."""
    with pytest.raises(RunsElsewhere):
        waited_s(*before, READS, takeover_s=2.0)


def test_what_nobody_can_know_counts_as_held_until_the_end() -> None:
    """A broker that is away may hold a reader, and may never come back."""
    assert waited_s(UNKNOWN, takeover_s=2.0) == 2.0
    assert waited_s(UNKNOWN, UNKNOWN, SILENT, takeover_s=60.0) == 0.75
