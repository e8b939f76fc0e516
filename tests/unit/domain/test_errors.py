"""Errors speak in sentences, say what is to be done, and survive being copied to another process."""

import copy
import pickle
import re

import pytest

from fillwire.domain import errors
from fillwire.domain.enums import ErrorClass
from fillwire.domain.errors import (
    AuthRejected,
    BrokerError,
    ConfigError,
    ConnectionLost,
    DecodeError,
    Disposition,
    FillwireError,
    FrameError,
    HandlerError,
    OrderRejected,
    OrdersUnknown,
    PublishError,
    RulesUnknown,
    SubscriptionRejected,
    Throttled,
    VenueError,
)

FRAME_ERROR = FrameError(
    venue="binance",
    error_class=ErrorClass.MALFORMED,
    code="missing_field",
    field="N",
    offset=212,
    message="commission asset (N) missing at offset 212 in executionReport: expected a string, was null",
    symbol="BTCUSDT",
    order_id="7001",
)

EVERY = [
    (FillwireError("nothing is known"), Disposition.STOP, "nothing is known"),
    (
        ConfigError("connectionTimeout: expected a number of milliseconds, was 'soon'"),
        Disposition.STOP,
        "connectionTimeout: expected a number of milliseconds, was 'soon'",
    ),
    (
        BrokerError("no broker at nats://127.0.0.1:4222"),
        Disposition.RETRY,
        "no broker at nats://127.0.0.1:4222",
    ),
    (
        VenueError("binance", "exchangeInfo cannot be read"),
        Disposition.STOP,
        "binance: exchangeInfo cannot be read",
    ),
    (
        ConnectionLost("binance", "no answer to the probe within 10 s"),
        Disposition.RETRY,
        "binance: no answer to the probe within 10 s",
    ),
    (
        Throttled("binance", "too many requests (-1003)", 2.5),
        Disposition.RETRY,
        "binance: too many requests (-1003); retry after 2.5 s",
    ),
    (
        AuthRejected("binance", "Invalid API-key, IP, or permissions for action. (-2015)"),
        Disposition.STOP,
        "binance: Invalid API-key, IP, or permissions for action. (-2015)",
    ),
    (
        SubscriptionRejected("binance", "the account has too many subscriptions (-2036)"),
        Disposition.STOP,
        "binance: the account has too many subscriptions (-2036)",
    ),
    (
        OrderRejected("binance", "Account has insufficient balance for requested action.", -2010),
        Disposition.ANSWER,
        "binance: Account has insufficient balance for requested action.",
    ),
    (
        FRAME_ERROR,
        Disposition.QUARANTINE,
        f"malformed frame from binance: {FRAME_ERROR.message}",
    ),
    (
        PublishError(
            "orders.alice.binance.live.BTC-USDT.filled", "binance:live:alice:BTCUSDT:1:2", "no answer in 5 s"
        ),
        Disposition.RETRY,
        "event binance:live:alice:BTCUSDT:1:2 not published on orders.alice.binance.live.BTC-USDT.filled: no answer in 5 s",
    ),
    (
        DecodeError("order event", "/last_fill/price", "expected a decimal string, was number 1.5"),
        Disposition.QUARANTINE,
        "cannot decode order event at /last_fill/price: expected a decimal string, was number 1.5",
    ),
    (OrdersUnknown("the venue did not answer"), Disposition.ANSWER, "the venue did not answer"),
    (RulesUnknown("pair A-B is not listed"), Disposition.ANSWER, "pair A-B is not listed"),
    (
        HandlerError("grid-1", "on_order_filled", "binance:live:alice:BTCUSDT:1:2"),
        Disposition.ANSWER,
        "on_order_filled of bot grid-1 raised on event binance:live:alice:BTCUSDT:1:2",
    ),
]
EACH = pytest.mark.parametrize(
    ("error", "disposition", "text"), EVERY, ids=lambda value: type(value).__name__
)


def test_every_class_is_pinned() -> None:
    """No class of the module is left out of the tests below."""
    classes = {c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, FillwireError)}
    assert {type(error) for error, _, _ in EVERY} == classes


@EACH
def test_error_says_its_sentence(error: FillwireError, disposition: Disposition, text: str) -> None:
    """Each class has its text, and states what is to be done."""
    assert str(error) == text
    assert error.disposition is disposition


@EACH
def test_error_survives_copy_and_pickle(error: FillwireError, disposition: Disposition, text: str) -> None:
    """A copy, and what arrives in another process, is the same error with the same facts."""
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - what we just wrote
        assert type(twin) is type(error)
        assert vars(twin) == vars(error)
        assert str(twin) == text
        assert twin.disposition is disposition


def test_facts_are_attributes() -> None:
    """Who handles an error reads its facts, not its text."""
    assert Throttled("binance", "wait", 2.5).retry_after_s == 2.5
    assert OrderRejected("binance", "no", -2010).code == -2010
    assert OrderRejected("binance", "no").code is None
    assert (FRAME_ERROR.symbol, FRAME_ERROR.order_id, FRAME_ERROR.offset) == ("BTCUSDT", "7001", 212)
    assert FRAME_ERROR.error_class is ErrorClass.MALFORMED


def test_tree_in_the_docstring_is_the_tree() -> None:
    """The drawing at the top of the module shows each class, under its parent, with its disposition."""
    drawing = (errors.__doc__ or "").partition("FillwireError\n")[2]
    parents = [FillwireError]
    drawn = set()
    for indent, name, disposition in re.findall(
        r"^    (.*?)(\w+)(?: +(\w+)[:,]? ?.*)?$", drawing, re.MULTILINE
    ):
        if "──" not in indent:
            continue
        depth = len(indent) // 4
        error_class = getattr(errors, name)
        del parents[depth:]
        assert error_class.__bases__ == (parents[-1],), name
        assert not disposition or error_class.disposition == disposition, name
        parents.append(error_class)
        drawn.add(error_class)
    assert drawn == {type(error) for error, _, _ in EVERY} - {FillwireError}
