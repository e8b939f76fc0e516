"""Identities are injective: different things never share one, and one thing never has two."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from fillwire.domain.identifiers import (
    Account,
    escape_token,
    execution_event_id,
    order_scope,
    state_event_id,
    unescape_token,
)
from support.strategies import texts

accounts = st.builds(Account, texts(), texts(), texts())
# Characters that an escape, a subject or an event id is made of, so that clashes would be found soon.
tricky = st.text("=:~.A4F ", max_size=6)
words = st.sampled_from(
    ["new", "working", "cancelled", "expired", "rejected", "replaced-14000001500", "prevented-7"]
)


@given(texts() | tricky)
@example("")
@example("BRK.B")
@example("=")
@example("🦊 > *")
def test_token_round_trip(text: str) -> None:
    """Any text survives as a token, which holds nothing that means something to the broker."""
    token = escape_token(text)
    assert re.fullmatch(r"[A-Za-z0-9_=-]+", token)
    assert unescape_token(token) == text


@given(texts() | tricky)
@example("=41")
@example("=2a")
@example("")
def test_token_has_one_spelling(token: str) -> None:
    """Text taken for a token is refused, or is exactly the token of what it says."""
    try:
        text = unescape_token(token)
    except ValueError:
        return
    assert escape_token(text) == token


@given(
    one=st.tuples(accounts, tricky, tricky, tricky),
    other=st.tuples(accounts, tricky, tricky, tricky),
)
def test_executions_share_an_id_only_if_they_are_one(
    one: tuple[Account, str, str, str], other: tuple[Account, str, str, str]
) -> None:
    """Account, symbol, order and trade can be told apart in an event id, whatever they are named."""
    assert (execution_event_id(*one) == execution_event_id(*other)) == (one == other)


@given(st.data())
def test_moving_text_between_parts_changes_the_id(data: st.DataObject) -> None:
    """Text cut into parts at another place is another identity, though it reads the same when put together."""
    text = data.draw(st.text("ab:=~", min_size=1, max_size=8))
    cuts = [sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2))) for _ in range(2)]
    account = Account("u", "e", "l")
    parts = [(text[:a], text[a:b], text[b:]) for a, b in cuts]
    ids = [execution_event_id(account, *part) for part in parts]
    assert (ids[0] == ids[1]) == (parts[0] == parts[1])


@given(account=accounts, symbol=tricky, order_id=tricky, trade_id=tricky, word=words)
def test_execution_is_no_other_step(
    account: Account, symbol: str, order_id: str, trade_id: str, word: str
) -> None:
    """No trade id can be taken for the word of another step; both belong to the order's scope."""
    execution = execution_event_id(account, symbol, order_id, trade_id)
    step = state_event_id(account, symbol, order_id, word)
    assert execution != step
    scope = order_scope(account, symbol, order_id)
    assert execution.rpartition(":")[0] == step.rpartition(":")[0] == scope
