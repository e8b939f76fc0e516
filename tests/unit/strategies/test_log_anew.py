"""A log that is made anew gives sequences a second time; a bot that has read the old one hears the new one all the same."""

from decimal import Decimal

from fillwire.strategies.grid import GridStrategy
from fillwire.strategies.grid_plan import GridConfig
from fillwire.testing import Rehearsal, ScriptedVenue
from support.scripted_venues import PAIR, venue_at

CONFIG = GridConfig(
    pair=PAIR, lower=Decimal(100), upper=Decimal(130), levels=4, quantity=Decimal(1), fee_rate=Decimal(0)
)


async def read_far() -> tuple[Rehearsal[GridStrategy], ScriptedVenue]:
    """Return a grid that has just started, and has read a log of many events; the log is gone, the grid lives."""
    venue = venue_at(125)
    stage = Rehearsal(lambda: GridStrategy(CONFIG), venue)
    await stage.run()
    for _ in range(5):
        venue.move(PAIR, 115)
        await stage.run()
        venue.move(PAIR, 131)
        await stage.run()
    await stage.restart()
    await stage.wait(60)
    assert stage.bot.books.execution_count == 10
    stage._log.clear()
    stage._cursor = 0
    return stage, venue


async def test_a_living_bot_hears_the_first_events_of_a_log_made_anew() -> None:
    """Their sequences are below the one up to which it has read."""
    stage, venue = await read_far()
    venue.move(PAIR, 115)
    await stage.run()
    assert stage.bot.books.execution_count == 11
    venue.move(PAIR, 131)
    await stage.run()
    assert stage.bot.books.execution_count == 12
    assert stage.bot.books.realised == {"USDT": Decimal(60)}
    await stage.stop()


async def test_a_living_bot_renews_its_checkpoint_at_once() -> None:
    """Before the new log has as many events as the old one had: then nobody could tell them apart."""
    stage, venue = await read_far()
    before = stage.shelf.checkpoint
    venue.move(PAIR, 115)
    await stage.run()
    after = stage.shelf.checkpoint
    assert before is not None
    assert after is not None
    assert before.sequence > stage.sequence >= after.sequence > 0
    await stage.stop()


async def test_the_next_start_reads_it_from_its_beginning() -> None:
    """The checkpoint stands for a sequence that the new log does not have yet: nothing of it may be passed over."""
    stage, venue = await read_far()
    stage.crash()
    venue.move(PAIR, 115)
    stage.publish()
    stage._cursor = stage.sequence  # others have handled it: the log alone can tell
    await stage.run()
    assert stage.bot.books.execution_count == 11
    await stage.wait(60)
    venue.move(PAIR, 131)
    await stage.run()
    assert stage.bot.books.realised == {"USDT": Decimal(60)}
    await stage.restart()
    assert stage.bot.books.realised == {"USDT": Decimal(60)}
    await stage.stop()
