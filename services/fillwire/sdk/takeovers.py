"""Waiting for the process that runs a bot to leave its place."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

# A process that lives reads nothing for moments: between claiming a place and reading, and between its own consumer and a
# shared reading. So whoever has claimed a place counts as gone when two looks so far apart have found its claim and no reader.
_MOMENT_S: Final = 0.25


class RunsElsewhere(ConfigError):
    """Another process runs the bot."""

    def __init__(self) -> None:
        super().__init__("another process runs it: stop that one, or give this one another name")


class Holder(Enum):
    """What is seen of whoever runs a bot."""

    NOBODY = "nobody has claimed the place"
    SILENT = "somebody has claimed it, and nobody reads"
    READS = "somebody reads"
    UNKNOWN = "the broker that knows is away"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a place has found.

    Attributes:
        holder: see there.
        claim: token of the process that has claimed it, None if none has.
    """

    holder: Holder
    claim: str | None = None


class Takeover:
    """One process's attempt to take a place that another may hold.

    Args:
        takeover_s: how long the other has to leave, in seconds.
        rest: sleeps so many seconds.
    """

    def __init__(self, takeover_s: float, rest: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._takeover_s = takeover_s
        self._end_s = asyncio.get_running_loop().time() + takeover_s
        self._rest = rest
        self._has_warned = False

    async def wait(self, look: Callable[[], Awaitable[Seen]], **named: Any) -> None:
        """Return when the place is free; one of which nothing is known counts as held until the end.

        Args:
            look: finds out who holds it.
            named: what the log is to say of the bot.

        Raises:
            RunsElsewhere: somebody still reads at the end.
        """
        before: Seen | None = None
        while (seen := await look()).holder is not Holder.NOBODY:
            if seen.holder is Holder.SILENT:
                if seen == before:
                    return
            elif asyncio.get_running_loop().time() >= self._end_s:
                if seen.holder is Holder.UNKNOWN:
                    return
                raise RunsElsewhere
            elif not self._has_warned:
                self._has_warned = True
                _log.warning("bot_runs_elsewhere", waiting_s=self._takeover_s, **named)
            before = seen
            await self.pause()

    async def pause(self) -> None:
        """Let a moment pass, in which whoever holds the place may go on."""
        await self._rest(_MOMENT_S)
