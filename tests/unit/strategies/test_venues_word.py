"""What the venue's word alone has settled stays settled: over restarts, and failures to keep it."""

from decimal import Decimal

import pytest

from fillwire.domain.enums import Kind
from fillwire.domain.errors import BrokerError
from fillwire.sdk.clerk import Checkpoint
from fillwire.strategies.grid import GridStrategy
from fillwire.strategies.grid_plan import GridConfig
from fillwire.testing import Rehearsal, ScriptedVenue
from fillwire.testing.counter import Shelf
from fillwire.wire.decimals import decimal_text
from support.scripted_venues import PAIR, order_at, venue_at

CONFIG = GridConfig(
    pair=PAIR, lower=Decimal(100), upper=Decimal(130), levels=4, quantity=Decimal(1), fee_rate=Decimal(0)
)


def story(price: int = 125) -> tuple[Rehearsal[GridStrategy], ScriptedVenue]:
    """Return a grid that is to run, and its venue."""
    venue = venue_at(price)
    return Rehearsal(lambda: GridStrategy(CONFIG), venue), venue


def fill_untold(venue: ScriptedVenue, price: int, quantity: str = "1") -> None:
    """Let an order fill, of which no event ever comes."""
    order = order_at(venue, price)
    order.cumulative_quantity, order.cumulative_quote = Decimal(quantity), price * Decimal(quantity)
    order.kind = Kind.FILLED if order.cumulative_quantity == order.request.quantity else Kind.CANCELLED


async def settle_by_word(stage: Rehearsal[GridStrategy]) -> None:
    """Let the bot miss the order and take the venue's word."""
    stage.disconnect()
    stage.reconnect()
    await stage.wait(60)


def told(stage: Rehearsal[GridStrategy]) -> tuple[str, str, list[str], int]:
    """Return base, profit, what each cell holds, and how many executions there were."""
    state, books = stage.bot.state, stage.bot.books
    assert state is not None
    cells = [decimal_text(cell.held) for cell in state.cells]
    profit = books.realised.get("USDT", Decimal(0))
    return decimal_text(books.base), decimal_text(profit), cells, books.execution_count


@pytest.mark.parametrize("restarts_between", [False, True])
async def test_a_restart_forgets_nothing_of_it(restarts_between: bool) -> None:
    """The purchase is nowhere in the log; its sale is, and is the sale of that purchase."""
    stage, venue = story()
    async with stage:
        fill_untold(venue, 120)
        await settle_by_word(stage)
        assert told(stage) == ("1", "0", ["0", "0", "1"], 1)
        if restarts_between:
            await stage.restart()
            assert told(stage) == ("1", "0", ["0", "0", "1"], 1)
        venue.move(PAIR, 131)
        await stage.run()
        assert told(stage) == ("0", "10", ["0", "0", "0"], 2)
        await stage.restart()
        await stage.settle()
        assert told(stage) == ("0", "10", ["0", "0", "0"], 2)


async def test_a_part_of_an_order_that_the_log_does_not_tell_is_settled_once() -> None:
    """What the log has of the order before counts by the log, the rest by the word; events that come later add nothing."""
    stage, venue = story()
    async with stage:
        order = next(order for order in venue.open_orders() if order.request.price == 120)
        venue.fill(order, "0.4")
        await stage.run()
        fill_untold(venue, 120)
        await settle_by_word(stage)
        assert told(stage) == ("1", "0", ["0", "0", "1"], 2)
        venue.move(PAIR, 131)
        await stage.run()
        stage._cursor = 0
        await stage.restart()
        await stage.settle()
        assert told(stage) == ("0", "10", ["0", "0", "0"], 3)


async def test_an_order_of_which_the_log_tells_nothing_is_settled() -> None:
    """Not even that it was placed."""
    stage, venue = story()
    deaf, venue._listeners = venue._listeners, []
    async with stage:
        assert len(venue.open_orders()) == 3
        venue._listeners = deaf
        assert not stage.log
        fill_untold(venue, 120)
        await settle_by_word(stage)
        assert told(stage) == ("1", "0", ["0", "0", "1"], 1)
        await stage.restart()
        assert told(stage) == ("1", "0", ["0", "0", "1"], 1)


async def test_two_words_of_one_slot_are_both_kept() -> None:
    """Purchase and sale both unknown to the log: the next purchase is the third order of its cell."""
    stage, venue = story()
    async with stage:
        fill_untold(venue, 120)
        await settle_by_word(stage)
        fill_untold(venue, 130)
        await settle_by_word(stage)
        assert told(stage) == ("0", "10", ["0", "0", "0"], 2)
        venue.move(PAIR, 115)
        await stage.run()
        assert told(stage) == ("1", "10", ["0", "0", "1"], 3)
        await stage.restart()
        await stage.settle()
        assert told(stage) == ("1", "10", ["0", "0", "1"], 3)


class FullShelf(Shelf):
    """A shelf that takes nothing more while it is full."""

    def __init__(self, before: Shelf) -> None:
        self.is_full = False
        super().__init__()
        self.checkpoint, self.has_run, self.is_full = before.checkpoint, before.has_run, True

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint that it took."""
        return self.kept

    @checkpoint.setter
    def checkpoint(self, checkpoint: Checkpoint | None) -> None:
        if self.is_full:
            raise BrokerError("no room")
        self.kept = checkpoint


async def test_nothing_follows_from_a_word_that_could_not_be_kept() -> None:
    """While the checkpoint cannot be written the sale waits, for a restart would take it for a sale of nothing."""
    stage, venue = story()
    async with stage:
        full = FullShelf(stage.shelf)
        stage.shelf = full
        fill_untold(venue, 120)
        await settle_by_word(stage)
        assert told(stage) == ("0", "0", ["0", "0", "0"], 0)
        assert len(venue.open_orders()) == 2
        full.is_full = False
        await stage.settle()
        assert told(stage) == ("1", "0", ["0", "0", "1"], 1)
        assert len(venue.open_orders()) == 3
