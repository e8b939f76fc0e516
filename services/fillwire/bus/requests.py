"""One request and its answer, with the client's errors in the house's words."""

from collections.abc import Mapping
from dataclasses import dataclass

import nats.errors
from nats.aio.client import Client

from fillwire.bus.cancelling import heeding_cancellation
from fillwire.bus.dialling import sentence
from fillwire.bus.errors import NoResponder, RequestTimedOut
from fillwire.domain.errors import BrokerError


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request; `status` is set only where the broker itself answered, such as 404."""

    data: bytes
    headers: Mapping[str, str]
    status: int | None


async def ask(
    client: Client, subject: str, payload: bytes, timeout_s: float, headers: Mapping[str, str] | None
) -> Answer:
    """Return the answer to a request; raises as `Bus.request` does."""
    try:
        answer = await heeding_cancellation(
            client.request(subject, payload, timeout=timeout_s, headers=dict(headers) if headers else None)
        )
    except nats.errors.NoRespondersError as error:
        raise NoResponder(f"nobody answers on {subject}: expected a responder") from error
    except nats.errors.TimeoutError as error:
        raise RequestTimedOut(f"no answer on {subject} within {timeout_s:g} s") from error
    except (nats.errors.Error, ValueError) as error:
        raise BrokerError(f"cannot send a request on {subject}: {sentence(error)}") from error
    answer_headers = answer.headers or {}
    status = answer_headers.get("Status")
    return Answer(answer.data, answer_headers, None if status is None else int(status))
