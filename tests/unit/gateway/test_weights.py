"""The budget of questions: by the clock's minutes, corrected by the venue's own count."""

import asyncio

from fillwire.gateway.weights import WeightBudget


class Clock:
    """A wall clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 6000.0

    def __call__(self) -> float:
        """Return now."""
        return self.now_s


async def _is_spent_at_once(budget: WeightBudget, weight: int) -> bool:
    task = asyncio.get_running_loop().create_task(budget.spend(weight))
    await asyncio.sleep(0)
    is_done = task.done()
    task.cancel()
    return is_done


async def test_a_share_of_the_minute_may_be_spent() -> None:
    """Sixty of a hundred, then nothing until the next minute of the clock."""
    clock = Clock()
    budget = WeightBudget(100, clock)
    assert await _is_spent_at_once(budget, 40)
    assert await _is_spent_at_once(budget, 20)
    assert not await _is_spent_at_once(budget, 1)
    clock.now_s += 60
    assert await _is_spent_at_once(budget, 60)


async def test_what_others_on_the_machine_used_counts() -> None:
    """The venue's own count is the higher one."""
    budget = WeightBudget(100, Clock())
    budget.note(59)
    assert await _is_spent_at_once(budget, 1)
    assert not await _is_spent_at_once(budget, 1)


async def test_a_question_that_costs_more_than_the_share_is_asked_first_in_a_minute() -> None:
    """Else it would wait for ever."""
    assert await _is_spent_at_once(WeightBudget(100, Clock()), 80)


async def test_what_can_wait_leaves_some_to_what_cannot() -> None:
    """A question with half a share waits when half is used, and one with all of it does not."""
    budget = WeightBudget(100, Clock())
    await budget.spend(30, 0.5)
    task = asyncio.get_running_loop().create_task(budget.spend(1, 0.5))
    await asyncio.sleep(0)
    assert not task.done()
    assert await _is_spent_at_once(budget, 30)
    task.cancel()


async def test_what_cannot_wait_is_counted_all_the_same() -> None:
    """It goes beyond our share, and leaves the less of it to the others."""
    clock = Clock()
    budget = WeightBudget(100, clock)
    budget.count(70)
    assert not await _is_spent_at_once(budget, 1)
    clock.now_s += 60
    assert await _is_spent_at_once(budget, 1)


async def test_the_limit_is_what_the_venue_says_once_it_has() -> None:
    """A higher limit opens the minute that was spent, a lower one closes it."""
    budget = WeightBudget(100, Clock())
    assert await _is_spent_at_once(budget, 60)
    budget.use_limit(200)
    assert await _is_spent_at_once(budget, 60)
    budget.use_limit(150)
    assert not await _is_spent_at_once(budget, 1)


async def test_a_venue_that_counts_by_the_second_is_asked_at_its_pace() -> None:
    """Sixty of a hundred at once after a pause, then as fast as the bucket fills; a larger question waits for a full one."""
    clock = Clock()
    budget = WeightBudget(100_000, clock, pace=(50, 100))
    assert await _is_spent_at_once(budget, 60)
    assert not await _is_spent_at_once(budget, 3)
    clock.now_s += 0.1
    assert await _is_spent_at_once(budget, 3)
    assert not await _is_spent_at_once(budget, 1)
    clock.now_s += 2
    assert await _is_spent_at_once(budget, 90)
    assert not await _is_spent_at_once(budget, 1)


async def test_what_cannot_wait_is_counted_against_the_pace() -> None:
    """An order is sent at once, and questions wait for it."""
    clock = Clock()
    budget = WeightBudget(100_000, clock, pace=(50, 100))
    budget.count(60)
    assert not await _is_spent_at_once(budget, 1)
