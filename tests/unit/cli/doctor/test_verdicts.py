"""What permissions are worth, how durations read, and that every check ends with a verdict."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from fillwire.cli.doctor.case import Case, known
from fillwire.cli.doctor.examination import CHECKS, Check, verdict_of
from fillwire.cli.doctor.findings import CannotRun, CheckName, Outcome, Verdict
from fillwire.cli.doctor.venue_checks import judged, milliseconds_text
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.domain.identifiers import Account
from fillwire.runtime.settings import Settings
from fillwire.venues.permissions import UNSAID, Permissions


def _case() -> Case:
    return Case(account=Account("alice", "binance", "live"), load=Settings, stack=AsyncExitStack())


@pytest.mark.parametrize(
    ("may_read", "may_trade", "outcome", "said"),
    [
        (True, True, Outcome.OK, "read: yes, trade: yes; a note"),
        (True, None, Outcome.OK, "read: yes, trade: not said; a note"),
        (True, False, Outcome.WARNING, "read: yes, trade: no; a note"),
        (False, True, Outcome.FAILED, "read: no, trade: yes; a note"),
        (None, None, Outcome.OK, "read: not said, trade: not said; a note"),
    ],
)
def test_a_key_must_read_and_may_trade(
    may_read: bool | None, may_trade: bool | None, outcome: Outcome, said: str
) -> None:
    """Without reading no fill is detected; without trading bots hear of fills all the same."""
    verdict = judged(Permissions(may_read=may_read, may_trade=may_trade, notes=("a note",)), "binance")
    assert (verdict.outcome, verdict.found) == (outcome, said)
    assert (verdict.advice is None) == (outcome is Outcome.OK)


def test_a_venue_that_says_nothing_of_permissions_is_not_held_to_have_said_yes() -> None:
    """Nothing was looked at, and that is what is said."""
    assert judged(UNSAID, "binance") == Verdict(Outcome.SKIPPED, "binance does not say what a key may do")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0.00 ms"), (424_000, "0.42 ms"), (12_345_678, "12.3 ms"), (1_234_500_000, "1234 ms")],
)
def test_durations_are_finer_where_they_are_short(nanoseconds: int, text: str) -> None:
    """Two digits below a millisecond, one below a hundred, none above."""
    assert milliseconds_text(nanoseconds) == text


async def test_a_check_that_cannot_run_is_skipped_and_says_why() -> None:
    """What an earlier check did not find is named by that check."""

    async def needs_a_key(case: Case) -> Verdict:
        raise AssertionError(known(case.venue_account, CheckName.KEY))

    verdict = await verdict_of(Check(CheckName.ACCEPTED, needs_a_key, 1.0), _case())
    assert verdict == Verdict(Outcome.SKIPPED, "needs what the check key did not find")
    with pytest.raises(CannotRun):
        _case().answering()


async def test_a_check_ends_at_its_deadline() -> None:
    """Whatever it waits for, it has failed by then."""

    async def wait_for_ever(_case: Case) -> Verdict:
        raise AssertionError(await asyncio.get_running_loop().create_future())

    verdict = await verdict_of(Check(CheckName.REST, wait_for_ever, 0.01), _case())
    assert (verdict.outcome, verdict.found) == (Outcome.FAILED, "not finished within 0.01 s")


@pytest.mark.parametrize("error", [BrokerError("away"), ConfigError("wrong")])
async def test_an_error_that_a_check_did_not_foresee_is_a_failure_and_not_the_end(error: Exception) -> None:
    """The sentence is told, and the examination goes on."""

    async def fail(_case: Case) -> Verdict:
        raise error

    verdict = await verdict_of(Check(CheckName.BROKER, fail, 1.0), _case())
    assert (verdict.outcome, verdict.found) == (Outcome.FAILED, str(error))


def test_each_check_is_made_once_in_the_order_in_which_they_are_named() -> None:
    """And each has a deadline."""
    assert [check.name for check in CHECKS] == list(CheckName)
    assert all(0 < check.deadline_s <= 60 for check in CHECKS)
