"""The comparison of what was emitted with what was delivered finds every kind of difference."""

from fillwire.cli.accounting import Execution, balance, percentile, summarise_ms


def executions(*names: str) -> list[Execution]:
    """Return executions named `<order><number>`."""
    return [Execution(name, name[0]) for name in names]


def test_equal_sequences_are_clean() -> None:
    """Everything once and in order is clean, whatever the order between orders."""
    result = balance(executions("a1", "b1", "a2"), executions("a1", "a2", "b1"))
    assert result.is_clean
    assert (result.emitted, result.delivered) == (3, 3)


def test_lost_is_counted() -> None:
    """An execution that never arrives is lost."""
    result = balance(executions("a1", "a2"), executions("a2"))
    assert result.lost == 1
    assert not result.is_clean


def test_doubled_is_counted_each_time() -> None:
    """Every repetition counts, and a repetition is not also out of order."""
    result = balance(executions("a1", "a2"), executions("a1", "a2", "a1", "a1"))
    assert (result.doubled, result.out_of_order) == (2, 0)
    assert not result.is_clean


def test_foreign_is_counted() -> None:
    """An execution the venue never emitted is foreign."""
    result = balance(executions("a1"), executions("a1", "z9"))
    assert (result.foreign, result.doubled) == (1, 0)
    assert not result.is_clean


def test_disorder_within_an_order_is_counted() -> None:
    """An execution that arrives after a later one of its order is out of order."""
    result = balance(executions("a1", "a2", "a3"), executions("a1", "a3", "a2"))
    assert result.out_of_order == 1
    assert not result.is_clean


def test_percentiles_of_nothing_and_of_something() -> None:
    """Percentiles are values of the sample, and 0 where there is none."""
    assert percentile([], 0.5) == 0.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 3.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 1.0) == 4.0
    assert summarise_ms([3_000_000, 1_000_000, 2_000_000]) == {
        "p50_ms": 2.0,
        "p99_ms": 3.0,
        "p99_9_ms": 3.0,
        "max_ms": 3.0,
    }
