"""What so many users, bots and fills need, and what breaks first: computed from docs/unit-costs.json into docs/scaling.md.

python -m bench.capacity          writes the tables into docs/scaling.md
python -m bench.capacity --check  says whether they are what the unit costs give, and changes nothing

It adds up; it does not simulate. A process is planned for half a core, since what waits behind a busy one is late; a machine has
four cores and 16 GiB of which half are planned. Where a unit cost was measured on two shared cores, so is the plan.
"""

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.unit_costs import Costs
from fillwire.bus.streams import STREAMS
from fillwire.runtime.settings.services import NatsSettings
from fillwire.venues.registry import venue

DOCUMENT = Path(__file__).parents[2] / "docs" / "scaling.md"
_BEGIN, _END = "<!-- {name}: written by `python -m bench.capacity` -->", "<!-- end of {name} -->"

CORE_SHARE = 0.5
CORES_PER_BROKER = 4
BROKER_GIB = 8
REFILL_MINUTES = 10  # so long a gateway that starts anew may take until all of its accounts are connected
BOTS_PER_HOST = 1_000
QUESTIONS_SHARE = (
    0.6  # of the weight that the exchange allows an address; the gateway leaves the rest to others
)
RAFT_GROUPS = 2_000  # what the broker's maintainers advise a cluster to stay below
ID_BYTES = 250  # of a broker's memory for each id that its duplicate window holds
DAY_S = 86_400
_MIB, _GIB = 1 << 20, 1 << 30
_EXCHANGE = "binance"
_ORDERS = next(definition for definition in STREAMS if definition.name == "ORDERS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is asked of the system.

    Attributes:
        users: each with one account at one exchange.
        bots_per_user: of which each listens to what its user trades.
        fills_per_s: of all accounts together, in a busy second.
    """

    users: int
    bots_per_user: int
    fills_per_s: float

    @property
    def bots(self) -> int:
        """All bots."""
        return self.users * self.bots_per_user

    @property
    def told_per_s(self) -> float:
        """Calls of bots."""
        return self.fills_per_s * self.bots_per_user


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a load needs.

    Attributes:
        gateways: processes that hold accounts, one of them to spare.
        hosts: processes that run bots, one of them to spare.
        streams: partitions of the log.
        brokers: servers.
        broker_cores: what all of them use together.
        broker_gib: memory of each.
        log_gib_per_day: of each copy.
        raft_groups: streams and positions of bots, each on three brokers.
    """

    gateways: int
    hosts: int
    streams: int
    brokers: int
    broker_cores: float
    broker_gib: float
    log_gib_per_day: float
    raft_groups: int


def accounts_per_gateway(costs: Costs) -> dict[str, int]:
    """Return how many accounts one gateway process, with an address of its own, can hold, by what bounds them."""
    memory_kib = _GIB / 1024 - costs["gateway_base_mib"] * 1024
    return {
        "memory of 1 GiB": int(memory_kib / costs["gateway_kib_per_account"]),
        "half a core, at rest": int(CORE_SHARE * 100 / costs["gateway_percent_per_account"]),
        f"all connected within {REFILL_MINUTES} minutes, at the pace that the exchange allows an address": (
            venue(_EXCHANGE).connects_per_minute * REFILL_MINUTES
        ),
    }


def compared_each_minute(costs: Costs) -> int:
    """Return for how many accounts at one address a gateway may ask for everything once a minute, as it would."""
    return int(venue(_EXCHANGE).weight_per_minute * QUESTIONS_SHARE / costs["weight_per_account_minute"])


def need(load: Load, costs: Costs) -> Need:
    """Return what a load needs with the log on three brokers."""
    accounts = min(accounts_per_gateway(costs).values())
    gateway_fills = CORE_SHARE * 1e6 / costs["gateway_us_per_fill"]
    gateways = max(load.users / accounts, load.fills_per_s / gateway_fills)
    host_told = CORE_SHARE * 1e6 / costs["host_us_per_told"]
    hosts = max(load.bots / BOTS_PER_HOST, load.told_per_s / host_told)
    streams = math.ceil(load.fills_per_s / (CORE_SHARE * costs["replicated_stream_per_second"]))
    delivered_us = max(0.0, costs["broker_us_per_fill"] - costs["replicated_us_per_event"] / 3)
    deliveries = min(math.ceil(hosts), load.bots_per_user)  # hosts that a user's bots are spread over
    busy = load.fills_per_s * (costs["replicated_us_per_event"] + delivered_us * deliveries) / 1e6
    resting = (load.bots * costs["durable_percent_on_three"]) / 100
    cores = busy + resting
    window_s = NatsSettings().duplicate_window_ms / 1e3
    ids = load.fills_per_s * window_s * ID_BYTES
    positions = load.bots * costs["durable_kib_on_three"] * 1024 / 3
    state = load.users * costs["broker_kib_per_account"] * 1024
    groups = load.bots + streams + len(STREAMS) - 1
    brokers = max(
        3,
        math.ceil(cores / (CORE_SHARE * CORES_PER_BROKER)),
        math.ceil(3 * (ids + positions + state) / (BROKER_GIB * _GIB)),
    )
    return Need(
        gateways=math.ceil(gateways) + 1,
        hosts=math.ceil(hosts) + 1,
        streams=max(1, streams),
        brokers=brokers,
        broker_cores=cores,
        broker_gib=3 * (ids + positions + state) / brokers / _GIB,
        log_gib_per_day=load.fills_per_s * costs["log_bytes_per_event"] * DAY_S / _GIB,
        raft_groups=groups,
    )


def bounds(costs: Costs) -> list[tuple[float, str, str, str]]:
    """Return what ends first, by fills a second or by accounts or bots: amount, unit, what, and what to do then."""
    log_day = NatsSettings().log_max_bytes / costs["log_bytes_per_event"] / DAY_S
    window_s = NatsSettings().duplicate_window_ms / 1e3
    accounts = accounts_per_gateway(costs)
    return [
        (
            log_day / (_ORDERS.max_age_s / DAY_S),
            "fills/s, all day",
            "the log's 6 GiB hold less than the 30 days that they are kept",
            "`nats.logMaxBytes`, and disk",
        ),
        (
            log_day,
            "fills/s, all day",
            "the log holds less than a day: a bot that was away longer has missed what is gone",
            "`nats.logMaxBytes`, and disk",
        ),
        (
            _GIB / ID_BYTES / window_s,
            "fills/s, for ten minutes",
            "the ids of the duplicate window take 1 GiB of each broker",
            "`nats.duplicateWindowMs`: what is older than half of it is looked up in the log",
        ),
        (
            CORE_SHARE * costs["replicated_stream_per_second"],
            "fills/s",
            "one stream's leader, half busy",
            "partitions (below)",
        ),
        (
            CORE_SHARE * 1e6 / costs["gateway_us_per_fill"],
            "fills/s of one gateway",
            "a gateway process is half a core busy",
            "more gateways; not for one account, which has one socket",
        ),
        (
            CORE_SHARE * 1e6 / costs["host_us_per_told"],
            "calls of bots a second in one host",
            "a host process is half a core busy",
            "more hosts",
        ),
        *(
            (
                float(count),
                "accounts of one gateway",
                what,
                "more gateways, each behind an address of its own",
            )
            for what, count in accounts.items()
        ),
        (
            float(compared_each_minute(costs)),
            "accounts of one gateway",
            "questions use up what the exchange allows an address, and are asked less often than once a minute",
            "nothing, or more gateways, each behind an address of its own",
        ),
        (
            float(RAFT_GROUPS),
            "bots in a cluster",
            "positions of bots, each a raft group: the broker's maintainers advise to stay below",
            '`nats.positions: "bucket"` (below)',
        ),
        (
            CORE_SHARE * 100 / costs["durable_percent_on_three"],
            "bots in a cluster",
            "their positions at rest take half a core of the brokers together",
            '`nats.positions: "bucket"` (below)',
        ),
    ]


LOADS = (
    Load(users=1, bots_per_user=3, fills_per_s=5),
    Load(users=100, bots_per_user=10, fills_per_s=100),
    Load(users=10_000, bots_per_user=10, fills_per_s=10_000),
    Load(users=10_000, bots_per_user=10, fills_per_s=1_000_000),
)


def _count(value: float) -> str:
    if value >= 1_000:  # two digits are what such a figure is worth
        digits = 10 ** (int(math.log10(value)) - 1)
        return f"{round(value / digits) * digits:,}"
    return f"{value:.0f}" if value >= 10 else f"{max(0.1, value):.1f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables(costs: Costs) -> dict[str, str]:
    """Return the tables by name."""
    needs = [need(load, costs) for load in LOADS]
    head = [
        "",
        *(
            f"{load.users:,} {'user' if load.users == 1 else 'users'}, {load.fills_per_s:,.0f} fills/s"
            for load in LOADS
        ),
    ]
    rows = [
        ["bots", *(f"{load.bots:,}" for load in LOADS)],
        ["gateways, one to spare", *(f"{each.gateways:,}" for each in needs)],
        ["hosts, one to spare", *(f"{each.hosts:,}" for each in needs)],
        ["partitions of the log", *(f"{each.streams:,}" for each in needs)],
        ["brokers", *(f"{each.brokers:,}" for each in needs)],
        ["cores of all brokers", *(_count(each.broker_cores) for each in needs)],
        ["memory of each broker", *(f"{max(0.1, each.broker_gib):.1f} GiB" for each in needs)],
        ["log a day, each copy", *(f"{_count(each.log_gib_per_day)} GiB" for each in needs)],
        ["raft groups", *(f"{each.raft_groups:,}" for each in needs)],
    ]
    ordered = sorted(bounds(costs), key=lambda bound: (bound[1], bound[0]))
    found = [[f"{_count(amount)} {unit}", what, then] for amount, unit, what, then in ordered]
    costs_rows = [[name.replace("_", " "), _precise(value)] for name, value in costs.values.items()]
    return {
        "needs": _table(head, rows),
        "bounds": _table(["at", "what ends", "what then"], found),
        "costs": _table(["unit cost", "measured"], costs_rows),
    }


def _precise(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:g}"


def with_tables(document: str, found: dict[str, str]) -> str:
    """Return the document with these tables between its marks.

    Raises:
        ValueError: it has no place for one of them.
    """
    for name, table in found.items():
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        before, mark, rest = document.partition(begin)
        _, other, after = rest.partition(end)
        if not mark or not other:
            raise ValueError(f"document: expected {begin} and {end}, found one or none of them")
        document = f"{before}{begin}\n{table}\n{end}{after}"
    return document


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the tables, or say whether they are current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(arguments)
    document = DOCUMENT.read_text(encoding="utf-8")
    current = with_tables(document, tables(Costs.load()))
    if asked.check:
        if current != document:
            sys.stderr.write(
                "docs/scaling.md is not what docs/unit-costs.json gives: run python -m bench.capacity\n"
            )
        return int(current != document)
    DOCUMENT.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
