"""Sessions: who gets one, when it ends, and how guessing is bounded."""

import pytest

from fillwire.console.sessions import (
    ATTEMPTS,
    MAX_SESSIONS,
    MAX_SESSIONS_OF_ONE,
    WINDOW_S,
    Key,
    LoginRefused,
    Sessions,
    TooManyAttempts,
)
from fillwire.console.viewers import Role, Viewer

ALICE = Viewer("alice", Role.USER)


class Clock:
    """A clock that stands still until it is set."""

    now_s = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    """Sessions of a minute for alice, and one for whoever is first."""
    return Sessions([Key.of("good", ALICE), Key.of("once", ALICE, is_once=True)], 60.0, clock)


def test_a_session_is_found_until_its_time_is_over(sessions: Sessions, clock: Clock) -> None:
    """It ends on the minute, and whoever waits for its end hears of it."""
    session_id, session = sessions.open("good", "here")
    clock.now_s += 59.9
    assert sessions.find(session_id) is session
    clock.now_s += 0.1
    assert sessions.find(session_id) is None
    assert session.ended.is_set()


def test_each_login_has_secrets_of_its_own(sessions: Sessions) -> None:
    """Neither id nor token against forgery is that of another session, and an id is found by the whole of it."""
    (one_id, one), (other_id, other) = sessions.open("good", "here"), sessions.open("good", "here")
    assert one_id != other_id
    assert one.csrf != other.csrf
    assert sessions.find(one_id[:-1]) is None


def test_a_token_for_one_login_is_used_up(sessions: Sessions) -> None:
    """The second login with it is refused as with any wrong token."""
    sessions.open("once", "here")
    with pytest.raises(LoginRefused):
        sessions.open("once", "here")


def test_guessing_is_bounded_by_address_and_in_all(sessions: Sessions, clock: Clock) -> None:
    """An address waits after its failures; from many addresses everybody waits in the end; a minute later nobody does."""
    for _ in range(ATTEMPTS):
        with pytest.raises(LoginRefused):
            sessions.open("bad", "there")
    with pytest.raises(TooManyAttempts, match="expected the next one in 60 s"):
        sessions.open("good", "there")
    sessions.open("good", "here")
    for number in range(200 - ATTEMPTS):
        with pytest.raises(LoginRefused):
            sessions.open("bad", f"address {number}")
    with pytest.raises(TooManyAttempts):
        sessions.open("good", "here")
    clock.now_s += WINDOW_S
    sessions.open("good", "there")


def test_logins_are_counted_by_what_became_of_them(sessions: Sessions, clock: Clock) -> None:
    """And sessions for as long as they are open."""
    sessions.open("good", "here")
    for _ in range(ATTEMPTS):
        with pytest.raises(LoginRefused):
            sessions.open("bad", "there")
    for _ in range(2):
        with pytest.raises(TooManyAttempts):
            sessions.open("good", "there")
    assert (sessions.opened_count, sessions.refused_count, sessions.delayed_count) == (1, ATTEMPTS, 2)
    assert sessions.open_count == 1
    clock.now_s += 60.0
    assert sessions.open_count == 0


def test_sessions_are_bounded(clock: Clock) -> None:
    """The oldest of whoever has the most ends for one too many of all."""
    few, many = MAX_SESSIONS_OF_ONE // 2, MAX_SESSIONS // MAX_SESSIONS_OF_ONE
    sessions = Sessions([Key.of(str(number), ALICE) for number in range(many + 1)], 60.0, clock)
    first = [sessions.open("0", "here") for _ in range(few)]
    others = [
        sessions.open(str(number), "here")
        for number in range(1, many + 1)
        for _ in range(MAX_SESSIONS_OF_ONE)
    ]
    assert sessions.open_count == MAX_SESSIONS
    assert all(sessions.find(session_id) is not None for session_id, _ in first)
    ended = [session.ended.is_set() for _, session in others]
    assert ended.count(True) == few
    assert not any(
        ended[number] for number in range(MAX_SESSIONS_OF_ONE - 1, len(ended), MAX_SESSIONS_OF_ONE)
    )


def test_who_logs_in_often_ends_their_own_sessions_alone(clock: Clock) -> None:
    """The oldest of the same token ends, and those of others, older still, go on."""
    bob = Viewer("bob", Role.USER)
    sessions = Sessions([Key.of("good", ALICE), Key.of("bobs", bob)], 60.0, clock)
    bobs = sessions.open("bobs", "there")
    opened = [sessions.open("good", "here") for _ in range(MAX_SESSIONS + 1)]
    assert sessions.find(bobs[0]) is bobs[1]
    assert not bobs[1].ended.is_set()
    assert sessions.find(opened[-MAX_SESSIONS_OF_ONE - 1][0]) is None
    assert opened[-MAX_SESSIONS_OF_ONE - 1][1].ended.is_set()
    assert all(sessions.find(session_id) is not None for session_id, _ in opened[-MAX_SESSIONS_OF_ONE:])


def test_sessions_whose_time_is_over_take_no_room(sessions: Sessions, clock: Clock) -> None:
    """They are told to have ended, and those of now stay."""
    old = sessions.open("good", "here")[1]
    clock.now_s += 60.0
    new = sessions.open("good", "here")[1]
    assert old.ended.is_set()
    assert not new.ended.is_set()
    assert sessions.open_count == 1


def test_viewers_see_their_own() -> None:
    """A user's scope is the user; an administrator's is everybody."""
    assert ALICE.may_see("alice")
    assert not ALICE.may_see("alice2")
    assert Viewer("alice", Role.ADMIN).may_see("bob")
