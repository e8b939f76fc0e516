"""One attempt to tell the receiver: a signed POST, within a deadline, that follows no redirect elsewhere."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import aiohttp
import orjson
from yarl import URL

from fillwire.domain.errors import FillwireError
from fillwire.notify.outbox import Notification
from fillwire.notify.signing import SIGNATURE, TIMESTAMP, signature

ID: Final = "Fillwire-Id"
_MAX_HOPS: Final = 3
_KEEPS_THE_METHOD: Final = frozenset({HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.PERMANENT_REDIRECT})
_MAX_RETRY_AFTER_S: Final = 3600


class NotTaken(FillwireError):
    """The receiver did not take a notification.

    Attributes:
        retry_after_s: so long it wants to be left alone, in seconds; 0 if it did not say.
    """

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


def body_of(notification: Notification) -> bytes:
    """Return what is sent."""
    alert = notification.alert
    return orjson.dumps(
        {
            "v": 1,
            "id": id_of(notification),
            "alert": alert.alert,
            "user": alert.user,
            "exchange": alert.exchange,
            "environment": alert.environment,
            "reason": alert.reason,
            "time_ns": alert.time_ns,
            "count": notification.count,
            "first_time_ns": notification.first_time_ns,
        }
    )


def id_of(notification: Notification) -> str:
    """Return by what the receiver knows a repetition: the same for as long as the same alerts are told."""
    return f"{notification.number}-{notification.count}"


class Webhook:
    """Sends to one address.

    Args:
        session: sends.
        url: where to, `https://` or this machine.
        secret: returns what signs.
        timeout_s: longest time of one attempt, in seconds.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, secret: Callable[[], str], timeout_s: float
    ) -> None:
        self._session = session
        self._url = URL(url)
        self._secret = secret
        self._timeout_s = timeout_s

    @property
    def host(self) -> str:
        """Where notifications go, without the path, which may be a secret in itself."""
        return self._url.host or ""

    async def send(self, notification: Notification) -> None:
        """Send it; return when the receiver has taken it.

        Raises:
            NotTaken: no answer, or one that says otherwise.
        """
        body, timestamp = body_of(notification), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "fillwire",
            ID: id_of(notification),
            TIMESTAMP: str(timestamp),
            SIGNATURE: signature(self._secret(), timestamp, body),
        }
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._post(body, headers)
        except TimeoutError:
            raise NotTaken(f"no answer within {self._timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            # Not its own words: they may quote the address, of which the path may be a secret.
            raise NotTaken(f"cannot be reached: {_sentence(error)}") from None

    async def _post(self, body: bytes, headers: dict[str, str]) -> None:
        url = self._url
        for _ in range(_MAX_HOPS + 1):
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                status = response.status
                if status in _KEEPS_THE_METHOD:
                    url = self._next(url, response.headers.get("Location", ""))
                    continue
                if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                    raise NotTaken(f"answered {status}: expected 2xx", _retry_after_s(response))
                return
        raise NotTaken(f"redirects more than {_MAX_HOPS} times")

    def _next(self, url: URL, location: str) -> URL:
        """Return where a redirect leads, if that is the same place: the signed alert is for nobody else."""
        try:
            target = url.join(URL(location))
        except ValueError:
            raise NotTaken("redirects to something that is no address") from None
        if not location or target.origin() != self._url.origin():
            raise NotTaken("redirects to another place: expected the same scheme, host and port")
        return target


def _sentence(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return f"{type(error).__name__}: {strerror}" if strerror else type(error).__name__


def _retry_after_s(response: aiohttp.ClientResponse) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _MAX_RETRY_AFTER_S) if text.isascii() and text.isdecimal() else 0.0
