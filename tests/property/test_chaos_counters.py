"""The judge of counter-orders finds exactly what was planted among the orders of the venue, and nothing in what is sound."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fillwire.cli.chaos.counters import Counters, CounterTally

OWN = "countering-"
causes = st.lists(st.integers(0, 200), min_size=1, max_size=30, unique=True)
randoms = st.randoms(use_true_random=False)


def name(cause: int) -> str:
    """Return the name of the order that a cause has."""
    return f"{OWN}{cause}"


def judged(wanted: list[int], placed: list[str], answered: list[int] | None = None) -> CounterTally:
    """Return the tally of a run in which these were wanted, and the venue has these orders."""
    counters = Counters(lambda placed: placed.startswith(OWN))
    counters.begin("crash")
    for cause in wanted:
        counters.want(str(cause), name(cause))
    counters.place(placed)
    for cause in wanted if answered is None else answered:
        counters.answer(str(cause))
    return counters.ledger()["crash"]


@given(wanted=causes, random=randoms)
def test_one_order_for_each_cause_is_sound(wanted: list[int], random: Random) -> None:
    """In whatever order, also when a later life of the bot wants it again, among orders of others."""
    placed = [name(cause) for cause in wanted] + ["web_1", "web_1", "web_2"]
    random.shuffle(placed)
    again = random.choices(wanted, k=len(wanted))
    tally = judged([*wanted, *again], placed)
    assert tally.is_clean
    assert (tally.wanted, tally.once) == (len(wanted), len(wanted))


@given(wanted=causes, random=randoms)
def test_doubles_are_counted(wanted: list[int], random: Random) -> None:
    """Each order beyond the first of a cause."""
    doubled = random.choices(wanted, k=random.randint(1, 5))
    tally = judged(wanted, [name(cause) for cause in (*wanted, *doubled)])
    assert not tally.is_clean
    assert tally.twice == len(doubled)
    assert (tally.never, tally.unknown, tally.foreign) == (0, 0, 0)


@given(wanted=causes, random=randoms)
def test_a_double_under_another_name_is_one(wanted: list[int], random: Random) -> None:
    """A bot that derives another id for the same cause places twice, though no id is there twice."""
    renamed = random.choice(wanted)
    counters = Counters(lambda placed: placed.startswith(OWN))
    counters.begin("crash")
    for cause in wanted:
        counters.want(str(cause), name(cause))
        counters.answer(str(cause))
    counters.want(str(renamed), f"{OWN}other")
    counters.place([*(name(cause) for cause in wanted), f"{OWN}other"])
    assert counters.ledger()["crash"].twice == 1


@given(wanted=causes, random=randoms)
def test_what_was_never_placed_is_counted(wanted: list[int], random: Random) -> None:
    """Each cause without an order at the venue, also if the bot believes that it has one."""
    missing = random.sample(wanted, random.randint(1, len(wanted)))
    tally = judged(wanted, [name(cause) for cause in wanted if cause not in missing])
    assert (tally.never, tally.twice) == (len(missing), 0)
    assert not tally.is_clean


@given(wanted=causes, random=randoms)
def test_what_the_bot_never_learnt_is_counted(wanted: list[int], random: Random) -> None:
    """An order that is there, and of which the bot does not know."""
    unknown = random.sample(wanted, random.randint(1, len(wanted)))
    tally = judged(
        wanted, [name(cause) for cause in wanted], [cause for cause in wanted if cause not in unknown]
    )
    assert (tally.unknown, tally.once) == (len(unknown), len(wanted) - len(unknown))
    assert not tally.is_clean


@given(wanted=causes)
def test_orders_of_the_bot_without_a_cause_are_counted(wanted: list[int]) -> None:
    """Not those of others."""
    tally = judged(wanted, [*(name(cause) for cause in wanted), f"{OWN}nobody's", "web_1"])
    assert (tally.foreign, tally.twice) == (1, 0)
    assert not tally.is_clean


def test_what_is_outstanding_is_said_until_it_has_come() -> None:
    """Neither an order without the bot's word, nor the word without an order, is enough."""
    counters = Counters(lambda _: False)
    counters.begin("crash")
    counters.want("1", "a")
    counters.want("2", "b")
    assert counters.outstanding == 2
    counters.place(["a"])
    assert counters.outstanding == 2
    counters.answer("1")
    counters.answer("2")
    assert counters.outstanding == 1
    counters.place(["b"])
    assert counters.outstanding == 0


def test_each_class_has_its_own_counts() -> None:
    """A late double counts under the class in which its order was wanted; classes without orders have no line."""
    counters = Counters(lambda _: False)
    counters.begin("crash")
    counters.want("1", "a")
    counters.answer("1")
    counters.begin("cut")
    counters.begin("kill")
    counters.want("2", "b")
    counters.answer("2")
    counters.place(["a", "b", "a"])
    ledger = counters.ledger()
    assert {label: (tally.once, tally.twice) for label, tally in ledger.items()} == {
        "crash": (0, 1),
        "kill": (1, 0),
    }
