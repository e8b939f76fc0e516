"""Examinations of the demo account at a simulated venue, in the test's process."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from fillwire.cli.doctor.case import Case
from fillwire.cli.doctor.examination import examine
from fillwire.cli.doctor.findings import CheckName, Finding, Outcome
from fillwire.domain.identifiers import Account
from fillwire.runtime.settings import load_settings
from fillwire.simulator.exchange.server import Simulator

Findings = Mapping[CheckName, Finding]


async def examined(account: Account, environ: Mapping[str, str]) -> Findings:
    """Return what an examination of `account` finds with the settings of these variables, by check."""
    async with AsyncExitStack() as stack:
        case = Case(account=account, load=lambda: load_settings(environ=environ), stack=stack)
        told: list[Finding] = []
        findings = await examine(case, told.append)
        assert told == findings
        return {finding.check: finding for finding in findings}


def outcomes(findings: Findings) -> dict[Outcome, list[str]]:
    """Return the names of the checks by how they went, without those that are well."""
    found: dict[Outcome, list[str]] = {}
    for finding in findings.values():
        if finding.outcome is not Outcome.OK:
            found.setdefault(finding.outcome, []).append(str(finding.check))
    return found


async def control(venue: Simulator, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
    """Call the control API of a simulator."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{venue.rest_url}/sim/{path}", json=body or {}) as response,
    ):
        document = await response.json()
        assert response.status == 200, document
        return document
