"""Whatever bots listen to and when, no product of Coinbase Exchange is ever on no channel of the account."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fillwire.venues.coinbase_exchange.auth import signer
from fillwire.venues.coinbase_exchange.subscribing import FULL, HEARTBEAT, USER, Subscriptions

PRODUCTS = ("A-USD", "B-USD", "C-USD")
SIGNER = signer("key", "AAAA", "phrase")


class Venue:
    """The feed: acts on messages in their order and acknowledges each with all there is."""

    def __init__(self) -> None:
        self.channels: dict[str, set[str]] = {}

    def act(self, frame: bytes) -> list[dict[str, object]]:
        """Return the channels after a message."""
        document = json.loads(frame)
        for entry in document["channels"]:
            products = self.channels.setdefault(entry["name"], set())
            if document["type"] == "subscribe":
                products |= set(entry["product_ids"])
            else:
                products -= set(entry["product_ids"])
        return [
            {"name": name, "product_ids": sorted(found)} for name, found in self.channels.items() if found
        ]

    def has(self, channel: str) -> set[str]:
        """Return the products of a channel."""
        return self.channels.get(channel, set())


wishes = st.lists(
    st.one_of(st.none(), st.frozensets(st.sampled_from([*PRODUCTS, "unlisted"]))), min_size=1, max_size=20
)


@given(wishes, st.frozensets(st.sampled_from(PRODUCTS)))
def test_no_product_is_on_neither_channel(steps: list[frozenset[str] | None], first: frozenset[str]) -> None:
    """Messages and acknowledgements may be on their way while the wish changes; in the end each product is on one."""
    venue = Venue()
    found = Subscriptions(SIGNER, frozenset(PRODUCTS), first)
    sent = found.ask(0)
    followed: frozenset[str] = first
    is_begun = False
    for step in [*steps, *[None] * 20]:
        if step is None and sent:
            is_whole = found.note(venue.act(sent.pop(0)))
            assert is_whole
            sent += found.ask(0)
        elif step is not None:
            followed = step
            found.use(PRODUCTS, followed)
            sent += found.ask(0)
        is_begun = is_begun or found.is_granted
        if is_begun:
            assert venue.has(USER) | venue.has(FULL) == set(PRODUCTS)
    assert sent == []
    assert venue.has(FULL) == followed & set(PRODUCTS)
    assert venue.has(USER) == set(PRODUCTS) - venue.has(FULL)
    assert venue.has(HEARTBEAT) == (venue.has(FULL) or {"A-USD"})
