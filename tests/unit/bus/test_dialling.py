"""A client that is not connected in time is given up in time."""

import asyncio
from typing import Any

import pytest

from fillwire.bus.client import DirectClient
from fillwire.bus.dialling import open_client
from fillwire.domain.errors import BrokerError


class Deaf(DirectClient):
    """Loses the first cancellation, as `wait_for` does before Python 3.12 if it comes together with an answer."""

    async def connect(self, *_: Any, **__: Any) -> None:
        """Go on to try."""
        forever = asyncio.get_running_loop().create_future()
        try:
            await forever
        except asyncio.CancelledError:
            await asyncio.get_running_loop().create_future()


async def test_a_client_that_loses_a_cancellation_is_given_up_all_the_same() -> None:
    """It would try for ever, and who waits for it would wait as long."""
    async with asyncio.timeout(10):
        with pytest.raises(BrokerError, match=r"expected a NATS server within 0\.01 s"):
            await open_client(
                Deaf(),
                ["nats://127.0.0.1:9"],
                {"name": "test"},
                lambda _: None,
                shown_url="nats://127.0.0.1:9",
                deadline_s=0.01,
            )
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
