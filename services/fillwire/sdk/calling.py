"""The edge to the user's code: calling a bot's callbacks, again if they raise, in a thread if they block."""

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fillwire.domain.errors import ConfigError, HandlerError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.runtime.logs import get_log
from fillwire.sdk.bot import Bot
from fillwire.sdk.callbacks import Callback
from fillwire.sdk.causality import Cause, set_cause
from fillwire.sdk.retrying import RetryPolicy

_log = get_log(__name__)

_NO_EVENT = "none"


class Stopped(Exception):
    """The bot is to stop, and what it has in hand is not finished."""


class Caller:
    """Calls the callbacks of one bot, one at a time.

    Args:
        bot: whose.
        retry: for callbacks that raise.
        stopping: set when the bot is to stop: then nothing is retried.
        may_act: asked before each call whether the bot is still this process's; None where nothing else could have it.
    """

    def __init__(
        self,
        bot: Bot,
        retry: RetryPolicy,
        stopping: asyncio.Event,
        may_act: Callable[[], bool] | None = None,
    ) -> None:
        self._bot = bot
        self._retry = retry
        self._stopping = stopping
        self._may_act = may_act
        self._open = asyncio.Event()
        self._open.set()
        self._resting = asyncio.Event()  # set while what is to be called waits to be let through
        self._thread = ThreadPoolExecutor(1, f"bot {bot.name}") if bot.blocking else None

    def close(self) -> None:
        """Let go of the bot's thread; a callback that still blocks it is left to itself."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)

    @property
    def is_held(self) -> bool:
        """Whether nothing is called until `release`."""
        return not self._open.is_set()

    def hold(self) -> None:
        """Call nothing any more until `release`; what is being called goes on."""
        self._open.clear()

    def release(self) -> None:
        """Call again."""
        self._open.set()

    def is_closed(self) -> bool:
        """Return whether nothing is to be called now; a bot that is not certainly ours is held from then on."""
        if self._may_act is not None and not self._may_act():
            self.hold()
        return self.is_held

    async def rests(self) -> None:
        """Wait until nothing is being called any more, after `hold`."""
        await self._resting.wait()

    async def admitted(self) -> None:
        """Wait until calls are let through.

        Raises:
            Stopped: the bot is to stop meanwhile.
        """
        opened = asyncio.ensure_future(self._open.wait())
        stopped = asyncio.ensure_future(self._stopping.wait())
        self._resting.set()
        try:
            await asyncio.wait({opened, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._resting.clear()
            opened.cancel()
            stopped.cancel()
        if self._stopping.is_set():
            raise Stopped

    async def call(self, callback: Callback, *arguments: OrderEvent | ConnectionEvent) -> None:
        """Call once, in the bot's thread if it has one and the callback is plain.

        Raises:
            Exception: whatever the callback raises.
        """
        try:
            if self._thread is not None and not callback.is_async:
                run = contextvars.copy_context().run
                result = await asyncio.get_running_loop().run_in_executor(
                    self._thread, run, callback.function, *arguments
                )
            else:
                result = callback.function(*arguments)
            if result is not None and (callback.is_async or inspect.isawaitable(result)):
                await result
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise  # the bot is being stopped
            # The callback awaited something of its own that was cancelled: its failure, not our end.
            raise RuntimeError("the callback was cancelled from within") from error
        except SystemExit as error:
            # It would end the process, and with it the bots of everybody else.
            raise RuntimeError(f"the callback asked for the end of the process: {error!r}") from error

    async def call_until_done(
        self, callback: Callback, cause: str | None, *arguments: ConnectionEvent
    ) -> Exception | None:
        """Call until the callback returns or is given up; then return what it raised. There is nothing to keep.

        Raises:
            Stopped: the bot is to stop meanwhile.
        """
        attempt = 0
        while True:
            attempt += 1
            set_cause(None if cause is None else Cause(cause, callback.name))
            try:
                await self.call(callback, *arguments)
            except Exception as error:  # noqa: BLE001 - whatever the user's code raises is retried
                self.report(error, callback.name, cause or _NO_EVENT, attempt)
                if isinstance(error, ConfigError) or not await self.may_retry(attempt):
                    return error
            else:
                return None

    async def run_once(self, name: str) -> None:
        """Call a callback that takes no event, if the bot has it.

        Raises:
            HandlerError: it raised each time it was called, or the bot was stopped between two attempts.
        """
        callback = self._bot.callbacks.named.get(name)
        if callback is None:
            return
        error: Exception | None
        try:
            error = await self.call_until_done(callback, None)
        except Stopped as stopped:
            error = stopped
        if error is not None:
            raise HandlerError(self._bot.name, name, _NO_EVENT) from error

    def report(self, error: Exception, callback: str, event_id: str, attempt: int) -> None:
        """Log what a callback raised, with the user's traceback."""
        failure = HandlerError(self._bot.name, callback, event_id)
        failure.__cause__ = error
        _log.error(
            "callback_failed",
            bot=self._bot.name,
            callback=callback,
            event_id=event_id,
            attempt=attempt,
            error=failure,
        )

    async def may_retry(self, attempt: int) -> bool:
        """Wait for the next attempt; return False if there is none.

        Raises:
            Stopped: the bot is to stop meanwhile.
        """
        delay_s = self._retry.delay_s(attempt)
        if delay_s is None:
            return False
        try:
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()
        except TimeoutError:
            if self.is_closed():
                await self.admitted()
            return True
        raise Stopped
