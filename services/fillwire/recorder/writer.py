"""Writes what was read from the stream, and how far it was read, in one transaction. All calls belong to one thread."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from fillwire.domain.errors import DecodeError
from fillwire.recorder.claims import Claim
from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseAway, Displaced, RowRefused
from fillwire.recorder.inserting import insert_new, prepare
from fillwire.recorder.migrating import migrate
from fillwire.recorder.progress import Gap, Position, Written, holes_in
from fillwire.recorder.rows import (
    Received,
    Row,
    Unreadable,
    bot_of,
    client_order_id_of,
    event_id_of,
    message_id_of,
    place_of,
    row_of,
    scope_of,
    unreadable,
    with_bot,
)
from fillwire.recorder.tables import gaps, in_scope, order_events, streams
from fillwire.recorder.tables import unreadable as unreadable_messages
from fillwire.recorder.verdicts import Verdict, verdict_on
from fillwire.wire.dead_letters import REPLAY_FOR
from fillwire.wire.decimals import decimal_text

_ASKED_AT_ONCE = 500  # identities in one question
_KEEP = text(
    "INSERT INTO unreadable (stream_id, sequence, subject, message_id, stored_ns, reason, body) "
    "VALUES (:stream_id, :sequence, :subject, :message_id, :stored_ns, :reason, :body) "
    "ON CONFLICT (stream_id, sequence) DO NOTHING"
)


class Writer:
    """The one writer of a database.

    Args:
        database: which.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine: Engine = database.engine()
        self._claim = Claim(database)
        self._connection: Connection | None = None

    def open(self) -> bool:
        """Connect and take the claim; return False if another recorder has it.

        Raises:
            DatabaseAway: it cannot be reached.
            DatabaseUnusable: it is damaged.
        """
        if self._connection is None:
            with self._database.errors():
                self._connection = self._engine.connect()
        return self._claim.take(self._connection)

    def migrate(self) -> str | None:
        """Bring the tables up to this version; see `migrating.migrate`."""
        before = migrate(self._database, self._open_connection)
        with self._database.errors(), self._open_connection.begin():
            prepare(self._open_connection)
        return before

    def close(self) -> None:
        """Disconnect and give the claim up. Idempotent."""
        connection, self._connection = self._connection, None
        try:
            self._claim.drop(connection)
            if connection is not None:
                connection.close()
        except SQLAlchemyError:  # it was broken, and is gone all the same
            if connection is not None:
                connection.invalidate()

    @property
    def _open_connection(self) -> Connection:
        if self._connection is None:
            raise DatabaseAway(f"database {self._database}: expected an open connection")
        return self._connection

    # -- the position

    def position(self, name: str) -> Position | None:
        """Return how far the newest stream of a name is recorded, None if nothing ever was.

        Raises:
            DatabaseAway: it cannot be reached.
        """
        newest = select(streams).where(streams.c.name == name).order_by(streams.c.id.desc()).limit(1)
        with self._database.errors(), self._open_connection.begin():
            row = self._open_connection.execute(newest).one_or_none()
        if row is None:
            return None
        return Position(row.id, row.name, row.created_ns, row.sequence, row.message_id)

    def begin_stream(self, name: str, created_ns: int) -> Position:
        """Note that another stream is read from now on, from its beginning; raises as `position` does."""
        with self._database.errors(), self._open_connection.begin():
            statement = insert(streams).values(
                name=name,
                created_ns=created_ns,
                begun_ns=time.time_ns(),
                sequence=0,
                recorded_count=0,
                repeated_count=0,
                unreadable_count=0,
            )
            (stream_id,) = self._open_connection.execute(statement).inserted_primary_key or (0,)
        return Position(int(stream_id), name, created_ns, 0, None)

    def rewind(self, position: Position, first_sequence: int) -> Position:
        """Have the stream read again from the first message that it holds; raises as `skip` does."""
        begun = replace(position, sequence=first_sequence - 1, message_id=None)
        with self._database.errors(), self._open_connection.begin():
            mine = unreadable_messages.c.stream_id == position.stream_id
            again = unreadable_messages.c.sequence >= first_sequence
            gone = self._open_connection.execute(delete(unreadable_messages).where(mine, again)).rowcount
            self._advance(position, begun, unreadable_count=-gone)
        return begun

    def skip(self, position: Position, gap: Gap) -> Position:
        """Note a gap and go on behind it.

        Raises:
            DatabaseAway: it cannot be reached; whether it was noted is unknown.
            Displaced: another recorder writes.
        """
        behind = replace(position, sequence=gap.last_sequence, message_id=None)
        with self._database.errors(), self._open_connection.begin():
            self._note_gap(position, gap)
            self._advance(position, behind)
        return behind

    # -- messages

    def write(self, position: Position, messages: Sequence[Received]) -> Written:
        """Record messages that follow each other, and the position after them; return what became of them.

        A message that the database refuses is kept as unreadable, and takes no other with it.

        Raises:
            DatabaseAway: it cannot be reached, is busy or full; whether the messages are recorded is unknown.
            DatabaseUnusable: it is damaged.
            Displaced: another recorder writes.
        """
        rows: list[Row] = []
        asides: list[Unreadable] = []
        for message in messages:
            if message.header(REPLAY_FOR) is not None:
                continue  # the second coming of an event for one bot: what happened is told by the first
            try:
                rows.append(row_of(message, position.stream_id))
            except DecodeError as error:
                asides.append(unreadable(message, str(error)))
        try:
            return self._commit(position, messages, rows, asides)
        # The latter two come before the driver asks the database.
        except (RowRefused, OverflowError, UnicodeError) as error:
            if len(messages) == 1:
                return self._commit(position, messages, [], [unreadable(messages[0], str(error))])
        half = len(messages) // 2
        before = self.write(position, messages[:half])
        after = self.write(before.position, messages[half:])
        return Written(
            position=after.position,
            recorded_count=before.recorded_count + after.recorded_count,
            repeated_count=before.repeated_count + after.repeated_count,
            unreadable=before.unreadable + after.unreadable,
            gaps=before.gaps + after.gaps,
        )

    def _commit(
        self, position: Position, messages: Sequence[Received], rows: list[Row], asides: list[Unreadable]
    ) -> Written:
        last = messages[-1]
        after = replace(position, sequence=last.sequence, message_id=message_id_of(last))
        connection = self._open_connection
        holes = holes_in(position, messages)
        with self._database.errors(), connection.begin():
            rows = self._attributed(rows)
            recorded = insert_new(connection, rows)
            repeated = len(rows) - recorded
            if repeated:
                contradicting = self._settle(rows, messages)
                repeated -= len(contradicting)
                asides += contradicting
            kept = self._keep(asides, position.stream_id)
            for gap in holes:
                self._note_gap(position, gap)
            self._advance(
                position,
                after,
                stored_ns=last.stored_time_ns,
                recorded_count=recorded,
                repeated_count=repeated,
                unreadable_count=kept,
            )
        return Written(
            position=after,
            recorded_count=recorded,
            repeated_count=repeated,
            unreadable=tuple(asides),
            gaps=tuple(holes),
        )

    def _attributed(self, rows: list[Row]) -> list[Row]:
        """Return the rows with the bots of those that do not say whose order they tell of, from what was told before."""
        if all(client_order_id_of(row) is not None for row in rows):
            return rows
        bots: dict[str, str | None] = {}
        attributed = []
        for row in rows:
            if client_order_id_of(row) is not None:
                if bot_of(row) is not None:
                    bots[scope_of(row)] = bot_of(row)
                attributed.append(row)
                continue
            scope = scope_of(row)
            if scope not in bots:
                bots[scope] = self._bot_of_order(scope)
            attributed.append(with_bot(row, bots[scope]))
        return attributed

    def _bot_of_order(self, scope: str) -> str | None:
        """Return the bot that an earlier event of an order names, None if none does."""
        named = (
            select(order_events.c.bot)
            .where(in_scope(scope), order_events.c.bot.is_not(None))
            .order_by(order_events.c.event_id)
            .limit(1)
        )
        bot: str | None = self._open_connection.execute(named).scalar()
        return bot

    def _settle(self, rows: Sequence[Row], messages: Sequence[Received]) -> list[Unreadable]:
        """Deal with rows whose identity was stored; return those that contradict what is stored."""
        stored = self._stored([event_id_of(row) for row in rows])
        better: dict[Any, Row] = {}
        contradicting: set[int] = set()
        for row in rows:
            event_id = event_id_of(row)
            verdict = verdict_on(row, stored[event_id])
            if verdict is Verdict.BETTER:
                stored[event_id] = better[event_id] = row
            elif verdict is Verdict.CONTRADICTING:
                contradicting.add(place_of(row)[1])
        if better:
            self._delete(list(better))
            insert_new(self._open_connection, list(better.values()))
        reason = "it contradicts the event of this identity that is recorded: expected the same execution"
        return [unreadable(message, reason) for message in messages if message.sequence in contradicting]

    def _stored(self, event_ids: Sequence[Any]) -> dict[Any, Row]:
        found: dict[Any, Row] = {}
        for some in _pieces(event_ids):
            for row in self._open_connection.execute(
                select(order_events).where(order_events.c.event_id.in_(some))
            ):
                stored = tuple(decimal_text(value) if isinstance(value, Decimal) else value for value in row)
                found[event_id_of(stored)] = stored
        return found

    def _delete(self, event_ids: Sequence[Any]) -> None:
        for some in _pieces(event_ids):
            self._open_connection.execute(delete(order_events).where(order_events.c.event_id.in_(some)))

    def _keep(self, asides: Sequence[Unreadable], stream_id: int) -> int:
        """Keep messages as they are; return how many were not kept before."""
        return sum(
            self._open_connection.execute(_KEEP, {"stream_id": stream_id, **aside._asdict()}).rowcount
            for aside in asides
        )

    def _note_gap(self, position: Position, gap: Gap) -> None:
        place = {
            "stream_id": position.stream_id,
            "first_sequence": gap.first_sequence,
            "last_sequence": gap.last_sequence,
        }
        known = select(gaps.c.id).where(*(gaps.c[name] == value for name, value in place.items()))
        if self._open_connection.execute(known).first() is None:
            noted = insert(gaps).values(**place, noticed_ns=time.time_ns(), reason=gap.reason)
            self._open_connection.execute(noted)

    def _advance(
        self, before: Position, after: Position, *, stored_ns: int | None = None, **counts: int
    ) -> None:
        """Move the position, if it is where we left it.

        Raises:
            Displaced: it is not.
        """
        mine = (streams.c.id == before.stream_id, streams.c.sequence == before.sequence)
        moved = (
            update(streams)
            .where(*mine)
            .values(
                sequence=after.sequence,
                message_id=after.message_id,
                stored_ns=stored_ns,
                **{name: streams.c[name] + count for name, count in counts.items()},
            )
        )
        if self._open_connection.execute(moved).rowcount != 1:
            raise Displaced(
                f"database {self._database}: expected stream {before.name} to be recorded up to {before.sequence}, "
                "found it elsewhere: another recorder writes"
            )


def _pieces(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _ASKED_AT_ONCE):
        yield values[start : start + _ASKED_AT_ONCE]
