"""Whatever the seed, the plan of a chaos run is the same each time, complete, and can be played."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fillwire.cli.chaos.fault import Ground
from fillwire.cli.chaos.faults import FAULTS
from fillwire.cli.chaos.plan import MIXED, Episode, plan

seeds = st.integers(0, 2**32)
choices = st.lists(st.sampled_from(sorted(FAULTS)), unique=True)
sizes = st.integers(200, 400_000)


def document(episodes: tuple[Episode, ...]) -> str:
    """Return a plan as its report shows it."""
    return json.dumps([episode.to_dict() for episode in episodes])


@given(seeds, sizes, choices)
@settings(max_examples=60)
def test_a_seed_decides_everything(seed: int, executions: int, names: list[str]) -> None:
    """The same seed plans the same run, to the last digit, in whatever order the classes are named."""
    assert document(plan(seed, executions, names)) == document(plan(seed, executions, names[::-1]))


def test_seeds_differ() -> None:
    """Another seed plans another run."""
    assert len({document(plan(seed, 10_000)) for seed in range(20)}) == 20


@given(seeds, sizes, choices)
@settings(max_examples=60)
def test_every_class_strikes_alone_and_the_sum_is_what_was_asked(
    seed: int, executions: int, names: list[str]
) -> None:
    """Each chosen class has an episode of its own, no other class appears, and all executions are planned."""
    episodes = plan(seed, executions, names)
    chosen = set(names or FAULTS)
    assert {episode.label for episode in episodes} - {MIXED} == chosen
    assert {stroke.fault.name for episode in episodes for stroke in episode.strokes} == chosen
    assert sum(episode.executions for episode in episodes) == executions
    assert [episode.number for episode in episodes] == list(range(1, len(episodes) + 1))


@given(seeds, sizes, choices)
@settings(max_examples=60)
def test_every_episode_can_be_played(seed: int, executions: int, names: list[str]) -> None:
    """Strokes come in the order of time, within the emission, on a ground that carries them; grounds stand together."""
    episodes = plan(seed, executions, names)
    for episode in episodes:
        ats = [stroke.at for stroke in episode.strokes]
        assert ats == sorted(ats)
        emit_s = episode.executions / episode.per_s
        assert all(0.3 <= at * emit_s <= emit_s - 1.9 for at in ats)
        assert all(stroke.fault.hold_s > 0 for stroke in episode.strokes)
        grounds = {stroke.fault.ground for stroke in episode.strokes}
        assert episode.ground is (Ground.CLUSTER if Ground.CLUSTER in grounds else Ground.SINGLE)
        assert 1 <= episode.orders <= episode.executions
        assert episode.per_s >= 1
        assert episode.waves >= 1
        assert episode.fills_per_order >= 1
    order = [list(Ground).index(episode.ground) for episode in episodes]
    assert order == sorted(order)


def test_classes_are_mixed() -> None:
    """A run over all classes has mixtures of two to four different ones, on both grounds."""
    mixtures = [episode for episode in plan(1, 20_000) if episode.label == MIXED]
    assert {episode.ground for episode in mixtures} == set(Ground)
    assert {len({stroke.fault.name for stroke in episode.strokes}) for episode in mixtures} <= {2, 3, 4}
