"""When a stream that takes from others counts as standing still, by answers as the broker gives them."""

from typing import Any

from fillwire.bus.standstill import Patience, Standstill, successor

_PATIENCE = Patience(silence_s=2.5, before_s=2.0, unmoved_s=15.0, most_s=10.0)
_NS = 10**9


def _info(active_s: float, *, lag: int = 0, last: int = 7, leader: str | None = "n0") -> dict[str, Any]:
    replicas = [{"name": name, "current": True} for name in ("n0", "n1", "n2") if name != leader]
    cluster = {"replicas": replicas} | ({} if leader is None else {"leader": leader})
    active = -1 if active_s < 0 else int(active_s * _NS)
    return {
        "state": {"last_seq": last},
        "cluster": cluster,
        "mirror": {"name": "ORDERS", "lag": lag, "active": active},
    }


def _seen(standstill: Standstill, info: dict[str, Any], now_s: float, leader: str | None = "n1") -> bool:
    """Return whether another leader is due."""
    lost = standstill.look(info, now_s)
    return bool(lost) and standstill.is_due([leader], now_s)


def test_one_that_is_idle_hears_heartbeats_and_follows() -> None:
    """For hours, with nothing to mirror."""
    standstill = Standstill(_PATIENCE)
    assert not any(_seen(standstill, _info(0.98), now_s) for now_s in range(10_000))
    assert standstill.stands_since_s is None


def test_one_that_catches_up_follows() -> None:
    """However far behind it is, as long as it comes on."""
    standstill = Standstill(_PATIENCE)
    assert not any(
        _seen(standstill, _info(0.0, lag=10**6, last=now_s // 10), now_s) for now_s in range(10_000)
    )


def test_one_that_hears_nothing_is_due_after_the_patience() -> None:
    """Counted from the first look that found it silent, not from what it says."""
    standstill = Standstill(_PATIENCE)
    assert not _seen(standstill, _info(0.5), 0.0)
    assert not _seen(standstill, _info(60.0), 1.0)
    assert not _seen(standstill, _info(61.0), 2.9)
    assert _seen(standstill, _info(62.0), 3.0)
    assert standstill.stands_since_s == 1.0
    assert not _seen(standstill, _info(0.1), 4.0)
    assert standstill.stands_since_s is None


def test_a_leader_that_has_never_heard_is_silent() -> None:
    """The broker says -1."""
    standstill = Standstill(_PATIENCE)
    assert not _seen(standstill, _info(-1), 0.0)
    assert _seen(standstill, _info(-1), 2.0)


def test_nothing_is_due_while_nobody_leads_what_it_takes_from() -> None:
    """Another leader of the mirror would hear as little; and a new leader of the log is given time to be asked."""
    standstill = Standstill(_PATIENCE)
    assert not any(_seen(standstill, _info(5.0 + now_s), now_s, leader=None) for now_s in range(60))
    assert not _seen(standstill, _info(65.0), 60.0, leader="n2")
    assert not _seen(standstill, _info(66.0), 61.9, leader="n2")
    assert _seen(standstill, _info(67.0), 62.0, leader="n2")


def test_nothing_is_due_while_nobody_leads_it() -> None:
    """There is nobody who could be asked to make room."""
    standstill = Standstill(_PATIENCE)
    assert not any(_seen(standstill, _info(-1, leader=None), now_s) for now_s in range(60))


def test_each_leader_that_does_not_help_doubles_the_patience() -> None:
    """Whoever made them leaders: all doors see the same, so that many ask no more often than one."""
    standstill = Standstill(_PATIENCE)
    now_s, waits = 0.0, []
    for leader in ("n0", "n1", "n2", "n0", "n1"):
        began_s = now_s
        while not _seen(standstill, _info(-1, leader=leader), now_s):
            now_s += 0.5
        waits.append(now_s - began_s)
    assert waits == [2.0, 4.0, 8.0, 10.0, 10.0]
    assert not _seen(standstill, _info(0.1, leader="n2"), now_s)
    assert not _seen(standstill, _info(-1, leader="n2"), now_s + 1)
    assert _seen(standstill, _info(-1, leader="n2"), now_s + 3)


def test_one_that_hears_but_comes_no_further_is_due() -> None:
    """Heartbeats come, more is there than it has, and nothing moves."""
    standstill = Standstill(_PATIENCE)
    due = [now_s for now_s in range(30) if _seen(standstill, _info(0.5, lag=3), now_s)]
    assert due[0] == 18  # unmoved for more than 15 s at 16, and then the patience
    moving = Standstill(_PATIENCE)
    assert not any(_seen(moving, _info(0.5, lag=3, last=now_s), now_s) for now_s in range(30))


def test_of_several_sources_the_silent_ones_are_named() -> None:
    """A stream that takes from all tenants follows each by itself."""
    info = _info(0.0) | {
        "mirror": None,
        "sources": [{"name": "DLQ-a", "active": 10**8}, {"name": "DLQ-b", "active": -1}],
    }
    assert Standstill(_PATIENCE).look(info, 0.0) == ["DLQ-b"]


def test_all_who_ask_name_the_same_successor() -> None:
    """The next by name of those that have everything; none where no other can lead, as on a single broker."""
    info = _info(0.0)
    assert successor(info) == "n1"
    info["cluster"]["replicas"][0]["current"] = False
    assert successor(info) == "n2"
    info["cluster"]["replicas"][1]["offline"] = True
    assert successor(info) is None
    assert successor(_info(0.0, leader="n2")) == "n0"
    assert successor({"state": {"last_seq": 0}}) is None
