"""Whether the broker's log is divided as we are told: another division would hide what is stored, so nothing starts on it."""

import asyncio
from contextlib import suppress
from typing import Any, Final

import orjson

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused, NoResponder, RequestTimedOut
from fillwire.bus.partitions import LOG, Partitions, partitions_of
from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import get_log
from fillwire.wire.subjects import ORDERS

_log = get_log(__name__)

_FIRST: Final = f"{LOG}_0"
_OTHER_STREAM: Final = 10060
_EXPECTED_STREAM: Final = "Nats-Expected-Stream"
_NOBODY: Final = "==="  # of no user: after an equals sign an escaped token has two digits
_MAPPING_DEADLINE_S: Final = 15.0
_MAPPING_PAUSE_S: Final = 0.25


async def require_division(bus: Bus, *, deletes: bool = True) -> None:
    """Let nobody work on a log that is divided otherwise than `bus.partitions`.

    To be asked before a stream of the log is made, and where there are several partitions before one is changed.

    Args:
        bus: the connection.
        deletes: whether to delete a log that is divided otherwise and never held an event.

    Raises:
        ConfigError: the log is divided otherwise, and has held events.
        BrokerError: no answer, or not allowed.
    """
    wanted = bus.partitions
    first = await _info(bus, _FIRST)
    if first is not None:
        found = partitions_of(first["config"]["subjects"])
    elif wanted.is_divided and await _info(bus, LOG) is not None:
        found = Partitions()
    else:
        return
    if found == wanted:
        return
    infos = {name: await _info(bus, name) for name in found.streams}
    there = {name: info for name, info in infos.items() if info is not None}
    held = sum(int(info["state"]["last_seq"]) for info in there.values())
    if held:
        streams = f"stream {LOG}" if len(found.streams) == 1 else f"streams {_FIRST} to {found.streams[-1]}"
        raise ConfigError(
            f"nats.partitions is {wanted.count}, and the broker has {streams}, which {held} order events were stored in: "
            f"expected {found.count}, for events of another number would not be found any more"
        )
    for name in there if deletes else ():
        with suppress(ApiRefused):  # somebody else has
            await api.call(bus, f"STREAM.DELETE.{name}")
        _log.warning(
            "empty_stream_deleted", stream=name, reason=f"the log is in {wanted.count} partitions now"
        )


async def require_mapping(bus: Bus, exchange: str, *, deadline_s: float = _MAPPING_DEADLINE_S) -> None:
    """Let nobody publish by a broker that does not map order events to the partitions that we are told.

    Asks by an event that no stream stores. To be called when the streams are there; costs nothing without partitions.

    Args:
        bus: the connection.
        exchange: one of which we may publish events, as a token.
        deadline_s: until then the broker may still read its configuration, or elect a leader, in seconds.

    Raises:
        ConfigError: the broker has no such mapping, or we may not publish on what it makes of subjects.
    """
    if not bus.partitions.is_divided:
        return
    loop = asyncio.get_running_loop()
    end_s = loop.time() + deadline_s
    while not await _is_mapped(bus, f"{ORDERS}.{_NOBODY}.{exchange}.live.none.new"):
        if loop.time() >= end_s:
            mapping = bus.partitions.configuration().strip()
            raise ConfigError(
                f"nats.partitions is {bus.partitions.count}, and the broker does not map order events so: "
                f"expected in its configuration, in the account that we are in, {mapping}"
            )
        await asyncio.sleep(_MAPPING_PAUSE_S)


async def _is_mapped(bus: Bus, subject: str) -> bool:
    try:
        answer = orjson.loads(await bus.request(subject, headers={_EXPECTED_STREAM: _NOBODY}))
    except (NoResponder, RequestTimedOut):
        return False
    is_refused = answer.get("error", {}).get("err_code") == _OTHER_STREAM
    return is_refused and answer["stream"] in bus.partitions.streams


async def _info(bus: Bus, stream: str) -> dict[str, Any] | None:
    try:
        return await api.call(bus, f"STREAM.INFO.{stream}")
    except ApiRefused as error:
        if error.error_code == api.STREAM_NOT_FOUND:
            return None
        raise
