"""From a seed to a schedule of faults: pure, so that the same seed plans the same run on every machine."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from fillwire.cli.chaos.fault import Fault, Ground
from fillwire.cli.chaos.faults import FAULTS
from fillwire.domain.errors import ConfigError

MIXED = "mixed"
PEAK_PER_S = 2_000
_EMIT_S = 4.0  # an episode emits for so long, or longer where the peak asks for it
_WAVE_S = 0.4
_EPISODE_EXECUTIONS = 8_000  # a long run has longer episodes up to here, and then more of them
_MIXTURE = (2, 4)
_SINGLES_PER_MIXTURE = 4
_FIRST_S, _LAST_S = 0.4, 2.0  # after the beginning and before the end of the emission nothing strikes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A fault and when it strikes: as soon as this share (0 to 1) of the episode's executions has been emitted."""

    at: float
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """Executions that the venue emits, and what goes wrong meanwhile.

    Attributes:
        number: in the run, from 1.
        ground: on what it is played.
        strokes: what strikes, in the order of time.
        executions: how many are emitted.
        per_s: how fast.
        orders: half of them are spread over so many, which live through the episode.
        waves: the other half comes in so many groups, of orders that live for a moment.
        fills_per_order: executions of each of those.
    """

    number: int
    ground: Ground
    strokes: tuple[Stroke, ...]
    executions: int
    per_s: int
    orders: int
    waves: int
    fills_per_order: int

    @property
    def label(self) -> str:
        """Its line in the ledger: the fault's name, or `mixed` if there are several."""
        names = {stroke.fault.name for stroke in self.strokes}
        return names.pop() if len(names) == 1 else MIXED

    @property
    def is_timed(self) -> bool:
        """Whether the venue's clock can be read meanwhile."""
        return not any(stroke.fault.bends_time for stroke in self.strokes)

    def to_dict(self) -> dict[str, Any]:
        """Return it as the report shows it."""
        return {
            "episode": self.number,
            "label": self.label,
            "ground": str(self.ground),
            "executions": self.executions,
            "per_s": self.per_s,
            "orders": self.orders,
            "waves": self.waves,
            "fills_per_order": self.fills_per_order,
            "strokes": [{"at": stroke.at, **stroke.fault.to_dict()} for stroke in self.strokes],
        }


def choose(names: Sequence[str], lacks: Collection[str] = ()) -> tuple[str, ...]:
    """Return the chosen classes in the order of the table; none chosen means all.

    Args:
        names: the classes.
        lacks: those that have no counterpart at the venue.

    Raises:
        ConfigError: there is no class of that name.
    """
    there = [name for name in FAULTS if name not in lacks]
    for name in names:
        if name not in there:
            raise ConfigError(f"fault {name!r}: expected some of {', '.join(there)}")
    return tuple(name for name in there if not names or name in names)


def plan(
    seed: int, executions: int, names: Sequence[str] = (), *, peak_per_s: int = PEAK_PER_S
) -> tuple[Episode, ...]:
    """Return the episodes of a run: each class alone, and mixtures of those that can happen together.

    Each episode is drawn from the seed and its number alone. Those on one ground stand together, for the stage is set
    once for each.

    Args:
        seed: decides everything.
        executions: altogether; at least one for each episode.
        names: the classes, all if there are none.
        peak_per_s: executions per second at most.

    Raises:
        ConfigError: an unknown class, or fewer executions than episodes.
    """
    casts = _casts(Random(f"{seed}"), choose(names), executions)  # noqa: S311 - repeatable, not secret
    if executions < len(casts):
        raise ConfigError(
            f"executions: expected {len(casts)} or more, one for each episode, found {executions}"
        )
    each, rest = divmod(executions, len(casts))
    return tuple(
        _episode(seed, number, cast, each + (1 if number <= rest else 0), peak_per_s)
        for number, cast in enumerate(casts, 1)
    )


def _casts(random: Random, names: Sequence[str], executions: int) -> list[tuple[type[Fault], ...]]:
    """Return which classes strike in each episode."""
    casts: list[tuple[type[Fault], ...]] = []
    for ground in Ground:
        here = [FAULTS[name] for name in names if FAULTS[name].ground is ground]
        if not here:
            continue
        able = (
            here
            if ground is Ground.SINGLE
            else here + [FAULTS[name] for name in names if FAULTS[name] not in here]
        )
        mixtures = -(-len(here) // _SINGLES_PER_MIXTURE) if len(able) > 1 else 0
        share = executions * len(here) / len(names)
        rounds = max(1, round(share / ((len(here) + mixtures) * _EPISODE_EXECUTIONS)))
        for _ in range(rounds):
            own = [(fault,) for fault in here] + [_mixture(random, here, able) for _ in range(mixtures)]
            random.shuffle(own)
            casts += own
    return casts


def _mixture(
    random: Random, here: Sequence[type[Fault]], able: Sequence[type[Fault]]
) -> tuple[type[Fault], ...]:
    """Return two to four classes, of which one belongs to the ground."""
    first = random.choice(here)
    others = [fault for fault in able if fault is not first]
    count = min(random.randint(*_MIXTURE) - 1, len(others))
    return (first, *random.sample(others, count))


def _episode(
    seed: int, number: int, cast: tuple[type[Fault], ...], executions: int, peak_per_s: int
) -> Episode:
    random = Random(f"{seed}:{number}")  # noqa: S311 - repeatable, not secret
    per_s = min(peak_per_s, max(1, round(executions / _EMIT_S)))
    emit_s = executions / per_s
    first, last = _FIRST_S / emit_s, 1 - _LAST_S / emit_s
    strokes: list[Stroke] = []
    for fault in cast:
        # Alone they strike one after the other, each in its own part of the episode; together, whenever they like.
        is_alone = len(cast) == 1
        count = max(1, round(emit_s / _EMIT_S)) * (fault.strokes if is_alone else 1)
        for index in range(count):
            start, end = (index / count, (index + 1) / count) if is_alone else (0.0, 1.0)
            at = first + (last - first) * random.uniform(start, end)
            strokes.append(Stroke(at=round(at, 3), fault=fault.draw(random, executions)))
    strokes.sort(key=lambda stroke: stroke.at)
    return Episode(
        number=number,
        ground=max((fault.ground for fault in cast), key=list(Ground).index),
        strokes=tuple(strokes),
        executions=executions,
        per_s=per_s,
        orders=min(executions, random.randint(10, 200)),
        waves=max(1, round(emit_s / _WAVE_S)),
        fills_per_order=random.randint(1, 8),
    )
