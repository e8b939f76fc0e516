"""Runs a bot against a scripted venue, in the test's own event loop and in the test's own time.

    venue = ScriptedVenue(market("BTC-USDT", price=64000, price_step="0.01", quantity_step="0.00001"))
    async with Rehearsal(MyBot, venue) as stage:
        venue.move("BTC-USDT", 63000)
        await stage.run()
        assert [order.request.price for order in venue.open_orders()] == [Decimal(63500)]

Between venue and bot stands what stands there when it runs: each event is written and read as on the wire, kept in a log,
told once and in order, callbacks run one at a time, and the bot resumes where it stopped. What a callback raises comes out
of the call that caused it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from fillwire.domain.enums import ConnectionState, Source
from fillwire.domain.errors import HandlerError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.sdk.bot import Bot, bot_of
from fillwire.sdk.callbacks import ON_RECONCILED, ON_START, ON_STOP, ON_WAKE
from fillwire.sdk.calling import Caller
from fillwire.sdk.causality import Cause, set_cause
from fillwire.sdk.connections import callbacks_for
from fillwire.sdk.decoding import Decoder
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.samples import sample_connection_event
from fillwire.sdk.seen import SeenEvents
from fillwire.sdk.strategy import Strategy
from fillwire.testing.counter import Counter, Shelf
from fillwire.testing.faults import Crashed, Fault, Faults
from fillwire.testing.venue import ScriptedVenue
from fillwire.wire.codec import encode_order

if TYPE_CHECKING:
    from fillwire.domain.orders import CancelRequest, OrderRequest

_S = 1_000_000_000
_MANY_TURNS = 20_000
_PATIENCE_S = 3_600.0

S = TypeVar("S", bound=Strategy)


class Rehearsal(Generic[S]):
    """One bot, one venue, and what goes wrong between them.

    Attributes:
        venue: move its prices, fill and end orders there.
        faults: what goes wrong.
        placed: every order that the bot has asked for, over all its starts.
        cancelled: every cancellation that it has asked for.
        shelf: its checkpoint.
        start_count: how often it was started.

    Args:
        make_bot: makes the bot, again after each crash: a class, or a function without arguments.
        venue: what it trades at.
        faults: nothing goes wrong unless said.
    """

    def __init__(self, make_bot: Callable[[], S], venue: ScriptedVenue, faults: Faults | None = None) -> None:
        self.venue = venue
        self.faults = faults or Faults()
        self.placed: list[OrderRequest] = []
        self.cancelled: list[CancelRequest] = []
        self.shelf = Shelf()
        self.is_connected = True
        self.start_count = 0
        self._make_bot = make_bot
        self._strategy: S | None = None
        self._bot: Bot | None = None
        self._caller: Caller | None = None
        self._decoder = Decoder()
        self._log: list[tuple[int, bytes]] = []  # each event, and when it was stored
        self._coming: list[OrderEvent] = []
        self._cursor: int | None = None  # how much of the log the bot has acknowledged
        self._floor = 0  # how much of it can never come again
        self._seen = SeenEvents()
        self._connection: ConnectionEvent | None = None
        self._notices: list[tuple[int, ConnectionEvent, str]] = []  # told when so much of the log is handled
        self._wake_ns: int | None = None
        venue.listen(self._coming.append)

    # ---- life

    async def __aenter__(self) -> Self:
        """Start the bot and run until it rests.

        Raises:
            Exception: what a callback raises.
        """
        await self.run()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the bot, unless the test has failed already."""
        if error is None:
            self.faults.stop()
            await self.stop()
        else:
            self._forget()

    @property
    def bot(self) -> S:
        """The bot as it runs now; another object after each restart."""
        if self._strategy is None:
            raise RuntimeError("the bot does not run: expected run() or restart() before")
        return self._strategy

    async def stop(self) -> None:
        """Run `on_stop`, and cancel the bot's orders if it is to; what the venue tells is kept for its next start.

        Raises:
            Exception: what `on_stop` raises.
        """
        strategy, bot = self._strategy, self._bot
        if strategy is None or bot is None:
            return
        try:
            await self._once(ON_STOP)
            if strategy.cancel_orders_on_stop:
                for pair in bot.pairs or (None,):
                    await strategy.cancel_own_orders(pair)
        except Crashed:
            pass
        self._forget()

    def crash(self) -> None:
        """Let the bot's process die, between two events; `run` starts it again."""
        self._forget()
        if self._cursor and self.faults.redelivered:
            # What was acknowledged once never comes again, however often the bot crashes.
            back = min(self.faults.redelivered, self._cursor - self._floor)
            self._floor = self._cursor = self._cursor - self.faults.below(back + 1)

    async def restart(self) -> None:
        """Let the bot's process die, and start another one that knows nothing but log, checkpoint and venue.

        Raises:
            Exception: what a callback raises.
        """
        self.crash()
        await self.run()

    async def _start(self) -> None:
        strategy = self._strategy = self._make_bot()
        self.start_count += 1
        bot = self._bot = bot_of(strategy, self.venue.account)
        self._caller = Caller(bot, RetryPolicy(attempts=1), asyncio.Event())
        counter = Counter(self, bot.name, self.start_count)
        strategy._trading = strategy._clerk = counter  # noqa: SLF001 - the rehearsal stands in for the host
        self._seen = SeenEvents()
        if self._cursor is None:  # where a bot begins that never ran
            self._cursor = 0 if bot.start_from != "now" else len(self._log)
        self.shelf.has_run = True
        await self._once(ON_START)
        if self.is_connected:
            self._connection = None
            self._connect(None)

    def _forget(self) -> None:
        if self._strategy is not None:
            self._strategy._trading = self._strategy._clerk = None  # noqa: SLF001 - as above
        if self._caller is not None:
            self._caller.close()
        self._strategy = self._bot = self._caller = self._wake_ns = None
        self._notices.clear()

    # ---- what a test lets happen

    async def run(self) -> None:
        """Tell the bot all that the venue has told, until nothing is on the way and nothing is due.

        A bot that has crashed is started again.

        Raises:
            Exception: what a callback raises.
            AssertionError: it does not come to rest.
        """
        for _ in range(_MANY_TURNS):
            try:
                if not await self._turn():
                    return
            except Crashed:
                self.crash()
        raise AssertionError(f"the bot does not come to rest within {_MANY_TURNS} events and wake-ups")

    async def wait(self, seconds: float) -> None:
        """Let so much time pass, and run: with each time for which the bot has asked to be woken.

        Raises:
            Exception: what a callback raises.
        """
        end_ns = self.venue.now_ns + int(seconds * _S)
        await self.run()
        while self._wake_ns is not None and self._wake_ns <= end_ns:
            self.venue.now_ns = max(self.venue.now_ns, self._wake_ns)
            await self.run()
        self.venue.now_ns = max(self.venue.now_ns, end_ns)
        await self.run()

    async def settle(self, patience_s: float = _PATIENCE_S) -> None:
        """End all faults, connect, and let time pass until the bot asks for nothing more, `patience_s` at the longest.

        Raises:
            Exception: what a callback raises.
        """
        self.faults.stop()
        if not self.is_connected:
            self.reconnect()
        await self.run()
        end_ns = self.venue.now_ns + int(patience_s * _S)
        while self._wake_ns is not None and self._wake_ns <= end_ns:
            self.venue.now_ns = max(self.venue.now_ns, self._wake_ns)
            await self.run()

    def disconnect(self, reason: str = "closed by the venue") -> None:
        """Lose the connection to the venue: nothing is told, and no order taken, until `reconnect`."""
        self.is_connected = False
        self._note(ConnectionState.RECONNECTING, reason)

    def reconnect(self) -> None:
        """Have the connection back; what the venue has done meanwhile comes from its records."""
        self.is_connected = True
        self._coming[:] = [replace(event, source=Source.REST) for event in self._coming]
        self._connect(None)

    # ---- one thing after another

    async def _turn(self) -> bool:
        """Do the next thing; return False if there is none."""
        if self._strategy is None:
            await self._start()
            return True
        if self.is_connected:
            self.publish()
        if self._cursor is None:
            raise AssertionError("a bot that was started stands somewhere in the log")
        if self._notices and self._notices[0][0] <= self._cursor:
            _, event, name = self._notices.pop(0)
            await self._tell(name, event)
        elif self._cursor < len(self._log):
            await self._deliver(*self._log[self._cursor], self._cursor + 1)
            self._cursor += 1
            if self.faults.strikes(Fault.CRASHED):
                raise Crashed
        elif self._wake_ns is not None and self._wake_ns <= self.venue.now_ns:
            self._wake_ns = None
            await self._tell(ON_WAKE)
        else:
            return bool(self._coming) and self.is_connected
        return True

    def publish(self) -> None:
        """Bring what the venue has told to the log; what is late of an order stays behind, with all after it."""
        late: set[str] = set()
        staying: list[OrderEvent] = []
        for event in self._coming:
            if event.order_id in late or self.faults.strikes(Fault.LATE_EVENTS):
                late.add(event.order_id)
                staying.append(event)
            else:
                self._log.append((self.venue.now_ns, encode_order(event)))
        self._coming[:] = staying

    async def _deliver(self, stored_ns: int, data: bytes, sequence: int) -> None:
        event = self._decoder.decode(data)
        if event.event_id in self._seen or (self._bot is not None and not _hears(self._bot, event)):
            return
        assert self._bot is not None  # noqa: S101 - it runs
        assert self._caller is not None  # noqa: S101 - as above
        callbacks = self._bot.callbacks
        for callback in (callbacks.steps if event.last_fill is None else callbacks.executions)[event.kind]:
            for _ in range(2 if self.faults.strikes(Fault.REPEATED) else 1):
                set_cause(Cause(event.event_id, callback.name, sequence=sequence, stored_ns=stored_ns))
                await self._caller.call(callback, event)
        self._seen.add(event.event_id)

    async def _tell(self, name: str, *arguments: ConnectionEvent) -> None:
        assert self._bot is not None  # noqa: S101 - it runs
        assert self._caller is not None  # noqa: S101 - as above
        callback = self._bot.callbacks.named.get(name)
        if callback is not None:
            set_cause(Cause(f"{name}:{self.venue.now_ns}", name) if arguments else None)
            await self._caller.call(callback, *arguments)

    async def _once(self, name: str) -> None:
        assert self._caller is not None  # noqa: S101 - it was started
        try:
            await self._caller.run_once(name)
        except HandlerError as error:
            raise error.__cause__ or error from None

    # ---- connection

    def _connect(self, reason: str | None) -> None:
        self.publish()
        self._note(ConnectionState.RECEIVING, reason, reconciled_ns=self.venue.now_ns)

    def _note(self, state: ConnectionState, reason: str | None, reconciled_ns: int | None = None) -> None:
        last = self._connection
        event = self._connection = sample_connection_event(
            self.venue.account,
            state,
            ConnectionState.DISCONNECTED if last is None else last.state,
            reason=reason,
            gateway="rehearsal",
            time_ns=self.venue.now_ns,
            clock_offset_ns=0,
            reconciled_ns=reconciled_ns,
        )
        for name in callbacks_for(event, last):
            at = len(self._log) if name == ON_RECONCILED else 0
            self._notices.append((at, event, name))

    # ---- what the bot's counter asks for

    @property
    def sequence(self) -> int:
        """The log's last sequence; the first is 1."""
        return len(self._log)

    def read(self, after: int) -> Sequence[OrderEvent]:
        """Return what the log holds after a sequence."""
        return [self._decoder.decode(data) for _, data in self._log[after:]]

    @property
    def log(self) -> Sequence[OrderEvent]:
        """Every event that was published."""
        return self.read(0)

    def wake_after(self, delay_s: float) -> None:
        """Have `on_wake` called when so much time has passed, unless it is to be sooner."""
        due_ns = self.venue.now_ns + int(max(0.0, delay_s) * _S)
        self._wake_ns = due_ns if self._wake_ns is None else min(self._wake_ns, due_ns)


def _hears(bot: Bot, event: OrderEvent) -> bool:
    return not bot.pairs or event.pair in bot.pairs
