"""Which stages a fill is counted in, and which fills are counted at all."""

import pytest

from fillwire.domain.errors import PublishError
from fillwire.runtime.fill_latency import FillLatencies
from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.telemetry_names import Stage
from support import fill_records as fill
from support.fill_records import called, published

US = fill.US


@pytest.fixture
def tracer() -> FillTracer:
    """Return one that counts and keeps nothing."""
    return FillTracer(bound=0, follows_parent=True, slow_ns=None, capacity=1)


def _maxima_us(latencies: FillLatencies) -> dict[Stage, float]:
    return {one.stage: (one.snapshot.max_ns or 0) / US for one in latencies.series() if one.snapshot.count}


def test_a_gateway_counts_its_four_stages(tracer: FillTracer) -> None:
    """From the venue's emission, by our clock, to the broker's acknowledgement."""
    latencies = FillLatencies(tracer)
    published(tracer)
    assert _maxima_us(latencies) == {
        Stage.EMIT_TO_RECEIVED: 3_000,
        Stage.RECEIVED_TO_PARSED: 10,
        Stage.PARSED_TO_PUBLISHED: 30,
        Stage.PUBLISHED_TO_ACKNOWLEDGED: 860,
    }


def test_a_host_counts_the_whole_way_and_its_own(tracer: FillTracer) -> None:
    """The whole way is counted where it ends: from the venue's emission to the call of the bot."""
    latencies = FillLatencies(tracer)
    called(tracer)
    assert _maxima_us(latencies) == {
        Stage.PUBLISHED_TO_DELIVERED: 660,
        Stage.DELIVERED_TO_CALLBACK: 50,
        Stage.CALLBACK: 5_000,
        Stage.EMIT_TO_CALLBACK: 3_750,
    }


def test_further_calls_count_only_their_own_time(tracer: FillTracer) -> None:
    """A retry and a second callback are not further fills."""
    latencies = FillLatencies(tracer)
    called(tracer, attempt=2)
    called(tracer, callback_index=1)
    assert _maxima_us(latencies) == {Stage.CALLBACK: 5_000}


def test_what_is_no_execution_is_not_counted(tracer: FillTracer) -> None:
    """A cancel has no trade id and so no fill latency."""
    latencies = FillLatencies(tracer)
    published(tracer, trade_id=None, kind="cancelled")
    called(tracer, trade_id=None, kind="cancelled")
    assert _maxima_us(latencies) == {}


def test_unknown_times_are_left_out_rather_than_guessed(tracer: FillTracer) -> None:
    """Without the venue's time the way begins when the frame was read; without stamps there is no delivery time."""
    latencies = FillLatencies(tracer)
    published(tracer, exchange_time_ns=None)
    called(tracer, exchange_time_ns=None, published_ns=None)
    maxima = _maxima_us(latencies)
    assert maxima[Stage.EMIT_TO_CALLBACK] == 750
    assert not maxima.keys() & {Stage.EMIT_TO_RECEIVED, Stage.PUBLISHED_TO_DELIVERED}


def test_what_was_not_stored_is_not_counted(tracer: FillTracer) -> None:
    """It never arrived."""
    latencies = FillLatencies(tracer)
    published(tracer, error=PublishError("orders", "id", "refused"))
    assert _maxima_us(latencies) == {}


def test_series_are_apart_by_exchange_and_environment_and_add_up(tracer: FillTracer) -> None:
    """A testnet's latency is not mixed into the live one; the sum over all is there to be asked."""
    latencies = FillLatencies(tracer)
    called(tracer)
    called(tracer, environment="testnet")
    called(tracer, exchange="coinbase")
    counted = [
        (one.exchange, one.environment)
        for one in latencies.series()
        if one.stage is Stage.EMIT_TO_CALLBACK and one.snapshot.count == 1
    ]
    assert counted == [("binance", "live"), ("binance", "testnet"), ("coinbase", "live")]
    total = latencies.snapshot(Stage.EMIT_TO_CALLBACK)
    assert (total.count, total.max_ns) == (3, 3_750 * US)


def test_a_venue_clock_ahead_of_its_offset_counts_as_no_time(tracer: FillTracer) -> None:
    """An emission that seems to lie after the reading is taken for simultaneous, never for negative."""
    latencies = FillLatencies(tracer)
    published(tracer, exchange_time_ns=fill.RECEIVED_NS + 10 * fill.CLOCK_OFFSET_NS)
    (emitted,) = [one for one in latencies.series() if one.stage is Stage.EMIT_TO_RECEIVED]
    assert (emitted.snapshot.zero_count, emitted.snapshot.max_ns) == (1, 0)
    called(tracer, exchange_time_ns=fill.RECEIVED_NS + 10 * fill.CLOCK_OFFSET_NS)
    assert _maxima_us(latencies)[Stage.EMIT_TO_CALLBACK] == 750


def test_each_message_is_read_by_itself(tracer: FillTracer) -> None:
    """What was read of one is remembered for the bots that share it, and not for the next."""
    called(tracer)
    called(tracer, published_ns=fill.DELIVERED_NS - 7 * US)
    snapshot = FillLatencies(tracer).snapshot(Stage.PUBLISHED_TO_DELIVERED)
    assert (snapshot.count, snapshot.min_ns, snapshot.max_ns) == (2, 7 * US, 660 * US)
