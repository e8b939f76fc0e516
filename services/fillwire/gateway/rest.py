"""Sends a venue's HTTP requests, which are values, and brings back the answers, within a deadline."""

import asyncio

import aiohttp
from yarl import URL

from fillwire.domain.errors import ConnectionLost
from fillwire.venues.rest import HttpRequest, HttpResponse

TIMEOUT_S = 10.0
MAX_BODY_BYTES = 64 << 20  # the largest answer, all symbols of a venue, has some megabytes


class RestClient:
    """One venue environment's REST interface.

    Args:
        session: shared by all of the process.
        venue: name of the exchange, for errors.
        base_url: scheme, host and port.
    """

    def __init__(self, session: aiohttp.ClientSession, venue: str, base_url: str) -> None:
        self._session = session
        self._venue = venue
        self._base_url = base_url

    async def send(self, request: HttpRequest, timeout_s: float = TIMEOUT_S) -> HttpResponse:
        """Return the answer, whatever its status.

        Raises:
            ConnectionLost: no complete answer within `timeout_s` seconds.
        """
        # encoded: what was signed is sent byte for byte.
        url = URL(self._base_url + request.target, encoded=True)
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.request(
                    request.method,
                    url,
                    headers=dict(request.headers),
                    data=request.body or None,
                    allow_redirects=False,
                ) as response,
            ):
                body = bytearray()
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise ConnectionLost(
                            self._venue, f"{request.path} answers more than {MAX_BODY_BYTES} bytes"
                        )
                retry_after = response.headers.get("Retry-After", "")
                return HttpResponse(
                    status=response.status,
                    body=bytes(body),
                    retry_after_s=float(retry_after) if retry_after.isdigit() else None,
                    headers={name.lower(): value for name, value in response.headers.items()},
                )
        except TimeoutError:
            raise ConnectionLost(self._venue, f"{request.path} not answered within {timeout_s:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise ConnectionLost(self._venue, f"{request.path} cannot be asked: {reason}") from error
