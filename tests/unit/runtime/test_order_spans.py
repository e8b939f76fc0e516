"""Spans of a counter-order: the bot's request, the gateway's steps below it, and what failed."""

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fillwire.domain.identifiers import Account
from fillwire.domain.orders import Outcome
from fillwire.runtime.order_spans import order_spans
from fillwire.runtime.order_traces import CommandTrace, OrderTrace
from fillwire.runtime.otlp_encoding import Envelope
from fillwire.runtime.tracing import TraceContext, host_span_ids, span_digests
from support import fill_records as fill
from support.otlp_receiver import ReceivedSpan, received_spans

ENVELOPE = Envelope(Resource({}), InstrumentationScope("fillwire"))
ACCOUNT = Account("alice", "binance", "live")
CALLBACK = host_span_ids(fill.EVENT_ID, "grid", "on_order_filled").callback
CONTEXT = TraceContext(span_digests(fill.EVENT_ID).trace_id, b"\x01" * 8, is_sampled=True)


def _asked(**changes: Any) -> OrderTrace:
    values: dict[str, Any] = {
        "context": CONTEXT,
        "parent_id": CALLBACK,
        "event_id": fill.EVENT_ID,
        "account": ACCOUNT,
        "verb": "place_order",
        "pair": "BTC-USDT",
        "client_order_id": "grid-1",
        "order_id": "77",
        "bot": "grid",
        "callback": "on_order_filled",
        "outcome": Outcome.ACCEPTED,
        "asked_ns": 1_000,
        "answered_ns": 9_000,
    }
    return OrderTrace(**(values | changes))


def _handled(**changes: Any) -> CommandTrace:
    values: dict[str, Any] = {
        "context": CONTEXT,
        "account": ACCOUNT,
        "verb": "place_order",
        "pair": "BTC-USDT",
        "client_order_id": "grid-1",
        "order_id": "77",
        "outcome": Outcome.ACCEPTED,
        "received_ns": 2_000,
        "noted_ns": 3_000,
        "sent_ns": 4_000,
        "venue_answered_ns": 7_000,
        "answered_ns": 8_000,
    }
    return CommandTrace(**(values | changes))


def _spans(trace: OrderTrace | CommandTrace, kept_for: str | None = None) -> list[ReceivedSpan]:
    return received_spans(ENVELOPE.request(order_spans(trace, kept_for)))


def test_the_bots_request_is_a_child_of_the_callback() -> None:
    """It stands in the fill's trace and says which order it was."""
    (asked,) = _spans(_asked())
    assert (asked.name, asked.kind, asked.start_ns, asked.end_ns) == ("place_order", "client", 1_000, 9_000)
    assert (asked.trace_id, asked.parent_id) == (CONTEXT.trace_id.hex(), CALLBACK.hex())
    assert asked.attributes == {
        "fillwire.exchange": "binance",
        "fillwire.environment": "live",
        "fillwire.user": "alice",
        "fillwire.pair": "BTC-USDT",
        "fillwire.order_id": "77",
        "fillwire.client_order_id": "grid-1",
        "fillwire.outcome": "accepted",
        "fillwire.bot": "grid",
    }
    assert not asked.is_error


def test_the_gateways_steps_fill_the_time_that_it_had_the_request() -> None:
    """Received, noted, sent, answered by the venue: one below the other's parent, end to start."""
    handle, *steps = _spans(_handled())
    assert (handle.name, handle.kind, handle.parent_id) == ("handle place_order", "server", "01" * 8)
    assert handle.is_parent_remote
    assert (handle.start_ns, handle.end_ns) == (2_000, 8_000)
    assert [(step.name, step.start_ns, step.end_ns) for step in steps] == [
        ("note", 2_000, 3_000),
        ("send", 3_000, 4_000),
        ("answer binance", 4_000, 7_000),
    ]
    assert {step.parent_id for step in steps} == {handle.span_id}
    assert len({span.span_id for span in (handle, *steps)}) == 4


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"noted_ns": None}, ["send", "answer binance"]),
        ({"sent_ns": None, "venue_answered_ns": None}, ["note"]),
        ({"noted_ns": None, "sent_ns": None, "venue_answered_ns": None}, []),
    ],
)
def test_a_step_that_was_not_taken_has_no_span(changes: dict[str, Any], names: list[str]) -> None:
    """A cancellation needs no note, and what was not sent was not answered."""
    assert [step.name for step in _spans(_handled(**changes))[1:]] == names


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.UNKNOWN])
def test_what_was_not_accepted_is_an_error_with_its_reason(outcome: Outcome) -> None:
    """In the bot's span and in the gateway's, with secrets masked."""
    reason = "not sent: secret=abcdef123456"
    for trace in (_asked(outcome=outcome, reason=reason), _handled(outcome=outcome, reason=reason)):
        failed = _spans(trace, "order")[0]
        assert (failed.is_error, failed.status_message) == (True, f"{outcome}: not sent: secret=***")
        assert failed.attributes["fillwire.kept_for"] == "order"
