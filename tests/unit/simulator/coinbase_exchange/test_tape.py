"""Tapes: whatever happens on a market, its messages are numbered without a gap and tell each order's life."""

import contextlib
from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from fillwire.simulator import SimulatorSettings
from fillwire.simulator.coinbase_exchange.facts import Facts
from fillwire.simulator.coinbase_exchange.tape import Message, Tape
from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.refused import Refused
from fillwire.simulator.settings import AccountSettings, KeySettings
from support.coinbase_keys import EXCHANGE_SECRET

PRODUCT = "BTC-USD"
CENT = 1_000_000
MODES = ("DECREMENT", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH")


def make_venue(seed: int) -> tuple[ExchangeVenue, Tape, list[Account]]:
    """Return a venue with two accounts, its tape of BTC-USD watched, and the accounts."""
    accounts = tuple(
        AccountSettings(
            user=user, keys=(KeySettings(api_key=user, secret=EXCHANGE_SECRET, passphrase="word"),)
        )
        for user in ("alice", "bob")
    )
    venue = ExchangeVenue(SimulatorSettings(seed=seed, accounts=accounts))
    tape = venue.tapes[PRODUCT]
    tape.is_watched = True
    return venue, tape, list(venue.accounts.values())


def place(venue: ExchangeVenue, account: Account, random: Random) -> Order | None:
    """Place a random order around the market; None if it is refused."""
    is_market = random.random() < 0.1
    price = 0 if is_market else (6_400_000 + random.randrange(-4, 5)) * CENT
    ticket = Ticket(
        market=venue.tapes[PRODUCT],
        is_buy=random.random() < 0.5,
        type="MARKET" if is_market else "LIMIT",
        time_in_force="GTC" if is_market else random.choice(("GTC", "GTC", "IOC", "FOK")),
        quantity=random.randrange(1, 50) * 100_000,
        quote_quantity=0,
        price=price,
        stop_price=0,
        client_order_id=f"{account.user}-{random.random()}",
        stp_mode=random.choice(MODES),
        facts=Facts(client_oid=""),
    )
    try:
        return venue.engine.place(account, ticket)[0]
    except Refused:
        return None


def trade_at_random(seed: int, count: int) -> tuple[ExchangeVenue, list[Account], list[Message]]:
    """Let two accounts trade with each other, themselves and the house; return what the tape has told."""
    venue, tape, accounts = make_venue(seed)
    random = Random(seed)
    for _ in range(count):
        account = random.choice(accounts)
        choice = random.random()
        if choice < 0.7:
            place(venue, account, random)
        elif choice < 0.85 and account.open_orders:
            order = random.choice(list(account.open_orders.values()))
            venue.engine.cancel(order, order.client_order_id)
        elif choice < 0.88 and account.open_orders:
            order = random.choice(list(account.open_orders.values()))
            price = (6_400_000 + random.randrange(-4, 5)) * CENT
            with contextlib.suppress(Refused):
                venue.engine.replace(order, price, random.randrange(1, 50) * 100_000)
        elif choice < 0.92 and account.open_orders:
            order = random.choice(list(account.open_orders.values()))
            venue.engine.execute_resting(order, min(order.remaining, 100_000))
        else:
            venue.house.move(tape, (6_400_000 + random.randrange(-10, 11)) * CENT)
            venue.house._withdraw(tape)  # so that the accounts meet each other and themselves
    return venue, accounts, tape.pending


def of_orders(messages: list[Message]) -> dict[str, list[dict[str, Any]]]:
    """Return the messages of each order."""
    lives: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in messages:
        for member in ("order_id", "maker_order_id", "taker_order_id"):
            if member in message.document:
                lives[message.document[member]].append(message.document)
    return lives


@pytest.mark.parametrize("seed", range(6))
def test_numbers_have_no_gap_and_lives_are_told(seed: int) -> None:
    """Each order is received first, ends at most once and last, and its sizes add up at every step."""
    _venue, _accounts, messages = trade_at_random(seed, 250)
    numbers = [message.document["sequence"] for message in messages]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    kinds = {message.kind for message in messages}
    assert kinds == {"received", "open", "match", "change", "done"}
    for life in of_orders(messages).values():
        told = [document["type"] for document in life]
        if told[0] != "received":
            continue  # an order of the house from before somebody watched
        assert told.count("received") == 1
        assert "done" not in told[:-1]
        left = Decimal(life[0]["size"])
        for document in life[1:]:
            if document["type"] == "match":
                left -= Decimal(document["size"])
            elif document["type"] == "change":
                assert Decimal(document["old_size"]) == left
                left = Decimal(document["new_size"])
            elif "remaining_size" in document:
                assert Decimal(document["remaining_size"]) == left
        assert left >= 0
        if life[-1].get("reason") == "filled":
            assert left == 0


@pytest.mark.parametrize("seed", range(6))
def test_what_is_locked_is_what_open_orders_need(seed: int) -> None:
    """Neither trades nor the prevention of self-trades leave anything locked behind, and no money is made."""
    venue, accounts, _messages = trade_at_random(seed, 250)
    for account in accounts:
        needed: defaultdict[str, int] = defaultdict(int)
        for order in account.open_orders.values():
            amount = order.price * order.remaining // 10**8 if order.is_buy else order.remaining
            needed[order.spent_asset] += amount
        for asset in ("BTC", "USD"):
            assert account.balances[asset].locked == needed[asset]
    everybody = [*accounts, venue.engine.house, venue.engine.matcher.fees]
    for asset, start in (("BTC", 10_000), ("USD", 1_000_000_000)):
        total = sum(each.balances[asset].free + each.balances[asset].locked for each in everybody)
        assert total == 2 * start * 10**8


@pytest.mark.parametrize("seed", range(3))
def test_owners_see_their_own_and_nobody_elses(seed: int) -> None:
    """A match between the two accounts has a view for each, with its own rate and row."""
    _venue, accounts, messages = trade_at_random(seed, 250)
    rows: defaultdict[Account, list[int]] = defaultdict(list)
    for message in messages:
        assert "user_id" not in message.document
        for view in message.views:
            assert view.account in accounts
            if view.row >= 0:
                rows[view.account].append(view.row)
    for account in accounts:
        assert rows[account] == list(range(len(account.executions)))


def test_strangers_are_counted_also_when_nobody_watches() -> None:
    """The sequence goes on as if they had been told."""
    watched, heard, _ = make_venue(1)
    silent, counted, _ = make_venue(1)
    counted.is_watched = False
    for venue, tape in ((watched, heard), (silent, counted)):
        venue.house.move(tape, 6_390_000 * CENT)
    assert heard.sequence == counted.sequence
    assert heard.pending
    assert counted.pending == []
