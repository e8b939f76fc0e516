"""Makes consumers at tenants' own streams, for tenants who must not say themselves how.

A request to make a consumer can name a subject on which the broker then delivers, with everybody's rights: a tenant who
could send one would have their events published as another's. So tenants ask here, on a subject that only their account
can use, and get consumers that are pulled, within bounds. Existing consumers need nobody.
"""

from collections import Counter
from types import TracebackType
from typing import Any, Final, Self

import orjson

from fillwire.bus.connection import Bus
from fillwire.bus.durables import MAX_ACK_PENDING
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.bus.tenants import INBOUND, MIRRORED, tenant_stream
from fillwire.domain.errors import BrokerError
from fillwire.runtime.alerting import AlertLimiter
from fillwire.runtime.logs import get_log
from fillwire.runtime.metric_names import DOOR_REQUESTS
from fillwire.runtime.metrics import Measures

_log = get_log(__name__)

QUEUE = "doors"
_CONCURRENCY = 64
_PER_TENANT = 8
_BACKLOG = 1024
_TIMEOUT_S = 5.0
_MAX_METADATA_BYTES = 4096
_MAX_REASON = 300
_REFUSED, _BUSY, _UNANSWERED = 400, 429, 504
_REFUSED_ERROR: Final = 10012  # the broker's own number for a consumer that cannot be made so: final

# What a consumer may say of itself, and what the broker says of one in its answers, which come back with a change.
_FIELDS: Final = frozenset(
    {
        "ack_policy",
        "ack_wait",
        "deliver_policy",
        "description",
        "durable_name",
        "filter_subject",
        "filter_subjects",
        "headers_only",
        "inactive_threshold",
        "max_ack_pending",
        "max_deliver",
        "max_waiting",
        "mem_storage",
        "metadata",
        "name",
        "num_replicas",
        "opt_start_seq",
        "opt_start_time",
        "replay_policy",
    }
)
_NUMBERS: Final = {"max_ack_pending": MAX_ACK_PENDING, "max_waiting": 512, "num_replicas": 5}
_REQUEST_FIELDS: Final = frozenset({"stream_name", "config", "action"})


class Refused(ValueError):
    """A consumer that a tenant may not have; the text says why."""


def checked_request(own_stream: str, body: bytes) -> bytes:
    """Return the request that is sent to the broker for a tenant's.

    Args:
        own_stream: the tenant's own stream, in the place of the one that the request names.
        body: the request as the tenant sent it.

    Raises:
        Refused: it asks for what a tenant may not have.
    """
    try:
        request: Any = orjson.loads(body)
        config: Any = request["config"]
        unknown = sorted((request.keys() - _REQUEST_FIELDS) | (config.keys() - _FIELDS))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refused("expected a request to make a consumer, found something else") from error
    if unknown:
        raise Refused(f"{', '.join(unknown)} of a consumer: expected none of it from a tenant")
    for name, most in _NUMBERS.items():
        value = config.get(name, 0)
        if not isinstance(value, int) or not 0 <= value <= most:
            raise Refused(f"{name} of a consumer: expected 0 to {most}, found {value!r}")
    try:
        if len(orjson.dumps(config.get("metadata"))) > _MAX_METADATA_BYTES:
            raise Refused(f"metadata of a consumer: expected at most {_MAX_METADATA_BYTES} bytes")
        return orjson.dumps(
            {key: request[key] for key in ("action",) if key in request}
            | {"stream_name": own_stream, "config": config}
        )
    except orjson.JSONEncodeError as error:
        raise Refused("expected a request to make a consumer, found one that is nested too deeply") from error


class Door:
    """Answers tenants who want consumers: `async with Door(bus):`. Any number may; one answers each request.

    Args:
        bus: the connection, in the system's account.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._responder: Responder | None = None
        self._asking: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        # By tenant: none may fill a disk with what it asks for.
        self._refusals = AlertLimiter(lambda reason: _log.warning("consumer_refused", reason=reason))

    async def __aenter__(self) -> Self:
        self._responder = await Responder.start(
            self._bus,
            f"{INBOUND}.*.consumers.>",
            self._answer,
            queue=QUEUE,
            concurrency=_CONCURRENCY,
            backlog=_BACKLOG,
            overloaded=lambda _: self._busy("the door has too much to do"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._responder is not None:
            await self._responder.stop()
        self._refusals.stop()

    def measure(self, into: Measures) -> None:
        """Say what became of what tenants asked for."""
        for outcome in ("made", "refused", "busy", "unanswered"):
            into.put(DOOR_REQUESTS, self._outcomes[outcome], outcome)

    async def _answer(self, message: Message) -> bytes:
        # The tenant's token is set by the import of their account, not by them.
        _, token, _, stream, *name = message.subject.split(".")
        if self._asking[token] >= _PER_TENANT:
            return self._busy(f"more than {_PER_TENANT} consumers are being made for {token}")
        self._asking[token] += 1
        try:
            answer = await self._make(token, stream, ".".join(name), message.data)
        except Refused as error:
            self._outcomes["refused"] += 1
            reason = str(error)[:_MAX_REASON]  # it may quote all that the tenant has sent
            self._refusals.raise_(token, f"{token}: {reason}")
            return _error(_REFUSED, _REFUSED_ERROR, reason)
        except BrokerError as error:
            self._outcomes["unanswered"] += 1
            return _error(_UNANSWERED, 0, str(error))
        else:
            self._outcomes["refused" if "error" in orjson.loads(answer) else "made"] += 1
            return answer
        finally:
            self._asking[token] -= 1
            if not self._asking[token]:
                del self._asking[token]

    def _busy(self, reason: str) -> bytes:
        self._outcomes["busy"] += 1
        return _error(_BUSY, 0, reason)

    async def _make(self, token: str, stream: str, name: str, body: bytes) -> bytes:
        if stream not in MIRRORED:
            raise Refused(f"stream {stream}: expected one of {', '.join(MIRRORED)}")
        own = tenant_stream(stream, token)
        request = checked_request(own, body)
        return await self._bus.request(
            f"{self._bus.api_prefix}.CONSUMER.CREATE.{own}.{name}", request, _TIMEOUT_S
        )


def _error(code: int, error_code: int, description: str) -> bytes:
    error = {"code": code, "err_code": error_code, "description": description}
    return orjson.dumps({"type": "io.nats.jetstream.api.v1.consumer_create_response", "error": error})
