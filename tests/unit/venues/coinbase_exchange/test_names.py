"""Client order ids at a venue that takes UUIDs only."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from fillwire.venues.coinbase_exchange.names import ClientOrderIds, venue_id

UUID = "a317abb9-2b30-4370-ebfe-0deecb300180"


def test_a_uuid_is_taken_as_it_is() -> None:
    """What the venue takes is not changed, but for its spelling."""
    assert venue_id(UUID) == UUID
    assert venue_id(UUID.upper()) == UUID


def test_another_id_has_always_the_same_uuid() -> None:
    """Pinned: were it derived in another way, an order that may exist would be placed twice."""
    assert venue_id("ping-pong-1") == str(
        uuid.uuid5(uuid.UUID("6d0f6bd1-3c1a-5c0e-8a57-0f2b8a4f7f10"), "ping-pong-1")
    )


@given(st.text(max_size=36), st.text(max_size=36))
def test_ids_stay_apart_and_lead_back(first: str, second: str) -> None:
    """Two ids share a name only if they are one UUID, and each is found again by its name."""
    names = ClientOrderIds()
    told: list[tuple[str, str]] = []
    names.on_name.append(lambda name, ours: told.append((name, ours)))
    one, other = names.name(first), names.name(second)
    assert str(uuid.UUID(one)) == one
    assert (one == other) == (first == second or venue_id(first) == venue_id(second))
    assert names.ours(one) == first or one == str(uuid.UUID(first))
    assert dict(told) == dict(names.items())


def test_an_id_of_somebody_else_stays_as_it_is() -> None:
    """An order placed elsewhere goes by the id that it has; one without any by none."""
    names = ClientOrderIds()
    assert (names.ours(UUID), names.ours(""), names.ours(None)) == (UUID, None, None)


def test_what_the_venue_shows_is_told_once() -> None:
    """Of our own ids only; then nothing until the venue shows one again."""
    names = ClientOrderIds()
    name = names.name("bot-1")
    names.name("bot-2")
    assert names.take_shown() == []
    names.ours(name)
    names.ours(UUID)
    assert (names.take_shown(), names.take_shown()) == (["bot-1"], [])
