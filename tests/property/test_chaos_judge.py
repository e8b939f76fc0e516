"""The judge of a chaos run finds exactly what was planted into what a listener was told, and nothing in what is sound."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fillwire.cli.chaos.judge import LOG, Emitted, Heard, Judge, Tally

ALL, ONE = "all", "one"
PAIR, OTHER = "BTC-USDT", "ETH-USDT"


def emission(orders: list[int]) -> list[Emitted]:
    """Return one execution for each element, of the order that it names; even orders are of the listened pair."""
    return [
        Emitted(f"x{row}", f"o{order}", OTHER if order % 2 else PAIR, row, "64000", "0.1")
        for row, order in enumerate(orders)
    ]


def told(executions: list[Emitted], run: str = "first") -> list[Heard]:
    """Return what a listener hears who is told of these."""
    return [
        Heard(execution.event_id, run, 1_000 + index, execution.price, execution.quantity)
        for index, execution in enumerate(executions)
    ]


def judged(
    emitted: list[Emitted], heard: list[Heard], log: list[Heard] | None = None, label: str = "cut"
) -> Tally:
    """Return the tally of a run in which a listener heard so, and the one of a single pair and the log all."""
    judge = Judge({ALL: None, ONE: PAIR, LOG: None})
    judge.begin(label)
    judge.emit(emitted)
    judge.hear(ALL, heard)
    judge.hear(ONE, told([execution for execution in emitted if execution.pair == PAIR]))
    judge.hear(LOG, told(emitted) if log is None else log)
    return judge.ledger()[label]


def interleaved(emitted: list[Emitted], random: Random) -> list[Emitted]:
    """Return the executions with their order kept per order, and mixed between orders."""
    queues: dict[str, list[Emitted]] = {}
    for execution in emitted:
        queues.setdefault(execution.order, []).append(execution)
    found: list[Emitted] = []
    while queues:
        order = random.choice(sorted(queues))
        found.append(queues[order].pop(0))
        if not queues[order]:
            del queues[order]
    return found


orders = st.lists(st.integers(0, 5), min_size=1, max_size=60)
randoms = st.randoms(use_true_random=False)


def test_before_anything_was_begun_there_is_nothing_to_count() -> None:
    """A run that could not start ends with why, and not with a failure to count."""
    assert Judge({ALL: None, LOG: None}).ledger() == {}


@given(orders, randoms)
def test_sound_delivery_is_clean(order_of: list[int], random: Random) -> None:
    """Everything once, in order per order, however orders mix, is clean."""
    emitted = emission(order_of)
    tally = judged(emitted, told(interleaved(emitted, random)))
    assert tally == Tally(emitted=len(emitted), delivered=len(emitted))


@given(orders, randoms, st.sampled_from([ALL, LOG]))
def test_every_loss_is_found(order_of: list[int], random: Random, listener: str) -> None:
    """What one listener alone was not told of is lost, be it a bot or the log."""
    emitted = emission(order_of)
    kept = [execution for execution in emitted if random.random() < 0.7]
    heard = told(emitted) if listener == LOG else told(kept)
    log = told(kept) if listener == LOG else None
    lost = len(emitted) - len(kept)
    assert judged(emitted, heard, log) == Tally(emitted=len(emitted), delivered=len(kept), lost=lost)


@given(orders, randoms, st.integers(1, 5))
def test_every_double_is_found(order_of: list[int], random: Random, count: int) -> None:
    """Each repetition to the same living process counts, wherever it stands, and is not also out of order."""
    emitted = emission(order_of)
    heard = told(emitted)
    for _ in range(count):
        again = random.choice(heard)
        heard.insert(random.randint(heard.index(again) + 1, len(heard)), again)
    tally = judged(emitted, heard)
    assert tally == Tally(emitted=len(emitted), delivered=len(emitted), doubled=count)


@given(st.integers(2, 40), st.data())
def test_every_swap_within_an_order_is_found(count: int, data: st.DataObject) -> None:
    """Two neighbours of one order that change places are one execution out of order."""
    emitted = emission([0] * count)
    place = data.draw(st.integers(0, count - 2))
    heard = told(emitted)
    heard[place], heard[place + 1] = heard[place + 1], heard[place]
    tally = judged(emitted, heard)
    assert tally == Tally(emitted=count, delivered=count, out_of_order=1)


@given(orders, randoms)
def test_a_crash_may_repeat_and_must_keep_order(order_of: list[int], random: Random) -> None:
    """A new process that begins a little before the end of the old one repeats; that is no defect, and is counted."""
    emitted = emission(order_of)
    died, resumed = sorted((random.randint(0, len(emitted)), random.randint(0, len(emitted))), reverse=True)
    heard = told(emitted[:died], "first") + told(emitted[resumed:], "second")
    tally = judged(emitted, heard)
    assert tally == Tally(emitted=len(emitted), delivered=len(emitted), redelivered=died - resumed)


@given(st.integers(3, 40), st.data())
def test_a_crash_that_skips_and_returns_is_out_of_order(count: int, data: st.DataObject) -> None:
    """A new process that begins behind something the old one was not told of, and hears of it later, breaks the order."""
    emitted = emission([0] * count)
    died = data.draw(st.integers(1, count - 2))
    heard = told(emitted[:died]) + told([*emitted[died + 1 :], emitted[died]], "second")
    assert judged(emitted, heard) == Tally(emitted=count, delivered=count, out_of_order=1)


@given(orders, st.data())
def test_other_terms_are_found(order_of: list[int], data: st.DataObject) -> None:
    """An execution that is stored with another price or quantity is altered."""
    emitted = emission(order_of)
    log = told(emitted)
    place = data.draw(st.integers(0, len(log) - 1))
    change = data.draw(st.sampled_from([{"price": "63999.99"}, {"quantity": "0.11"}]))
    log[place] = log[place]._replace(**change)  # type: ignore[arg-type]  # keys of the texts among the fields
    assert judged(emitted, told(emitted), log).altered == 1


def test_what_nobody_emitted_or_asked_for_is_foreign() -> None:
    """An invented execution counts, and so does one of a pair that the listener does not listen to."""
    emitted = emission([0, 1])
    judge = Judge({ONE: PAIR})
    judge.begin("cut")
    judge.emit(emitted)
    judge.hear(ONE, [*told(emitted), Heard("invented", "first", 1)])
    assert judge.ledger()["cut"] == Tally(emitted=2, delivered=2, foreign=2)


def test_each_class_has_its_own_executions() -> None:
    """A double of an execution counts under the class in whose episode the execution was emitted."""
    emitted = emission([0, 0, 0, 0])
    judge = Judge({ALL: None})
    for label, own in (("cut", emitted[:1]), ("stall", emitted[1:3]), ("cut", emitted[3:])):
        judge.begin(label)
        judge.emit(own)
    judge.hear(ALL, told([*emitted, emitted[1]]))
    assert judge.ledger() == {
        "cut": Tally(emitted=2, delivered=2),
        "stall": Tally(emitted=2, delivered=2, doubled=1),
    }


def test_waits_and_the_last_callback_are_timed() -> None:
    """The longest wait is from emission to callback of one listener; the last callback is that of all but the log."""
    emitted = [replace_time(execution, 100 * row) for row, execution in enumerate(emission([0, 0, 0]))]
    judge = Judge({ALL: None, ONE: PAIR, LOG: None})
    judge.begin("cut")
    judge.emit(emitted)
    times = (50, 290, 230)
    judge.hear(ALL, [Heard(e.event_id, "r", at) for e, at in zip(emitted, times, strict=True)])
    judge.hear(ONE, [Heard(e.event_id, "r", at + 5) for e, at in zip(emitted, times, strict=True)])
    judge.hear(LOG, [Heard(e.event_id, "r", 10_000) for e in emitted])
    assert judge.longest_wait_ns(ALL, 0, 3) == 190
    assert judge.last_told_ns(0, 3) == 295
    assert judge.longest_wait_ns(ALL, 0, 0) is None
    assert judge.last_told_ns(1, 1) is None
    assert judge.missing_count(ALL) == 0


def replace_time(execution: Emitted, emitted_ns: int) -> Emitted:
    """Return the execution emitted at another time."""
    return execution._replace(emitted_ns=emitted_ns)
