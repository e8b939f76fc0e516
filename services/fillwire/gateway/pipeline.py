"""One account's way from what a connection brought to the broker.

    connection ──take──▶ pipeline ──publish──▶ publication ──▶ ORDERS
               ──refuse─▶          ──keep────▶ quarantine  ──▶ QUARANTINE

The pipeline decides what becomes of each event; the connections before it and the publication behind it decide
nothing. `catch_up` is awaited on every connection between the venue's acknowledgement of the stream and the state
`receiving`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from fillwire.domain.errors import VenueError
from fillwire.gateway.publication import Publication
from fillwire.gateway.quarantine import Quarantine
from fillwire.gateway.supervision import cancel
from fillwire.runtime.logs import get_log
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import FrameRefused

_log = get_log(__name__)

UNKNOWN_SYMBOL = "unknown_symbol"
MAX_HELD_FRAMES = 1000

ReadAgain = Callable[[FrameRefused], None]


class Pipeline:
    """Publishes what is sound, keeps what is not, and gives frames of an unknown symbol a second reading.

    Args:
        publication: publishes order events.
        quarantine: keeps refused frames.
        fetch_symbols: fetches the venue's symbols anew; when it returns, connections read by them.
    """

    def __init__(
        self, publication: Publication, quarantine: Quarantine, fetch_symbols: Callable[[], Awaitable[object]]
    ) -> None:
        self._publication = publication
        self._quarantine = quarantine
        self._fetch_symbols = fetch_symbols
        self._held: deque[tuple[FrameRefused, ReadAgain]] = deque()
        self._is_second_reading = False
        self._fetching: asyncio.Task[None] | None = None

    def take(self, report: ExecutionReport, parsed_ns: int, frame_bytes: int) -> None:
        """Take an order event; see `Publication.publish`."""
        self._publication.publish(report, parsed_ns, frame_bytes)

    def refuse(self, refused: FrameRefused, again: ReadAgain) -> None:
        """Take a frame that could not be read.

        One whose symbol is unknown waits while the symbols are fetched, and is then read once more with those that
        came after it, in their order; at most `MAX_HELD_FRAMES` wait.
        """
        if (
            refused.error.code == UNKNOWN_SYMBOL
            and not self._is_second_reading
            and len(self._held) < MAX_HELD_FRAMES
        ):
            self._held.append((refused, again))
            if self._fetching is None:
                self._fetching = asyncio.get_running_loop().create_task(
                    self._read_again(), name="second reading"
                )
        else:
            self._quarantine.keep(refused)

    async def _read_again(self) -> None:
        try:
            await self._fetch_symbols()
        except VenueError as error:  # the frames are kept in quarantine, and can be replayed from there
            _log.warning("symbols_not_fetched", error=error, held=len(self._held))
        finally:
            self._fetching = None
            self._release()

    def _release(self) -> None:
        self._is_second_reading = True
        try:
            while self._held:
                refused, again = self._held.popleft()
                again(refused)
        finally:
            self._is_second_reading = False

    async def catch_up(self) -> None:
        """Bring the log up to the venue's own records, before the connection counts as receiving."""

    async def stop(self) -> None:
        """Let nothing wait any longer: what is held goes to quarantine."""
        await cancel(self._fetching)
