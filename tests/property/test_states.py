"""The life of a connection over every pair of state and step, and over any series of steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.enums import ConnectionState
from fillwire.domain.identifiers import Account
from fillwire.venues.states import STEPS, ConnectionLife, IllegalStep, Step, diagram

ACCOUNT = Account("alice", "binance", "live")


def _path_to(state: ConnectionState) -> list[Step]:
    """Return the fewest steps from the start to `state`."""
    paths: dict[ConnectionState, list[Step]] = {ConnectionState.DISCONNECTED: []}
    frontier = [ConnectionState.DISCONNECTED]
    while frontier:
        at = frontier.pop(0)
        for step, target in STEPS[at].items():
            if target not in paths:
                paths[target] = [*paths[at], step]
                frontier.append(target)
    return paths[state]


def _life_in(state: ConnectionState) -> ConnectionLife:
    life = ConnectionLife(ACCOUNT)
    for step in _path_to(state):
        life.take(step)
    return life


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("state", ConnectionState)
def test_every_pair_either_leads_where_the_table_says_or_is_refused(
    state: ConnectionState, step: Step
) -> None:
    """A step that the table lists leads to its state and remembers the way; any other leaves everything as it was."""
    life = _life_in(state)
    before = (life.state, life.previous_state, life.reason)
    assert life.state is state
    if step in STEPS[state]:
        assert life.allows(step)
        assert life.take(step, "why") is STEPS[state][step]
        assert (life.state, life.previous_state, life.reason) == (STEPS[state][step], state, "why")
    else:
        assert not life.allows(step)
        with pytest.raises(IllegalStep, match=f"is {state}: expected .*, was {step}"):
            life.take(step)
        assert (life.state, life.previous_state, life.reason) == before


@pytest.mark.parametrize("state", ConnectionState)
def test_every_state_is_reached_and_can_end(state: ConnectionState) -> None:
    """No state is out of reach, and from each the connection can be given up."""
    assert STEPS.keys() == set(ConnectionState)
    life = _life_in(state)
    if state is not ConnectionState.DISCONNECTED:
        assert life.take(Step.CLOSED) is ConnectionState.DISCONNECTED


@given(st.lists(st.sampled_from(Step)))
def test_receiving_is_always_earned(steps: list[Step]) -> None:
    """Whatever happens, a connection receives only after the venue acknowledged the key and then the stream."""
    life = ConnectionLife(ACCOUNT)
    taken: list[Step] = []
    for step in steps:
        if life.allows(step):
            life.take(step)
            taken.append(step)
        if life.state is ConnectionState.RECEIVING:
            assert taken[-4:] == [Step.OPEN, Step.OPENED, Step.AUTHENTICATED, Step.SUBSCRIBED]


def test_a_refused_key_is_not_retried_by_itself() -> None:
    """From auth_failed only a new attempt that somebody begins, or the end, leads on; another bad key does not."""
    steps = STEPS[ConnectionState.AUTH_FAILED]
    assert steps.keys() == {Step.OPEN, Step.REFUSED, Step.CLOSED}
    assert steps[Step.REFUSED] is ConnectionState.AUTH_FAILED


def test_the_diagram_draws_each_step_of_the_table() -> None:
    """The diagram in the documentation is the table: one line per step, and the start."""
    lines = diagram().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> disconnected"]
    assert len(lines) == 2 + sum(len(steps) for steps in STEPS.values())
    assert "    authenticated --> receiving: subscribed" in lines
    assert len(set(lines)) == len(lines)
