"""Between a gateway and the broker: a message is held exactly where it is waited for."""

from fillwire.bus.buckets import PLACEMENTS, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.cli.chaos.proxy import BrokerProxy
from fillwire.domain.errors import BrokerError
from support.eventually import eventually

MARK = b"PUB $KV.PLACEMENTS."


async def _put(bus: Bus, key: str) -> bool:
    try:
        await Bucket(bus, PLACEMENTS, timeout_s=0.5).put(key, b"noted")
    except BrokerError:
        return False
    return True


async def test_what_is_held_has_or_has_not_reached_the_broker(broker: EmbeddedServer, bus: Bus) -> None:
    """Without a hold all passes. Held behind the mark: it is stored, and nobody is told. Held before it: it is not."""
    await ensure_buckets(bus, definitions=(PLACEMENTS,))
    for passes in (True, False):
        proxy = await BrokerProxy.start(broker.url)
        async with await Bus.connect(proxy.url, name="through") as through:
            assert await _put(through, f"before-{passes}")
            hold = proxy.hold(MARK, passes=passes)
            assert not await _put(through, f"held-{passes}")
            assert hold.reached.is_set()
            if passes:
                await eventually(lambda: Bucket(bus, PLACEMENTS).get("held-True"), 5.0, "the note")
            else:
                assert await Bucket(bus, PLACEMENTS).get("held-False") is None
            await proxy.stop()
