"""Which strategies bots may be made of, and what is said of those that cannot be."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwire.bots.catalogue import SHIPPED, Catalogue
from fillwire.bots.shipped.ping_pong import PingPong
from fillwire.domain.bots import BotSpec
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.strategies import GridStrategy, Spacing
from support.managed_bots import SPEC

ONE = """\
from fillwire import Strategy

class One(Strategy):
    pairs = ["BTC-USDT"]
    def __init__(self, spread: int = 3): self.spread = spread
"""
TWO = """\
from fillwire import Strategy

class First(Strategy):
    pairs = ["BTC-USDT"]

class Second(Strategy):
    pairs = ["BTC-USDT"]
    user = "bob"
"""


def spec(**changes: Any) -> BotSpec:
    """Return a desired state."""
    return replace(SPEC, **changes)


def test_a_shipped_strategy_is_made_by_its_name() -> None:
    """The bot has the name and account of its desired state; its pair and parameters reach the strategy, as typed."""
    bot = Catalogue().make(SPEC)
    assert (bot.name, bot.account, bot.pairs) == ("pp-1", Account("alice", "binance", "live"), ("ETH-USDT",))
    assert isinstance(bot.listener, PingPong)
    assert (bot.listener.name, bot.listener._pair, bot.listener._price) == (
        "pp-1",
        "ETH-USDT",
        Decimal(64000),
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_each_shipped_strategy_is_there(name: str) -> None:
    """What is asked for in vain is a parameter, not the strategy."""
    with pytest.raises(ConfigError, match=r"parameter .* is missing: expected"):
        Catalogue().make(spec(strategy=name, parameters={}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"parameters": {"price": "64.000,00"}},
            "parameter price of PingPong is '64.000,00': expected a decimal number",
        ),
        ({"parameters": {}}, "parameter price of PingPong is missing: expected a decimal number"),
        (
            {"parameters": {"price": "1", "sprad": "2"}},
            "parameter sprad is taken by no PingPong: did you mean spread",
        ),
        (
            {"parameters": {"price": "1", "zzz": "2"}},
            "parameter zzz is taken by no PingPong: expected one of price, pair, quantity, spread, name",
        ),
        (
            {"parameters": {"price": "1", "pair": "BTC-USDT"}},
            "parameter pair is 'BTC-USDT', and the bot's own word is 'ETH-USDT': expected one of them",
        ),
        (
            {"pairs": ("BTC-USDT", "ETH-USDT")},
            "PingPong trades one pair: expected one, found BTC-USDT, ETH-USDT",
        ),
        ({"pairs": ("btcusdt",)}, "pair 'btcusdt' is not written BASE-QUOTE in capitals"),
        ({"strategy": "grids"}, "strategy 'grids' is unknown: expected one of "),
        (
            {"strategy": "os:system"},
            "strategy 'os:system': expected a class of the modules in bots.modules, none",
        ),
        (
            {"strategy": "mine.py"},
            "strategy 'mine.py': expected a file in one of the directories in bots.directories, none",
        ),
        ({"bot": ""}, "name is '': expected 1 to 64 printable characters"),
        ({"start_from": "tomorrow"}, "start_from is 'tomorrow': expected 'now', 'beginning' or a time"),
    ],
)
def test_what_cannot_be_is_said(changes: dict[str, Any], sentence: str) -> None:
    """Each sentence names what was found and what was expected."""
    with pytest.raises(ConfigError) as error:
        Catalogue().make(spec(**changes))
    assert sentence in str(error.value)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory of bots, beside a file that is none of them."""
    inside = tmp_path / "bots"
    (inside / "below").mkdir(parents=True)
    (inside / "below" / "one.py").write_text(ONE)
    (inside / "two.py").write_text(TWO)
    (tmp_path / "outside.py").write_text(ONE)
    (inside / "link.py").symlink_to(tmp_path / "outside.py")
    return inside


def test_a_file_of_an_allowed_directory_is_found(directory: Path) -> None:
    """By its path below the directory, or its whole path; the strategy's own pairs stay unless the bot has others."""
    catalogue = Catalogue([directory])
    for name in ("below/one.py", str(directory / "below" / "one.py")):
        bot = catalogue.make(spec(strategy=name, parameters={"spread": "5"}, pairs=()))
        assert (type(bot.listener).__name__, bot.pairs, bot.name) == ("One", ("BTC-USDT",), "pp-1")
    assert catalogue.make(spec(strategy="below/one.py", parameters={})).pairs == ("ETH-USDT",)
    assert catalogue.make(spec(strategy="below/one.py", parameters={}, pairs=("*",))).pairs == ()


@pytest.mark.parametrize("name", ["../outside.py", "link.py", "/etc/hostname.py", "below/none.py", "below"])
def test_nothing_leads_out_of_an_allowed_directory(directory: Path, name: str) -> None:
    """Neither dots nor a link nor a whole path; and what is not there is said."""
    with pytest.raises(ConfigError, match="expected"):
        Catalogue([directory]).make(spec(strategy=name, parameters={}))


def test_one_of_several_in_a_file_is_named(directory: Path) -> None:
    """Without a name it is said which there are; an account that the class insists on is not overruled."""
    catalogue = Catalogue([directory])
    with pytest.raises(ConfigError, match=r"names several, First, Second: expected one, as two.py:Class"):
        catalogue.make(spec(strategy="two.py", parameters={}))
    first = catalogue.make(spec(strategy="two.py:First", parameters={}))
    assert type(first.listener).__name__ == "First"
    with pytest.raises(
        ConfigError, match="Second says itself that its user is 'bob': expected that, found 'alice'"
    ):
        catalogue.make(spec(strategy="two.py:Second", parameters={}))
    with pytest.raises(
        ConfigError, match="has no strategy Third: expected one of those it has, First, Second"
    ):
        catalogue.make(spec(strategy="two.py:Third", parameters={}))


def test_a_class_of_an_allowed_module_is_found() -> None:
    """Also of a package below one; a module whose name only begins alike is another."""
    name = "fillwire.bots.shipped.ping_pong:PingPong"
    assert isinstance(Catalogue(modules=["fillwire.bots"]).make(spec(strategy=name)).listener, PingPong)
    with pytest.raises(ConfigError, match=r"modules in bots\.modules, fillwire\.bot$"):
        Catalogue(modules=["fillwire.bot"]).make(spec(strategy=name))


GRID = {"lower": "60000", "upper": "70000", "levels": "11", "quantity": "0.001"}


def test_a_grid_is_made_of_its_typed_parameters() -> None:
    """The bot's pair is the grid's; its name is the bot's, so that its orders have its label."""
    bot = Catalogue().make(spec(strategy="grid", bot="my-grid", pairs=("ETH-USDT",), parameters=GRID))
    assert isinstance(bot.listener, GridStrategy)
    assert bot.listener.config.spacing is Spacing.ARITHMETIC
    assert (bot.name, bot.listener.name, bot.pairs, bot.listener.pair) == (
        "my-grid",
        "my-grid",
        ("ETH-USDT",),
        "ETH-USDT",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"lower": "80000"},
            "parameters of GridStrategy: upper is 70000: expected more than lower, which is 80000",
        ),
        ({"levels": "many"}, "parameter levels of GridStrategy is 'many': expected a whole number"),
        (
            {"spacing": "even"},
            "parameter spacing of GridStrategy is 'even': expected one of arithmetic, geometric",
        ),
        ({"step": "1"}, "parameter step is taken by no GridStrategy: "),
    ],
)
def test_a_grid_that_cannot_be_is_refused_before_anything_is_written(
    change: dict[str, str], message: str
) -> None:
    """By the manager as by the command line."""
    with pytest.raises(ConfigError) as raised:
        Catalogue().make(spec(strategy="grid", parameters=GRID | change))
    assert message in str(raised.value)


def test_what_a_grid_needs_is_asked_for() -> None:
    """By name, with what is expected."""
    with pytest.raises(
        ConfigError, match="parameter lower of GridStrategy is missing: expected a decimal number"
    ):
        Catalogue().make(spec(strategy="grid", parameters={}))
