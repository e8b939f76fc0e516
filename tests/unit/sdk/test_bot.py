"""What makes a bot, and what a bot cannot be made of."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.sdk.bot import bot_of, make_bot
from fillwire.sdk.strategy import Strategy

ALICE = Account("alice", "binance", "live")


def made(**attributes: Any) -> Strategy:
    """Return an instance of a strategy class with these attributes."""
    return type("Made", (Strategy,), {"pairs": ["BTC-USDT"], **attributes})()  # type: ignore[no-any-return]  # made here


def test_the_host_fills_in_what_the_strategy_leaves_open() -> None:
    """An account is the host's save for what the strategy says itself."""
    bot = bot_of(made(environment="testnet"), ALICE)
    assert bot.account == Account("alice", "binance", "testnet")
    assert (bot.name, bot.pairs, bot.durable) == ("made", ("BTC-USDT",), "alice==made")


def test_a_star_stands_for_all_pairs() -> None:
    """`["*"]` listens to the whole account."""
    assert bot_of(made(pairs=["*"]), ALICE).pairs == ()


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        (
            {"pairs": ["btc-usdt"]},
            "pair 'btc-usdt' is not written BASE-QUOTE in capitals: did you mean 'BTC-USDT'",
        ),
        ({"pairs": ["BTC/USDT"]}, "did you mean 'BTC-USDT'"),
        ({"pairs": ["BTCUSDT"]}, "expected BASE-QUOTE such as 'BTC-USDT'"),
        ({"pairs": "BTC-USDT"}, "pairs is 'BTC-USDT': expected a list"),
        ({"pairs": None}, "pairs is None: expected a list"),
        ({"pairs": [7]}, "pair 7 is a int: expected a string"),
        ({"pairs": []}, "pairs is empty"),
        ({"name": 5}, "name is 5, a int: expected a string"),
        ({"name": ""}, "name is '': expected 1 to 64 printable characters"),
        ({"user": 7}, "user is 7: expected a string such as 'alice'"),
        ({"exchange": ""}, "exchange is '': expected a string such as 'binance'"),
        ({"blocking": "yes"}, "blocking is 'yes': expected True or False"),
    ],
)
def test_an_attribute_that_cannot_be_is_named(attributes: dict[str, Any], sentence: str) -> None:
    """The sentence says what was found and what was expected."""
    with pytest.raises(ConfigError) as caught:
        bot_of(made(**attributes), ALICE)
    assert sentence in str(caught.value)


def test_the_sentence_says_where_the_class_is_written() -> None:
    """A person is led to the line of the class."""

    class Misplaced(Strategy):
        pairs = ("eth usdt",)

    with pytest.raises(ConfigError, match=r"test_bot\.py, line \d+: Misplaced: pair 'eth usdt' .*'ETH-USDT'"):
        bot_of(Misplaced(), ALICE)


def test_where_a_bot_begins_is_said_by_who_starts_it_else_by_its_class() -> None:
    """The host's word goes before the strategy's; without either a bot begins now."""
    aware = datetime(2026, 1, 1, tzinfo=UTC)
    assert bot_of(made(), ALICE).start_from == "now"
    assert bot_of(made(start_from=aware), ALICE).start_from == aware
    assert bot_of(made(start_from=aware), ALICE, start_from="beginning").start_from == "beginning"


@given(st.lists(st.text("ab-_=. 0", min_size=1), min_size=4, max_size=4))
def test_no_two_bots_share_a_durable(words: list[str]) -> None:
    """Different users or names give different durable names."""
    first, second = (words[0], words[1]), (words[2], words[3])
    names = [
        make_bot(made(), name=name, account=Account(user, "binance", "live"), pairs=["BTC-USDT"]).durable
        for user, name in (first, second)
    ]
    assert (names[0] == names[1]) == (first == second)
