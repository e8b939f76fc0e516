"""Tells the other gateways of the exchange that we are there, and hears of them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from fillwire.bus.connection import Bus
from fillwire.bus.leases import elapsed_s
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.gateway.peers import Beat, Peers
from fillwire.gateway.supervision import Supervisor, cancel
from fillwire.runtime.logs import get_log

if TYPE_CHECKING:
    from fillwire.bus.subscriptions import Subscription

_log = get_log(__name__)

PEERS = "gateways"
"""First token of the subject on which the gateways of an exchange hear each other; no stream keeps it."""

_ECHO_DEADLINE_S = 2.0


class Presence:
    """Beats, and hears beats.

    Args:
        bus: where they are told.
        exchange: whose gateways.
        beat: what we say of ourselves at first.
        beat_s: time between two beats, in seconds.
        doubt_s: silence after which another may be gone, in seconds.
        accounts: returns the accounts that we have a key for.
        on_change: called when another has told something that it had not before.
    """

    def __init__(  # noqa: PLR0913 - where, who, two times, and two functions
        self,
        bus: Bus,
        exchange: str,
        beat: Beat,
        *,
        beat_s: float,
        doubt_s: float,
        accounts: Callable[[], frozenset[Account]],
        on_change: Callable[[], None],
    ) -> None:
        self.peers = Peers(beat.instance, doubt_s, beat_s, elapsed_s())
        self._bus = bus
        self._subject = f"{PEERS}.{escape_token(exchange)}"
        self._beat = beat
        self._beat_s = beat_s
        self._accounts = accounts
        self._on_change = on_change
        self._wake = asyncio.Event()
        self._heard = asyncio.Event()
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self, supervisor: Supervisor) -> None:
        """Begin, and return when we have heard ourselves: then the others hear us, too.

        Raises:
            BrokerError: no subscription, or no echo within some seconds.
        """
        self._subscription = await self._bus.subscribe(self._subject, self._hear)
        self._beat = replace(self._beat, accounts=self._accounts())
        await self._tell(replace(self._beat, is_joining=True))
        try:
            async with asyncio.timeout(_ECHO_DEADLINE_S):
                await self._heard.wait()
        except TimeoutError:
            raise BrokerError(
                f"{self._subject} does not bring what we publish on it: expected to hear ourselves "
                f"within {_ECHO_DEADLINE_S:g} s"
            ) from None
        self._task = supervisor.spawn(self._run(), "presence")

    def say(self, *, ready: frozenset[Account], is_leaving: bool) -> None:
        """Tell at once what is new; nothing if nothing is."""
        beat = replace(self._beat, ready=ready, is_leaving=is_leaving)
        if beat != self._beat:
            self._beat = beat
            self._wake.set()

    async def stop(self) -> None:
        """Say good-bye."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        await cancel(self._task)
        try:
            await self._tell(replace(self._beat, is_gone=True))
        except BrokerError as error:  # silence says the same, later
            _log.debug("beat_not_told", error=error)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._tell(self._beat)
            except BrokerError as error:
                _log.debug("beat_not_told", error=error)
            try:
                async with asyncio.timeout(self._beat_s):
                    await self._wake.wait()
            except TimeoutError:
                self._beat = replace(self._beat, accounts=self._accounts())

    async def _tell(self, beat: Beat) -> None:
        if self._bus.is_connected:  # what would wait for the broker's return is old by then
            await self._bus.publish(self._subject, beat.encode())

    def _hear(self, message: Message) -> None:
        before = self.peers.changed_s
        try:
            beat = self.peers.hear(message.data, elapsed_s())
        except DecodeError as error:
            _log.warning("beat_not_readable", subject=self._subject, error=error)
            return
        self._heard.set()
        if beat.is_joining and beat.instance != self.peers.instance:
            self._wake.set()
        if beat.ready or self.peers.changed_s != before:
            self._on_change()
