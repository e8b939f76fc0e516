"""Tells the other processes of one kind that we are there, and hears of them."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Generic

from fillwire.bus.connection import Bus
from fillwire.bus.leases import elapsed_s
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.peers import Peers, SignT
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import Supervisor, cancel

if TYPE_CHECKING:
    from fillwire.bus.subscriptions import Subscription

_log = get_log(__name__)

_ECHO_DEADLINE_S = 2.0


class Presence(Generic[SignT]):
    """Gives signs of life, and hears those of others.

    Args:
        bus: where they are told.
        subject: on which; no stream may keep it.
        peers: who is there, to be told what is heard.
        sign: what we say of ourselves at first.
        beat_s: time between two signs, in seconds.
        fresh: brings what we say up to date, once per sign.
        on_heard: called with each sign that was heard, and whether it changed who is there.
    """

    def __init__(  # noqa: PLR0913 - where, who, how often, and two functions
        self,
        bus: Bus,
        subject: str,
        peers: Peers[SignT],
        sign: SignT,
        *,
        beat_s: float,
        fresh: Callable[[SignT], SignT],
        on_heard: Callable[[SignT, bool], None],
    ) -> None:
        self._bus = bus
        self._subject = subject
        self._peers = peers
        self._sign = sign
        self._beat_s = beat_s
        self._fresh = fresh
        self._on_heard = on_heard
        self._wake = asyncio.Event()
        self._heard = asyncio.Event()
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def sign(self) -> SignT:
        """What we say of ourselves."""
        return self._sign

    async def start(self, supervisor: Supervisor) -> None:
        """Begin, and return when we have heard ourselves: then the others hear us, too.

        Raises:
            BrokerError: no subscription, or no echo within some seconds.
        """
        self._subscription = await self._bus.subscribe(self._subject, self._hear)
        self._sign = self._fresh(self._sign)
        await self._tell(replace(self._sign, is_joining=True))
        try:
            async with asyncio.timeout(_ECHO_DEADLINE_S):
                await self._heard.wait()
        except TimeoutError:
            raise BrokerError(
                f"{self._subject} does not bring what we publish on it: expected to hear ourselves "
                f"within {_ECHO_DEADLINE_S:g} s"
            ) from None
        self._task = supervisor.spawn(self._run(), "presence")

    def say(self, sign: SignT) -> None:
        """Tell at once what is new; nothing if nothing is."""
        if sign != self._sign:
            self._sign = sign
            self._wake.set()

    async def stop(self) -> None:
        """Say good-bye."""
        if self._subscription is not None:
            await self._subscription.unsubscribe()
        await cancel(self._task)
        try:
            await self._tell(replace(self._sign, is_gone=True))
        except BrokerError as error:  # silence says the same, later
            _log.debug("sign_not_told", error=error)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._tell(self._sign)
            except BrokerError as error:
                _log.debug("sign_not_told", error=error)
            try:
                async with asyncio.timeout(self._beat_s):
                    await self._wake.wait()
            except TimeoutError:
                self._sign = self._fresh(self._sign)

    async def _tell(self, sign: SignT) -> None:
        if self._bus.is_connected:  # what would wait for the broker's return is old by then
            await self._bus.publish(self._subject, sign.encode())

    def _hear(self, message: Message) -> None:
        before_s = self._peers.changed_s
        try:
            sign = self._peers.hear(message.data, elapsed_s())
        except DecodeError as error:
            _log.warning("sign_not_readable", subject=self._subject, error=error)
            return
        self._heard.set()
        if sign.is_joining and sign.instance != self._peers.instance:
            self._wake.set()
        self._on_heard(sign, self._peers.changed_s != before_s)
