"""What dollar-cost averaging does in each case that a person might ask about."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from fillwire.domain.enums import Kind
from fillwire.domain.errors import ConfigError
from fillwire.strategies.books import Books
from fillwire.strategies.closing import Phase
from fillwire.strategies.dca import DCAStrategy
from fillwire.strategies.dca_plan import DCAConfig, Entry
from fillwire.strategies.grid_plan import Unit
from fillwire.testing import Rehearsal
from fillwire.wire.decimals import decimal_text
from support.scripted_venues import PAIR, order_at, orders, venue_at

CONFIG = DCAConfig(
    pair=PAIR,
    base_order=Decimal(1),
    safety_order=Decimal(1),
    safety_orders=2,
    deviation=Decimal("0.1"),
    take_profit=Decimal("0.1"),
    fee_rate=Decimal(0),
)


def told(books: Books) -> str:
    """Return the books as people read them."""
    earned = decimal_text(books.realised.get("USDT", Decimal(0)))
    return f"{decimal_text(books.base)} BTC, {decimal_text(books.quote)} USDT, realised {earned}"


def dca(config: DCAConfig = CONFIG) -> Callable[[], DCAStrategy]:
    """Return what makes a bot."""
    return lambda: DCAStrategy(config)


async def test_it_buys_averages_down_sells_above_the_average_and_begins_again() -> None:
    """One cycle: entry at 100, a safety order at 90, the average 95, the sale at 104.5."""
    venue = venue_at(100)
    async with Rehearsal(dca(), venue) as stage:
        assert orders(venue) == ["buy 1 at 80", "buy 1 at 90", "sell 1 at 110"]
        venue.move(PAIR, 85)
        await stage.run()
        assert orders(venue) == ["buy 1 at 80", "sell 2 at 104.5"]
        venue.move(PAIR, 105)
        await stage.run()
        # The next cycle has begun at 105.
        assert orders(venue) == ["buy 1 at 84", "buy 1 at 94.5", "sell 1 at 115.5"]
        assert told(stage.bot.books) == "1 BTC, -86 USDT, realised 19"
        assert stage.bot.books.round_count == 1


async def test_scales_make_later_orders_lie_deeper_and_be_larger() -> None:
    """Steps of 5 and 10 percent, volumes of 1 and 2."""
    venue = venue_at(100)
    config = replace(
        CONFIG, deviation=Decimal("0.05"), step_scale=Decimal(2), volume_scale=Decimal(2), safety_orders=2
    )
    async with Rehearsal(dca(config), venue):
        assert orders(venue) == ["buy 2 at 85", "buy 1 at 95", "sell 1 at 110"]


async def test_profit_is_after_all_fees_if_asked() -> None:
    """With fees of 1 % in what is received: 0.99 left of 1, sold so that a tenth of 100 is left after the sale's fee."""
    venue = venue_at(100, fee="0.01")
    async with Rehearsal(dca(replace(CONFIG, fee_rate=Decimal("0.01"))), venue) as stage:
        assert orders(venue)[-1] == "sell 0.99 at 112.24"
        venue.move(PAIR, 113)
        await stage.run()
        assert Decimal("10.00") <= stage.bot.books.realised["USDT"] < Decimal("10.01")
    venue = venue_at(100, fee="0.01")
    async with Rehearsal(dca(replace(CONFIG, fee_rate=Decimal("0.01"), after_fees=False)), venue):
        assert orders(venue)[-1] == "sell 0.99 at 110"


async def test_a_part_of_a_safety_order_waits_for_the_whole() -> None:
    """The sale stays as it is, until the order is whole or ends."""
    venue = venue_at(100)
    async with Rehearsal(dca(), venue) as stage:
        order = order_at(venue, 90)
        venue.fill(order, "0.5")
        await stage.run()
        assert orders(venue)[-1] == "sell 1 at 110"
        for _ in range(2):  # the second start reads what the first wrote down
            await stage.restart()
        assert orders(venue)[-1] == "sell 1 at 110"
        assert not stage.cancelled
        venue.end(order)
        await stage.wait(5)
        # (100 + 45) / 1.5, a tenth above; and the safety order is there again.
        assert orders(venue) == ["buy 1 at 80", "buy 1 at 90", "sell 1.5 at 106.34"]


async def test_what_came_in_while_the_sale_filled_is_sold_in_the_same_cycle() -> None:
    """A part of a safety order is not forgotten, and no new cycle begins over it."""
    venue = venue_at(100)
    async with Rehearsal(dca(), venue) as stage:
        venue.fill(order_at(venue, 90), "0.5")
        venue.move(PAIR, 111)
        await stage.settle()
        sales = [
            (order.request.quantity, order.cumulative_quote)
            for order in venue.orders
            if order.request.side == "sell"
        ]
        # The half was offered at 106.34, and taken at 111; then the next cycle began, with one at 111.
        assert sales[:2] == [(Decimal(1), Decimal(110)), (Decimal("0.5"), Decimal("55.5"))]
        assert told(stage.bot.books) == "1 BTC, -90.5 USDT, realised 20.5"
        assert stage.bot.books.round_count == 1


async def test_cooldown_and_the_number_of_cycles() -> None:
    """Half a minute between two cycles, also over a restart, and no third one."""
    venue = venue_at(100)
    async with Rehearsal(dca(replace(CONFIG, cooldown_s=30, max_cycles=2)), venue) as stage:
        venue.move(PAIR, 111)
        await stage.run()
        assert orders(venue) == []
        await stage.wait(20)
        await stage.restart()
        assert orders(venue) == []
        await stage.wait(11)
        assert len(orders(venue)) == 3
        venue.move(PAIR, 130)
        await stage.settle()
        assert orders(venue) == []
        state = stage.bot.state
        assert state is not None
        assert state.is_ended
        assert stage.bot.books.round_count == 2


async def test_a_stop_loss_sells_everything_and_ends() -> None:
    """It is seen by an order of the smallest size, below all others."""
    venue = venue_at(100)
    async with Rehearsal(dca(replace(CONFIG, stop_loss=Decimal("0.25"))), venue) as stage:
        assert orders(venue)[0] == "buy 0.14 at 75"
        venue.move(PAIR, 75)
        await stage.settle()
        assert orders(venue) == []
        assert told(stage.bot.books) == "0 BTC, -45 USDT, realised -45"
        await stage.restart()
        assert orders(venue) == []


async def test_an_entry_may_wait_for_its_price_and_be_in_quote_currency() -> None:
    """A limit order at 95 for 190; safety orders of 190 each."""
    venue = venue_at(100)
    config = replace(
        CONFIG,
        unit=Unit.QUOTE,
        base_order=Decimal(190),
        safety_order=Decimal(171),
        entry=Entry.LIMIT,
        start_price=Decimal(95),
    )
    async with Rehearsal(dca(config), venue) as stage:
        assert orders(venue) == ["buy 2 at 95"]
        venue.move(PAIR, 95)
        await stage.run()
        assert orders(venue) == ["buy 2.25 at 76", "buy 2 at 85.5", "sell 2 at 104.5"]
        venue.move(PAIR, 105)
        await stage.run()
        assert orders(venue) == ["buy 2 at 95"]


async def test_so_many_safety_orders_are_open_as_asked() -> None:
    """The next one comes when the one before has filled."""
    venue = venue_at(100)
    async with Rehearsal(dca(replace(CONFIG, active_safety_orders=1)), venue) as stage:
        assert orders(venue) == ["buy 1 at 90", "sell 1 at 110"]
        venue.move(PAIR, 89)
        await stage.run()
        assert orders(venue) == ["buy 1 at 80", "sell 2 at 104.5"]


async def test_a_market_order_that_finds_too_little_begins_with_what_it_found() -> None:
    """Its rest expires; the sale is of what was bought."""
    venue = venue_at(100)
    venue.markets[PAIR].depth = Decimal("0.3")
    async with Rehearsal(dca(), venue) as stage:
        assert orders(venue) == ["buy 1 at 80", "buy 1 at 90", "sell 0.3 at 110"]
        assert venue.orders[0].kind is Kind.EXPIRED
        assert len(stage.placed) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_order": Decimal(0)}, "base_order is 0: expected a decimal number greater than 0"),
        ({"deviation": Decimal(1)}, "deviation is 1: expected a rate between 0 and 1"),
        ({"safety_orders": 10}, "the last would lie 100 % below the entry"),
        ({"stop_loss": Decimal("0.2")}, "stop_loss is 0.2: expected more than the deviation of the last"),
        (
            {"unit": Unit.QUOTE},
            "start_price is missing: expected a price, as entry is market and unit is quote",
        ),
        (
            {"entry": Entry.LIMIT},
            "start_price is missing: expected a price, as entry is limit and unit is base",
        ),
        (
            {"after_fees": False, "fee_rate": Decimal("0.06")},
            "take_profit is 0.1, which the fees of purchase and sale eat at a fee_rate of 0.06",
        ),
        ({"cooldown_s": -1}, "cooldown_s is -1: expected 0 to 31536000"),
        ({"max_cycles": 0}, "max_cycles is 0: expected 1 to"),
        ({"active_safety_orders": 0}, "active_safety_orders is 0: expected 1 to 100"),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_expected(change: dict[str, object], message: str) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError, match=message):
        replace(CONFIG, **change)  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"base_order": Decimal("0.001")},
            "base_order of 0.001 base is 0, and 0 after fees: expected at least 0.01",
        ),
        (
            {"safety_order": Decimal("0.05"), "start_price": Decimal(100)},
            "safety_order of 0.05 base is an order of 4.5: expected at least 10, the least of BTC-USDT",
        ),
    ],
)
async def test_what_the_venue_would_refuse_does_not_start(change: dict[str, object], message: str) -> None:
    """The venue's rules are known at the start."""
    config = replace(CONFIG, **change)  # type: ignore[arg-type] # one parameter
    with pytest.raises(ConfigError, match=message):
        await Rehearsal(dca(config), venue_at(100)).run()


async def test_the_stop_of_a_cycle_that_is_over_stops_nothing() -> None:
    """It was being cancelled when it filled; what it bought is sold with the next cycle."""
    venue = venue_at(100)
    async with Rehearsal(dca(replace(CONFIG, stop_loss=Decimal("0.25"))), venue) as stage:
        stop = order_at(venue, 75)
        venue.move(PAIR, 111)
        venue.fill(stop)
        await stage.settle()
        state = stage.bot.state
        assert state is not None
        assert (state.phase, state.cycle) == (Phase.TRADING, 1)
        assert orders(venue)[-1].startswith("sell 1.14 at ")
