"""Which stages a fill is counted in, and which fills are counted at all."""

from fillwire.runtime.fill_latency import FillLatencies, latency_ns
from fillwire.runtime.fill_traces import HostTrace
from fillwire.runtime.telemetry_names import Stage
from support import fill_records as fill
from support.fill_records import gateway_trace, host_trace

US = fill.US


def _count_host(latencies: FillLatencies, trace: HostTrace) -> None:
    latencies.count_host(trace, latency_ns(trace))


def _maxima_us(latencies: FillLatencies) -> dict[Stage, float]:
    return {one.stage: (one.snapshot.max_ns or 0) / US for one in latencies.series() if one.snapshot.count}


def test_a_gateway_counts_its_four_stages() -> None:
    """From the venue's emission, by our clock, to the broker's acknowledgement."""
    latencies = FillLatencies()
    latencies.count_gateway(gateway_trace())
    assert _maxima_us(latencies) == {
        Stage.EMIT_TO_RECEIVED: 3_000,
        Stage.RECEIVED_TO_PARSED: 10,
        Stage.PARSED_TO_PUBLISHED: 30,
        Stage.PUBLISHED_TO_ACKNOWLEDGED: 860,
    }


def test_a_host_counts_the_whole_way_and_its_own() -> None:
    """The whole way is counted where it ends: from the venue's emission to the call of the bot."""
    latencies = FillLatencies()
    _count_host(latencies, host_trace())
    assert _maxima_us(latencies) == {
        Stage.PUBLISHED_TO_DELIVERED: 660,
        Stage.DELIVERED_TO_CALLBACK: 50,
        Stage.CALLBACK: 5_000,
        Stage.EMIT_TO_CALLBACK: 3_750,
    }


def test_further_calls_count_only_their_own_time() -> None:
    """A retry and a second callback are not further fills."""
    latencies = FillLatencies()
    _count_host(latencies, host_trace(attempt=2))
    _count_host(latencies, host_trace(callback_index=1))
    assert _maxima_us(latencies) == {Stage.CALLBACK: 5_000}


def test_what_is_no_execution_is_not_counted() -> None:
    """A cancel has no trade id and so no fill latency."""
    latencies = FillLatencies()
    latencies.count_gateway(gateway_trace(trade_id=None, kind="cancelled"))
    _count_host(latencies, host_trace(trade_id=None, kind="cancelled"))
    assert _maxima_us(latencies) == {}


def test_unknown_times_are_left_out_rather_than_guessed() -> None:
    """Without the venue's time the way begins when the frame was read; without stamps there is no delivery time."""
    latencies = FillLatencies()
    latencies.count_gateway(gateway_trace(exchange_time_ns=None, acknowledged_ns=None))
    _count_host(latencies, host_trace(exchange_time_ns=None, published_ns=None))
    maxima = _maxima_us(latencies)
    assert maxima[Stage.EMIT_TO_CALLBACK] == 750
    assert not maxima.keys() & {
        Stage.EMIT_TO_RECEIVED,
        Stage.PUBLISHED_TO_ACKNOWLEDGED,
        Stage.PUBLISHED_TO_DELIVERED,
    }


def test_series_are_apart_by_exchange_and_environment_and_add_up() -> None:
    """A testnet's latency is not mixed into the live one; the sum over all is there to be asked."""
    latencies = FillLatencies()
    _count_host(latencies, host_trace())
    _count_host(latencies, host_trace(environment="testnet"))
    _count_host(latencies, host_trace(exchange="coinbase"))
    counted = [
        (one.exchange, one.environment)
        for one in latencies.series()
        if one.stage is Stage.EMIT_TO_CALLBACK and one.snapshot.count == 1
    ]
    assert counted == [("binance", "live"), ("binance", "testnet"), ("coinbase", "live")]
    total = latencies.snapshot(Stage.EMIT_TO_CALLBACK)
    assert (total.count, total.max_ns) == (3, 3_750 * US)


def test_a_venue_clock_ahead_of_its_offset_counts_as_no_time() -> None:
    """An emission that seems to lie after the reading is taken for simultaneous, never for negative."""
    latencies = FillLatencies()
    latencies.count_gateway(gateway_trace(exchange_time_ns=fill.RECEIVED_NS + 10 * fill.CLOCK_OFFSET_NS))
    (emitted,) = [one for one in latencies.series() if one.stage is Stage.EMIT_TO_RECEIVED]
    assert (emitted.snapshot.zero_count, emitted.snapshot.max_ns) == (1, 0)
