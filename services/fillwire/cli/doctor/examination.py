"""The checks in their order, each with a deadline and a verdict, whatever happens."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fillwire.cli.doctor.broker_checks import check_broker
from fillwire.cli.doctor.case import Case
from fillwire.cli.doctor.findings import CannotRun, CheckName, Finding, Verdict, failed, skipped
from fillwire.cli.doctor.local_checks import check_configuration, check_key
from fillwire.cli.doctor.socket_check import check_subscription
from fillwire.cli.doctor.venue_checks import (
    check_accepted,
    check_clock,
    check_permissions,
    check_rest,
    check_symbols,
)
from fillwire.domain.errors import FillwireError


class Check(NamedTuple):
    """One thing that is looked at.

    Attributes:
        name: what.
        perform: looks, and returns what it found.
        deadline_s: so long it may take, in seconds.
    """

    name: CheckName
    perform: Callable[[Case], Awaitable[Verdict]]
    deadline_s: float


CHECKS = (
    Check(CheckName.CONFIGURATION, check_configuration, 10.0),
    Check(CheckName.KEY, check_key, 5.0),
    Check(CheckName.BROKER, check_broker, 45.0),  # three signs of life of a gateway, of ten seconds at most
    Check(CheckName.REST, check_rest, 12.0),
    Check(CheckName.CLOCK, check_clock, 20.0),
    Check(CheckName.SYMBOLS, check_symbols, 20.0),
    Check(CheckName.ACCEPTED, check_accepted, 25.0),
    Check(CheckName.PERMISSIONS, check_permissions, 25.0),
    Check(CheckName.SUBSCRIPTION, check_subscription, 30.0),
)


async def examine(case: Case, tell: Callable[[Finding], None]) -> list[Finding]:
    """Return what all checks find; `tell` hears of each as soon as it is known."""
    findings = []
    for check in CHECKS:
        began_s = time.monotonic()
        verdict = await verdict_of(check, case)
        finding = Finding.of(check.name, verdict, time.monotonic() - began_s)
        findings.append(finding)
        tell(finding)
    return findings


async def verdict_of(check: Check, case: Case) -> Verdict:
    """Return a check's verdict, at its deadline at the latest."""
    try:
        async with asyncio.timeout(check.deadline_s):
            return await check.perform(case)
    except CannotRun as why:
        return skipped(str(why))
    except TimeoutError:
        return failed(
            f"not finished within {check.deadline_s:g} s",
            "ask again; if it stays so, something on the way takes what is sent and does not answer",
        )
    except FillwireError as error:
        return failed(str(error), "see what the message names; the log of a gateway may say more")
