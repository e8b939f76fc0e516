"""An event that the broker refuses for good: kept in quarantine with the reason, told of, and the rest goes on."""

from pathlib import Path
from typing import TYPE_CHECKING

from fillwire.bus import api
from fillwire.bus.log import read_stream
from fillwire.domain.alert_names import EVENT_REFUSED
from fillwire.gateway.refusals import REFUSED_BY_BROKER
from fillwire.wire.codec import decode_order
from fillwire.wire.headers import MESSAGE_ID
from support.eventually import eventually
from support.gateway_rig import Rig, rig

if TYPE_CHECKING:
    from fillwire.bus.messages import Message


async def _quarantined(it: Rig) -> "list[Message]":
    messages: list[Message] = []
    await read_stream(it.bus, "QUARANTINE", "quarantine.>", "all", messages.append)
    return messages


async def test_an_event_that_the_broker_refuses_is_kept_and_told_of(tmp_path: Path) -> None:
    """The stream takes no message of that size: nothing of it is lost, and what it takes later is stored as ever."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        config = (await api.call(it.bus, "STREAM.INFO.ORDERS"))["config"]
        await api.call(it.bus, "STREAM.UPDATE.ORDERS", config | {"max_msg_size": 300})
        await it.emit(5, orders=1)
        emitted = await it.executions()

        async def kept() -> set[str]:
            return {decode_order(message.data).event_id for message in await _quarantined(it)}

        async def is_kept() -> bool:
            return await kept() >= set(emitted)

        await eventually(is_kept, what="in quarantine")
        headers = (await _quarantined(it))[0].headers
        assert REFUSED_BY_BROKER in headers.values()
        assert any("message size exceeds maximum allowed" in value for value in headers.values())
        assert MESSAGE_ID in headers

        alerts = [alert for alert in await it.alerts() if alert.alert == EVENT_REFUSED]
        assert len(alerts) == 1  # the first at once; the others are told together later
        assert emitted[0].rpartition(":")[0] in alerts[0].reason

        assert it.states[-1] == "receiving"
        await api.call(it.bus, "STREAM.UPDATE.ORDERS", config)
        await it.emit(5, symbols=["ETHUSDT"], orders=1)
        later = set(await it.executions()) - set(emitted)

        async def is_stored() -> bool:
            return later <= {event.event_id for event in await it.logged()}

        await eventually(is_stored, what="later events stored")
