"""The numbers in docs/grid-and-dca.md are what the strategies do: the page's commands and tables are played."""

import re
import shlex
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from fillwire.bots.catalogue import SHIPPED
from fillwire.sdk.loading import make_strategy, strategy_classes
from fillwire.sdk.parameters import parse_parameters
from fillwire.strategies.books import Books
from fillwire.strategies.keeper import OrderKeeper
from fillwire.testing import Rehearsal, ScriptedVenue, market
from fillwire.wire.decimals import decimal_text

PAGE = (Path(__file__).parents[3] / "docs" / "grid-and-dca.md").read_text(encoding="utf-8")
COLUMNS = ["price", "open orders", "BTC", "USDT", "realised"]


def section(title: str) -> str:
    """Return the part of the page below a heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def bot_of(text: str) -> Callable[[], OrderKeeper]:
    """Return what makes the bot of the command in a section."""
    command = re.search(r"^fillwire run (\w+) (.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert command is not None
    words = shlex.split(command[2].replace("\\\n", " "))
    parameters = parse_parameters(word for word in words if "=" in word)
    (cls,) = strategy_classes(SHIPPED[command[1]])

    def make() -> OrderKeeper:
        strategy = make_strategy(cls, command[1], parameters)
        assert isinstance(strategy, OrderKeeper)
        return strategy

    return make


def rows(text: str) -> list[list[str]]:
    """Return the cells of a section's table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == COLUMNS
    return cells[2:]


def shown(venue: ScriptedVenue, books: Books) -> list[str]:
    """Return a row of the table as it is now, but for the price."""
    orders = sorted(venue.open_orders(), key=lambda order: order.request.price or Decimal(0))
    return [
        ", ".join(
            f"{order.request.side} {decimal_text(order.request.quantity)} at {decimal_text(order.request.price or Decimal(0))}"
            for order in orders
        ),
        decimal_text(books.base),
        decimal_text(books.quote),
        decimal_text(books.realised.get("USDT", Decimal(0)).quantize(Decimal("1e-8"))),
    ]


@pytest.mark.parametrize("title", ["A grid, step by step", "Averaging down, step by step"])
async def test_the_page_tells_what_happens(title: str) -> None:
    """Row by row: the price moves, and what is open and what the books say stand in the page."""
    text = section(title)
    table = rows(text)
    assert len(table) >= 5
    venue = ScriptedVenue(
        market(
            "BTC-USDT",
            table[0][0],
            price_step="0.01",
            quantity_step="0.00001",
            min_notional=5,
            maker_fee="0.001",
            taker_fee="0.001",
        )
    )
    async with Rehearsal(bot_of(text), venue) as stage:
        for price, *expected in table:
            venue.move("BTC-USDT", price)
            await stage.run()
            assert [price, *shown(venue, stage.bot.books)] == [price, *expected]


def test_the_page_names_every_parameter() -> None:
    """And no other."""
    for title, name in (("Parameters of the grid", "grid"), ("Parameters of averaging down", "dca")):
        (cls,) = strategy_classes(SHIPPED[name])
        named = re.findall(r"^\| `(\w+)`", section(title), re.MULTILINE)
        config = getattr(cls, "Config")  # noqa: B009 - of a class that is only known to be a strategy
        assert named == list(config.__dataclass_fields__)
