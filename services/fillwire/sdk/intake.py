"""Where a bot's events come from: a seat at the reading that its group shares, or its own durable.

The own durable makes the bot complete: it says where the bot stands, and brings what the bot has missed. Once the bot
has all of that it takes a seat, and its durable rests. The durable's metadata then name the reading, whose durable says
where the bot stands. Before the bot leaves its seat, its own durable is brought to where the bot is. So at every moment
the bot stands at the further of the two, and whoever starts it next begins there (`claims`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from fillwire.bus import api
from fillwire.bus.consumer import Handle, PullLoop
from fillwire.bus.errors import ApiRefused
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log
from fillwire.sdk.groups import Group
from fillwire.sdk.places import PlaceClaim
from fillwire.sdk.shared import Seat, SharedReading
from fillwire.sdk.worker import Worker

_log = get_log(__name__)

_RETRY_S: Final = 0.25
# Then it is looked whether a bot that reads alone has caught up, and after twice as long again, up to the longest.
_SIT_AGAIN_S: Final = 0.5
_SIT_AGAIN_MAX_S: Final = 15.0


class Intake:
    """Brings one bot its events, each once and in order.

    Args:
        name: of the bot, for the log.
        worker: takes the events.
        claim: on the bot's place.
        group: the bots that listen to the same.
        make_pull: makes the loop that reads the bot's own durable.
        make_again: makes the bot's own durable anew to begin after this sequence of the stream.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it stands between
        self,
        name: str,
        worker: Worker,
        claim: PlaceClaim,
        group: Group,
        make_pull: Callable[[Handle], PullLoop],
        make_again: Callable[[int], Awaitable[None]],
    ) -> None:
        self._name = name
        self._worker = worker
        self._claim = claim
        self._group = group
        self._make_pull = make_pull
        self._make_again = make_again
        self._pull: PullLoop | None = None
        self._reading: SharedReading | None = None
        self._seat: Seat | None = None
        self._is_told = False  # at the own durable, that the reading tells for the bot
        # Where the bot was when it left its seat, if it did: its own durable was moved there.
        self._stood: int | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_seated(self) -> bool:
        """Whether the events come from the shared reading, and its durable tells where the bot is."""
        return self._is_told and self._seat is not None and self._seat.is_open

    async def open(self) -> None:
        """Let the events come.

        Raises:
            BrokerError: no answer.
        """
        reading = await self._group.reading()
        if reading is not None and await self._sit(reading):
            await self._tell_of_seat()
        else:
            await self._read_alone()
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"intake {self._name}")

    async def close(self) -> None:
        """Let no more come, and have the bot's own durable say where it is; its worker must have ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._pull is not None:
            await self._pull.stop()
        if self._seat is not None and self._reading is not None:
            self._seat.close()
            try:
                await self._move_durable(self._seat.done)
            except (BrokerError, ConfigError) as error:
                # The reading must not pass the bot before that is done: until then it alone can tell where the bot is.
                _log.warning("bot_position_owed", bot=self._name, error=error)
                self._group.owe(self._leave_seat(self._seat, self._reading))
            else:
                self._reading.leave(self._seat)
        elif self._stood is not None:  # what it had in hand then was acknowledged at the seat
            try:
                await self._move_durable(max(self._stood, self._worker.last_sequence))
            except (BrokerError, ConfigError) as error:
                _log.warning("bot_position_late", bot=self._name, error=error)

    def rest(self) -> None:
        """Give up the seat, if the bot has one: it is held, and its events are to wait with its own durable."""
        if self._seat is not None:
            self._seat.close()

    @property
    def known_waiting_count(self) -> int | None:
        """How many events of the log the bot had not handled when it was last known; None if it never was.

        Now, while a shared reading tells for the bot, else when the broker was asked last.
        """
        told = self._told_count
        return self._claim.waiting_count if told is None else told

    async def waiting_count(self) -> int:
        """Return how many events of the log the bot has not handled yet.

        Raises:
            BrokerError: the broker had to be asked, and did not answer.
        """
        told = self._told_count
        return await self._claim.count_waiting() if told is None else told

    @property
    def _told_count(self) -> int | None:
        """What the reading counts for the bot, also when that has got up: until the bot's own durable was moved there."""
        if self._seat is None or self._reading is None or not self._is_told:
            return None
        return self._reading.waiting_count(self._seat)

    async def has_done(self, sequence: int) -> bool:
        """Return whether the bot has handled everything that is for it up to this sequence of the stream.

        Raises:
            BrokerError: the broker had to be asked, and did not answer.
        """
        if self._seat is not None and self.is_seated:
            return self._seat.done >= sequence
        return await self._claim.has_done(sequence)

    async def newest_sequence(self) -> int | None:
        """Return the sequence of the newest event that is stored for the bot; None while it has no seat.

        Raises:
            BrokerError: no answer.
        """
        return None if self._reading is None else await self._reading.newest_sequence()

    # ---- the own durable

    async def _read_alone(self) -> None:
        self._pull = self._make_pull(self._take)
        await self._pull.start()

    def _take(self, message: Message) -> None:
        if not self._worker.take(
            message, self._claim.mark
        ):  # never: the broker sends no more ahead than fits
            raise BrokerError(f"inbox of bot {self._name} is full")

    # ---- the seat

    async def _run(self) -> None:
        while True:
            while self._seat is None or self._reading is None:
                await self._sit_when_caught_up()
            await _until_done(self._tell_of_seat)
            await self._seat.left.wait()
            _log.info("bot_reads_alone", bot=self._name, after_sequence=self._seat.done)
            self._worker.drop(self._seat)
            await self._leave_seat(self._seat, self._reading)
            self._stood = self._seat.done
            self._seat = self._reading = None
            if self._claim.is_lost:
                return  # the host will hear of it
            await _until_done(self._read_alone)

    async def _sit_when_caught_up(self) -> None:
        wait_s = _SIT_AGAIN_S
        while True:
            await self._group.is_shared.wait()
            try:
                reading = await self._group.reading()
                if reading is not None and await self._sit(reading):
                    return
            except BrokerError as error:
                _log.debug("bot_cannot_sit", bot=self._name, error=error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _SIT_AGAIN_MAX_S)

    async def _sit(self, reading: SharedReading) -> bool:
        """Take a seat if the bot has handled what came before it.

        Raises:
            BrokerError: no answer; the bot has none.
        """
        if not self._claim.is_movable or self._worker.is_held:
            return False
        # In this order: the log has what the reading has handed out, and the bot has what the log has.
        position = reading.position
        newest = await reading.newest_sequence()
        if not await self._claim.has_done(newest):
            return False
        taken = self._worker.taken_sequence
        if self._worker.last_sequence != taken:
            return False  # it came meanwhile, and the seat would tell that it was handled
        # Nothing else runs from here until the bot's own loop is deaf: no event is missed, none comes by both ways. Before
        # its first event the bot may be ahead of the reading by what it has handled elsewhere.
        handled = taken or self._claim.handled_sequence
        seat = reading.join(self._worker.take, max(position, handled))
        if seat is None:
            return False
        self._seat, self._reading = seat, reading
        self._is_told = False
        pull, self._pull = self._pull, None
        if pull is not None:
            await asyncio.shield(pull.stop())  # an open pull would pass for another process that runs the bot
        return True

    async def _tell_of_seat(self) -> None:
        """Note at the own durable that the reading tells for the bot, which has handled whatever that says.

        Raises:
            BrokerError: no answer.
        """
        if self._seat is not None and self._reading is not None and self._seat.is_open and not self._is_told:
            await self._claim.sit(self._reading.durable)
            self._is_told = True
            if self._claim.is_lost:  # another process tells the bot by now
                self._seat.close()

    async def _leave_seat(self, seat: Seat, reading: SharedReading) -> None:
        async def move() -> None:
            await self._move_durable(seat.done)

        await _until_done(move)
        reading.leave(seat)

    async def _move_durable(self, position: int) -> None:
        """Bring the own durable to where the bot is, unless another process has claimed it."""
        if self._claim.is_lost:
            return
        try:
            await self._claim.stand(position)
        except ApiRefused as error:
            # The broker refuses a place before the one that the durable was made for: the stream has lost its end since.
            if error.error_code not in {api.CONSUMER_NOT_FOUND, api.INVALID_RESET}:
                raise
            self._claim.forget_reading()
            await self._make_again(position)
        self._is_told = False


async def _until_done(act: Callable[[], Awaitable[None]]) -> None:
    """Act until the broker has answered."""
    while True:
        try:
            await act()
        except (BrokerError, ConfigError) as error:
            _log.debug("broker_asked_again", error=error)
            await asyncio.sleep(_RETRY_S)
        else:
            return
