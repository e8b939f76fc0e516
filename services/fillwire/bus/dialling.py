"""Connecting a client within a deadline, and closing it so that nothing of it is left."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import nats.errors

from fillwire.bus.cancelling import end_tasks
from fillwire.bus.client import DirectClient
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

CLOSE_DEADLINE_S = 2.0
REFUSALS = 3


async def open_client(  # noqa: PLR0913 - whom, where, how, and who is told
    client: DirectClient,
    servers: Sequence[str],
    options: Mapping[str, Any],
    on_error: Callable[[Exception], None],
    *,
    shown_url: str,
    deadline_s: float,
) -> None:
    """Connect `client`, or leave nothing of it behind and raise.

    Args:
        client: a new one.
        servers: urls, tried in turns, beginning with any of them.
        options: the client's own, with its `name`.
        on_error: told of every error of the client, now and later.
        shown_url: the urls as errors show them.
        deadline_s: how long it may take.

    Raises:
        BrokerError: no server answered in time, or it refuses the credentials.
        ConfigError: a url or credentials that cannot be used.
    """
    refused = asyncio.get_running_loop().create_future()
    last: Exception | None = None
    refusals = 0

    async def note_error(error: Exception) -> None:
        nonlocal last, refusals
        last = error
        if "authorization" in str(error).lower():
            refusals += 1
            # A broker that reads its configuration again refuses anybody for a moment. After that it is the credentials.
            if refusals >= REFUSALS and not refused.done():
                refused.set_result(None)
        on_error(error)

    # Shuffled here and never by the client, so that a lost connection leads to another server first.
    shuffled = random.sample(servers, len(servers))
    connecting: Coroutine[Any, Any, None] = client.connect(
        shuffled, error_cb=note_error, dont_randomize=True, **options
    )
    task = asyncio.create_task(connecting)
    try:
        await asyncio.wait({task, refused}, timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
            return
    except (nats.errors.Error, ValueError, ImportError) as error:
        raise ConfigError(
            f"broker url or credentials cannot be used: {shown_url}: {sentence(error)}"
        ) from error
    finally:
        if not client.is_connected:
            await end_tasks({task}, CLOSE_DEADLINE_S)
            await close_client(client)
    if refused.done():
        raise BrokerError(f"broker at {shown_url} refuses the credentials of {options['name']}")
    raise BrokerError(
        f"no broker answers at {shown_url}: expected a NATS server within {deadline_s:g} s, "
        f"last attempt: {sentence(last)}"
    )


async def close_client(client: DirectClient) -> None:
    """Close a client, with ceremony if it answers, and await the end of all that it runs."""
    tasks = client.own_tasks()
    try:
        async with asyncio.timeout(CLOSE_DEADLINE_S):
            await client.close()
    except (TimeoutError, nats.errors.Error, OSError, AssertionError, AttributeError) as error:
        _log.debug("broker_close_failed", reason=sentence(error))
    finally:
        client.abort()  # one that was cancelled while it closed passes for closed
        await end_tasks(tasks, CLOSE_DEADLINE_S)


def sentence(error: BaseException | None) -> str:
    """Return what a client's error says, as part of a sentence of ours."""
    if error is None:
        return "no answer"
    return str(error).removeprefix("nats: ") or type(error).__name__
