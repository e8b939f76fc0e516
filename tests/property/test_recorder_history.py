"""However the stream is cut into batches and however often a part of it is read again, the database ends as the first time."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fillwire.domain.enums import Kind, Source
from fillwire.domain.events import OrderEvent
from fillwire.recorder.database import Database
from fillwire.recorder.writer import Writer
from support.databases import Delivered, delivered, query
from support.order_events import order_event

BAD = Delivered(0, "orders.alice.binance.live.BTC-USDT.filled", b"{", None)


def execution(order: int, trade: int, fee: str | None, source: Source, price: str) -> OrderEvent:
    """Return a report of an execution; reports of one differ in what a venue may tell differently, or contradict."""
    event = order_event(order_id=str(order), trade=trade, price=price)
    assert event.last_fill is not None
    fill = replace(event.last_fill, fee=None if fee is None else Decimal(fee))
    return replace(event, last_fill=fill, source=source)


EXECUTIONS = st.builds(
    execution,
    st.integers(1, 2),
    st.integers(1, 3),
    st.none() | st.just("1.5"),
    st.sampled_from(Source),
    st.sampled_from(["100", "100", "100", "99"]),
)
ENDINGS = st.builds(
    lambda order, source: replace(
        order_event(order_id=str(order), trade=None, kind=Kind.CANCELLED), source=source
    ),
    st.integers(1, 2),
    st.sampled_from(Source),
)
STREAMS = st.lists(EXECUTIONS | ENDINGS | st.none(), min_size=1, max_size=12)


def messages(stream: Sequence[OrderEvent | None]) -> list[Delivered]:
    """Return the stream's messages; None is one that cannot be read."""
    return [
        delivered(event, number)
        if event is not None
        else Delivered(number, BAD.subject, BAD.data, f"bad-{number}")
        for number, event in enumerate(stream, 1)
    ]


def tables(database: Database) -> list[list[tuple[Any, ...]]]:
    """Return what is recorded."""
    return [
        query(database, "SELECT * FROM order_events ORDER BY event_id"),
        query(database, "SELECT * FROM unreadable ORDER BY sequence"),
    ]


@settings(max_examples=40)
@given(STREAMS, st.data())
def test_cuts_and_repetitions_change_nothing(stream: list[OrderEvent | None], data: st.DataObject) -> None:
    """In one batch, in many, and with rebuilds begun in the middle and cut off: the same rows, nothing twice."""
    whole = messages(stream)
    with TemporaryDirectory() as name:
        once, often = (Database.at(f"sqlite:///{Path(name)}/{kind}.sqlite") for kind in ("once", "often"))
        for database, is_cut in ((once, False), (often, True)):
            with contextlib.closing(Writer(database)) as writer:
                assert writer.open()
                writer.migrate()
                position = writer.begin_stream("ORDERS", 1)
                rewinds = data.draw(st.integers(0, 2)) if is_cut else 0
                while position.sequence < len(whole):
                    size = data.draw(st.integers(1, 4)) if is_cut else len(whole)
                    batch = whole[position.sequence : position.sequence + size]
                    position = writer.write(position, batch).position
                    if rewinds and data.draw(st.booleans()):
                        rewinds -= 1
                        position = writer.rewind(position, 1)
        assert tables(often) == tables(once)
        ((recorded, unreadable),) = query(often, "SELECT recorded_count, unreadable_count FROM streams")
        assert query(often, "SELECT count(*) FROM order_events") == [(recorded,)]
        assert query(often, "SELECT count(*) FROM unreadable") == [(unreadable,)]
