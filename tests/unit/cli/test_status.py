"""How connections are shown."""

from dataclasses import replace
from io import StringIO

from rich.console import Console

from fillwire.cli.status import document, duration_text, gateway_text, state_text, table, waiting_text
from fillwire.domain.enums import BreakerState, ConnectionState
from fillwire.domain.events import ConnectionEvent

S = 1_000_000_000
NOW_NS = 1_773_000_000 * S


def _event(**changes: object) -> ConnectionEvent:
    values: dict[str, object] = {
        "user": "alice",
        "exchange": "binance",
        "environment": "live",
        "state": ConnectionState.RECEIVING,
        "previous_state": ConnectionState.AUTHENTICATED,
        "reason": None,
        "attempt": 0,
        "subscription_count": 2,
        "connected_since_ns": NOW_NS - 200 * S,
        "last_event_time_ns": NOW_NS - 5 * S,
        "clock_offset_ns": -1_250_000,
        "gateway": "gateway-binance-0",
        "time_ns": NOW_NS - S,
        "lease": 4711,
    }
    return ConnectionEvent(**(values | changes))  # type: ignore[arg-type]  # values by name, as the test varies them


def _shown(*events: ConnectionEvent) -> list[str]:
    console = Console(width=200, file=StringIO(), record=True)
    console.print(table(events, NOW_NS))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_durations_are_told_in_their_two_largest_units() -> None:
    """From seconds to days, without noise below."""
    told = [duration_text(s) for s in (-1, 0, 12.9, 60, 200, 3600, 18_060, 90_000, 187_200)]
    assert told == ["0 s", "0 s", "12 s", "1 min", "3 min 20 s", "1 h", "5 h 1 min", "1 d 1 h", "2 d 4 h"]


def test_a_line_says_who_is_connected_and_since_when() -> None:
    """Account, state, pairs, uptime, last event, clock and gateway stand in one line."""
    header, line = _shown(_event())
    assert header.split() == [
        "connected",
        "user",
        "exchange",
        "environment",
        "state",
        "pairs",
        "up",
        "for",
        "last",
        "event",
        "clock",
        "offset",
        "waiting",
        "gateway",
        "reason",
    ]
    assert line.split() == [
        "yes",
        "alice",
        "binance",
        "live",
        "receiving",
        "2",
        "3",
        "min",
        "20",
        "s",
        "5",
        "s",
        "ago",
        "-1.2",
        "ms",
        "0",
        "gateway-binance-0",
    ]


def test_a_line_says_what_is_wrong() -> None:
    """What is not known is a dash, never a zero; the reason stands at the end."""
    lost = _event(
        state=ConnectionState.AUTH_FAILED,
        reason="binance: Invalid API-key, IP, or permissions for action (code -2015)",
        connected_since_ns=None,
        last_event_time_ns=None,
        clock_offset_ns=None,
    )
    _, line = _shown(lost)
    assert line.split()[:9] == ["no", "alice", "binance", "live", "auth_failed", "2", "-", "-", "-"]
    assert line.endswith("binance: Invalid API-key, IP, or permissions for action (code -2015)")


def test_a_line_says_what_is_done_about_it() -> None:
    """Polled in place of the stream, and whether attempts to connect are let through."""
    lost = _event(state=ConnectionState.DISCONNECTED, connected_since_ns=None)
    assert state_text(lost) == "disconnected"
    polled = replace(lost, polling_since_ns=NOW_NS, breaker=BreakerState.OPEN)
    assert state_text(polled) == "disconnected, polled, breaker open"
    assert state_text(_event(breaker=BreakerState.HALF_OPEN)) == "receiving, breaker half open"
    assert "disconnected, polled, breaker open" in _shown(polled)[1]


def test_a_connection_as_json_says_what_follows_from_it() -> None:
    """The event's own fields, and whether it is connected, for how long, and how old the word is."""
    shown = document(_event(), NOW_NS)
    assert (shown["is_connected"], shown["uptime_s"], shown["reported_s_ago"]) == (True, 200.0, 1.0)
    assert (shown["user"], shown["state"], shown["subscription_count"]) == ("alice", "receiving", 2)


def test_who_stands_in_is_told_from_who_owns() -> None:
    """A gateway without a lease reads and sends no orders; one that is not connected claims neither."""
    told = [gateway_text(_event(gateway="gateway-1", lease=lease)) for lease in (4711, None)]
    assert told == ["gateway-1", "gateway-1, stands in"]


def test_what_waits_for_the_broker_is_counted() -> None:
    """Events that the broker has not stored, and those of them that are on disk."""
    counts = ((0, 0), (1200, 0), (70_211, 4675))
    told = [waiting_text(_event(waiting_count=waiting, journal_count=journal)) for waiting, journal in counts]
    assert told == ["0", "1,200", "70,211, 4,675 on disk"]
