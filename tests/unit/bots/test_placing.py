"""What one host does about one bot."""

from dataclasses import replace

import pytest

from fillwire.bots.peers import HostPeers, HostSign
from fillwire.bots.placing import Situation, Step, step_in
from fillwire.domain.errors import DecodeError
from fillwire.domain.rendezvous import ranked

FREE = Situation(
    is_wanted=True,
    has_it=False,
    is_free=True,
    is_first=True,
    has_room=True,
    may_give=True,
    has_heir=False,
)
HELD = replace(FREE, has_it=True, is_free=True)


@pytest.mark.parametrize(
    ("situation", "step"),
    [
        (FREE, Step.TAKE),
        (replace(FREE, is_wanted=False), Step.NOTHING),
        (replace(FREE, is_free=False), Step.NOTHING),
        (replace(FREE, is_first=False), Step.NOTHING),
        (replace(FREE, has_room=False), Step.NOTHING),
        (HELD, Step.NOTHING),
        (replace(HELD, has_room=False), Step.NOTHING),
        (replace(HELD, is_wanted=False), Step.DROP),
        (replace(HELD, is_first=False, has_heir=True), Step.GIVE),
        (replace(HELD, is_first=False, has_heir=True, may_give=False), Step.NOTHING),
        (replace(HELD, is_wanted=False, has_heir=True), Step.DROP),
    ],
)
def test_step_follows_from_the_situation(situation: Situation, step: Step) -> None:
    """A bot that nobody has is taken by who comes first, one that belongs elsewhere is given, one unwanted dropped."""
    assert step_in(situation) is step


def _peers(**signs: HostSign) -> HostPeers:
    peers = HostPeers("a-1", 2.0, 0.5, 0.0)
    for sign in signs.values():
        peers.hear(sign.encode(), 0.0)
    peers.update(0.0)
    return peers


A, B = HostSign(host="a", instance="a-1"), HostSign(host="b", instance="b-1")
KEY = next(f"alice.{number}" for number in range(100) if ranked(f"alice.{number}", "ab")[0] == "b")


def test_a_sign_is_read_as_it_was_written() -> None:
    """Every field survives."""
    sign = HostSign(host="h 1", instance="x", has_room=False, is_joining=True, is_leaving=True, is_gone=True)
    assert HostSign.decode(sign.encode()) == sign


@pytest.mark.parametrize("message", [b"", b"[]", b"{}", b'{"v":2}', b'{"v":1,"host":"a"}', b"null"])
def test_what_is_no_sign_is_refused(message: bytes) -> None:
    """Whoever publishes on the subject, nobody is there by it."""
    with pytest.raises(DecodeError):
        HostSign.decode(message)


def test_the_first_with_room_that_stays_has_a_bot() -> None:
    """The ranking decides among those; a full host keeps what it has, and one that leaves is passed over."""
    assert _peers(a=A, b=B).first(KEY, has_it=False) == "b-1"
    assert _peers(a=A, b=replace(B, has_room=False)).first(KEY, has_it=False) == "a-1"
    assert _peers(a=A, b=replace(B, is_leaving=True)).first(KEY, has_it=True) == "a-1"
    full = replace(A, has_room=False)
    other = next(f"alice.{number}" for number in range(100) if ranked(f"alice.{number}", "ab")[0] == "a")
    assert _peers(a=full, b=B).first(other, has_it=True) == "a-1"
    assert _peers(a=full, b=B).first(other, has_it=False) == "b-1"
    assert _peers(a=full).first(other, has_it=False) is None


def test_who_leaves_is_first_for_nothing() -> None:
    """It knows so at once, before the others have heard it."""
    peers = _peers(a=A, b=B)
    peers.leave(0.1)
    assert peers.first("any", has_it=True) == "b-1"
