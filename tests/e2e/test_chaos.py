"""Every class of fault, alone and mixed, against the running system: nothing lost, nothing doubled, order kept."""

import asyncio
import json
import os
import sys
import uuid

import pytest

from fillwire.cli.chaos.faults import FAULTS
from fillwire.cli.chaos.plan import MIXED
from support.eventually import eventually
from support.left_behind import MARK_VARIABLE, processes_with_mark

EXECUTIONS = 6_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
async def test_nothing_is_lost_doubled_or_out_of_order_whatever_breaks() -> None:
    """A short run over all classes is clean, accounts for each execution and each counter-order, and leaves nothing behind."""
    mark = uuid.uuid4().hex
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "fillwire",
            "chaos",
            "--seed",
            "1",
            "--executions",
            str(EXECUTIONS),
            "--json",
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, MARK_VARIABLE: mark},
    )
    try:
        output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    assert process.returncode == 0, errors.decode()
    report = json.loads(output)
    assert set(report["classes"]) == {*FAULTS, MIXED}
    assert all(counts["emitted"] > 0 for counts in report["classes"].values())
    total = report["total"]
    assert total["emitted"] == total["delivered"] == EXECUTIONS
    defects = ("lost", "doubled", "out_of_order", "foreign", "altered")
    assert [total[defect] for defect in defects] == [0, 0, 0, 0, 0]
    assert {label for label in FAULTS if label.startswith("order_")} <= set(report["orders"])
    for label, orders in report["orders"].items():
        assert orders["once"] == orders["wanted"] > 0, (label, orders)
        assert not any(orders[defect] for defect in ("twice", "never", "unknown", "foreign")), (label, orders)
    await eventually(lambda: processes_with_mark(mark) == {}, 20, "all processes gone")
