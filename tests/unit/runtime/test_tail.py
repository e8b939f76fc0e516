"""Which traces are kept beyond the ratio, and that nothing of them is told twice."""

from fillwire.runtime.fill_latency import latency_ns
from fillwire.runtime.fill_traces import HostTrace
from fillwire.runtime.tail import ERROR, ORDER, REMEMBERED, SLOW, Tail, Telling
from support import fill_records as fill
from support.fill_records import host_trace

SLOW_NS = 1_000_000_000


def _telling(tail: Tail, trace: HostTrace) -> Telling | None:
    return tail.telling(trace, latency_ns(trace))


def test_a_fill_without_trouble_is_left_to_the_ratio() -> None:
    """Nothing is told of it, and nothing remembered."""
    tail = Tail(SLOW_NS)
    assert _telling(tail, host_trace()) is None
    assert tail.reason(fill.EVENT_ID) is None


def test_what_follows_a_slow_call_is_told_with_it() -> None:
    """The steps before stand once: the second callback of the delivery, and another bot, hang under them."""
    tail = Tail(SLOW_NS)
    late_ns = fill.EMITTED_NS + SLOW_NS + 1
    assert _telling(tail, host_trace(started_ns=late_ns)) == Telling(SLOW, True, True)
    second = host_trace(started_ns=late_ns, callback="on_order_filled", callback_index=1)
    assert _telling(tail, second) == Telling(SLOW, False, False)
    assert _telling(tail, host_trace(bot="dca")) == Telling(SLOW, False, True)
    assert _telling(tail, host_trace(delivery=2)) == Telling(SLOW, False, True)
    assert _telling(tail, host_trace(event_id="another")) is None


def test_a_fill_is_not_slow_at_the_limit_nor_without_one() -> None:
    """What took just as long as allowed is no trouble."""
    at_limit = host_trace(started_ns=fill.EMITTED_NS + SLOW_NS)
    assert _telling(Tail(SLOW_NS), at_limit) is None
    assert _telling(Tail(None), host_trace(started_ns=fill.EMITTED_NS + 100 * SLOW_NS)) is None


def test_the_retry_of_a_call_that_raised_is_told() -> None:
    """Also the attempt that succeeded: it shows when the bot had dealt with the fill."""
    tail = Tail(SLOW_NS)
    assert _telling(tail, host_trace(error=ValueError("x"))) == Telling(ERROR, True, True)
    assert _telling(tail, host_trace(attempt=2)) == Telling(ERROR, False, False)


def test_a_counter_order_that_failed_keeps_its_fill() -> None:
    """It fails while the callback runs; the callback's own record comes after it."""
    tail = Tail(SLOW_NS)
    tail.note(fill.EVENT_ID, ORDER)
    tail.note(fill.EVENT_ID, ERROR)
    assert _telling(tail, host_trace()) == Telling(ORDER, True, True)


def test_memory_is_bounded() -> None:
    """The oldest is forgotten first."""
    tail = Tail(SLOW_NS)
    for number in range(REMEMBERED + 1):
        tail.note(f"e{number}", ERROR)
    assert [tail.reason(f"e{number}") for number in (0, 1, REMEMBERED)] == [None, ERROR, ERROR]
