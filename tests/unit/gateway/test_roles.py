"""What one gateway does about an account, and what follows when all of them decide so."""

from dataclasses import replace
from itertools import product

import pytest

from fillwire.gateway.roles import Holder, Role, Situation, role_in

OWNING = Situation(
    is_wanted=True,
    is_first=True,
    is_held=True,
    holder=Holder.OURSELVES,
    is_open=True,
    is_rival_ready=False,
    may_begin=False,
)
AWAY = replace(OWNING, is_first=False, is_held=False, holder=Holder.PRESENT, is_open=False)
ALL = [
    Situation(
        is_wanted=wanted,
        is_first=first,
        is_held=held,
        holder=holder,
        is_open=is_open,
        is_rival_ready=ready,
        may_begin=may_begin,
    )
    for wanted, first, held, holder, is_open, ready, may_begin in product(
        (False, True), (False, True), (False, True), Holder, (False, True), (False, True), (False, True)
    )
]


@pytest.mark.parametrize(
    ("situation", "role"),
    [
        (OWNING, Role.OWN),
        (replace(OWNING, is_wanted=False), Role.AWAY),
        # Another comes first: it is given the account when it receives, no sooner.
        (replace(OWNING, is_first=False), Role.OWN),
        (replace(OWNING, is_first=False, is_rival_ready=True), Role.READ),
        # Given up, and not taken yet: it reads on, until the other has the lease.
        (replace(AWAY, holder=Holder.NOBODY, is_open=True), Role.READ),
        (replace(AWAY, holder=Holder.OURSELVES, is_open=True), Role.READ),
        (replace(AWAY, holder=Holder.PRESENT, is_open=True), Role.AWAY),
        # The first takes what nobody has, and what it lost to nobody.
        (replace(AWAY, is_first=True, holder=Holder.NOBODY), Role.OWN),
        (replace(OWNING, is_held=False), Role.OWN),
        # It stands in for an owner that is silent; nobody else does.
        (replace(AWAY, is_first=True, holder=Holder.SILENT), Role.STAND_IN),
        (replace(AWAY, holder=Holder.SILENT), Role.AWAY),
        # It takes over from one that is well, in its turn.
        (replace(AWAY, is_first=True), Role.AWAY),
        (replace(AWAY, is_first=True, may_begin=True), Role.READ),
        (replace(AWAY, is_first=True, is_open=True), Role.READ),
    ],
)
def test_role(situation: Situation, role: Role) -> None:
    """The situations that a change of owner goes through, one by one."""
    assert role_in(situation) is role


@pytest.mark.parametrize("situation", [each for each in ALL if each.is_wanted and each.is_open])
def test_nobody_closes_before_another_has_the_account(situation: Situation) -> None:
    """A connection is closed only if another gateway, which is there, has the lease."""
    if role_in(situation) is Role.AWAY:
        assert situation.holder is Holder.PRESENT
        assert not situation.is_held


@pytest.mark.parametrize("situation", [each for each in ALL if not each.is_held])
def test_the_lease_of_one_that_is_well_is_not_coveted(situation: Situation) -> None:
    """Only an account that nobody has, or whose owner is silent, is claimed, and by the first alone."""
    if role_in(situation) in {Role.OWN, Role.STAND_IN}:
        assert situation.is_first
        assert situation.holder is not Holder.PRESENT
