"""Whatever clients send to the simulated Coinbase venues is refused in the venue's words, or taken; nothing else happens."""

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fillwire.simulator import SimulatorSettings
from fillwire.simulator.coinbase_advanced import configurations, tokens
from fillwire.simulator.coinbase_advanced import subscribing as advanced_subscribing
from fillwire.simulator.coinbase_advanced.refusals import OrderRefused
from fillwire.simulator.coinbase_advanced.refusals import Refusal as AdvancedRefusal
from fillwire.simulator.coinbase_exchange import subscribing, tickets
from fillwire.simulator.coinbase_exchange.refusals import FeedRefusal, Refusal
from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue

WORDS = st.sampled_from(
    [
        *("subscribe", "unsubscribe", "user", "full", "heartbeat", "heartbeats", "BTC-USD", "buy", "sell"),
        *(
            "limit",
            "market",
            "stop",
            "loss",
            "entry",
            "GTC",
            "GTT",
            "IOC",
            "min",
            "dc",
            "cb",
            "0.01",
            "64000",
        ),
        *("STOP_DIRECTION_STOP_UP", "2026-11-29T20:00:00Z", "1e-5", "-1", "", "NaN"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
VENUE = ExchangeVenue(SimulatorSettings())
FRAMES = st.fixed_dictionaries(
    {"type": WORDS | VALUES},
    optional={
        "channels": st.lists(WORDS | st.fixed_dictionaries({"name": WORDS}) | VALUES, max_size=3) | VALUES,
        "channel": WORDS | VALUES,
        "product_ids": st.lists(WORDS, max_size=2) | VALUES,
        "jwt": WORDS | VALUES,
        "signature": VALUES,
    },
)
ORDERS = st.fixed_dictionaries(
    {"product_id": st.just("BTC-USD")},
    optional=dict.fromkeys(
        (
            *("type", "side", "size", "funds", "price", "stop", "stop_price", "time_in_force"),
            *("cancel_after", "stp", "client_oid", "post_only"),
        ),
        WORDS | VALUES,
    ),
)
CONFIGURATIONS = st.dictionaries(
    st.sampled_from([*configurations.KINDS, "twap_limit_gtd"]),
    VALUES
    | st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            (
                "base_size",
                "quote_size",
                "limit_price",
                "stop_price",
                "stop_direction",
                "end_time",
                "post_only",
            ),
            WORDS | VALUES,
        ),
    ),
    max_size=2,
)


@given(VALUES | FRAMES)
def test_frames_to_both_feeds(document: Any) -> None:
    """A wish is read or refused; what was read can be acted on."""
    text = json.dumps(document)
    with contextlib.suppress(FeedRefusal):
        wish = subscribing.read_wish(text, VENUE.markets)
        channels = subscribing.Channels()
        for channel, products in wish.channels:
            channels.add(channel, products or (), None)
        json.dumps(channels.acknowledgement())
    with contextlib.suppress(advanced_subscribing.WishRefused):
        advanced = advanced_subscribing.read_wish(text)
        assert advanced.channel in advanced_subscribing.CHANNELS


@given(
    st.text(max_size=40) | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True)
)
def test_tokens(text: str) -> None:
    """A text is a token or is refused."""
    with contextlib.suppress(tokens.TokenRefused):
        tokens.read_token(text)


@given(ORDERS)
def test_orders_to_coinbase_exchange(body: dict[str, Any]) -> None:
    """A ticket keeps to the product's rules, whatever was asked for."""
    with contextlib.suppress(Refusal):
        ticket = tickets.read_ticket(VENUE, json.loads(json.dumps(body)), 0)
        rules = ticket.market.rules
        assert ticket.quantity % rules.step == 0
        assert ticket.price % rules.tick == 0
        assert ticket.quantity or ticket.quote_quantity


@given(CONFIGURATIONS | VALUES)
def test_configurations_of_coinbase_advanced(document: Any) -> None:
    """A configuration is read or refused."""
    with contextlib.suppress(AdvancedRefusal, OrderRefused):
        wanted = configurations.read_configuration(json.loads(json.dumps(document)))
        assert wanted.document == document
