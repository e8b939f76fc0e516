"""How far back a stream can be asked whether it has stored something."""

import time

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.lookup import parse_time_ns
from fillwire.bus.stored import MARGIN_NS

_MIB = 1 << 20


async def held_since_ns(bus: Bus, stream: str) -> int:
    """Return the time since when the stream still has everything that it has stored, by our clock.

    What was stored before that may be gone: it is too old, or had to make room. Nanoseconds since the epoch; some time
    is added for the difference of clocks.

    Raises:
        BrokerError: no answer, or no such stream.
    """
    info = await api.call(bus, f"STREAM.INFO.{stream}")
    config, state = info["config"], info["state"]
    since_ns = time.time_ns() - config["max_age"] if config["max_age"] else 0
    if config["discard"] == "old" and state["first_seq"] > 1 and _is_full(config, state):
        since_ns = max(since_ns, parse_time_ns(state["first_ts"]))
    return since_ns + MARGIN_NS if since_ns else 0


async def log_held_since_ns(bus: Bus) -> int:
    """Return the same of the log of order events; of several partitions the latest time. Raises as `held_since_ns`."""
    return max([await held_since_ns(bus, stream) for stream in bus.partitions.streams])


def _is_full(config: dict[str, int], state: dict[str, int]) -> bool:
    """Whether the oldest messages make room for new ones; then the first is no measure of their age alone."""
    largest_bytes = config["max_msg_size"] if config["max_msg_size"] > 0 else _MIB
    return (config["max_bytes"] > 0 and state["bytes"] > config["max_bytes"] - largest_bytes) or 0 < config[
        "max_msgs"
    ] <= state["messages"]
