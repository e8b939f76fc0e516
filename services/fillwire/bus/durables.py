"""Making consumers: names, where they begin, and what of an existing one may change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused
from fillwire.domain.errors import ConfigError

_NS = 1_000_000_000
ACK_WAIT_S = 30.0
MAX_ACK_PENDING = 1024

AckPolicy = Literal["explicit", "all", "none"]


@dataclass(frozen=True, slots=True)
class StartAtTime:
    """Deliver what was stored at or after this time, in nanoseconds since the epoch by the broker's clock."""

    time_ns: int


@dataclass(frozen=True, slots=True)
class StartAtSequence:
    """Deliver from this sequence of the stream on."""

    sequence: int


Deliver = Literal["new", "all", "last_per_subject"] | StartAtTime | StartAtSequence
"""Where a consumer begins when it is made; one that exists goes on from where it is."""


@dataclass(frozen=True, slots=True)
class ConsumerState:
    """Where a consumer is.

    Attributes:
        was_created: whether it did not exist before the call.
        acknowledged_sequence: everything up to this sequence of the stream is acknowledged.
        pending_count: messages it has yet to deliver.
        unacknowledged_count: messages delivered and not acknowledged.
    """

    was_created: bool
    acknowledged_sequence: int
    pending_count: int
    unacknowledged_count: int


def deliver_fields(deliver: Deliver) -> dict[str, Any]:
    """Return the fields of a consumer's configuration that say where it begins; for this room only."""
    match deliver:
        case StartAtTime(time_ns):
            seconds, nanoseconds = divmod(time_ns, _NS)
            text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
            return {"deliver_policy": "by_start_time", "opt_start_time": f"{text}.{nanoseconds:09d}Z"}
        case StartAtSequence(sequence):
            return {"deliver_policy": "by_start_sequence", "opt_start_seq": sequence}
        case _:
            return {"deliver_policy": deliver}


def acknowledged_sequence(info: Mapping[str, Any]) -> int:
    """Return up to which sequence of the stream everything was acknowledged, from what the broker says of a consumer.

    Where a consumer is replicated its floor is 0 until the first acknowledgement, wherever in the stream it was made to begin.
    """
    floor: int = info["ack_floor"]["stream_seq"]
    if not info["num_ack_pending"]:
        delivered: int = info["delivered"]["stream_seq"]
        return max(floor, delivered)
    if info["ack_floor"]["consumer_seq"] == 0:
        start: int = info["config"].get("opt_start_seq", 1)
        return max(floor, start - 1)
    return floor


def require_consumer_name(name: str) -> str:
    """Return the name if a consumer may have it.

    Raises:
        ConfigError: it is empty or holds a character that `escape_token` would have escaped.
    """
    if not name or not all(
        character.isascii() and (character.isalnum() or character in "-_=") for character in name
    ):
        raise ConfigError(
            f"consumer name {name!r}: expected characters of A-Za-z0-9_-=, as escape_token writes them"
        )
    return name


async def ensure_consumer(  # noqa: PLR0913 - what a consumer is made of; everything after the filter has a default
    bus: Bus,
    stream: str,
    durable: str,
    filter_subjects: Sequence[str],
    *,
    deliver: Deliver = "new",
    ack_policy: AckPolicy = "explicit",
    ack_wait_s: float = ACK_WAIT_S,
    max_ack_pending: int = MAX_ACK_PENDING,
    is_in_memory: bool = False,
    replicas: int = 0,
    inactive_threshold_s: float | None = None,
) -> ConsumerState:
    """Make a durable pull consumer, or bring an existing one up to these settings; its position stays.

    Args:
        bus: the connection.
        stream: the stream's name.
        durable: the consumer's name, see `escape_token`.
        filter_subjects: what it delivers; one is best, for then permissions can name it.
        deliver: where a new one begins.
        ack_policy: fixed when it is made.
        ack_wait_s: a message not acknowledged for so long is delivered again.
        max_ack_pending: messages it delivers without acknowledgement before it waits.
        is_in_memory: its position is lost with the broker process; much cheaper where there are hundreds.
        replicas: of its position; 0 as the stream has.
        inactive_threshold_s: it is deleted when nobody has pulled for so long; None keeps it for ever.

    Raises:
        ConfigError: a bad name, no such stream, or an existing consumer that cannot be changed into this.
        BrokerError: no answer.
    """
    require_consumer_name(durable)
    filters = list(filter_subjects)
    wanted: dict[str, Any] = {
        "name": durable,
        "durable_name": durable,
        "ack_policy": ack_policy,
        "ack_wait": int(ack_wait_s * _NS),
        "max_ack_pending": max_ack_pending if ack_policy != "none" else 0,
        "max_deliver": -1,
        "num_replicas": replicas,
        "mem_storage": is_in_memory,
        "replay_policy": "instant",
    } | ({"filter_subject": filters[0]} if len(filters) == 1 else {"filter_subjects": filters})
    if ack_policy == "none":
        del wanted["ack_wait"], wanted["max_ack_pending"]
    if inactive_threshold_s is not None:
        wanted["inactive_threshold"] = int(inactive_threshold_s * _NS)
    try:
        info = await _consumer_info(bus, stream, durable)
        was_created = info is None
        if info is None:
            try:
                info = await create_consumer(bus, stream, durable, wanted | deliver_fields(deliver))
            except ApiRefused:
                info = await _consumer_info(bus, stream, durable)
                if info is None:
                    raise
                was_created = False  # somebody else has made it meanwhile, to begin elsewhere
        if not was_created and any(
            info["config"].get(key, _ABSENT.get(key)) != value for key, value in wanted.items()
        ):
            info = await create_consumer(bus, stream, durable, _merged(info["config"], wanted))
    except ApiRefused as error:
        if error.is_transient and error.error_code not in _REFUSED_FOR_GOOD:
            raise
        raise ConfigError(
            f"consumer {durable} of stream {stream} cannot be made so: {error.description} (error {error.error_code})"
        ) from error
    return ConsumerState(
        was_created=was_created,
        acknowledged_sequence=acknowledged_sequence(info),
        pending_count=info["num_pending"],
        unacknowledged_count=info["num_ack_pending"],
    )


_REFUSED_FOR_GOOD = frozenset({10012, 10026, 10094, 10100, 10148, 10149})
_ABSENT = {"mem_storage": False, "num_replicas": 0}


def _merged(current: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    merged = current | wanted
    merged.pop("filter_subjects" if "filter_subject" in wanted else "filter_subject", None)
    return merged


async def _consumer_info(
    bus: Bus, stream: str, name: str, timeout_s: float = api.TIMEOUT_S
) -> dict[str, Any] | None:
    try:
        return await api.call(bus, f"CONSUMER.INFO.{stream}.{name}", timeout_s=timeout_s)
    except ApiRefused as error:
        if error.error_code == api.CONSUMER_NOT_FOUND:
            return None
        raise


async def consumer_exists(bus: Bus, stream: str, name: str, *, timeout_s: float = api.TIMEOUT_S) -> bool:
    """Return whether the stream has a consumer of this name, if that is answered in time.

    Raises:
        BrokerError: no answer, no such stream, or not allowed.
    """
    return await _consumer_info(bus, stream, name, timeout_s) is not None


async def create_consumer(
    bus: Bus, stream: str, name: str, config: dict[str, Any], *, timeout_s: float = api.TIMEOUT_S
) -> dict[str, Any]:
    """Make or change a consumer from its configuration in the broker's own JSON; for this room only.

    Raises:
        ApiRefused: the broker refuses it.
        BrokerError: no answer.
    """
    # The subject carries a single filter, so that permissions can hold a user to it.
    suffix = f".{config['filter_subject']}" if config.get("filter_subject") else ""
    return await api.call(
        bus,
        f"CONSUMER.CREATE.{stream}.{name}{suffix}",
        {"stream_name": stream, "config": config},
        timeout_s=timeout_s,
    )


async def reset_consumer(bus: Bus, stream: str, name: str, sequence: int) -> None:
    """Have a consumer deliver from this sequence of the stream on, as if everything before it were acknowledged.

    Raises:
        ApiRefused: no such consumer; one that was made to begin with `new`; or a place before the one it was made for.
        BrokerError: no answer.
    """
    await api.call(bus, f"CONSUMER.RESET.{stream}.{name}", {"seq": sequence})


async def delete_consumer(bus: Bus, stream: str, name: str, *, timeout_s: float = api.TIMEOUT_S) -> bool:
    """Delete a consumer, if that is answered in time; return False if there was none.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    try:
        await api.call(bus, f"CONSUMER.DELETE.{stream}.{name}", timeout_s=timeout_s)
    except ApiRefused as error:
        if error.error_code in (api.CONSUMER_NOT_FOUND, api.STREAM_NOT_FOUND):
            return False
        raise
    return True
