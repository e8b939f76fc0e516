"""One bot at work: its events one at a time, each handled once, retried in place or kept as a dead letter."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from fillwire.bus.messages import Message
from fillwire.domain.errors import DecodeError, HandlerError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.runtime.logs import get_log
from fillwire.sdk.bot import Bot
from fillwire.sdk.callbacks import ON_START, ON_STOP, ON_WAKE, Callback
from fillwire.sdk.calling import Caller, Stopped
from fillwire.sdk.causality import Call, Cause, set_cause
from fillwire.sdk.decoding import Decoder
from fillwire.sdk.lane import Lane
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.seen import SeenEvents
from fillwire.wire.dead_letters import CALLBACK, REPLAY_FOR, DeadLetter
from fillwire.wire.headers import MESSAGE_ID

_log = get_log(__name__)

NOTICES_CAPACITY = 256
TURNS_IN_A_ROW = 32  # then the loop turns: others run, and the acknowledgements of these leave
ON_STOP_DEADLINE_S = 2.0  # granted even when the event in hand has used up the time to stop


class Acknowledger(Protocol):
    """What brings events and is to be told that they are handled, if that is not the consumer: a seat or a mark."""

    def acknowledge(self, message: Message) -> None:
        """Note that the message and all before it are handled."""


class Delivery(NamedTuple):
    """A message and when the host had it, by its clock."""

    number: int
    message: Message
    delivered_ns: int
    is_live: bool
    seat: Acknowledger | None  # that brought it; None for the bot's own durable


class Notice(NamedTuple):
    """A connection event and the callbacks it is for; without one, that the time has come for which the bot asked."""

    number: int
    event: ConnectionEvent | None
    callbacks: tuple[Callback, ...]


class Letters(Protocol):
    """Where dead letters go."""

    async def keep(self, bot: Bot, letter: DeadLetter, message: Message) -> None:
        """Return once the letter is in the dead-letter stream."""


class Observe(Protocol):
    """Told of every call of a callback for an order event; quick, and raises nothing."""

    def __call__(  # noqa: PLR0913, PLR0917 - positional, for it is called for every fill
        self,
        bot: Bot,
        event: OrderEvent,
        message: Message,
        callback: str,
        callback_index: int,
        attempt: int,
        delivered_ns: int,
        started_ns: int,
        returned_ns: int,
        error: BaseException | None,
        /,
    ) -> None:
        """Take note."""


class Worker:
    """Runs a bot's callbacks. Everything a bot hears goes through one inbox, so that its callbacks never overlap.

    Args:
        bot: whose callbacks to run.
        decoder: shared by the bots of the process.
        letters: takes what the bot cannot handle.
        observe: told of every call; must be quick and not raise.
        retry: for callbacks that raise.
        capacity: messages that may wait, at least as many as the source sends ahead; as many live copies again.
        may_act: see `Caller`.
    """

    def __init__(  # noqa: PLR0913 - what a worker works with
        self,
        bot: Bot,
        *,
        decoder: Decoder,
        letters: Letters,
        observe: Observe,
        retry: RetryPolicy,
        capacity: int,
        may_act: Callable[[], bool] | None = None,
    ) -> None:
        self.bot = bot
        self.lane = Lane()
        self.handled_count = 0
        self.live_count = 0  # of these, handled from the live copy
        self.repeated_count = 0
        self.dead_letter_count = 0
        self.call_count = 0  # of callbacks for order events
        self.call_ns = 0  # in them
        self.failure_count = 0  # of these, raised
        self.retry_count = 0  # of these, called again
        self._in_hand_ns = 0  # when the event in hand was delivered, 0 without one
        self.last_message: Message | None = None  # that is done
        self.taken_sequence = 0  # in the stream, of the last message that was taken
        self._decoder = decoder
        self._letters = letters
        self._observe = observe
        self._seen = SeenEvents()
        self._executions = bot.callbacks.executions
        self._steps = bot.callbacks.steps
        self._capacity = capacity
        self._messages: deque[Delivery] = deque()
        self._live_waiting = 0
        self._notices: deque[Notice] = deque()
        self._count = 0  # of what came in, so that messages and notices keep their common order
        self._wake: asyncio.Future[None] | None = None
        self._stopping = asyncio.Event()
        self._caller = Caller(bot, retry, self._stopping, may_act)
        self._task: asyncio.Task[None] | None = None
        self._done: Message | None = None  # the last that is done, not yet acknowledged
        self._done_seat: Acknowledger | None = (
            None  # where that is acknowledged, if not with the bot's own durable
        )

    # ---- what comes in; plain calls, so that they can be made from a read loop

    def take(self, message: Message, seat: Acknowledger | None = None) -> bool:
        """Queue an order event; return False if the inbox is full and it was not taken."""
        if len(self._messages) - self._live_waiting >= self._capacity:
            return False
        self._count += 1
        self.taken_sequence = message.sequence
        self._messages.append(Delivery(self._count, message, time.time_ns(), False, seat))
        self._wake_up()
        return True

    def drop(self, seat: Acknowledger) -> None:
        """Forget what came by a seat and waits; it comes again another way. What is in hand is finished."""
        kept = [delivery for delivery in self._messages if delivery.seat is not seat]
        self._messages.clear()
        self._messages.extend(kept)

    def take_live(self, message: Message) -> None:
        """Queue a live copy of an order event that `take` will bring for certain; without room it is dropped."""
        if self.lane.is_open and self._live_waiting < self._capacity:
            self._live_waiting += 1
            self._count += 1
            self._messages.append(Delivery(self._count, message, time.time_ns(), True, None))
            self._wake_up()

    def tell(self, event: ConnectionEvent, names: tuple[str, ...]) -> None:
        """Queue a connection event for the callbacks of these names, behind what is queued already.

        A bot that has not come to 256 earlier ones loses the oldest: what counts is the latest.
        """
        named = self.bot.callbacks.named
        callbacks = tuple(named[name] for name in names if name in named)
        if not callbacks:
            return
        if len(self._notices) >= NOTICES_CAPACITY:
            dropped = self._notices.popleft()
            state = None if dropped.event is None else dropped.event.state
            _log.warning("connection_event_dropped", bot=self.bot.name, state=state)
        self._notice(event, callbacks)

    def wake(self) -> None:
        """Queue a call of `on_wake`, behind what is queued already."""
        callback = self.bot.callbacks.named.get(ON_WAKE)
        if callback is not None:
            self._notice(None, (callback,))

    def _notice(self, event: ConnectionEvent | None, callbacks: tuple[Callback, ...]) -> None:
        self._count += 1
        self._notices.append(Notice(self._count, event, callbacks))
        self._wake_up()

    def _wake_up(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    # ---- life

    async def start(self) -> asyncio.Task[None]:
        """Run `on_start`, then begin with what is queued; return the task, which ends with `stop` only.

        Raises:
            HandlerError: `on_start` raised each time it was called, or the bot was stopped meanwhile.
        """
        await self._caller.run_once(ON_START)
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"bot {self.bot.durable}")
        return self._task

    async def hold(self) -> None:
        """Call nothing any more until `release`, and return when the callback in hand has returned or is to be retried.

        What comes meanwhile waits here, up to the capacity, and at the broker.
        """
        self._caller.hold()
        self._wake_up()
        task = self._task
        if task is None:
            return
        rests = asyncio.ensure_future(self._caller.rests())
        try:
            await asyncio.wait({rests, task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            rests.cancel()

    def release(self) -> None:
        """Go on with what waits."""
        self._caller.release()

    @property
    def is_held(self) -> bool:
        """Whether nothing is called until `release`."""
        return self._caller.is_held

    async def stop(self, deadline_s: float) -> None:
        """Finish the event in hand and run `on_stop`; what takes longer than the deadline is cancelled.

        Events that are not finished were not acknowledged: they are the first that the bot's next run handles.
        """
        self._stopping.set()
        self._wake_up()
        task, self._task = self._task, None
        try:
            if task is not None:
                await self._finish(task, asyncio.get_running_loop().time() + deadline_s)
        finally:
            self._caller.close()

    async def _finish(self, task: asyncio.Task[None], end: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, unfinished = await asyncio.wait({task}, timeout=max(0.0, end - loop.time()))
            if unfinished:
                _log.warning("bot_cancelled", bot=self.bot.name)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        try:
            async with asyncio.timeout(max(ON_STOP_DEADLINE_S, end - loop.time())):
                await self._caller.run_once(ON_STOP)
        except (HandlerError, TimeoutError) as error:
            _log.error("bot_on_stop_failed", bot=self.bot.name, error=error)

    @property
    def last_sequence(self) -> int:
        """Sequence in the stream of the last message that is done; 0 before the first."""
        return 0 if self.last_message is None else self.last_message.sequence

    @property
    def waiting_count(self) -> int:
        """Order events that wait for their turn."""
        return len(self._messages)

    @property
    def oldest_ns(self) -> int | None:
        """When the host had the oldest event that is not done, by its clock; None if there is none, or the bot rests."""
        if self._in_hand_ns:
            return self._in_hand_ns
        return self._messages[0].delivered_ns if self._messages and not self.is_held else None

    async def _run(self) -> None:
        messages, notices = self._messages, self._notices
        turns = 0
        while not self._stopping.is_set():
            turns += 1
            if turns % TURNS_IN_A_ROW == 0:
                self._acknowledge()  # so that it leaves in this turn of the loop, not in the next
                await asyncio.sleep(0)
            try:
                if self._caller.is_closed():
                    self._acknowledge()
                    await self._caller.admitted()
                elif notices and not (messages and messages[0].number < notices[0].number):
                    await self._notify(notices.popleft())
                elif messages:
                    _, message, delivered_ns, is_live, seat = messages.popleft()
                    self._in_hand_ns = delivered_ns
                    if is_live:
                        self._live_waiting -= 1
                        await self._deliver_live(message, delivered_ns)
                    else:
                        await self._deliver(message, delivered_ns, seat)
                    self._in_hand_ns = 0
                else:
                    self._wake = asyncio.get_running_loop().create_future()
                    await self._wake
                    self._wake = None
            except Stopped:
                return

    # ---- order events

    async def _deliver(self, message: Message, delivered_ns: int, seat: Acknowledger | None) -> None:
        """Handle the event of a message, or drop it as a repetition; then acknowledge."""
        try:
            event = self._decoder.decode(message.data)
        except DecodeError as error:
            _log.error(
                "message_undecodable",
                bot=self.bot.name,
                subject=message.subject,
                error=error,
            )
            await self._give_up(message, error)
            self._settle(message, seat)
            return
        callbacks = self._callbacks(event)
        identity = event.event_id
        replay_for = message.header(REPLAY_FOR)
        if replay_for is not None:
            # Not a repetition of the event, but its second coming for the one callback that could not handle it.
            identity = message.header(MESSAGE_ID) or identity
            name = message.header(CALLBACK) if replay_for == self.bot.durable else ""
            callbacks = tuple(callback for callback in callbacks if name in {None, callback.name})
        if self.lane.confirm(identity):
            pass  # handled from its live copy, and counted there
        elif identity in self._seen:
            self.repeated_count += 1
        else:
            for index in range(self.lane.returned_callbacks(identity), len(callbacks)):
                await self._handle_event(callbacks[index], index, event, message, delivered_ns)
            self._seen.add(identity)
            self.handled_count += 1
            if replay_for is None:
                self.lane.note_durable(event)
        self._settle(message, seat)

    async def _deliver_live(self, message: Message, delivered_ns: int) -> None:
        """Handle the event of a live copy if it is proven to be the next of its order; else the durable brings it.

        So it does when a callback raises: then it is called again, and given up, on the durable's copy.
        """
        try:
            event = self._decoder.decode(message.data)
        except DecodeError:
            return
        event_id = event.event_id
        if event_id in self._seen or message.header(REPLAY_FOR) is not None or not self.lane.admits(event):
            return
        for index, callback in enumerate(self._callbacks(event)):
            error = await self._attempt(callback, index, 1, event, message, delivered_ns)
            if error is not None:
                self.lane.note_failed(event, index)
                return
        self._seen.add(event_id)
        self.lane.note_live(event)
        self.handled_count += 1
        self.live_count += 1

    def _callbacks(self, event: OrderEvent) -> tuple[Callback, ...]:
        return (self._steps if event.last_fill is None else self._executions)[event.kind]

    def _settle(self, message: Message, seat: Acknowledger | None) -> None:
        """Have the message acknowledged with the next turn of the loop: one acknowledgement stands for all before it."""
        self.last_message = message
        if seat is not self._done_seat:
            self._acknowledge()
        if self._done is None:
            asyncio.get_running_loop().call_soon(self._acknowledge)
        self._done = message
        self._done_seat = seat

    def _acknowledge(self) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        if self._done_seat is None:
            done.ack()
        else:
            self._done_seat.acknowledge(done)

    async def _handle_event(
        self, callback: Callback, index: int, event: OrderEvent, message: Message, delivered_ns: int
    ) -> None:
        """Call until the callback returns or is given up."""
        attempt = 1
        while (
            error := await self._attempt(callback, index, attempt, event, message, delivered_ns)
        ) is not None:
            if not await self._caller.may_retry(attempt):
                await self._give_up(message, error, event, callback.name, attempt)
                return
            attempt += 1
            self.retry_count += 1

    async def _attempt(  # noqa: PLR0913, PLR0917 - the facts of one call
        self,
        callback: Callback,
        index: int,
        attempt: int,
        event: OrderEvent,
        message: Message,
        delivered_ns: int,
    ) -> Exception | None:
        """Call once; return what the callback raised."""
        failure: Exception | None = None
        started_ns = time.time_ns()
        set_cause(Cause(event.event_id, callback.name, Call(event, message, attempt, started_ns)))
        try:
            await self._caller.call(callback, event)
        except Exception as error:  # noqa: BLE001 - the edge to the user's code: whatever it raises is retried
            failure = error
            self.failure_count += 1
        returned_ns = time.time_ns()
        self.call_count += 1
        self.call_ns += returned_ns - started_ns
        self._observe(
            self.bot,
            event,
            message,
            callback.name,
            index,
            attempt,
            delivered_ns,
            started_ns,
            returned_ns,
            failure,
        )
        if failure is not None:
            self._caller.report(failure, callback.name, event.event_id, attempt)
        return failure

    async def _give_up(
        self,
        message: Message,
        error: Exception,
        event: OrderEvent | None = None,
        callback: str | None = None,
        attempts: int = 0,
    ) -> None:
        self.dead_letter_count += 1
        letter = DeadLetter(
            bot=self.bot.name,
            reason=str(error),
            exception=type(error).__name__,
            callback=callback,
            attempts=attempts,
            event_id=None if event is None else event.event_id,
            original_subject=message.subject,
            original_sequence=message.sequence,
        )
        await self._letters.keep(self.bot, letter, message)

    # ---- connection events

    async def _notify(self, notice: Notice) -> None:
        event = notice.event
        for callback in notice.callbacks:
            if event is None:
                await self._caller.call_until_done(callback, None)
                continue
            cause = f"{event.account}:{event.state}:{event.time_ns}"
            await self._caller.call_until_done(callback, cause, event)
