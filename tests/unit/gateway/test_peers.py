"""Who is there, as one gateway knows it: silence, deafness, keys, twins and leaving, by a clock that the test holds."""

import orjson
import pytest

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.domain.rendezvous import ranked
from fillwire.gateway.peers import Beat, Peers
from fillwire.wire.subjects import account_tokens

ALICE = Account("alice", "binance", "live")
BEAT_S, DOUBT_S = 0.5, 2.0
NAMES = ("us", "b", "c")
FIRST, SECOND, THIRD = ranked(account_tokens(ALICE), NAMES)


def _beat(name: str, instance: str = "", **changes: object) -> bytes:
    values: dict[str, object] = {"accounts": frozenset({ALICE})} | changes
    return Beat(gateway=name, instance=instance or f"{name}-1", **values).encode()  # type: ignore[arg-type]  # as given


def _peers(*names: str, until_s: float = 0.0) -> Peers:
    """Return what we know after everybody beat twice a second until then; we are `us`."""
    peers = Peers("us-1", DOUBT_S, BEAT_S, 0.0)
    for step in range(int(until_s / BEAT_S) + 1):
        for name in names:
            peers.hear(_beat(name), step * BEAT_S)
        peers.update(step * BEAT_S)
    return peers


def _first(peers: Peers) -> str | None:
    first = peers.first(ALICE)
    return None if first is None else first.gateway


def test_a_beat_is_read_as_it_was_written() -> None:
    """Every field survives, also names that no subject takes."""
    beat = Beat(
        gateway="gate way.1",
        instance="x",
        accounts=frozenset({ALICE, Account("bob.b", "binance", "testnet")}),
        ready=frozenset({ALICE}),
        is_joining=True,
        is_leaving=True,
        is_gone=True,
        is_reserve=True,
    )
    assert Beat.decode(beat.encode()) == beat


@pytest.mark.parametrize("message", [b"", b"[]", b"{}", b'{"v":2}', b'{"v":1,"gateway":"a"}', b"null"])
def test_what_is_no_beat_is_refused(message: bytes) -> None:
    """Whoever publishes on the subject, nobody is there by it."""
    peers = _peers("us")
    with pytest.raises(DecodeError):
        peers.hear(message, 0.0)
    assert peers.names == ["us"]


def test_the_first_in_order_owns_and_the_next_when_it_falls_silent() -> None:
    """Silence is noticed when it has lasted `doubt_s`, and is over with the next beat."""
    peers = _peers(*NAMES, until_s=10.0)
    assert _first(peers) == FIRST
    others = [name for name in NAMES if name != FIRST]
    assert "us" in others
    for step in range(1, 6):
        at_s = 10.0 + step * BEAT_S
        for name in others:
            peers.hear(_beat(name), at_s)
        peers.update(at_s)
        assert peers.is_silent(f"{FIRST}-1", at_s) == (step * BEAT_S > DOUBT_S)
    assert _first(peers) == SECOND
    peers.hear(_beat(FIRST), 12.6)
    peers.update(12.6)
    assert _first(peers) == FIRST


def test_who_is_deaf_doubts_nobody() -> None:
    """While our own beats do not come back we know nothing of others; after it they get the time that they had before."""
    peers = _peers(*NAMES, until_s=10.0)
    peers.update(60.0)
    assert peers.names == sorted(NAMES)
    peers.hear(_beat("us"), 60.0)
    peers.update(61.0)
    assert peers.names == sorted(NAMES)
    for step in range(1, 6):
        peers.hear(_beat("us"), 60.0 + step * BEAT_S)
    peers.update(62.6)
    assert peers.names == ["us"]


def test_one_never_heard_of_is_given_two_beats() -> None:
    """Who has just begun knows of a lease's owner by its name alone, and waits for a sign of it."""
    peers = _peers("us", until_s=0.5)
    assert not peers.is_silent("gone-1", 0.9)
    peers.hear(_beat("us"), 1.0)
    assert peers.is_silent("gone-1", 1.1)


def test_who_has_the_key_comes_before_all_others() -> None:
    """A gateway without the account's key owns it only where nobody has one: then somebody must say so."""
    peers = _peers("us", until_s=1.0)
    for name in NAMES:
        peers.hear(_beat(name, accounts=frozenset()), 1.0)
    peers.update(1.0)
    assert _first(peers) == FIRST
    peers.hear(_beat(THIRD), 1.1)
    peers.update(1.1)
    assert _first(peers) == THIRD


def test_a_reserve_owns_what_no_other_can_hold() -> None:
    """It comes after all others that have the key, in whatever order their names are, and before those that have none."""
    peers = _peers("us", until_s=1.0)
    changed_s = peers.changed_s
    for name in NAMES:
        peers.hear(_beat(name, is_reserve=name != THIRD), 1.1)
    peers.update(1.1)
    assert peers.changed_s > changed_s
    assert _first(peers) == THIRD
    peers.hear(_beat(THIRD, accounts=frozenset()), 1.2)
    assert _first(peers) == FIRST
    peers.hear(_beat(THIRD), 1.3)
    assert _first(peers) == THIRD
    peers.hear(_beat(THIRD, is_gone=True), 1.4)
    assert _first(peers) == FIRST


def test_a_gateway_that_knows_no_reserves_is_none() -> None:
    """What an older build says is read as before."""
    older = orjson.loads(_beat("b"))
    del older["reserve"]
    assert not Beat.decode(orjson.dumps(older)).is_reserve


def test_who_leaves_owns_nothing_more_and_is_gone_with_its_last_word() -> None:
    """Leaving is known before going; going is no silence."""
    peers = _peers(*NAMES, until_s=1.0)
    peers.hear(_beat(FIRST, is_leaving=True), 1.1)
    assert _first(peers) == SECOND
    assert FIRST in peers.names
    peers.hear(_beat(FIRST, is_gone=True), 1.2)
    assert FIRST not in peers.names
    assert peers.changed_s == 1.2


def test_we_ourselves_leave_at_once() -> None:
    """Before our own word of it has come back, we count ourselves out."""
    peers = _peers("us", until_s=1.0)
    peers.leave(1.0)
    assert _first(peers) is None


def test_of_two_of_one_name_one_owns() -> None:
    """All agree on which, for a name is all that the order knows."""
    peers = _peers("us", until_s=1.0)
    peers.hear(_beat("us", instance="us-0"), 1.0)
    peers.update(1.0)
    first = peers.first(ALICE)
    assert first is not None
    assert first.instance == "us-0"
    assert peers.names == ["us", "us"]


def test_repeated_words_are_no_change() -> None:
    """Only who comes, goes or can hold something else makes the others wait for calm; being ready does not."""
    peers = _peers(*NAMES, until_s=5.0)
    changed_s = peers.changed_s
    assert changed_s < 1.0
    peers.hear(_beat("b", ready=frozenset({ALICE})), 5.1)
    peers.update(5.1)
    assert peers.changed_s == changed_s
    peers.hear(_beat("b", accounts=frozenset()), 5.2)
    assert peers.changed_s == 5.2


def test_what_it_said_last_counts() -> None:
    """The first's readiness is read from its latest beat."""
    peers = _peers(*NAMES, until_s=1.0)
    peers.hear(_beat(FIRST, ready=frozenset({ALICE})), 1.1)
    first = peers.first(ALICE)
    assert first is not None
    assert first.ready == {ALICE}
