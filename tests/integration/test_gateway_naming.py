"""Whose order a venue's name stands for, as the notes of what was placed tell it."""

from fillwire.bus.buckets import PLACEMENTS, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.domain.identifiers import Account
from fillwire.gateway.naming import Naming
from fillwire.gateway.placements import Placements
from fillwire.venues.coinbase_exchange.names import ClientOrderIds, venue_id
from fillwire.wire.subjects import account_tokens
from support.eventually import eventually

ACCOUNT = Account("alice", "coinbase", "live")


async def test_names_of_other_gateways_are_learnt_as_they_place(bus: Bus) -> None:
    """What was noted before, what another gateway notes now, and nothing of another account."""
    await ensure_buckets(bus, definitions=(PLACEMENTS,))
    placements = Placements(Bucket(bus, PLACEMENTS), "gateway-1", 9.0)
    await placements.note(ACCOUNT, "grid/1", 7)
    await placements.note(Account("bob", "coinbase", "live"), "grid-9", 7)
    names = ClientOrderIds()
    naming = Naming(Bucket(bus, PLACEMENTS), ACCOUNT, names)
    await naming.start()
    try:
        assert dict(names.items()) == {venue_id("grid/1"): "grid/1"}
        await placements.note(ACCOUNT, "grid-2", 7)
        await eventually(
            lambda: names.ours(venue_id("grid-2")) == "grid-2", 5.0, "the name of another gateway's order"
        )
    finally:
        await naming.stop()


async def test_only_notes_of_orders_that_the_venue_shows_are_renewed(bus: Bus) -> None:
    """They stay as they are, but are written anew; the others expire in their time."""
    await ensure_buckets(bus, definitions=(PLACEMENTS,))
    bucket = Bucket(bus, PLACEMENTS)
    placements = Placements(bucket, "gateway-1", 9.0)
    for client_order_id in ("open", "ended"):
        await placements.note(ACCOUNT, client_order_id, 7)
    before = await bucket.snapshot(f"{account_tokens(ACCOUNT)}.*")
    names = ClientOrderIds()
    naming = Naming(bucket, ACCOUNT, names, renew_every_s=0.05)
    await naming.start()
    names.ours(venue_id("open"))
    key, other = (f"{account_tokens(ACCOUNT)}.{name}" for name in ("open", "ended"))

    async def is_renewed() -> bool:
        return (await bucket.look(key)).revision > before[key].revision

    try:
        await eventually(is_renewed, 5.0, "the note written anew")
    finally:
        await naming.stop()
    after = await bucket.snapshot(f"{account_tokens(ACCOUNT)}.*")
    assert after[key].value == before[key].value
    assert after[other] == before[other]
