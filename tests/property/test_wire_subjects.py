"""Subjects carry any name there is, without loss and without meaning anything else to the broker."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fillwire.domain.enums import Kind
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.wire import subjects
from fillwire.wire.headers import Stamps, parse_stamps
from support.strategies import texts

# What the broker, the keys of its buckets and our own filters all take as one token.
TOKEN = re.compile(r"[A-Za-z0-9_=-]+")
NAMES = ["BRK.B", "a b", "*", ">", "🦊", "", "=", "=41", "a..b", ".", "$JS", "\n", "ü", "a:b"]

names = st.sampled_from(NAMES) | texts()
accounts = st.builds(Account, names, names, names)
kinds = st.sampled_from(Kind)

# For each kind of subject: its first token, what it says, how that is built, and how it is read.
BUILT: list[tuple[str, st.SearchStrategy[Any], Callable[[Any], str], Callable[[str], Any]]] = [
    (
        "orders",
        st.builds(subjects.OrderSubject, accounts, names, kinds),
        lambda said: subjects.order_subject(said.account, said.pair, said.kind),
        subjects.parse_order_subject,
    ),
    ("connections", accounts, subjects.connection_subject, subjects.parse_connection_subject),
    (
        "commands",
        st.builds(subjects.CommandSubject, accounts, names),
        lambda said: subjects.command_subject(said.account, said.verb),
        subjects.parse_command_subject,
    ),
    (
        "quarantine",
        st.builds(subjects.QuarantineSubject, accounts, names),
        lambda said: subjects.quarantine_subject(said.account, said.error_class),
        subjects.parse_quarantine_subject,
    ),
    (
        "dlq",
        st.builds(subjects.DeadLetterSubject, names, names),
        lambda said: subjects.dead_letter_subject(said.user, said.bot),
        subjects.parse_dead_letter_subject,
    ),
    (
        "alerts",
        st.builds(subjects.AlertSubject, accounts, names),
        lambda said: subjects.alert_subject(said.account, said.alert),
        subjects.parse_alert_subject,
    ),
    (
        "bots",
        st.builds(subjects.BotSubject, names, names),
        lambda said: subjects.bot_subject(said.user, said.verb),
        subjects.parse_bot_subject,
    ),
]
EACH = pytest.mark.parametrize(("first", "said", "build", "parse"), BUILT, ids=[row[0] for row in BUILT])


def matches(pattern: str, subject: str) -> bool:
    """Return whether the broker gives a subject to a subscription, by its rules."""
    wanted, tokens = pattern.split("."), subject.split(".")
    for position, token in enumerate(wanted):
        if token == ">":
            return len(tokens) > position
        if position >= len(tokens) or token not in ("*", tokens[position]):
            return False
    return len(tokens) == len(wanted)


def test_every_channel_is_tried() -> None:
    """No kind of subject is left out below."""
    assert {row[0] for row in BUILT} == set(subjects.ADDRESSES)


@EACH
@given(data=st.data())
def test_subject_is_read_back(
    first: str,
    said: st.SearchStrategy[Any],
    build: Callable[[Any], str],
    parse: Callable[[str], Any],
    data: st.DataObject,
) -> None:
    """Parsing what was built gives what it was built from; the subject has the tokens of its address, each a safe one."""
    value = data.draw(said)
    subject = build(value)
    assert parse(subject) == value
    head, *tokens = subject.split(".")
    assert head == first
    assert len(tokens) == subjects.ADDRESSES[first].count("{")
    assert all(TOKEN.fullmatch(token) for token in tokens)


@EACH
@given(data=st.data())
def test_subject_has_one_spelling(
    first: str,
    said: st.SearchStrategy[Any],
    build: Callable[[Any], str],
    parse: Callable[[str], Any],
    data: st.DataObject,
) -> None:
    """What can be parsed is exactly what is built: a changed subject is another one or none."""
    subject = build(data.draw(said))
    at = data.draw(st.integers(0, len(subject)))
    changed = (
        subject[:at]
        + data.draw(st.text("=.*>aA4 ", max_size=3))
        + subject[at + data.draw(st.integers(0, 2)) :]
    )
    try:
        value = parse(changed)
    except DecodeError:
        return
    assert build(value) == changed
    assert changed.startswith(f"{first}.")


@given(accounts)
@example(Account("a.b", "", ">"))
def test_account_tokens_are_read_back(account: Account) -> None:
    """The key of an account in a bucket says which account it is."""
    assert subjects.parse_account_tokens(subjects.account_tokens(account)) == account


@given(one=accounts, other=accounts, pair=names, other_pair=names, kind=kinds)
def test_filter_takes_its_own_and_nothing_else(
    one: Account, other: Account, pair: str, other_pair: str, kind: Kind
) -> None:
    """A filter takes every event of its account, or of its pair, and no event of another one, whatever the names are."""
    own = subjects.order_subject(one, pair, kind)
    foreign = subjects.order_subject(other, other_pair, kind)
    assert matches(subjects.order_filter(one), own)
    assert matches(subjects.order_filter(one, pair), own)
    assert matches(subjects.order_filter(one), foreign) == (one == other)
    assert matches(subjects.order_filter(one, pair), foreign) == ((one, pair) == (other, other_pair))


@given(st.builds(Stamps, st.integers(), st.integers(), st.integers()))
def test_stamps_are_read_back(stamps: Stamps) -> None:
    """The stamps of an event survive their header."""
    assert parse_stamps(stamps.encode()) == stamps


@given(accounts, names, kinds)
def test_scope_of_an_event_is_its_account(account: Account, pair: str, kind: Kind) -> None:
    """From the subject of any event follows the wildcard of all events of its account, and of no other."""
    subject = subjects.order_subject(account, pair, kind)
    assert subjects.order_scope_filter(subject) == subjects.order_filter(account)
