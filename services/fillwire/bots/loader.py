"""Importing the code of strategies in threads of their own, so that one that takes long, or for ever, holds up nobody."""

import asyncio
import threading
from collections.abc import Callable

from fillwire.domain.errors import ConfigError
from fillwire.sdk.bot import Bot

LOAD_S = 30.0
LIMIT = 128  # twice the requests that a manager answers at once


class Loader:
    """Makes bots, which imports their code. A thread whose code never ends is left to itself, one for each key.

    Args:
        deadline_s: so long code may take, in seconds.
        limit: most threads at once, those included that never end.
    """

    def __init__(self, deadline_s: float = LOAD_S, *, limit: int = LIMIT) -> None:
        self._deadline_s = deadline_s
        self._limit = limit
        self._loading: dict[str, threading.Thread] = {}

    async def load(self, key: str, make: Callable[[], Bot], strategy: str) -> Bot:
        """Return what `make` returns.

        Args:
            key: whose; while an earlier call for it has not ended, there is none.
            make: called in a thread.
            strategy: named in errors.

        Raises:
            ConfigError: not within the deadline, or too many have not ended.
            Exception: whatever `make` raises.
        """
        sentence = (
            f"strategy {strategy!r} was not imported within {self._deadline_s:g} s: its code does not end"
        )
        before = self._loading.get(key)
        if before is not None and before.is_alive():
            raise ConfigError(sentence)
        self._require_room(strategy)
        loop = asyncio.get_running_loop()
        made: asyncio.Future[Bot] = loop.create_future()

        def settle(bot: Bot | None, error: BaseException | None) -> None:
            if self._loading.get(key) is thread:  # it may live for a moment still, which holds up nobody
                del self._loading[key]
            if made.done():
                return
            if bot is not None:
                made.set_result(bot)
            else:
                made.set_exception(error or ConfigError(sentence))

        def run() -> None:
            bot, failure = None, None
            try:
                bot = make()
            except Exception as error:  # noqa: BLE001 - handed to who waits for it
                failure = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, bot, failure)

        thread = self._loading[key] = threading.Thread(target=run, name=f"load {key}", daemon=True)
        thread.start()
        try:
            async with asyncio.timeout(self._deadline_s):
                return await made
        except TimeoutError:
            raise ConfigError(sentence) from None

    def _require_room(self, strategy: str) -> None:
        if len(self._loading) >= self._limit:
            raise ConfigError(
                f"strategy {strategy!r}: {self._limit} imports have not ended: expected code that does"
            )
