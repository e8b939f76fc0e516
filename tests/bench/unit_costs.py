"""Unit costs: what one of something costs, each taken from one figure of one benchmark, kept in docs/unit-costs.json.

python -m bench.unit_costs bench-results/FILE.json …   takes what these runs measured; figures of others stay
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "docs" / "unit-costs.json"

Find = Callable[[Any], float]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a unit cost comes from.

    Attributes:
        benchmark: which of `bench.run`.
        unit: of the figure.
        find: takes it out of what the benchmark returned.
        what: one sentence.
    """

    benchmark: str
    unit: str
    find: Find
    what: str


def _busy(process: str) -> Find:
    return lambda path: float(path["flat_out"]["cpu_us_per_fill"][process])


def _host_us_per_told(found: Any) -> float:
    spent: Mapping[str, float] = found[THOUSAND]["fan-out"]["cpu_us_per_told"]
    return sum(value for name, value in spent.items() if name.startswith("host"))


def _base_mib(accounts: Any) -> float:
    count, found = next(iter(accounts["accounts"].items()))
    kib: float = found["gateway_kib"] - int(count) * accounts["per added account"]["gateway_kib"]
    return round(kib / 1024, 1)


THOUSAND = "1000 bots, 1 hosts"
SOURCES: Mapping[str, Source] = {
    "gateway_us_per_fill": Source("path", "µs", _busy("gateway"), "CPU of a gateway for a fill, flat out"),
    "broker_us_per_fill": Source(
        "path", "µs", _busy("broker"), "CPU of one broker to store a fill and deliver it once, flat out"
    ),
    "host_us_per_fill": Source(
        "path", "µs", _busy("host"), "CPU of a host for a fill told to one bot, flat out"
    ),
    "gateway_base_mib": Source("accounts", "MiB", _base_mib, "memory of a gateway without accounts"),
    "gateway_kib_per_account": Source(
        "accounts",
        "KiB",
        lambda found: found["per added account"]["gateway_kib_after_fills"],
        "memory of a gateway for an account that has fills",
    ),
    "gateway_percent_per_account": Source(
        "accounts",
        "% of a core",
        lambda found: found["per added account"]["gateway_cpu_percent"],
        "CPU of a gateway for an account at rest",
    ),
    "broker_kib_per_account": Source(
        "accounts",
        "KiB",
        lambda found: found["per added account"]["broker_kib"],
        "memory of a broker for an account at rest",
    ),
    "weight_per_account_minute": Source(
        "accounts",
        "weight",
        lambda found: found["per added account"]["weight_per_minute"],
        "what a gateway's questions about an account at rest cost in a minute, in the venue's counting",
    ),
    "log_bytes_per_event": Source(
        "accounts", "bytes", lambda found: found["fills"]["log_bytes_per_event"], "of an event in the log"
    ),
    "host_us_per_told": Source(
        "many_bots",
        "µs",
        _host_us_per_told,
        "CPU of a host to tell one of its bots",
    ),
    "host_kib_per_bot": Source(
        "many_bots",
        "KiB",
        lambda found: found[THOUSAND]["memory"]["host_kib_per_bot_after_the_fills"],
        "memory of a host for a bot that has had fills",
    ),
    "broker_kib_per_bot": Source(
        "many_bots",
        "KiB",
        lambda found: found[THOUSAND]["memory"]["broker_kib_per_bot_after_the_fills"],
        "memory of one broker for a bot's position",
    ),
    "stream_per_second": Source(
        "partitions",
        "events/s",
        lambda found: found["1 replicas, 1 partitions"]["per_second"],
        "one stream on one broker takes",
    ),
    "replicated_stream_per_second": Source(
        "partitions",
        "events/s",
        lambda found: found["3 replicas, 1 partitions"]["per_second"],
        "one stream on three brokers takes, all of them and the publisher on two cores",
    ),
    "replicated_us_per_event": Source(
        "partitions",
        "µs",
        lambda found: found["3 replicas, 1 partitions"]["broker_cpu_us"],
        "CPU of three brokers together to store an event in one stream",
    ),
    "partitioned_us_per_event": Source(
        "partitions",
        "µs",
        lambda found: found["3 replicas, 4 partitions"]["broker_cpu_us"],
        "the same with four partitions",
    ),
    "durable_percent_on_three": Source(
        "durables",
        "% of a core",
        lambda found: found["on three"]["cpu_percent"],
        "CPU of three brokers together for a bot's position on all of them, at rest",
    ),
    "durable_kib_on_three": Source(
        "durables", "KiB", lambda found: found["on three"]["kib"], "memory of three brokers together for it"
    ),
    "durable_percent_on_one": Source(
        "durables",
        "% of a core",
        lambda found: max(0.0, found["on one"]["cpu_percent"]),  # too little to be told from noise
        "CPU of three brokers together for a position on one of them, at rest",
    ),
}


@dataclass(frozen=True, slots=True)
class Costs:
    """The unit costs by name."""

    values: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        """Return one of them."""
        return self.values[name]

    @classmethod
    def load(cls, path: Path = FILE) -> "Costs":
        """Read them.

        Raises:
            ValueError: one is missing that `SOURCES` names.
        """
        document = json.loads(path.read_text(encoding="utf-8"))
        missing = sorted(SOURCES.keys() - document.keys())
        if missing:
            raise ValueError(f"{path}: expected {', '.join(missing)}, found none: run their benchmarks")
        return cls({name: float(entry["value"]) for name, entry in document.items()})


def take(results: Iterable[Mapping[str, Any]], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the unit costs with those that the results of `bench.run` hold in the place of the known ones."""
    entries = dict(known)
    for result in results:
        for name, source in SOURCES.items():
            if source.benchmark in result:
                entries[name] = {
                    "value": round(source.find(result[source.benchmark]), 4),
                    "unit": source.unit,
                    "what": source.what,
                    "benchmark": source.benchmark,
                    "measured": result["time"],
                    "load": result.get("load"),
                }
    return {name: entries[name] for name in SOURCES if name in entries}


def main(paths: list[str]) -> int:
    """Take what the named results hold."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    results = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
    text = json.dumps(take(results, known), indent=2, ensure_ascii=False)
    FILE.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
