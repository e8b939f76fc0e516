"""Which client order ids were sent, as the broker remembers it for all gateways."""

from fillwire.bus.buckets import PLACEMENTS, Bucket, BucketDefinition, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.restored import mark_restored
from fillwire.domain.identifiers import Account
from fillwire.gateway.placements import LAG_S, Earlier, Placements
from fillwire.wire.subjects import account_tokens

ACCOUNT = Account("alice", "binance", "live")
LIFE_S = 9.0
_S = 1_000_000_000


class Clock:
    """A wall clock that is moved."""

    def __init__(self) -> None:
        self.now_ns = 1_700_000_000 * _S

    def __call__(self) -> int:
        """Return the time."""
        return self.now_ns


async def _placements(bus: Bus, clock: Clock) -> Placements:
    await ensure_buckets(bus, definitions=(PLACEMENTS,))
    return Placements(Bucket(bus, PLACEMENTS), "gateway-1", LIFE_S, clock)


async def _earlier(placements: Placements, client_order_id: str = "grid-1") -> Earlier:
    return (await placements.note(ACCOUNT, client_order_id, 7)).earlier


async def test_an_order_is_under_way_until_the_venue_cannot_carry_it_out_any_more(bus: Bus) -> None:
    """Counted from the last sending; who only asks meanwhile does not prolong it."""
    clock = Clock()
    placements = await _placements(bus, clock)
    assert await _earlier(placements) is Earlier.NONE
    clock.now_ns += int((LIFE_S + LAG_S) * _S) - 1
    assert await _earlier(placements) is Earlier.UNDER_WAY
    assert await _earlier(placements, "grid-2") is Earlier.NONE
    clock.now_ns += 1
    assert await _earlier(placements) is Earlier.OVER
    assert await _earlier(placements) is Earlier.UNDER_WAY  # it may just have been sent a second time
    clock.now_ns -= 60 * _S  # by another gateway's clock
    assert await _earlier(placements) is Earlier.UNDER_WAY


async def test_what_was_refused_may_be_sent_again_at_once(bus: Bus) -> None:
    """Nothing is under way; but an earlier sending, of which nobody knows, is still asked for."""
    clock = Clock()
    placements = await _placements(bus, clock)
    first = await placements.note(ACCOUNT, "grid-1", 7)
    await placements.refused(first)
    assert await _earlier(placements) is Earlier.NONE
    clock.now_ns += 60 * _S
    second = await placements.note(ACCOUNT, "grid-1", 7)
    assert second.earlier is Earlier.OVER
    await placements.refused(first)  # of another time: it changes nothing
    assert await _earlier(placements) is Earlier.UNDER_WAY
    await placements.refused(second)
    assert await _earlier(placements) is Earlier.OVER


async def test_a_note_without_time_counts_from_when_it_is_met(bus: Bus) -> None:
    """Of a gateway that did not write one."""
    clock = Clock()
    placements = await _placements(bus, clock)
    await Bucket(bus, PLACEMENTS).put(f"{account_tokens(ACCOUNT)}.grid-1", b"gateway-0 -")
    assert await _earlier(placements) is Earlier.UNDER_WAY
    clock.now_ns += 60 * _S
    assert await _earlier(placements) is Earlier.OVER


async def test_a_bucket_that_does_not_answer_sends_nothing_twice(bus: Bus) -> None:
    """Nobody knows what was sent: as if it were under way."""
    nowhere = BucketDefinition(name="NOWHERE", description="not made")
    placements = Placements(Bucket(bus, nowhere, timeout_s=0.2), "gateway-1", LIFE_S)
    assert await _earlier(placements) is Earlier.UNDER_WAY


async def test_after_a_restore_an_id_without_a_note_counts_as_sent(bus: Bus) -> None:
    """What was sent since the backup is noted nowhere: the venue is asked first, also for what had been refused before."""
    clock = Clock()
    placements = await _placements(bus, clock)
    refused = await placements.note(ACCOUNT, "grid-1", 7)
    await placements.refused(refused)
    await mark_restored(bus, clock.now_ns)
    after = await _placements(bus, clock)
    assert await after.earlier(ACCOUNT, "grid-1") is Earlier.OVER
    assert await after.earlier(ACCOUNT, "grid-2") is Earlier.OVER
    assert await _earlier(after, "grid-2") is Earlier.OVER
    assert await _earlier(after, "grid-2") is Earlier.UNDER_WAY
    clock.now_ns += 10 * _S  # a gateway that lived on finds the mark
    assert await _earlier(placements, "grid-3") is Earlier.OVER


async def test_a_gateway_that_saw_the_notes_go_counts_ids_without_one_as_sent(bus: Bus) -> None:
    """At once and for a day, whether it may leave the mark or not; on another connection it looks for the mark at once."""
    clock = Clock()
    placements, other = await _placements(bus, clock), await _placements(bus, clock)
    assert await _earlier(placements) is await _earlier(other, "grid-0") is Earlier.NONE
    placements.note_lost()
    assert await _earlier(placements, "grid-2") is Earlier.OVER
    assert await _earlier(other, "grid-3") is Earlier.NONE
    await mark_restored(bus, clock.now_ns)
    assert await _earlier(other, "grid-4") is Earlier.NONE  # it looked a moment ago
    await other.look_again()
    assert await _earlier(other, "grid-5") is Earlier.OVER
