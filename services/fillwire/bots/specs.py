"""What bots are to be and do, as it is kept: read, and written only if nobody else has written meanwhile."""

import time
from collections.abc import Callable
from dataclasses import replace

from fillwire.bots.errors import BotError, refused
from fillwire.bus.buckets import BOTS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.errors import RevisionConflict
from fillwire.domain.bots import BotCreation, BotOutcome, BotSpec, Desired, bot_key
from fillwire.domain.errors import DecodeError
from fillwire.wire.bots import decode_bot_spec, encode_bot

Turn = Callable[[BotSpec], Desired]
"""Returns what a bot is to do, from what it is and does; raises a `BotError` where that cannot be."""


def spec_of(user: str, creation: BotCreation, *, identity: str, now_ns: int) -> BotSpec:
    """Return the desired state that a request to create a bot asks for."""
    return BotSpec(
        user=user,
        bot=creation.bot,
        creation=identity,
        strategy=creation.strategy,
        exchange=creation.exchange,
        environment=creation.environment,
        desired=creation.desired,
        pairs=creation.pairs,
        parameters=creation.parameters,
        start_from=creation.start_from,
        changed_ns=now_ns,
    )


class Specs:
    """Reads and writes desired states.

    Args:
        bus: the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bucket = Bucket(bus, BOTS)

    async def read(self, user: str, bot: str) -> tuple[BotSpec, int]:
        """Return a bot's desired state and its revision.

        Raises:
            BotError: there is none of this name, or it cannot be read.
            BrokerError: no answer.
        """
        entry = await self._bucket.get(bot_key(user, bot))
        if entry is None or entry.value is None:
            raise refused(BotOutcome.MISSING, f"{user} has no bot {bot}")
        try:
            return decode_bot_spec(entry.value), entry.revision
        except DecodeError as error:
            raise refused(BotOutcome.REFUSED, f"bot {bot} of {user}: {error}") from error

    async def expected(self, user: str, bot: str, revision: int | None) -> tuple[BotSpec, int]:
        """Return the same, if it has the expected revision, None for whatever it has; raises as `read`, or a conflict."""
        spec, found = await self.read(user, bot)
        if revision is not None and revision != found:
            raise refused(
                BotOutcome.CONFLICT,
                f"bot {bot} of {user} has changed: expected revision {revision}, found {found}",
            )
        return spec, found

    async def write(self, spec: BotSpec, revision: int) -> int:
        """Write a desired state in the place of what has this revision, and return the new one.

        Raises:
            BotError: somebody else has written meanwhile.
            BrokerError: no answer: written or not is unknown.
        """
        try:
            return await self._bucket.put(spec.key, encode_bot(spec), expected_revision=revision)
        except RevisionConflict:
            raise _conflict(spec.user, spec.bot) from None

    async def turned(
        self, user: str, bot: str, turn: Turn, expected_revision: int | None
    ) -> tuple[BotSpec, int]:
        """Write what a bot is to do, unless it is to do that already; somebody else may have asked for the same.

        Args:
            user: whose.
            bot: which.
            turn: says what.
            expected_revision: only if this is its revision; None for whatever it is.

        Raises:
            BotError: as `read` and `write`, or what `turn` raises.
            BrokerError: no answer.
        """
        spec, revision = await self.expected(user, bot, expected_revision)
        desired = turn(spec)
        if desired is spec.desired:
            return spec, revision
        turned = replace(spec, desired=desired, changed_ns=time.time_ns())
        try:
            return turned, await self.write(turned, revision)
        except BotError:
            spec, revision = await self.read(user, bot)
            if expected_revision is None and turned == replace(spec, changed_ns=turned.changed_ns):
                return spec, revision
            raise

    async def add(self, spec: BotSpec) -> tuple[BotSpec, int]:
        """Write the desired state of a bot that is created, and return it with its revision; that of before, if it is the same.

        Raises:
            BotError: there is another bot of this name.
            BrokerError: no answer: written or not is unknown.
        """
        entry = await self._bucket.look(spec.key)
        if entry.value is None:
            return spec, await self.write(spec, entry.revision)
        before = decode_bot_spec(entry.value)
        if before.creation != spec.creation:
            raise refused(
                BotOutcome.CONFLICT,
                f"bot {spec.bot} of {spec.user} exists: expected another name, or to remove that one first",
            )
        return before, entry.revision

    async def remove(self, spec: BotSpec, revision: int) -> None:
        """Forget what a bot is to be and do; raises as `write`."""
        try:
            await self._bucket.delete(spec.key, expected_revision=revision)
        except RevisionConflict:
            raise _conflict(spec.user, spec.bot) from None


def _conflict(user: str, bot: str) -> BotError:
    return refused(
        BotOutcome.CONFLICT,
        f"bot {bot} of {user} was changed by somebody else meanwhile: look at it and ask again",
    )
