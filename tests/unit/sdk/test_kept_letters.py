"""What of a dead letter is believed: each lie that a writer of headers could tell is named, and replayed is nothing of it."""

from dataclasses import replace

import pytest

from fillwire.bus.lookup import StoredMessage
from fillwire.domain.enums import Kind
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.runtime.tracing import traceparent
from fillwire.sdk.kept_letters import KeptLetter, NotGenuine, believed_headers, kept_letter
from fillwire.wire.codec import encode_order
from fillwire.wire.dead_letters import DeadLetter
from fillwire.wire.headers import MESSAGE_ID, STAMPS, TRACEPARENT
from support.order_events import ALICE, order_event

BOB = Account("bob", "binance", "live")
EVENT = order_event()
GENUINE = KeptLetter(
    user="alice",
    bot="grid",
    sequence=7,
    stored_ns=1,
    message_id="alice==grid:42:on_fill",
    letter=DeadLetter(
        bot="grid",
        reason="no such level",
        exception="KeyError",
        callback="on_fill",
        attempts=5,
        event_id=EVENT.event_id,
        original_subject="orders.alice.binance.live.BTC-USDT.filled",
        original_sequence=42,
    ),
    body=encode_order(EVENT),
    trace={},
)


def letter(**said: object) -> KeptLetter:
    """Return the letter with something else said in it."""
    return replace(GENUINE, letter=replace(GENUINE.letter, **said))  # type: ignore[arg-type]  # of the letter


def holding(**facts: object) -> KeptLetter:
    """Return the letter with another event in it."""
    return replace(GENUINE, body=encode_order(replace(EVENT, **facts)))  # type: ignore[arg-type]  # of the event


@pytest.mark.parametrize(
    "kept",
    [
        GENUINE,
        replace(letter(callback=None, event_id=None), message_id="alice==grid:42"),
        replace(GENUINE, message_id="alice==grid:42"),
    ],
    ids=["with all it may have", "never given to a callback", "one letter for all callbacks"],
)
def test_what_a_host_writes_is_believed(kept: KeptLetter) -> None:
    """The event is read, and the decision goes by the letter's id."""
    assert kept.event() == EVENT
    assert kept.key.startswith("dlq.alice.grid.alice=3D=3Dgrid=3A42")


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        (letter(original_subject="bots.bob.stop"), "'bots.bob.stop': expected that of an order event of alice"),
        (letter(original_subject="bots.alice.stop"), "expected that of an order event of alice"),
        (letter(original_subject="orders.bob.binance.live.BTC-USDT.filled"), "expected that of an order event of alice"),
        (letter(original_subject="$KV.DECISIONS.dlq.bob.grid.1"), "expected that of an order event of alice"),
        (letter(original_subject="orders.alice.binance.live.BTC-USDT.filled.more"), "expected that of an order event"),
        (letter(original_subject="orders.alice.binance.live.*.filled"), "expected that of an order event of alice"),
        (letter(original_subject="x" * 70_000), "…': expected that of an order event of alice"),
        (letter(original_subject="orders.alice.binance.testnet.BTC-USDT.filled"), "expected 'alice@binance/testnet'"),
        (letter(original_subject="orders.alice.binance.live.ETH-USDT.filled"), "of pair 'BTC-USDT': expected 'ETH-USDT'"),
        (letter(original_subject="orders.alice.binance.live.BTC-USDT.new"), "of kind 'filled': expected 'new'"),
        (holding(user="bob"), "of account 'bob@binance/live': expected 'alice@binance/live'"),
        (holding(kind=Kind.CANCELLED), "of kind 'cancelled': expected 'filled'"),
        (holding(event_id=order_event(account=BOB).event_id), "expected one of order 'binance:live:alice:BTCUSDT:1'"),
        (holding(event_id="binance:live:alice:BTCUSDT:11:1"), "expected one of order 'binance:live:alice:BTCUSDT:1'"),
        (letter(event_id="binance:live:alice:BTCUSDT:1:2"), "expected 'binance:live:alice:BTCUSDT:1:2', which it names"),
        (replace(GENUINE, body=b"{}"), "letter holds no order event of a known version"),
        (letter(bot="other"), "letter names bot 'other': expected 'grid'"),
        (replace(GENUINE, message_id="bob==grid:42:on_fill"), "has the id 'bob==grid:42:on_fill': expected 'alice==grid:42:on_fill'"),
        (replace(GENUINE, message_id=""), "expected 'alice==grid:42:on_fill'"),
        (letter(original_sequence=43), "has the id 'alice==grid:42:on_fill': expected 'alice==grid:43:on_fill'"),
        (
            replace(letter(callback="on_fill\nx"), message_id="alice==grid:42"),
            "names callback 'on_fill\\nx': expected a method's name",
        ),
    ],
)  # fmt: skip
def test_what_a_host_does_not_write_is_refused(kept: KeptLetter, sentence: str) -> None:
    """The sentence names what was found and what was expected, and is bounded, whatever was written."""
    with pytest.raises(NotGenuine) as refused:
        kept.event()
    assert sentence in str(refused.value)
    assert len(str(refused.value)) < 1000


def test_a_decision_about_a_letter_with_a_foreign_id_goes_by_its_number() -> None:
    """However long the id is: the broker ends a connection that sends a line too long."""
    assert replace(GENUINE, message_id="x" * 10_000).key == "dlq.alice.grid.7"
    assert replace(GENUINE, message_id="").key == "dlq.alice.grid.7"


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (f"dlq.alice.{'x' * 65}", {}),
        ("dlq.alice.grid", {"Fillwire-Attempts": "9" * 30}),
        ("dlq.alice.grid", {"Fillwire-Original-Sequence": "-1"}),
    ],
    ids=["a name that no bot can have", "a number that JSON cannot hold", "a sequence that no stream has"],
)
def test_what_no_list_could_show_is_no_letter(subject: str, said: dict[str, str]) -> None:
    """It is left out, and takes no other letter with it."""
    headers = {MESSAGE_ID: GENUINE.message_id, **GENUINE.letter.headers()}
    message = StoredMessage("dlq.alice.grid", 7, 1, headers, GENUINE.body)
    assert kept_letter(message) == GENUINE
    with pytest.raises(DecodeError):
        kept_letter(replace(message, subject=subject, headers=headers | said))


def test_headers_of_another_trace_do_not_go_with_the_replay() -> None:
    """Nor what is no header of a trace; those of the event's own do."""
    own = {TRACEPARENT: traceparent(EVENT.event_id, is_sampled=False), STAMPS: "-5,1,2"}
    assert believed_headers(own, EVENT) == own
    other = order_event(account=BOB)
    assert other.account != ALICE
    assert believed_headers({TRACEPARENT: traceparent(other.event_id), STAMPS: "1,2"}, EVENT) == {}
    assert believed_headers({TRACEPARENT: "x", STAMPS: f"0,1,{'9' * 19}"}, EVENT) == {}
