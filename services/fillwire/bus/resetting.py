"""Keeps a consumer in existence, and brings it back to its first unacknowledged message."""

import contextlib
from collections.abc import Awaitable, Callable

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import consumer_exists, delete_consumer
from fillwire.bus.errors import ApiRefused, RequestTimedOut
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

_RESET_TIMEOUT_S = 2.0
_RESET_ATTEMPTS = 3
_REPLACED_AFTER = 2
_DELETE_TIMEOUT_S = 1.0


class ResettableConsumer:
    """A consumer, as the loop that reads it sees it.

    Args:
        bus: the connection.
        stream: name of the stream.
        durable: name of the consumer.
        on_missing: awaited when it does not exist, to make it again; None if somebody else does so.
        is_replaceable: whether it is deleted and made again when it does not answer: one that is on a single server of a
            cluster stands still while that is away.
    """

    def __init__(
        self,
        bus: Bus,
        stream: str,
        durable: str,
        on_missing: Callable[[], Awaitable[None]] | None,
        *,
        is_replaceable: bool = False,
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._durable = durable
        self._on_missing = on_missing
        self._is_replaceable = is_replaceable
        self._failures = 0
        self._silences = 0  # questions whether it exists that were not answered

    async def require(self) -> None:
        """Make it if it does not exist.

        Raises:
            ConfigError: it does not exist and there is no `on_missing`.
            BrokerError: no answer.
        """
        if not await self._exists():
            if self._on_missing is None:
                raise ConfigError(
                    f"consumer {self._durable} of stream {self._stream} not found: expected it to exist"
                )
            await self._on_missing()

    async def ensure(self) -> None:
        """Make it again if it does not exist any more.

        Raises:
            BrokerError: it does not exist and there is no `on_missing`, or no answer.
        """
        try:
            exists = await self._exists()
        except RequestTimedOut:
            self._silences += 1
            if not self._is_replaceable or self._on_missing is None or self._silences < _REPLACED_AFTER:
                raise
            await self._replace(self._on_missing)
        else:
            if not exists:
                if self._on_missing is None:
                    raise BrokerError(
                        f"consumer {self._durable} of stream {self._stream} does not exist any more"
                    )
                await self._on_missing()
        self._silences = 0

    async def reset(self) -> bool:
        """Have it begin at its first unacknowledged message, and count its deliveries from 1 on; it must exist.

        Return False when that has failed several times: the broker may be one that does not know or not allow it, and
        fills late and out of order beat no fills.

        Raises:
            BrokerError: no answer, or refused; where it begins is in doubt.
        """
        try:
            await api.call(
                self._bus, f"CONSUMER.RESET.{self._stream}.{self._durable}", timeout_s=_RESET_TIMEOUT_S
            )
        except ApiRefused:
            raise
        except BrokerError:
            self._failures += 1
            if self._failures < _RESET_ATTEMPTS:
                raise
            _log.warning(
                "pull_order_unproven", stream=self._stream, durable=self._durable, attempts=self._failures
            )
            return False
        self._failures = 0
        return True

    async def _replace(self, on_missing: Callable[[], Awaitable[None]]) -> None:
        _log.warning("consumer_replaced", stream=self._stream, durable=self._durable)
        with contextlib.suppress(
            RequestTimedOut
        ):  # the server that has it cannot answer: it goes all the same
            await delete_consumer(self._bus, self._stream, self._durable, timeout_s=_DELETE_TIMEOUT_S)
        await on_missing()

    async def _exists(self) -> bool:
        timeout_s = _RESET_TIMEOUT_S if self._is_replaceable else api.TIMEOUT_S
        return await consumer_exists(self._bus, self._stream, self._durable, timeout_s=timeout_s)
