"""The page that Prometheus scrapes, read back by the library's own parsers."""

import random

import pytest
from prometheus_client import Metric as ParsedMetric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from fillwire.runtime import metric_names as names
from fillwire.runtime.exposition import BOUNDS, exposition
from fillwire.runtime.latency import LatencyHistogram
from fillwire.runtime.metrics import Distribution, Exemplar, Family, Measures

_OPENMETRICS = "application/openmetrics-text; version=1.0.0"
_LATENCY = names.FILL_LATENCY.prometheus_name


def _families(measures: Measures) -> list[Family]:
    return list(measures.families.values())


def _parsed(measures: Measures, accept: str = _OPENMETRICS) -> dict[str, ParsedMetric]:
    body, content_type = exposition(_families(measures), accept)
    parse = parse_openmetrics if "openmetrics" in content_type else parse_text
    return {metric.name: metric for metric in parse(body.decode())}


def test_both_formats_say_the_same() -> None:
    """A scraper that does not know OpenMetrics gets the plain text, with the same samples."""
    measures = Measures()
    measures.put(names.FRAMES_REFUSED, 3, "binance", "live", 'al"ice\n', "unknown_symbol")
    measures.put(names.CONNECTION_UP, 1.0, "binance", "live", "bob")
    for accept in (_OPENMETRICS, "text/plain"):
        parsed = _parsed(measures, accept)
        (refused,) = parsed["fillwire_frames_refused"].samples
        assert (refused.name, refused.value) == ("fillwire_frames_refused_total", 3)
        assert refused.labels == {
            "exchange": "binance",
            "environment": "live",
            "user": 'al"ice\n',
            "code": "unknown_symbol",
        }
        assert parsed["fillwire_connection_up"].type == "gauge"


def test_every_record_is_on_the_right_side_of_every_bound() -> None:
    """The classic buckets are exact, not estimates: counted again from the records themselves."""
    random.seed(5)
    durations = [round(10 ** random.uniform(2, 11)) for _ in range(5_000)] + [0, -5]
    histogram = LatencyHistogram()
    for duration_ns in durations:
        histogram.record(duration_ns)
    measures = Measures()
    measures.put(names.FILL_LATENCY, Distribution(histogram.snapshot()), "binance", "live", "callback")
    samples = _parsed(measures)[_LATENCY].samples
    buckets = {sample.labels["le"]: sample.value for sample in samples if sample.name == f"{_LATENCY}_bucket"}
    for bound, _ in BOUNDS:
        assert buckets[repr(bound)] == sum(duration_ns <= bound * 1e9 for duration_ns in durations), bound
    assert buckets["+Inf"] == len(durations)
    (total,) = [sample.value for sample in samples if sample.name == f"{_LATENCY}_sum"]
    assert total == pytest.approx(sum(max(0, duration_ns) for duration_ns in durations) / 1e9)


def test_an_exemplar_stands_at_its_bucket_and_the_newest_wins() -> None:
    """Whoever sees a slow bucket finds the trace of a fill that was as slow."""
    histogram = LatencyHistogram()
    for duration_ns in (1_000_000, 1_010_000, 2_000_000_000, 100_000_000_000):
        histogram.record(duration_ns)
    exemplars = (
        Exemplar(0xA, 1_000_000, 1_000_000_000),
        Exemplar(0xB, 1_010_000, 2_000_000_000),
        Exemplar(0xC, 2_000_000_000, 1_500_000_000),
        Exemplar(0xD, 100_000_000_000, 1_500_000_000),
    )
    measures = Measures()
    measures.put(
        names.FILL_LATENCY, Distribution(histogram.snapshot(), exemplars), "binance", "live", "callback"
    )
    shown = {
        sample.exemplar.labels["trace_id"]: (float(sample.labels["le"]), sample.exemplar.value)
        for sample in _parsed(measures)[_LATENCY].samples
        if sample.exemplar is not None
    }
    assert shown == {
        f"{0xB:032x}": (pytest.approx(2**-9.5), 0.00101),
        f"{0xC:032x}": (2.0, 2.0),
        f"{0xD:032x}": (float("inf"), 100.0),
    }


def test_the_process_itself_is_shown() -> None:
    """Memory and CPU come with it, from the library."""
    parsed = _parsed(Measures())
    assert parsed["process_resident_memory_bytes"].samples[0].value > 0
    assert not any(name.startswith("fillwire") for name in parsed)
