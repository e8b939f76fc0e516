"""The capacity model adds up, and the tables in docs/scaling.md are what the measured unit costs give."""

from dataclasses import replace

import pytest

from bench import capacity
from bench.capacity import LOADS, Load, need, tables, with_tables
from bench.unit_costs import SOURCES, Costs, take

_EASY = Costs(
    dict.fromkeys(SOURCES, 0.0)
    | {
        "gateway_us_per_fill": 50.0,  # half a core: 10,000 a second
        "gateway_base_mib": 24.0,
        "gateway_kib_per_account": 1_000.0,  # 1 GiB: 1,024 accounts; connected in ten minutes: 480
        "gateway_percent_per_account": 0.1,  # half a core: 500
        "weight_per_account_minute": 100.0,
        "host_us_per_told": 5.0,  # half a core: 100,000 a second
        "replicated_stream_per_second": 20_000.0,  # half: 10,000 a second
        "replicated_us_per_event": 30.0,
        "broker_us_per_fill": 20.0,  # 10 of it are the delivery
        "durable_percent_on_three": 0.05,
        "durable_kib_on_three": 300.0,
        "log_bytes_per_event": 400.0,
    }
)
_LOAD = Load(users=1_000, bots_per_user=2, fills_per_s=30_000)


def test_the_document_holds_what_the_unit_costs_give() -> None:
    """Whoever measures anew writes the tables anew."""
    assert capacity.main(["--check"]) == 0


def test_a_load_needs_what_can_be_added_up_by_hand() -> None:
    """1,000 accounts by the venue's connects, 30,000 fills by cores, 2,000 positions by the cluster's rest."""
    found = need(_LOAD, _EASY)
    assert found.gateways == 3 + 1  # 30,000 fills; 1,000 accounts would be three, too
    assert found.hosts == 2 + 1  # 2,000 bots
    assert found.streams == 3
    assert found.broker_cores == pytest.approx(30_000 * (30 + 10 * 2) / 1e6 + 2_000 * 0.05 / 100)
    assert found.log_gib_per_day == pytest.approx(30_000 * 400 * 86_400 / (1 << 30))
    assert found.raft_groups == 2_000 + 3 + 4


def test_twice_the_load_needs_no_less() -> None:
    """Of anything."""
    for load in LOADS:
        twice = need(replace(load, users=2 * load.users, fills_per_s=2 * load.fills_per_s), _EASY)
        once = need(load, _EASY)
        assert twice.gateways >= once.gateways
        assert twice.brokers >= once.brokers
        assert twice.broker_gib * twice.brokers >= once.broker_gib * once.brokers
        assert twice.log_gib_per_day > once.log_gib_per_day


def test_accounts_are_bound_by_what_runs_out_first() -> None:
    """Memory, half a core, and the venue's connects, 48 a minute; what is asked of the venue only becomes rarer."""
    assert list(capacity.accounts_per_gateway(_EASY).values()) == [1_024, 500, 480]
    assert capacity.compared_each_minute(_EASY) == 36  # 60 % of 6,000 a minute


def test_a_run_replaces_what_it_measured_and_nothing_else() -> None:
    """Unit costs come from several runs."""
    known = {"log_bytes_per_event": {"value": 400.0}}
    result = {"time": "now", "load": 0.5, "durables": {"on three": {"cpu_percent": 0.05, "kib": 3.0}}}
    result["durables"]["on one"] = {"cpu_percent": 0.01}  # type: ignore[index]  # a benchmark's result is any JSON
    found = take([result], known)
    assert list(found) == [name for name in SOURCES if name in found]
    assert found["durable_percent_on_three"]["value"] == 0.05
    assert found["log_bytes_per_event"] == {"value": 400.0}
    assert "gateway_us_per_fill" not in found


def test_a_document_without_a_place_for_a_table_is_refused() -> None:
    """A mark that somebody deleted is named."""
    with pytest.raises(ValueError, match="needs"):
        with_tables("nothing", tables(_EASY))
