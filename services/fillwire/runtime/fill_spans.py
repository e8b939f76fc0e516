"""Spans of a fill, built in bulk from its stamps by the thread that exports them; never on a fill's path.

The fill's identity stands on the first span and the last; those between say it in the subject and the message id. An
attribute costs more to encode than a span does to build.
"""

import traceback
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from fillwire.runtime import telemetry_names as names
from fillwire.runtime.fill_traces import GatewayTrace, HostTrace, emitted_ns
from fillwire.runtime.redaction import redacted_text
from fillwire.runtime.tracing import host_span_ids, trace_ids

_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_UNSET: Final = Status(StatusCode.UNSET)
_EMPTY: Final[Mapping[str, str | int]] = {}
_MAX_NS: Final = 2**63 - 1
_MAX_STACKTRACE: Final = 8192  # characters; the innermost frames stay


class _Step(NamedTuple):
    name: str
    span_id: int
    kind: SpanKind
    start_ns: int
    end_ns: int
    attributes: Mapping[str, str | int] = _EMPTY
    error: BaseException | None = None


class SpanBuilder:
    """Builds the spans of one process.

    Args:
        resource: the process, as OpenTelemetry describes it.
        version: version of Fillwire.
    """

    def __init__(self, resource: Resource, version: str) -> None:
        self._resource = resource
        self.scope = InstrumentationScope(names.SCOPE_NAME, version, names.SCHEMA_URL)

    def spans(self, trace: GatewayTrace | HostTrace, kept_for: str | None = None) -> list[ReadableSpan]:
        """Return the spans of one record, each the child of the one before.

        Args:
            trace: the record.
            kept_for: why the trace is kept although the ratio left it out. The gateway has then sent nothing, so a
                host's record yields the gateway's spans too, as far as the message's stamps tell them.
        """
        identity = _identity(trace)
        if kept_for is not None:
            identity[names.KEPT_FOR] = kept_for
        ids = trace_ids(trace.event_id)
        if isinstance(trace, GatewayTrace):
            return self._chain(ids.trace_id, None, _gateway_steps(trace, identity))
        deliver, callback = _host_steps(trace, identity)
        if kept_for is not None and trace.attempt == 1:
            return self._chain(ids.trace_id, None, [*_gateway_steps(trace, identity), deliver, callback])
        if kept_for is None and trace.is_first_call:
            publish = SpanContext(ids.trace_id, ids.publish, is_remote=True, trace_flags=_SAMPLED)
            return self._chain(ids.trace_id, publish, [deliver, callback])
        delivered = SpanContext(ids.trace_id, deliver.span_id, is_remote=False, trace_flags=_SAMPLED)
        return self._chain(ids.trace_id, delivered, [callback])

    def _chain(self, trace_id: int, parent: SpanContext | None, steps: Iterable[_Step]) -> list[ReadableSpan]:
        spans = []
        for step in steps:
            # A stamp in a message is whatever its sender wrote; one outside the protocol's range would lose the batch.
            start_ns = min(max(step.start_ns, 0), _MAX_NS)
            end_ns = min(max(step.end_ns, start_ns), _MAX_NS)  # stamps of two machines may cross
            context = SpanContext(trace_id, step.span_id, is_remote=False, trace_flags=_SAMPLED)
            spans.append(
                ReadableSpan(
                    step.name,
                    context=context,
                    parent=parent,
                    resource=self._resource,
                    attributes=step.attributes,
                    events=() if step.error is None else (_exception_event(step.error, end_ns),),
                    kind=step.kind,
                    status=_UNSET if step.error is None else _error_status(step.error),
                    start_time=start_ns,
                    end_time=end_ns,
                    instrumentation_scope=self.scope,
                )
            )
            parent = context
        return spans


def _identity(trace: GatewayTrace | HostTrace) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        names.EXCHANGE: trace.exchange,
        names.ENVIRONMENT: trace.environment,
        names.USER: trace.user,
        names.PAIR: trace.pair,
        names.ORDER_ID: trace.order_id,
        names.KIND: trace.kind,
    }
    if trace.trade_id is not None:
        attributes[names.TRADE_ID] = trace.trade_id
    return attributes


def _messaging(trace: GatewayTrace | HostTrace, operation_type: str, operation: str) -> dict[str, str | int]:
    return {
        names.MESSAGING_SYSTEM: names.NATS,
        names.MESSAGING_DESTINATION_NAME: trace.subject,
        names.MESSAGING_DESTINATION_TEMPLATE: names.DESTINATION_TEMPLATE,
        names.MESSAGING_OPERATION_TYPE: operation_type,
        names.MESSAGING_OPERATION_NAME: operation,
        names.MESSAGING_MESSAGE_ID: trace.event_id,
        names.MESSAGING_MESSAGE_BODY_SIZE: trace.body_bytes,
    }


def _gateway_steps(trace: GatewayTrace | HostTrace, identity: Mapping[str, str | int]) -> list[_Step]:
    ids = trace_ids(trace.event_id)
    received_ns = trace.received_ns
    # A host that got no stamps knows only when the frame was read.
    parsed_ns = received_ns if trace.parsed_ns is None else trace.parsed_ns
    published_ns = parsed_ns if trace.published_ns is None else trace.published_ns
    acknowledged_ns = trace.acknowledged_ns if isinstance(trace, GatewayTrace) else None
    emitted = dict(identity)
    if trace.exchange_time_ns is not None and abs(trace.exchange_time_ns) <= _MAX_NS:
        emitted[names.EXCHANGE_TIME_NS] = trace.exchange_time_ns
    if trace.clock_offset_ns is not None and abs(trace.clock_offset_ns) <= _MAX_NS:
        emitted[names.CLOCK_OFFSET_NS] = trace.clock_offset_ns
    frame = {names.FRAME_BYTES: trace.frame_bytes} if isinstance(trace, GatewayTrace) else _EMPTY
    return [
        _Step(
            f"{names.EMIT} {trace.exchange}",
            ids.emit,
            SpanKind.PRODUCER,
            emitted_ns(trace.exchange_time_ns, trace.clock_offset_ns, received_ns),
            received_ns,
            emitted,
        ),
        _Step(names.RECEIVE, ids.receive, SpanKind.CONSUMER, received_ns, published_ns, frame),
        _Step(names.PARSE, ids.parse, SpanKind.INTERNAL, received_ns, parsed_ns),
        _Step(
            f"{names.PUBLISH} {names.DESTINATION}",
            ids.publish,
            SpanKind.PRODUCER,
            published_ns,
            published_ns if acknowledged_ns is None else acknowledged_ns,
            _messaging(trace, "send", names.PUBLISH),
        ),
    ]


def _host_steps(trace: HostTrace, identity: Mapping[str, str | int]) -> tuple[_Step, _Step]:
    ids = host_span_ids(
        trace.event_id, trace.bot, trace.callback, delivery=trace.delivery, attempt=trace.attempt
    )
    received = {
        **_messaging(trace, "receive", names.DELIVER),
        names.MESSAGING_CONSUMER_GROUP_NAME: trace.bot,
        names.BOT: trace.bot,
        names.DELIVERY: trace.delivery,
    }
    published_ns = trace.delivered_ns if trace.published_ns is None else trace.published_ns
    return (
        _Step(
            f"{names.DELIVER} {names.DESTINATION}",
            ids.deliver,
            SpanKind.CONSUMER,
            min(published_ns, trace.delivered_ns),
            trace.delivered_ns,
            received,
        ),
        _Step(
            f"{names.CALLBACK} {trace.callback}",
            ids.callback,
            SpanKind.CONSUMER,
            trace.started_ns,
            trace.returned_ns,
            {
                **identity,
                **received,
                names.MESSAGING_OPERATION_TYPE: "process",
                names.MESSAGING_OPERATION_NAME: trace.callback,
                names.ATTEMPT: trace.attempt,
            },
            trace.error,
        ),
    )


def _type_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return redacted_text(str(error))
    except Exception:  # noqa: BLE001 - a strategy's own exception, whose __str__ may be broken
        return "(no message: str() of the exception raised)"


def _error_status(error: BaseException) -> Status:
    return Status(StatusCode.ERROR, f"{type(error).__name__}: {_message(error)}")


def _exception_event(error: BaseException, at_ns: int) -> Event:
    stacktrace = "".join(traceback.format_exception(error))
    return Event(
        "exception",
        {
            names.EXCEPTION_TYPE: _type_name(error),
            names.EXCEPTION_MESSAGE: _message(error),
            names.EXCEPTION_STACKTRACE: redacted_text(stacktrace[-_MAX_STACKTRACE:]),
        },
        at_ns,
    )
