"""Client order ids that say whose they are."""

from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.client_order_ids import (
    CLIENT_ORDER_ID,
    bot_label,
    derive_client_order_id,
    is_derived_for,
    label_of,
)

BOTS = st.text(st.characters(codec="utf-8"), min_size=1)
SCOPES = st.lists(st.text(st.characters(codec="utf-8")), max_size=4)


@given(BOTS, SCOPES)
def test_every_id_fits_the_strictest_venue_and_leads_back(bot: str, scope: list[str]) -> None:
    """Whatever the bot is called, its ids hold 1 to 36 allowed characters and name its label."""
    client_order_id = derive_client_order_id(bot, *scope)
    assert CLIENT_ORDER_ID.match(client_order_id)
    assert label_of(client_order_id) == bot_label(bot)
    assert is_derived_for(bot, client_order_id)


@given(BOTS, BOTS, SCOPES)
def test_bots_stay_apart(one: str, other: str, scope: list[str]) -> None:
    """An id of one bot is none of another, however their names begin."""
    assert is_derived_for(one, derive_client_order_id(other, *scope)) == (one == other)


def test_bots_whose_names_begin_alike_stay_apart() -> None:
    """The part that a person reads is the same; the label is not."""
    labels = {bot_label(f"momentum-grid-{pair}") for pair in ("btc", "eth", "sol")}
    assert {label.rpartition("-")[0][:13] for label in labels} == {"momentum-grid"}
    assert len(labels) == 3


def test_ids_are_pinned() -> None:
    """Were they derived in another way, an event handled again after an upgrade would place its orders twice."""
    assert bot_label("ping-pong") == "ping-pong-uiDUC"
    assert (
        derive_client_order_id("ping-pong", "alice@binance/live", "e1", "on_fill", "0")
        == "ping-pong-uiDUC-B-yrBfzzJEmuHcLe"
    )


@given(SCOPES, SCOPES)
def test_scopes_stay_apart(one: list[str], other: list[str]) -> None:
    """Parts are told from each other whatever they hold."""
    assert (derive_client_order_id("grid", *one) == derive_client_order_id("grid", *other)) == (one == other)


def test_other_ids_have_no_label() -> None:
    """Ids of people, of other programs and of venues are nobody's."""
    for foreign in (
        "",
        "bot-1",
        "a317abb9-2b30-4370-ebfe-0deecb300180",
        "x-abcdefgh1234567890abcdef123456",
        "web_9b1deb4d3b7d4bad9bdd2b0d7b3dcb6d",
        f"{derive_client_order_id('grid', 'x')}-",
        f" {derive_client_order_id('grid', 'x')}",
    ):
        assert label_of(foreign) is None, foreign
