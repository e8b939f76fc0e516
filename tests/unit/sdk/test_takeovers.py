"""When a place is free that another process may hold."""

import pytest

from fillwire.sdk.takeovers import Holder, RunsElsewhere, Takeover


class Looks:
    """Sees one thing after another, and the last for ever.

    Attributes:
        rests_s: how long was slept, each time.
    """

    def __init__(self, *seen: Holder) -> None:
        self.rests_s: list[float] = []
        self._seen = list(seen)

    async def __call__(self) -> Holder:
        """Return the next."""
        return self._seen.pop(0) if len(self._seen) > 1 else self._seen[0]

    async def rest(self, rest_s: float) -> None:
        """Note it."""
        self.rests_s.append(rest_s)

    async def wait(self, takeover_s: float = 0.0) -> int:
        """Wait for the place, and return how often was slept before."""
        await Takeover(takeover_s, self.rest).wait(self)
        return len(self.rests_s)


async def test_a_place_that_nobody_has_claimed_is_free_at_once() -> None:
    """A bot that never ran need not wait."""
    assert await Looks(Holder.NOBODY).wait() == 0


async def test_a_claimed_place_is_free_once_two_looks_in_a_row_find_nobody() -> None:
    """However little patience there is, for the second look is what tells a pause from an end."""
    assert await Looks(Holder.SILENT).wait() == 1
    assert await Looks(Holder.SILENT, Holder.READS, Holder.SILENT).wait(60.0) == 3


@pytest.mark.parametrize("before", [(), (Holder.SILENT,), (Holder.UNKNOWN, Holder.SILENT)])
async def test_a_process_that_paused_between_two_events_is_not_taken_for_gone(
    before: tuple[Holder, ...],
) -> None:
    """Also one that was not seen at first: it went from its own consumer to a shared reading at that moment."""
    takeover_s = 0.0 if Holder.UNKNOWN not in before else 0.05
    with pytest.raises(RunsElsewhere):
        await Looks(*before, Holder.READS).wait(takeover_s)


async def test_what_nobody_can_know_counts_as_held_until_the_end() -> None:
    """A broker that is away may hold a reader, and may never come back."""
    assert await Looks(Holder.UNKNOWN).wait(0.0) == 0
    assert await Looks(Holder.UNKNOWN, Holder.UNKNOWN, Holder.SILENT).wait(60.0) == 3
