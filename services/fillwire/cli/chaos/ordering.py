"""The stage's side of counter-orders: asks for them, waits until one stands still on its way, and lets it go."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from fillwire.cli.chaos.gate import Gate
from fillwire.cli.recordings import RecordingReader

# Every wait for a moment on the way of an order ends after so long: another fault may be in the way.
DEADLINE_S = 30.0
_LOOK_S = 0.01


class Ordering:
    """Asks the bot that places counter-orders for some.

    Args:
        directory: where the gate and the recording are.
        recording: what the bot writes down.
    """

    def __init__(self, directory: Path, recording: Path) -> None:
        self._gate = Gate(directory)
        self._reader = RecordingReader(recording)
        self._count = 0
        self._holds: tuple[str | None, ...] = ()
        self._released = 0
        self._held: set[tuple[str, int]] = set()
        self._names: dict[tuple[str, int], str] = {}
        self.unreached: list[str] = []
        """Moments that did not come, in words; taken by who reports."""

    @property
    def _token(self) -> str:
        return f"asked-{self._count}"

    def ask(self, *holds: str | None) -> None:
        """Ask for a counter-order to each of the next fills, one for each of `holds`; see `gate.Asked`."""
        self._count += 1
        self._holds, self._released = holds, 0
        self._gate.write(self._token, holds, 0)

    def let_go(self) -> None:
        """Let the next one go that stands still."""
        self._released += 1
        self._gate.write(self._token, self._holds, self._released)

    async def standing(self, index: int) -> str | None:
        """Wait until the counter-order of this index stands still, and return its client order id; None if it did not."""
        key = self._token, index

        def stands() -> bool:
            self._look()
            return key in self._held

        await self.until(stands, f"counter-order {index} stands still")
        return self._names.get(key)

    async def until(
        self,
        condition: Callable[[], bool] | Callable[[], Awaitable[bool]],
        what: str,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Wait for a moment on the way of an order; note it if it does not come."""
        try:
            async with asyncio.timeout(deadline_s):
                while True:
                    found = condition()
                    if await found if isinstance(found, Awaitable) else found:
                        return
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            self.unreached.append(what)

    def _look(self) -> None:
        for line in self._reader.new_lines():
            if "token" not in line:
                continue
            key = line["token"], line["index"]
            if line["step"] == "wanted":
                self._names[key] = line["client_order_id"]
            elif line["step"] == "held":
                self._held.add(key)
