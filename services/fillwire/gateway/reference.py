"""What all accounts of one venue environment share: its symbols and the offset of its clock, kept fresh."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, NamedTuple

from fillwire.domain.errors import VenueError
from fillwire.domain.orders import OrderRequest
from fillwire.domain.rules import broken_rule
from fillwire.gateway.rationing import RationedRest
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import Supervisor, cancel
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import Venue

if TYPE_CHECKING:
    from fillwire.venues.rest import HttpRequest

_log = get_log(__name__)

CLOCK_SAMPLES = 5
CLOCK_REFRESH_S = 60.0
SYMBOLS_REFRESH_S = 3600.0
# A rule that an order breaks has the table fetched again if it is older.
SYMBOLS_FRESH_S = 300.0
# An unknown symbol has the table fetched again; a stream of them must not spend the venue's budget.
SYMBOLS_PAUSE_S = 10.0
_FAILURE_PAUSE_S = 1.0
SUSPICIOUS_OFFSET_NS = 1_000_000_000


class ClockSample(NamedTuple):
    """One measurement of a venue's clock; the least of several is the best, for the round trip bounds its error.

    Attributes:
        round_trip_ns: how long the answer took.
        offset_ns: venue clock minus ours.
    """

    round_trip_ns: int
    offset_ns: int


class Reference:
    """Symbols and clock of one environment.

    Args:
        venue: the exchange.
        environment: for logs.
        rest: its REST interface.
        symbols_pause_s: shortest time between two fetches of the symbols, in seconds; a second after a failed one.
    """

    def __init__(
        self, venue: Venue, environment: str, rest: RationedRest, *, symbols_pause_s: float = SYMBOLS_PAUSE_S
    ) -> None:
        self._venue = venue
        self._environment = environment
        self._rest = rest
        self._symbols_pause_s = symbols_pause_s
        self._symbols: SymbolTable | None = None
        self._symbols_task: asyncio.Task[SymbolTable] | None = None
        self._symbols_at_s = 0.0
        self._symbols_due_s = 0.0
        self._first_measurement = asyncio.Lock()
        self._clock_offset_ns: int | None = None
        self._task: asyncio.Task[None] | None = None
        self.with_key: Callable[[HttpRequest], HttpRequest] = lambda request: request
        """Adds the key of an account that has one, where the venue answers nobody without."""
        self.on_symbols: list[Callable[[SymbolTable], None]] = []
        self.on_clock: list[Callable[[int], None]] = []

    def start(self, supervisor: Supervisor) -> None:
        """Begin to keep everything fresh."""
        self._task = supervisor.spawn(self._refresh(), f"reference {self._environment}")

    async def stop(self) -> None:
        """Stop."""
        await cancel(self._task, self._symbols_task)

    @property
    def clock_offset_ns(self) -> int | None:
        """Venue clock minus ours, in nanoseconds; None before the first measurement."""
        return self._clock_offset_ns

    def broken_rule(self, request: OrderRequest) -> str | None:
        """Return what an order breaks of the rules of its pair, None if nothing or if they are not known.

        If it breaks one, the symbols are fetched again unless they are fresh: the venue may have changed what it lets orders be.
        """
        rules = None if self._symbols is None else self._symbols.rules_of(request.pair)
        broken = None if rules is None else broken_rule(rules, request)
        if broken is not None:
            self._doubt_symbols()
        return broken

    def _doubt_symbols(self) -> None:
        is_fresh = asyncio.get_running_loop().time() - self._symbols_at_s < SYMBOLS_FRESH_S
        if not is_fresh and not self._is_fetching:
            self._fetching().add_done_callback(self._note_failure)

    def _note_failure(self, task: asyncio.Task[SymbolTable]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:  # what is known still serves
            _log.warning("reference_not_refreshed", environment=self._environment, error=error)

    async def ready(self) -> SymbolTable:
        """Return the symbols, fetched if they are not known yet; the clock has been measured by then.

        Raises:
            VenueError: the venue does not answer or refuses.
        """
        async with self._first_measurement:
            if self._clock_offset_ns is None:
                await self.measure_clock()
        return await self.fetch_symbols() if self._symbols is None else self._symbols

    async def fetch_symbols(self) -> SymbolTable:
        """Return the symbols as they are now; who asks while they are being fetched gets the same answer.

        Raises:
            VenueError: the venue does not answer or refuses.
        """
        return await asyncio.shield(self._fetching())

    @property
    def _is_fetching(self) -> bool:
        return self._symbols_task is not None and not self._symbols_task.done()

    def _fetching(self) -> asyncio.Task[SymbolTable]:
        if self._symbols_task is None or self._symbols_task.done():
            self._symbols_task = asyncio.get_running_loop().create_task(
                self._fetch_symbols(), name=f"symbols {self._environment}"
            )
        return self._symbols_task

    async def _fetch_symbols(self) -> SymbolTable:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._symbols_due_s - loop.time()))
        self._symbols_due_s = loop.time() + _FAILURE_PAUSE_S
        response = await self._rest.ask_at_once(self.with_key(self._venue.symbols_request()))
        # Megabytes, with rules for thousands of symbols: fills must not wait for it.
        symbols = await asyncio.to_thread(self._venue.read_symbols, response)
        if not symbols:
            raise VenueError(self._venue.exchange, "the table of symbols is empty")
        per_minute = self._venue.read_weight_per_minute(response)
        if per_minute is not None:
            self._rest.use_weight_limit(per_minute)
        self._symbols = symbols
        self._symbols_at_s = loop.time()
        self._symbols_due_s = self._symbols_at_s + self._symbols_pause_s
        _log.info(
            "symbols_fetched",
            exchange=self._venue.exchange,
            environment=self._environment,
            symbols=len(symbols),
        )
        for tell in list(self.on_symbols):
            tell(symbols)
        return symbols

    async def measure_clock(self) -> None:
        """Measure several times and keep the quickest: the round trip bounds the error.

        Raises:
            VenueError: the venue does not answer or refuses; the offset is as it was.
        """
        self.use_clock(min(await self.sample_clock()).offset_ns)

    async def sample_clock(self, count: int = CLOCK_SAMPLES) -> list[ClockSample]:
        """Measure so many times, and return what came before the venue failed to answer, at least one measurement.

        Raises:
            VenueError: the venue does not answer or refuses.
        """
        samples: list[ClockSample] = []
        for _ in range(count):
            sent_ns = time.time_ns()
            began_ns = time.perf_counter_ns()
            try:
                request = self.with_key(self._venue.time_request())
                venue_ns = self._venue.read_time_ns(await self._rest.ask_at_once(request))
            except VenueError:
                if not samples:
                    raise
                break
            round_trip_ns = time.perf_counter_ns() - began_ns
            samples.append(ClockSample(round_trip_ns, venue_ns - (sent_ns + round_trip_ns // 2)))
        return samples

    def use_clock(self, offset_ns: int) -> None:
        """Sign and measure with this offset from now on; called from elsewhere after a venue refused a timestamp."""
        if abs(offset_ns) > SUSPICIOUS_OFFSET_NS:
            _log.warning(
                "clock_offset_large",
                exchange=self._venue.exchange,
                environment=self._environment,
                offset_s=round(offset_ns / 1e9, 3),
                advice="set this machine's clock",
            )
        self._clock_offset_ns = offset_ns
        for tell in list(self.on_clock):
            tell(offset_ns)

    async def _refresh(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CLOCK_REFRESH_S)
            await self._attempt(self.measure_clock())
            if loop.time() - self._symbols_at_s >= SYMBOLS_REFRESH_S:
                await self._attempt(self.fetch_symbols())

    async def _attempt(self, work: Coroutine[object, object, object]) -> None:
        try:
            await work
        except VenueError as error:  # what is known still serves; the next turn tries again
            _log.warning("reference_not_refreshed", environment=self._environment, error=error)
