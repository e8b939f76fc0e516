"""Ids that say which order of a plan they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.client_order_ids import (
    CLIENT_ORDER_ID,
    MAX_LENGTH,
    bot_label,
    derive_client_order_id,
    label_of,
)
from fillwire.strategies.steps import (
    CYCLES,
    EPOCHS,
    GENERATIONS,
    SLOT_NUMBERS,
    Step,
    StepIds,
    slot_name,
    slot_number,
)


@given(
    bot=st.text(min_size=1, max_size=40),
    epoch=st.integers(0, EPOCHS - 1),
    letter=st.sampled_from("bcsx"),
    number=st.integers(0, SLOT_NUMBERS - 1),
    cycle=st.integers(0, CYCLES - 1),
    generation=st.integers(0, GENERATIONS - 1),
)
def test_what_was_written_is_read(  # noqa: PLR0913, PLR0917 - the parts of an id
    bot: str, epoch: int, letter: str, number: int, cycle: int, generation: int
) -> None:
    """Whatever the bot is called, and however often it traded, the id fits and says whose it is."""
    ids = StepIds(bot, "grid|BTC-USDT", epoch)
    step = Step(slot_name(letter, number), cycle, generation)
    text = ids.id_of(step)
    assert CLIENT_ORDER_ID.match(text)
    assert len(text) <= MAX_LENGTH
    assert label_of(text) == bot_label(bot)
    assert ids.step_of(text) == step
    assert ids.epoch_of(text) == epoch
    assert ids.is_planned(text)
    assert slot_number(step.slot) == number


def test_another_plan_epoch_or_bot_is_another_id() -> None:
    """No two share an order."""
    ids = StepIds("bot", "grid|1", 5)
    text = ids.id_of(Step("c00", 0, 1))
    for other in (StepIds("bot", "grid|2", 5), StepIds("bot", "grid|1", 6)):
        assert other.is_own(text)
        assert other.step_of(text) is None
    assert StepIds("bot", "grid|2", 5).epoch_of(text) is None
    assert StepIds("bot", "grid|1", 6).epoch_of(text) == 5
    stranger = StepIds("bot2", "grid|1", 5)
    assert not stranger.is_own(text)
    assert stranger.step_of(text) is None
    for id_of_nobody in (None, "web_7", "bot-XXXXX-" + "A" * 16, bot_label("bot") + "-" + "A" * 16):
        assert ids.step_of(id_of_nobody) is None
        assert ids.epoch_of(id_of_nobody) is None
        assert not ids.is_planned(id_of_nobody)


def test_no_derived_id_passes_for_planned() -> None:
    """Of sixteen random characters one in ten thousand has neither capital letter nor sign: no bot cancels such an order."""
    ids = StepIds("bot", "grid|1", 5)
    derived = (derive_client_order_id("bot", "by hand", str(number)) for number in range(50_000))
    assert not [text for text in derived if ids.is_planned(text)]


def test_numbers_that_do_not_fit_are_refused() -> None:
    """Rather than shortened into an id that exists."""
    with pytest.raises(ValueError, match="slot 1296 of c: expected 0 to 1295"):
        slot_name("c", SLOT_NUMBERS)
    with pytest.raises(ValueError, match="too large for 3 digits"):
        StepIds("bot", "plan", 0).id_of(Step("c00", 0, GENERATIONS))
