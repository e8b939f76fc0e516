"""What a host remembers of its bots' calls: of the newest events, and for their user alone."""

from fillwire.sdk.recalling import Calls


def noted(calls: Calls, event_id: str, user: str = "alice", error: BaseException | None = None) -> None:
    """Note a call."""
    calls.note(user, event_id, "grid", "on_fill", 1, 1, 10, 20, 30, error)


def test_all_calls_of_an_event_are_remembered_in_their_order() -> None:
    """One that raised is known by the name of what it raised, not by what that says."""
    calls = Calls()
    noted(calls, "a", error=KeyError("secret"))
    noted(calls, "b")
    noted(calls, "a")
    assert calls.of("alice", "a") == [
        ("alice", "grid", "on_fill", 1, 1, 10, 20, 30, "KeyError"),
        ("alice", "grid", "on_fill", 1, 1, 10, 20, 30, None),
    ]


def test_the_oldest_events_are_forgotten_first() -> None:
    """So many calls are remembered as there is room for, whichever events they are for."""
    calls = Calls(capacity=4)
    for event_id in ("a", "a", "b", "c", "d", "d"):
        noted(calls, event_id)
    assert [len(calls.of("alice", event_id)) for event_id in "abcd"] == [0, 1, 1, 2]


def test_an_event_with_too_many_calls_takes_no_more_room_than_there_is() -> None:
    """It is forgotten, and begun anew."""
    calls = Calls(capacity=4)
    for _ in range(23):
        noted(calls, "a")
    assert len(calls.of("alice", "a")) <= 4


def test_an_event_is_its_users() -> None:
    """Under another user's name nothing is found."""
    calls = Calls()
    noted(calls, "a")
    assert calls.of("bob", "a") == []
