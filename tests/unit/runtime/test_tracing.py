"""Ids that follow from the event, and the decision which traces are kept."""

from hashlib import blake2b

import pytest
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

from fillwire.domain.errors import ConfigError
from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.tracing import (
    Sampling,
    TraceContext,
    TraceIds,
    encode_context,
    host_span_ids,
    is_parent_sampled,
    parse_traceparent,
    sampling_from,
    span_digests,
    trace_ids,
    traceparent,
)
from support.fill_records import published

EVENT = "binance:live:alice:BTCUSDT:12510053279:28457"
EVENTS = [f"binance:live:alice:BTCUSDT:1:{number}" for number in range(2_000)]


def _tracer(sampling: Sampling) -> FillTracer:
    return FillTracer(bound=sampling.bound, follows_parent=sampling.follows_parent, slow_ns=None, capacity=1)


def _keeps(sampling: Sampling, event: str, parent: bool | None = None) -> bool:
    return _tracer(sampling).keeps(event, parent)


def test_ids_are_those_of_every_release() -> None:
    """The ids of an event are pinned: `fillwire trace` must find what an older gateway has exported."""
    assert trace_ids(EVENT) == TraceIds(
        trace_id=0x169C1AA9FB826B13CEFAA8A27631D5B2,
        emit=0xBD1FDE06DE68EBF7,
        receive=0x17CDD713BBD97D9B,
        parse=0xF3E28DC7FBAE0285,
        publish=0x70039E3AEF8D2C8E,
    )


def test_bytes_and_numbers_are_the_same_ids() -> None:
    """What goes into spans is what the numbers say."""
    ids = trace_ids(EVENT)
    assert tuple(int.from_bytes(digest) for digest in span_digests(EVENT)) == tuple(ids)


def test_ids_are_a_hash_that_anybody_can_make() -> None:
    """In a program of any language, from the text of the event's id; of a call's too."""
    for event in (EVENT, "", "ä€🚀" * 100):
        digest = blake2b(event.encode(), digest_size=48).digest()
        assert b"".join(span_digests(event)) == digest
        delivered = blake2b(b"grid\0" + b"3", digest_size=8).digest()
        called = blake2b(b"grid\0" + b"3\0on_fill\0" + b"2", digest_size=8).digest()
        number = int.from_bytes(digest[32:]) ^ int.from_bytes(delivered + called)
        assert b"".join(host_span_ids(event, "grid", "on_fill", delivery=3, attempt=2)) == number.to_bytes(16)


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.3, 1.0])
def test_the_header_is_sent_with_what_is_kept_and_only_with_that(ratio: float) -> None:
    """One hash says both whether and where."""
    tracer = _tracer(Sampling(ratio))
    for event in EVENTS:
        expected = traceparent(event) if tracer.keeps(event, None) else None
        assert published(tracer, event_id=event).get("traceparent") == expected


def test_a_context_is_read_as_it_was_written() -> None:
    """Trace, span and decision; what is no such header says nothing."""
    for is_sampled in (True, False):
        context = TraceContext(span_digests(EVENT).trace_id, b"12345678", is_sampled)
        assert parse_traceparent(encode_context(context)) == context
    assert parse_traceparent(traceparent(EVENT)) == TraceContext(
        span_digests(EVENT).trace_id, span_digests(EVENT).publish, is_sampled=True
    )
    for nonsense in (None, "", "00-1-2-01", f"{traceparent(EVENT)}-more", traceparent(EVENT).upper()):
        assert parse_traceparent(nonsense) is None


def test_who_does_not_follow_the_sender_decides_by_the_trace() -> None:
    """With a sampler that is not `parentbased_`, the ratio decides of a request as of the fill that caused it."""
    sampling = Sampling(0.5, follows_parent=False)
    for event in EVENTS[:100]:
        for is_sampled in (True, False):
            context = TraceContext(span_digests(event).trace_id, b"12345678", is_sampled)
            assert sampling.keeps(context) == _keeps(sampling, event)
            assert Sampling(0.5).keeps(context) == is_sampled


def test_the_header_names_the_publishing_span() -> None:
    """`traceparent` is the W3C form of the same ids, with the decision in its last digit."""
    ids = trace_ids(EVENT)
    assert traceparent(EVENT) == f"00-{ids.trace_id:032x}-{ids.publish:016x}-01"
    assert traceparent(EVENT, is_sampled=False) == f"00-{ids.trace_id:032x}-{ids.publish:016x}-00"


def test_calls_of_bots_differ_by_bot_delivery_callback_and_attempt() -> None:
    """Each delivery to each bot has a span of its own, each call another; the same call has the same again."""
    first = host_span_ids(EVENT, "grid", "on_fill")
    assert host_span_ids(EVENT, "grid", "on_fill", delivery=1, attempt=1) == first
    other_bot = host_span_ids(EVENT, "dca", "on_fill")
    redelivered = host_span_ids(EVENT, "grid", "on_fill", delivery=2)
    other_callback = host_span_ids(EVENT, "grid", "on_order_filled")
    again = host_span_ids(EVENT, "grid", "on_fill", attempt=2)
    calls = [first, other_bot, redelivered, other_callback, again]
    assert len({call.callback for call in calls}) == len(calls)
    assert {first.deliver, other_bot.deliver, redelivered.deliver} == {call.deliver for call in calls}
    assert len({first.deliver, other_bot.deliver, redelivered.deliver}) == 3


def test_no_two_spans_of_many_fills_have_one_id() -> None:
    """The ids of a host's spans follow from those of the event, and differ from them and from each other all the same."""
    ids = [span_id for event in EVENTS for span_id in span_digests(event)[1:]]
    for event in EVENTS:
        for bot, callback in (("grid", "on_fill"), ("grid", "on_order_filled"), ("dca", "on_fill")):
            deliver, called = host_span_ids(event, bot, callback)
            ids += [called] if callback == "on_order_filled" else [deliver, called]
    assert len(set(ids)) == len(ids) == 9 * len(EVENTS)


def test_names_cannot_be_shifted_into_each_other() -> None:
    """A bot `a` with method `b` is not a bot `ab`: the parts are told apart."""
    assert host_span_ids("e", "a", "bc").callback != host_span_ids("e", "ab", "c").callback
    assert host_span_ids("e", "a1", "c").deliver != host_span_ids("e", "a", "c", delivery=11).deliver


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.3, 0.999, 1.0])
def test_the_ratio_decides_as_opentelemetry_does(ratio: float) -> None:
    """Other services that sample by the trace id keep the same traces."""
    tracer, reference = _tracer(Sampling(ratio)), TraceIdRatioBased(ratio)
    for event in EVENTS:
        decision = reference.should_sample(None, trace_ids(event).trace_id, "emit").decision
        assert tracer.keeps(event, None) == (decision is Decision.RECORD_AND_SAMPLE)


def test_the_share_kept_is_the_ratio() -> None:
    """Of two thousand events a quarter is kept, give or take four standard deviations."""
    kept = sum(_keeps(Sampling(0.25), event) for event in EVENTS)
    assert abs(kept - 500) < 4 * (2_000 * 0.25 * 0.75) ** 0.5


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (None, None),
        ("", None),
        ("garbage", None),
        (traceparent(EVENT), True),
        (traceparent(EVENT, is_sampled=False), False),
        (traceparent(EVENT)[:-2] + "03", True),
    ],
)
def test_what_a_header_says(header: str | None, said: bool | None) -> None:
    """The flag of a header is read; a missing or foreign header says nothing."""
    assert is_parent_sampled(header) is said


@pytest.mark.parametrize(
    ("environ", "kept", "kept_under_parent"),
    [
        ({}, False, True),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, True, True),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, False, False),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, False, True),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_on"}, True, True),
        ({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, False, False),
        ({"OTEL_TRACES_SAMPLER": "TraceIdRatio", "OTEL_TRACES_SAMPLER_ARG": "1"}, True, True),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}, False, True),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, True, True),
    ],
)
def test_the_standard_variables_win(environ: dict[str, str], kept: bool, kept_under_parent: bool) -> None:
    """OpenTelemetry's variables override the settings' ratio, here 0, with OpenTelemetry's meaning."""
    sampling = sampling_from(environ, 0.0)
    assert _keeps(sampling, EVENT) is kept
    assert _keeps(sampling, EVENT, True) is kept_under_parent


def test_a_parent_that_dropped_the_trace_is_followed() -> None:
    """A host keeps no half of a trace that the gateway has not kept, unless told not to follow."""
    assert not _keeps(sampling_from({}, 1.0), EVENT, False)
    assert _keeps(sampling_from({"OTEL_TRACES_SAMPLER": "always_on"}, 1.0), EVENT, False)


@pytest.mark.parametrize(
    ("environ", "ratio", "complaint"),
    [
        ({}, 1.5, "sample ratio 1.5: expected a number from 0 to 1"),
        ({}, float("nan"), "sample ratio nan: expected a number from 0 to 1"),
        (
            {"OTEL_TRACES_SAMPLER": "jaeger_remote"},
            1.0,
            "OTEL_TRACES_SAMPLER: expected [parentbased_]always_on, always_off or traceidratio, found 'jaeger_remote'",
        ),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"},
            1.0,
            "OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, found 'half'",
        ),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
            1.0,
            "OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, found '2'",
        ),
    ],
)
def test_what_cannot_be_sampled_is_refused(environ: dict[str, str], ratio: float, complaint: str) -> None:
    """A sampler that would silently keep everything or nothing is an error at the start."""
    with pytest.raises(ConfigError) as caught:
        sampling_from(environ, ratio)
    assert str(caught.value) == complaint
