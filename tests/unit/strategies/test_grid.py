"""What a grid does in each case that a person might ask about."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.domain.errors import ConfigError, OrdersUnknown
from fillwire.domain.orders import OrderRequest, TradeOrder
from fillwire.strategies.books import Books
from fillwire.strategies.grid import GridStrategy
from fillwire.strategies.grid_plan import AtLower, AtUpper, GridConfig, Start
from fillwire.strategies.steps import Step, StepIds
from fillwire.testing import Fault, Faults, Rehearsal
from fillwire.wire.decimals import decimal_text
from support.scripted_venues import PAIR, order_at, orders, venue_at

CONFIG = GridConfig(
    pair=PAIR, lower=Decimal(100), upper=Decimal(130), levels=4, quantity=Decimal(1), fee_rate=Decimal(0)
)


def told(books: Books) -> str:
    """Return the books as people read them."""
    realised = " ".join(
        f"{decimal_text(amount)} {currency}" for currency, amount in sorted(books.realised.items())
    )
    return f"{decimal_text(books.base)} BTC, {decimal_text(books.quote)} USDT, realised {realised}"


def grid(config: GridConfig = CONFIG) -> Callable[[], GridStrategy]:
    """Return what makes a bot."""
    return lambda: GridStrategy(config)


async def test_it_buys_below_sells_above_and_answers_each_fill() -> None:
    """Below the market it waits to buy; above it has bought at once, at the market's price, and waits to sell."""
    venue = venue_at(115)
    async with Rehearsal(grid(), venue) as stage:
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "sell 1 at 130"]
        assert venue.executions[0].average_price == 115
        venue.move(PAIR, 105)
        await stage.run()
        assert orders(venue) == ["buy 1 at 100", "sell 1 at 120", "sell 1 at 130"]
        venue.move(PAIR, 125)
        await stage.run()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "sell 1 at 130"]
        books = stage.bot.books
        assert told(books) == "1 BTC, -105 USDT, realised 10 USDT"
        assert books.round_count == 1


async def test_a_part_waits_for_the_whole_and_counts_when_its_order_ends() -> None:
    """A purchase that fills in part is answered when it is whole, or for its part when it ends before."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        order = order_at(venue, 120)
        venue.fill(order, "0.4")
        await stage.run()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]
        venue.end(order)
        await stage.run()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "sell 0.4 at 130"]
        venue.move(PAIR, 130)
        await stage.run()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]
        assert told(stage.bot.books).endswith("realised 4 USDT")


async def test_what_is_too_little_to_sell_is_carried() -> None:
    """A part below the least order stays in its cell and is sold with the next purchase."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        order = order_at(venue, 120)
        venue.fill(order, "0.05")
        venue.end(order)
        await stage.wait(5)
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]
        venue.move(PAIR, 115)
        await stage.run()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "sell 1.05 at 130"]


async def test_a_fee_in_base_leaves_less_to_sell_and_the_remainder_is_kept() -> None:
    """Of 1 bought 0.985 is left: 0.98 is sold, and 0.005 is in the cell when it buys again."""
    venue = venue_at(125, fee="0.015")
    async with Rehearsal(grid(replace(CONFIG, fee_rate=Decimal("0.015"))), venue) as stage:
        venue.move(PAIR, 115)
        await stage.run()
        assert "sell 0.98 at 130" in orders(venue)
        venue.move(PAIR, 130)
        await stage.run()
        venue.move(PAIR, 115)
        await stage.run()
        assert "sell 0.99 at 130" in orders(venue)
        assert stage.bot.books.fees == {"BTC": Decimal("0.03"), "USDT": Decimal("1.911")}


async def test_a_fee_in_a_third_currency_is_a_loss_in_that_currency() -> None:
    """Profit is told per currency: 10 in quote, and what was paid in BNB."""
    venue = venue_at(125, fee="0.01", fee_in="BNB")
    async with Rehearsal(grid(), venue) as stage:
        venue.move(PAIR, 115)
        await stage.run()
        venue.move(PAIR, 130)
        await stage.run()
        assert told(stage.bot.books).endswith("realised -0.25 BNB 10 USDT")


async def test_a_fee_that_is_not_told_is_left_out_of_the_sale_and_of_the_books() -> None:
    """The venue takes 1 % of what was bought and does not say so; selling all of it would be refused."""
    venue = venue_at(125, fee="0.01", USDT=1000)
    venue.markets[PAIR].tells_fees = False
    async with Rehearsal(grid(replace(CONFIG, untold_fee=Decimal("0.01"))), venue) as stage:
        venue.move(PAIR, 115)
        await stage.run()
        assert "sell 0.99 at 130" in orders(venue)
        assert (stage.bot.books.base, stage.bot.books.untold_fee_count) == (Decimal(1), 1)


async def test_inventory_is_sold_without_a_purchase() -> None:
    """What the account brings in is held by the cells at and above the start price."""
    venue = venue_at(115)
    config = replace(CONFIG, start=Start.INVENTORY, start_price=Decimal(115))
    async with Rehearsal(grid(config), venue) as stage:
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "sell 1 at 130"]
        assert not venue.executions
        venue.move(PAIR, 130)
        await stage.run()
        assert told(stage.bot.books) == "-1 BTC, 130 USDT, realised 15 USDT"


async def test_a_refused_order_is_tried_again_later() -> None:
    """While there is no money it asks after one second, two, four; with money it is there."""
    venue = venue_at(125, USDT=215)
    async with Rehearsal(grid(), venue) as stage:
        assert orders(venue) == ["buy 1 at 120"] or len(orders(venue)) == 1
        asked = len(stage.placed)
        await stage.wait(0.9)
        assert len(stage.placed) == asked
        await stage.wait(10)
        assert asked < len(stage.placed) < asked + 12
        assert venue.balances is not None
        venue.balances.add("USDT", Decimal(1000))
        await stage.settle()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST, Fault.CRASHED, Fault.EARLY_EVENTS])
async def test_an_unknown_outcome_is_asked_for(fault: Fault) -> None:
    """Whether the order was placed or not, in the end there is one."""
    venue = venue_at(125)
    faults = Faults()
    faults.next(fault, fault)
    async with Rehearsal(grid(), venue, faults) as stage:
        await stage.settle()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]
        assert len(venue.orders) == 3


async def test_a_person_who_cancels_finds_the_order_again() -> None:
    """After a second; who wants it gone stops the bot."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        venue.end(venue.open_orders()[0])
        await stage.run()
        assert len(orders(venue)) == 2
        await stage.wait(1)
        assert len(orders(venue)) == 3
        stage.bot.cancel_orders_on_stop = True
        await stage.stop()
        assert orders(venue) == []
        # What was cancelled is there again when the bot starts again.
        await stage.settle()
        assert len(orders(venue)) == 3


async def test_other_parameters_are_another_grid_with_the_same_books() -> None:
    """Its orders take the place of the former ones, also if the first grid comes back."""
    venue = venue_at(125)
    configs = [CONFIG, replace(CONFIG, lower=Decimal(120), levels=2), CONFIG]
    stage = Rehearsal(lambda: GridStrategy(configs[0]), venue)
    await stage.run()
    venue.move(PAIR, 115)
    await stage.run()
    configs.pop(0)
    await stage.restart()
    assert orders(venue) == ["sell 1 at 130"]  # the one cell above the market has bought
    assert told(stage.bot.books).startswith("2 BTC")
    configs.pop(0)
    await stage.wait(60)
    await stage.restart()
    assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "sell 1 at 130"]
    assert len(venue.executions) == stage.bot.books.execution_count == 3


async def test_the_price_at_the_lower_bound_may_end_it() -> None:
    """With `sell` everything is sold at the market, and the bot rests."""
    venue = venue_at(125)
    async with Rehearsal(grid(replace(CONFIG, at_lower=AtLower.SELL)), venue) as stage:
        venue.move(PAIR, 99)
        await stage.settle()
        assert orders(venue) == []
        state = stage.bot.state
        assert state is not None
        assert state.is_ended
        assert told(stage.bot.books) == "0 BTC, -33 USDT, realised -33 USDT"
        await stage.restart()
        assert orders(venue) == []


async def test_a_stop_price_is_seen_by_an_order_of_the_smallest_size() -> None:
    """Its fill says that the price was there; then all is sold."""
    venue = venue_at(125)
    async with Rehearsal(grid(replace(CONFIG, stop_price=Decimal(90))), venue) as stage:
        assert orders(venue)[0] == "buy 0.12 at 90"
        venue.move(PAIR, 95)
        await stage.run()
        assert len(orders(venue)) == 4
        venue.move(PAIR, 90)
        await stage.settle()
        assert orders(venue) == []
        assert told(stage.bot.books) == "0 BTC, -60 USDT, realised -60 USDT"


@pytest.mark.parametrize("config", [{"at_upper": AtUpper.END}, {"take_profit": Decimal(5)}])
async def test_it_may_end_with_a_profit(config: dict[str, object]) -> None:
    """At the upper bound, or as soon as it has earned enough."""
    venue = venue_at(125)
    async with Rehearsal(grid(replace(CONFIG, **config)), venue) as stage:  # type: ignore[arg-type] # two of them
        venue.move(PAIR, 115)
        await stage.run()
        venue.move(PAIR, 131)
        await stage.settle()
        assert orders(venue) == []
        assert told(stage.bot.books).endswith("realised 10 USDT")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pair": "btcusdt"}, "pair 'btcusdt' is not written BASE-QUOTE"),
        ({"lower": Decimal(0)}, "lower is 0: expected a decimal number greater than 0"),
        ({"upper": Decimal(90)}, "upper is 90: expected more than lower, which is 100"),
        ({"levels": 1}, "levels is 1: expected 2 to 1296"),
        ({"fee_rate": Decimal(2)}, "fee_rate is 2: expected a rate between 0 and 1"),
        ({"stop_price": Decimal(100)}, "stop_price is 100: expected less than lower, which is 100"),
        ({"start": Start.INVENTORY}, "start is inventory and start_price is missing"),
        (
            {"levels": 1000, "fee_rate": Decimal("0.001")},
            "step from 100 to 100.03003003 earns 0.03003003 and pays fees of 0.20003003 at a fee_rate of 0.001",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_what_was_expected(change: dict[str, object], message: str) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        replace(CONFIG, **change)  # type: ignore[arg-type] # wrong on purpose


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lower": Decimal(2)}, "lower is 2: expected at least 5, the least of BTC-USDT"),
        ({"upper": Decimal(1001)}, "upper is 1001: expected at most 1000, the most of BTC-USDT"),
        ({"quantity": Decimal("0.05")}, "an order of 5 at 100: expected at least 10, the least of BTC-USDT"),
        ({"quantity": Decimal("0.001")}, "which is 0 at 100 and 0 after fees: expected at least 0.01"),
        ({"upper": Decimal("100.02"), "levels": 4}, "two of them are 100.01, as BTC-USDT has steps of 0.01"),
    ],
)
async def test_what_the_venue_would_refuse_does_not_start(change: dict[str, object], message: str) -> None:
    """The venue's rules are known at the start."""
    config = replace(CONFIG, **change)  # type: ignore[arg-type] # one parameter
    venue = venue_at(125)
    rules = venue.markets[PAIR].rules
    venue.markets[PAIR].rules = replace(rules, min_price=Decimal(5), max_price=Decimal(1000))
    with pytest.raises(ConfigError, match=message):
        await Rehearsal(grid(config), venue).run()


async def test_an_end_that_the_log_does_not_tell_is_taken_from_the_venue() -> None:
    """The venue wins: what it says was executed counts, its fee as untold, and the bot goes on."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        order = order_at(venue, 120)
        order.cumulative_quantity, order.cumulative_quote, order.kind = Decimal(1), Decimal(120), Kind.FILLED
        await stage.restart()
        await stage.settle()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "sell 1 at 130"]
        books = stage.bot.books
        assert told(books).startswith("1 BTC, -120 USDT")
        assert books.untold_fee_count == 1


async def test_a_start_without_gateway_waits_for_one() -> None:
    """Neither rules nor open orders can be had: nothing is placed, and nothing fails."""
    venue = venue_at(125)
    faults = Faults(chances={Fault.UNANSWERED: 1.0})
    async with Rehearsal(grid(), venue, faults) as stage:
        await stage.wait(100)
        assert not stage.placed
        with pytest.raises(RuntimeError, match="bot grid-btc-usdt has no books yet"):
            _ = stage.bot.books
        await stage.settle()
        assert len(orders(venue)) == 3


async def test_orders_by_hand_in_its_name_count_and_are_left_alone() -> None:
    """However many there were, also when the whole log is told again after a restart."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        for number in range(300):
            request = OrderRequest(
                client_order_id=derive_client_order_id("grid-btc-usdt", str(number)),
                pair=PAIR,
                side=Side.BUY,
                type=OrderType.LIMIT,
                quantity=Decimal(1),
                price=Decimal(90) if number == 0 else Decimal(126),
            )
            venue.place(request)
        await stage.run()
        assert told(stage.bot.books).startswith("299 BTC")
        stage._cursor = 0
        await stage.restart()
        assert told(stage.bot.books).startswith("299 BTC")
        assert orders(venue) == ["buy 1 at 90", "buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]


async def test_a_stray_of_another_plan_is_cancelled() -> None:
    """The bot was told something else before, and died before it could clear up."""
    venue = venue_at(125)
    stray = StepIds("grid-btc-usdt", "another plan", 7).id_of(Step("c05", 0, 0))
    venue.place(
        OrderRequest(
            client_order_id=stray,
            pair=PAIR,
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal(1),
            price=Decimal(95),
        )
    )
    async with Rehearsal(grid(), venue):
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]


async def test_the_checkpoint_is_renewed_each_day_from_the_log() -> None:
    """So that a bot that hardly trades does not come to need what the log has forgotten."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        venue.move(PAIR, 115)
        await stage.run()
        before = stage.shelf.checkpoint
        await stage.wait(86_400)
        after = stage.shelf.checkpoint
        assert before is not None
        assert after is not None
        assert (before.sequence, after.sequence) == (0, stage.sequence)


async def test_a_purchase_does_not_meet_the_grids_own_sale() -> None:
    """A cell whose purchase was refused waits while the cell below it sells at that price."""
    venue = venue_at(125, USDT=225)  # enough for 110 and 100, and not for 120 beside them
    async with Rehearsal(grid(), venue) as stage:
        assert venue.balances is not None
        venue.end(order_at(venue, 120))
        venue.balances.add("USDT", Decimal(-10))
        await stage.wait(60)
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110"]
        venue.move(PAIR, 109)
        venue.balances.add("USDT", Decimal(1000))
        await stage.wait(600)
        assert orders(venue) == ["buy 1 at 100", "sell 1 at 120"]
        venue.move(PAIR, 121)
        await stage.run()
        assert orders(venue) == ["buy 1 at 100", "buy 1 at 110", "buy 1 at 120"]


async def test_without_its_checkpoint_it_finds_its_cells_in_the_log() -> None:
    """The open orders are still its own, and nothing is placed or cancelled."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        venue.move(PAIR, 105)
        await stage.run()
        stage.shelf.checkpoint = None
        before = (len(venue.orders), orders(venue))
        await stage.wait(10)
        await stage.restart()
        await stage.settle()
        assert (len(venue.orders), orders(venue)) == before
        assert not stage.cancelled


async def test_nothing_is_concluded_while_the_account_is_out_of_step() -> None:
    """That the log does not tell an end proves nothing then."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        order = order_at(venue, 120)
        order.cumulative_quantity, order.cumulative_quote, order.kind = Decimal(1), Decimal(120), Kind.FILLED
        await stage.restart()
        stage.bot._is_in_step = False
        await stage.wait(300)
        assert stage.bot.books.execution_count == 0
        stage.bot._is_in_step = True
        await stage.wait(60)
        assert stage.bot.books.execution_count == 1


async def test_nothing_is_placed_before_the_venues_list_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that come earlier are counted, and answered afterwards."""
    venue = venue_at(125)
    async with Rehearsal(grid(), venue) as stage:
        seen = GridStrategy.open_orders

        async def unknown(*_: object, **__: object) -> list[TradeOrder]:
            raise OrdersUnknown("nobody says")

        monkeypatch.setattr(GridStrategy, "open_orders", unknown)
        await stage.restart()
        venue.move(PAIR, 105)
        await stage.run()
        assert stage.bot.books.execution_count == 2
        assert orders(venue) == ["buy 1 at 100"]
        monkeypatch.setattr(GridStrategy, "open_orders", seen)
        await stage.settle()
        assert orders(venue) == ["buy 1 at 100", "sell 1 at 120", "sell 1 at 130"]
