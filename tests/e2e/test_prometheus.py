"""A real Prometheus scrapes the running services: every panel shows something, every rule evaluates, a trace is found."""

import json
import re
import time
from pathlib import Path

import aiohttp
import pytest

from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.runtime import metric_names
from fillwire.runtime.metrics import MetricKind
from support.eventually import eventually
from support.monitoring_files import MONITORING, panel_queries
from support.otlp_receiver import OtlpReceiver
from support.prometheus_server import Prometheus, prometheus
from support.prometheus_tools import tool
from support.webhook_receiver import SECRET, receiver

TOKEN = "token-of-the-scraper"
BOT = '''
from fillwire import Strategy

class Fails(Strategy):
    """Raises on each fill of one pair."""

    name = "fails"
    pairs = ["ETH-USDT"]

    async def on_fill(self, order):
        raise ValueError("always")
'''
# What the variables of the dashboards stand for when all is chosen.
CHOICES = {"$exchange": ".*", "$environment": ".*", "$user": ".*", "$__rate_interval": "15s"}


@pytest.fixture
def program() -> Path:
    """Return Prometheus; without it the weaker check of tests/contract/test_monitoring_files.py is all that ran."""
    found = tool("prometheus")
    if found is None:
        pytest.skip(
            "prometheus is not on the path and Debian's package cannot be fetched: "
            "of the panels only names and labels were checked, by tests/contract/test_monitoring_files.py"
        )
    return found


def _chosen(query: str) -> str:
    return re.sub(r"\$\w+", lambda match: CHOICES[match[0]], query)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_everything_that_is_promised_is_seen_by_prometheus(tmp_path: Path, program: Path) -> None:
    """All services, under a token; fills, a refused frame and a dead letter; panels, rules, names, and exemplars."""
    token_file, bots = tmp_path / "token", tmp_path / "fails.py"
    token_file.write_text(TOKEN)
    bots.write_text(BOT)
    async with OtlpReceiver() as traces, receiver() as hook, aiohttp.ClientSession() as session:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.endpoint,
            "FILLWIRE_MONITORING__PORT": "0",
            "FILLWIRE_MONITORING__TOKEN": f"file:{token_file}",
            "FILLWIRE_NOTIFY__URL": hook.url,
            "FILLWIRE_NOTIFY__SECRET": SECRET,
            "FILLWIRE_RECORDER__DATABASE": f"sqlite:///{tmp_path / 'trades.db'}",
            "FILLWIRE_CONSOLE__PORT": "0",
            "FILLWIRE_CONSOLE__USERS": json.dumps([{"user": "demo", "token": f"file:{token_file}"}]),
        }
        async with Stack(tmp_path, environ) as stack:
            venue = await SimulatedVenue.start(stack, session)
            recording = tmp_path / "recording.jsonl"
            bot = "fillwire.bots.shipped.recording:RecordingBot"
            children = {
                "fillwire-gateway": ("gateway", "--exchange", venue.account.exchange),
                "fillwire-bots": ("run", bot, "--param", f"path={recording}"),
                "fillwire-failing": ("run", str(bots), "--user", venue.account.user),
                "fillwire-recorder": ("recorder",),
                "fillwire-console": ("console",),
                "fillwire-manager": ("manager",),
                "fillwire-host": ("host",),
                "fillwire-notify": ("notify",),
                "fillwire-door": ("door",),
            }
            targets = {}
            for job, arguments in children.items():
                child = await stack.spawn(job, *_with_account(arguments, venue))
                targets[job] = str(child.ready["monitoring"])
            await venue.wait_receiving(stack.broker.url)
            async with prometheus(program, tmp_path, targets, token_file, MONITORING / "rules.yml") as found:
                await eventually(lambda: _all_up(found, len(targets)), 30, "all services are scraped")
                await venue.control("POST", "faults", {"kind": "unknown_event", "next": 1})
                await venue.emit(["BTCUSDT", "ETHUSDT"], rate=50, count=400, orders=20)
                await eventually(
                    lambda: _has(found, "sum(fillwire_bot_dead_letters_total) > 0"), 60, "a dead letter"
                )
                await eventually(lambda: _fires(found, "FillwireDeadLetters"), 30, "its alert")
                await eventually(lambda: hook.taken, 30, "its notification")
                assert {told["alert"] for told in hook.taken} <= {"dead_letter_kept", "frames_refused"}

                names = set(await found.get("label/__name__/values"))
                assert _promised() - names == set()
                empty = [where for where, query in panel_queries() if not await found.query(_chosen(query))]
                assert empty == []
                groups = (await found.get("rules"))["groups"]
                health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
                assert health
                assert set(health.values()) == {"ok"}
                trace_ids = await _exemplars(found)
                assert trace_ids
                assert any(traces.trace(trace_id) for trace_id in trace_ids)
                assert await found.query('count({job=~"fillwire.*"})')
                assert not await found.query('{__name__=~".+", user=~".*key.*"}')


def _with_account(arguments: tuple[str, ...], venue: SimulatedVenue) -> tuple[str, ...]:
    if arguments[0] != "run":
        return arguments
    account = venue.account
    return (*arguments, "--exchange", account.exchange, "--environment", account.environment)


def _promised() -> set[str]:
    """Return a series of each metric that is declared."""
    return {
        f"{metric.prometheus_name}_count" if metric.kind is MetricKind.HISTOGRAM else metric.prometheus_name
        for metric in metric_names.ALL
    }


async def _all_up(found: Prometheus, count: int) -> bool:
    return len(await found.query('up{job=~"fillwire.*"} == 1')) == count


async def _has(found: Prometheus, query: str) -> bool:
    return bool(await found.query(query))


async def _fires(found: Prometheus, alert: str) -> bool:
    return alert in await found.firing()


async def _exemplars(found: Prometheus) -> set[str]:
    now_s = time.time()
    data = await found.get(
        "query_exemplars",
        query="fillwire_fill_latency_seconds_bucket",
        start=f"{now_s - 120:.3f}",
        end=f"{now_s:.3f}",
    )
    return {exemplar["labels"]["trace_id"] for series in data for exemplar in series["exemplars"]}
