"""Who tells of an account while several gateways may hold it: one of them, from a whole state on."""

from collections.abc import Callable
from dataclasses import replace

from fillwire.domain.alert_names import EXECUTIONS_MISSING
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.gateway.voice import Tone, Voice

ACCOUNT = Account("alice", "binance", "live")
CONNECTING = ConnectionEvent(
    user=ACCOUNT.user,
    exchange=ACCOUNT.exchange,
    environment=ACCOUNT.environment,
    state=ConnectionState.CONNECTING,
    previous_state=ConnectionState.DISCONNECTED,
    reason=None,
    attempt=1,
    subscription_count=1,
    connected_since_ns=None,
    last_event_time_ns=None,
    clock_offset_ns=None,
    gateway="gateway-1",
    time_ns=1,
)
RECEIVING = replace(CONNECTING, state=ConnectionState.RECEIVING, previous_state=ConnectionState.AUTHENTICATED)


class Told:
    """What was told, in order, in the place of the reporter; and which accounts are kept fresh."""

    def __init__(self) -> None:
        self.words: list[object] = []
        self.fresh: set[Account] = set()

    def add(self, account: Account, _snapshot: Callable[[], ConnectionEvent]) -> None:
        """See `Reporter`."""
        self.fresh.add(account)

    def remove(self, account: Account) -> None:
        """See `Reporter`."""
        self.fresh.discard(account)

    def refresh(self, account: Account) -> None:
        """See `Reporter`."""
        self.words.append(("refresh", account))

    def report(self, event: ConnectionEvent) -> None:
        """See `Reporter`."""
        self.words.append(event)

    def alert_detection_lost(self, account: Account, reason: str) -> None:
        """See `Reporter`."""
        raise AssertionError(f"told as an alert instead: {account} {reason}")

    def alert(self, _account: Account, name: str, reason: str) -> None:
        """See `Reporter`."""
        self.words.append((name, reason))


def _voice(snapshot: ConnectionEvent = RECEIVING) -> tuple[Voice, Told]:
    told = Told()
    voice = Voice(told, ACCOUNT, lambda: None)
    voice.add(ACCOUNT, lambda: replace(snapshot, previous_state=snapshot.state))
    return voice, told


def test_a_silent_connection_tells_nothing() -> None:
    """Another speaks: what this one goes through, refreshes or misses is nobody's business."""
    voice, told = _voice()
    voice.report(CONNECTING)
    voice.report(RECEIVING)
    voice.refresh(ACCOUNT)
    voice.alert_detection_lost(ACCOUNT, "gave up")
    assert (told.words, told.fresh) == ([], set())


def test_an_owner_begins_with_its_state_and_the_reason_for_the_change() -> None:
    """One event, of the state as it is; from then on every one."""
    voice, told = _voice()
    voice.report(CONNECTING)
    voice.use(Tone.LOUD, "took the account over from gateway-2")
    assert told.words == [
        replace(
            RECEIVING, previous_state=ConnectionState.RECEIVING, reason="took the account over from gateway-2"
        )
    ]
    assert told.fresh == {ACCOUNT}
    voice.report(CONNECTING)
    assert told.words[1:] == [CONNECTING]


def test_an_owner_from_the_start_tells_each_step_once() -> None:
    """A connection that has not begun has no state to tell."""
    told = Told()
    voice = Voice(told, ACCOUNT, lambda: None)
    voice.use(Tone.LOUD)
    voice.add(ACCOUNT, lambda: CONNECTING)
    voice.report(CONNECTING)
    assert told.words == [CONNECTING]
    assert told.fresh == {ACCOUNT}


def test_a_stand_in_speaks_when_it_receives() -> None:
    """Before that, what the silent owner told last is the best that is known."""
    voice, told = _voice(CONNECTING)
    voice.use(Tone.DOUBTFUL, "stands in for gateway-2, which is silent")
    voice.report(CONNECTING)
    assert told.words == []
    voice.report(RECEIVING)
    voice.report(CONNECTING)
    assert told.words == [replace(RECEIVING, reason="stands in for gateway-2, which is silent"), CONNECTING]


def test_one_that_becomes_the_owner_goes_on_speaking() -> None:
    """The lease came: the state is told once more, by the right that it has now."""
    fence: list[int | None] = [None]
    told = Told()
    voice = Voice(told, ACCOUNT, lambda: fence[0])
    voice.add(ACCOUNT, lambda: RECEIVING)
    voice.use(Tone.DOUBTFUL, "stands in")
    fence[0] = 17
    voice.use(Tone.LOUD, "took the account over from gateway-2")
    assert told.words == [
        replace(RECEIVING, reason="stands in"),
        replace(RECEIVING, reason="took the account over from gateway-2", lease=17),
    ]


def test_silence_ends_the_refreshing() -> None:
    """What is kept for late readers is another's from then on; the end of the connection is not told."""
    voice, told = _voice()
    voice.use(Tone.LOUD)
    voice.use(Tone.SILENT)
    voice.report(replace(RECEIVING, state=ConnectionState.DISCONNECTED))
    assert (len(told.words), told.fresh) == (1, set())


def test_an_alert_of_a_silent_time_is_told_if_it_is_still_true() -> None:
    """Who takes over a connection that cannot be made says so; one that recovered meanwhile does not."""
    lost, told = _voice(CONNECTING)
    lost.alert_detection_lost(ACCOUNT, "gave up")
    lost.use(Tone.LOUD)
    assert told.words[1:] == [("detection_lost", "gave up")]

    recovered, told = _voice()
    recovered.alert_detection_lost(ACCOUNT, "gave up")
    recovered.alert(ACCOUNT, EXECUTIONS_MISSING, "one order")
    recovered.report(RECEIVING)
    recovered.use(Tone.LOUD)
    assert len(told.words) == 1
