"""Spans of a counter-order, built from its stamps by the thread that exports them."""

from fillwire.runtime import telemetry_names as names
from fillwire.runtime.order_traces import CommandTrace, OrderTrace
from fillwire.runtime.otlp_encoding import (
    SpanKind,
    error_status,
    known_text,
    span,
    text_attribute,
)
from fillwire.runtime.redaction import redacted_text
from fillwire.runtime.tracing import child_id


def order_spans(trace: OrderTrace | CommandTrace, kept_for: str | None = None) -> list[bytes]:
    """Return the spans of one record, encoded.

    The bot's is one, the child of the callback's; the gateway's are one below that and one for each step in it.

    Args:
        trace: the record.
        kept_for: why the trace is kept although the ratio left it out.
    """
    why = b"" if kept_for is None else known_text(names.KEPT_FOR, kept_for)
    if isinstance(trace, OrderTrace):
        return [
            span(
                trace.verb,
                SpanKind.CLIENT,
                trace_id=trace.context.trace_id,
                span_id=trace.context.span_id,
                parent_id=trace.parent_id,
                start_ns=trace.asked_ns,
                end_ns=trace.answered_ns,
                said=_said(trace) + known_text(names.BOT, trace.bot) + why + _status(trace),
            )
        ]
    return _gateway_spans(trace, why)


def _said(trace: OrderTrace | CommandTrace) -> bytes:
    account = trace.account
    said = [
        known_text(names.EXCHANGE, account.exchange),
        known_text(names.ENVIRONMENT, account.environment),
        known_text(names.USER, account.user),
        known_text(names.PAIR, trace.pair),
        known_text(names.OUTCOME, trace.outcome),
    ]
    if trace.client_order_id is not None:
        said.append(text_attribute(names.CLIENT_ORDER_ID, trace.client_order_id))
    if trace.order_id is not None:
        said.append(text_attribute(names.ORDER_ID, trace.order_id))
    return b"".join(said)


def _status(trace: OrderTrace | CommandTrace) -> bytes:
    """Return the status: a request that was not accepted is an error, and says why."""
    if not names.is_failed(trace.outcome):
        return b""
    return error_status(f"{trace.outcome}: {redacted_text(trace.reason or 'no reason was given')}")


def _gateway_spans(trace: CommandTrace, why: bytes) -> list[bytes]:
    trace_id, asked, _ = trace.context
    verb = trace.verb
    handle = child_id(f"{asked.hex()}\0{names.HANDLE}")
    spans = [
        span(
            f"{names.HANDLE} {verb}",
            SpanKind.SERVER,
            trace_id=trace_id,
            span_id=handle,
            parent_id=asked,
            start_ns=trace.received_ns,
            end_ns=trace.answered_ns,
            said=_said(trace) + why + _status(trace),
            is_parent_remote=True,
        )
    ]

    def step(name: str, kind: SpanKind, start_ns: int, end_ns: int) -> None:
        made = span(
            name,
            kind,
            trace_id=trace_id,
            span_id=child_id(f"{asked.hex()}\0{name}"),
            parent_id=handle,
            start_ns=start_ns,
            end_ns=end_ns,
        )
        spans.append(made)

    begun_ns = trace.received_ns
    if trace.noted_ns is not None:
        step(names.NOTE, SpanKind.INTERNAL, begun_ns, trace.noted_ns)
        begun_ns = trace.noted_ns
    if trace.sent_ns is not None:
        step(names.SEND, SpanKind.INTERNAL, begun_ns, trace.sent_ns)
        if trace.venue_answered_ns is not None:
            venue = f"{names.ANSWER} {trace.account.exchange}"
            step(venue, SpanKind.CLIENT, trace.sent_ns, trace.venue_answered_ns)
    return spans
