"""Subjects: how each looks, and what is refused when one is read; that each is read back, tests/property shows."""

from collections.abc import Callable

import pytest

from fillwire.domain.enums import ErrorClass, Kind
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.wire.subjects import (
    account_tokens,
    alert_subject,
    command_subject,
    connection_subject,
    dead_letter_subject,
    order_filter,
    order_subject,
    parse_account_tokens,
    parse_alert_subject,
    parse_command_subject,
    parse_connection_subject,
    parse_dead_letter_subject,
    parse_order_subject,
    parse_quarantine_subject,
    quarantine_subject,
)

ALICE = Account("alice", "binance", "live")
ODD = Account("a.b", "c d", "")


def test_subjects_of_usual_names_are_as_they_are_written() -> None:
    """For names without special characters a person reads and writes subjects without knowing the escape."""
    assert account_tokens(ALICE) == "alice.binance.live"
    assert order_subject(ALICE, "BTC-USDT", Kind.FILLED) == "orders.alice.binance.live.BTC-USDT.filled"
    assert connection_subject(ALICE) == "connections.alice.binance.live"
    assert command_subject(ALICE, "place_order") == "commands.alice.binance.live.place_order"
    assert quarantine_subject(ALICE, ErrorClass.UNKNOWN) == "quarantine.binance.live.alice.unknown"
    assert dead_letter_subject("alice", "grid-1") == "dlq.alice.grid-1"
    assert alert_subject(ALICE, "detection_lost") == "alerts.alice.binance.live.detection_lost"


def test_special_names_stay_one_token() -> None:
    """A dot, a space, a wildcard or nothing at all changes neither the number nor the meaning of tokens."""
    assert order_subject(ODD, "BRK.B-USD", Kind.NEW) == "orders.a=2Eb.c=20d.=.BRK=2EB-USD.new"
    assert command_subject(ALICE, ">") == "commands.alice.binance.live.=3E"
    assert dead_letter_subject("*", "") == "dlq.=2A.="


def test_filter_takes_an_account_or_a_pair() -> None:
    """A filter has its wildcards where kinds and pairs stand, and nowhere else."""
    assert order_filter(ALICE) == "orders.alice.binance.live.>"
    assert order_filter(ALICE, "BRK.B-USD") == "orders.alice.binance.live.BRK=2EB-USD.*"
    assert order_filter(Account("*", "binance", "live")) == "orders.=2A.binance.live.>"


@pytest.mark.parametrize(
    ("parse", "subject", "reason"),
    [
        (parse_order_subject, "", "expected orders.{user}.{exchange}.{environment}.{pair}.{kind}"),
        (
            parse_order_subject,
            "connections.alice.binance.live.BTC-USDT.filled",
            "expected orders.{user}.{exchange}.{environment}.{pair}.{kind}",
        ),
        (
            parse_order_subject,
            "orders.alice.binance.live.BTC-USDT",
            "expected orders.{user}.{exchange}.{environment}.{pair}.{kind}",
        ),
        (
            parse_order_subject,
            "orders.alice.binance.live.BTC-USDT.done",
            "expected one of new, partially_filled, filled, cancelled, expired, rejected, replaced, was 'done'",
        ),
        (
            parse_order_subject,
            "orders.alice.binance..BTC-USDT.filled",
            "expected a token, was empty; the empty text is written =",
        ),
        (parse_order_subject, "orders.*.binance.live.BTC-USDT.filled", "expected token '=2A', was '*'"),
        (
            parse_connection_subject,
            "connections.alice.binance",
            "expected connections.{user}.{exchange}.{environment}",
        ),
        (parse_command_subject, "commands.a.b.c", "expected commands.{user}.{exchange}.{environment}.{verb}"),
        (
            parse_quarantine_subject,
            "quarantine.a.b.c",
            "expected quarantine.{exchange}.{environment}.{user}.{class}",
        ),
        (parse_dead_letter_subject, "dlq.a.b.c", "expected dlq.{user}.{bot}"),
        (parse_dead_letter_subject, "dlq.a.=zz", "expected token '=3Dzz', was '=zz'"),
        (parse_alert_subject, "alerts.a.b.c", "expected alerts.{user}.{exchange}.{environment}.{alert}"),
    ],
)
def test_other_subject_is_refused(parse: Callable[[str], object], subject: str, reason: str) -> None:
    """A subject of another address, or with a token that we do not write, is refused and named."""
    with pytest.raises(DecodeError) as caught:
        parse(subject)
    assert (caught.value.what, caught.value.reason) == (f"subject {subject!r}", reason)


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        ("alice.binance", "expected user.exchange.environment, was 2 tokens"),
        ("alice..live", "expected a token, was empty; the empty text is written ="),
    ],
)
def test_other_account_tokens_are_refused(tokens: str, reason: str) -> None:
    """A key of a bucket that names no account is refused."""
    with pytest.raises(DecodeError) as caught:
        parse_account_tokens(tokens)
    assert (caught.value.what, caught.value.reason) == (f"account {tokens!r}", reason)
