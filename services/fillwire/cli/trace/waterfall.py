"""Spans as rows of a waterfall: the tree that they make, laid out, and what the log alone tells of a fill's way."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fillwire.cli.trace.finding import Logged
from fillwire.domain.calls import CallsAnswer
from fillwire.runtime import telemetry_names as names
from fillwire.runtime.emission import emitted_ns

GATEWAY = "fillwire-gateway"
BROKER = "broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to a trace of an earlier event of the order."""

    trace_id: str
    event_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One step of a fill's way.

    Attributes:
        span_id: hexadecimal.
        parent_id: of the step that this one is a part or the consequence of; None for the first.
        name: as in `runtime.telemetry_names`.
        service: which process made it, None if it does not say.
        start_ns: by the clock of that process, as `end_ns`.
        error: what went wrong, None if nothing did.
        attributes: what else it says.
        links: earlier events of the same order.
    """

    span_id: str
    parent_id: str | None
    name: str
    service: str | None
    start_ns: int
    end_ns: int
    error: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A span and how deep it stands in the tree."""

    span: Span
    depth: int


def rows(spans: Iterable[Span]) -> list[Row]:
    """Return the spans as a tree: each below its parent, those with one parent by their start.

    A span whose parent is not there stands at the top; one that came twice stands once.
    """
    by_id = {span.span_id: span for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(by_id.values(), key=lambda span: (span.start_ns, span.end_ns)):
        parent = span.parent_id if span.parent_id in by_id else None
        children.setdefault(parent, []).append(span)
    found = list(_below(children, None, 0))
    shown = {row.span.span_id for row in found}
    # Spans that are each other's ancestors hang on nothing: whoever wrote them, they are shown.
    return found + [Row(span, 0) for span in by_id.values() if span.span_id not in shown]


def _below(children: Mapping[str | None, list[Span]], parent: str | None, depth: int) -> Iterator[Row]:
    for span in children.get(parent, ()):
        yield Row(span, depth)
        yield from _below(children, span.span_id, depth + 1)


def logged_spans(logged: Logged) -> list[Span]:
    """Return what the log tells of an event's way: from the venue's emission to when the broker had stored it.

    The times stand in the event and in its headers; the last is the broker's own, by its clock.
    """
    event, stamps = logged.event, logged.stamps
    offset_ns = None if stamps is None else stamps.clock_offset_ns
    begun_ns = emitted_ns(event.exchange_time_ns, offset_ns, event.received_time_ns)

    def step(number: int, name: str, start_ns: int, end_ns: int, service: str = GATEWAY) -> Span:
        return Span(
            span_id=str(number),
            parent_id=str(number - 1) if number > 1 else None,
            name=name,
            service=service,
            start_ns=start_ns,
            end_ns=max(start_ns, end_ns),
        )

    spans = [step(1, f"{names.EMIT} {event.exchange}", begun_ns, event.received_time_ns)]
    published_ns = event.received_time_ns
    if stamps is not None:
        published_ns = stamps.published_ns
        spans.append(step(2, names.RECEIVE, event.received_time_ns, published_ns))
        spans.append(step(3, names.PARSE, event.received_time_ns, stamps.parsed_ns))
    stored = f"{names.PUBLISH} {names.DESTINATION}"
    spans.append(step(len(spans) + 1, stored, published_ns, logged.stored_ns, BROKER))
    return spans


def called_spans(logged: Logged, answers: Sequence[CallsAnswer]) -> list[Span]:
    """Return what hosts tell of the rest of the way: deliveries to bots and the calls of their methods.

    They stand below the last step that the log tells; their times are by the hosts' clocks.
    """
    stored = logged_spans(logged)[-1]
    found: dict[str, Span] = {}
    for answer in answers:
        for number, call in enumerate(answer.calls):
            delivered = f"{answer.host} {call.bot} {call.delivery}"
            if delivered not in found:
                found[delivered] = Span(
                    span_id=delivered,
                    parent_id=stored.span_id,
                    name=f"{names.DELIVER} to {call.bot}",
                    service=answer.host,
                    start_ns=min(stored.start_ns, call.delivered_ns),
                    end_ns=call.delivered_ns,
                )
            called = f"{delivered} {number}"
            found[called] = Span(
                span_id=called,
                parent_id=delivered,
                name=f"{names.CALLBACK} {call.callback}",
                service=answer.host,
                start_ns=call.started_ns,
                end_ns=max(call.started_ns, call.returned_ns),
                error=call.error,
            )
    return list(found.values())
