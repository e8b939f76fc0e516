"""Requests to the JetStream API as plain JSON, so that fields a newer server knows pass through unharmed."""

from typing import Any

import orjson

from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused

TIMEOUT_S = 5.0

CONSUMER_NOT_FOUND = 10014
MESSAGE_NOT_FOUND = 10037
STREAM_NOT_FOUND = 10059
STREAM_NAME_IN_USE = 10058
WRONG_LAST_SEQUENCE = (10071, 10164)
# To a place before the one that the consumer was made for; or of a consumer that was made to begin with `new`.
INVALID_RESET = 10204


async def call(
    bus: Bus, operation: str, document: dict[str, Any] | None = None, *, timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """Return the answer to `$JS.API.<operation>`, or what stands for `$JS.API` in our account.

    Raises:
        ApiRefused: the broker answered with an error.
        BrokerError: no answer, see `Bus.request`.
    """
    body = b"" if document is None else orjson.dumps(document)
    answer: dict[str, Any] = orjson.loads(await bus.request(f"{bus.api_prefix}.{operation}", body, timeout_s))
    error = answer.get("error")
    if error is not None:
        what = " ".join(operation.split(".", 3)[:3]).lower()
        raise ApiRefused(what, error.get("code", 500), error.get("err_code", 0), error.get("description", ""))
    return answer
