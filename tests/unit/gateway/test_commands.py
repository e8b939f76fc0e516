"""What is sent, noted and answered when a bot asks, while the obstacles to it come and go."""

import dataclasses
from decimal import Decimal
from typing import TYPE_CHECKING, cast

import pytest

from fillwire.bus.messages import Message
from fillwire.domain.enums import OrderType, Side
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.gateway.commands import NOT_OWNED, Commands
from fillwire.gateway.placements import Earlier, Placement
from fillwire.gateway.resolving import Resolving
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.wire.commands import PLACE_ORDER, decode_trade_order, encode_command
from fillwire.wire.subjects import command_subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from fillwire.gateway.account_log import AccountLog
    from fillwire.gateway.placements import Placements
    from fillwire.gateway.queries import Queries
    from fillwire.gateway.session import Session

ACCOUNT = Account("alice", "binance", "live")
REQUEST = OrderRequest(
    client_order_id="grid-1",
    pair="BTC-USDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal(64000),
)


@dataclasses.dataclass
class Connection:
    """Stands for a session: its obstacles are told one after another, and then there is none."""

    obstacles: list[str]
    account: Account = ACCOUNT
    broken: str | None = None
    sent: list[OrderRequest] = dataclasses.field(default_factory=list)

    @property
    def dealing(self) -> "Connection":
        """See `Session`."""
        return self

    @property
    def order_obstacle(self) -> str | None:
        """See `Dealing`."""
        return self.obstacles.pop() if self.obstacles else None

    def broken_rule(self, _request: OrderRequest) -> str | None:
        """See `Dealing`."""
        return self.broken

    async def place(
        self, request: OrderRequest, *, may_exist: bool, may_place: bool, on_sent: "Callable[[], None]"
    ) -> TradeOrder:
        """See `Dealing`."""
        assert (may_exist, may_place) == (self.broken is not None, True)
        on_sent()
        self.sent.append(request)
        return TradeOrder(
            outcome=Outcome.ACCEPTED, pair=request.pair, client_order_id=request.client_order_id
        )


@dataclasses.dataclass
class Notes:
    """Stands for the placements: keeps what was noted, by fence."""

    noted: list[tuple[str, int | None]] = dataclasses.field(default_factory=list)
    taken_back: list[int | None] = dataclasses.field(default_factory=list)
    before: Earlier = Earlier.NONE

    async def earlier(self, _account: Account, _client_order_id: str) -> Earlier:
        """See `Placements`."""
        return self.before

    async def note(self, _account: Account, client_order_id: str, fence: int | None) -> Placement:
        """See `Placements`."""
        self.noted.append((client_order_id, fence))
        return Placement(self.before, client_order_id, 11)

    async def refused(self, placement: Placement) -> None:
        """See `Placements`."""
        self.taken_back.append(placement.revision)


@dataclasses.dataclass(frozen=True)
class Held:
    """A right that is left for so many seconds."""

    left_s: float
    fence: int | None = 7
    is_held: bool = True

    def lasts(self, seconds: float) -> bool:
        """See `Right`."""
        return self.left_s > seconds


class Keeps:
    """A venue that keeps its orders."""

    async def forgets(self) -> bool:
        """See `Queries`."""
        return False


async def _place(connection: Connection, notes: Notes, left_s: float) -> TradeOrder:
    commands = Commands(
        cast("Session", connection),
        cast("Placements", notes),
        cast("Queries", None),
        Resolving(
            ACCOUNT, cast("Queries", Keeps()), cast("AccountLog", None), cast("Placements", notes), 4.0
        ),
        Held(left_s),
        order_life_s=5.0,
        telemetry=FillTelemetry.start("fillwire-gateway", "", sample_ratio=0.0),
    )
    subject = command_subject(ACCOUNT, PLACE_ORDER).encode()
    answer = await commands._answer(
        Message(subject, b"_INBOX.a.1", encode_command(REQUEST), b"", lambda _frame: None)
    )
    return decode_trade_order(answer)


async def test_an_order_is_noted_and_sent_under_a_lease_that_outlives_it() -> None:
    """Without obstacle the id is noted with the fence, and the order goes out once."""
    connection, notes = Connection([]), Notes()
    answer = await _place(connection, notes, 6.0)
    assert answer.outcome is Outcome.ACCEPTED
    assert (connection.sent, notes.noted, notes.taken_back) == ([REQUEST], [("grid-1", 7)], [])


@pytest.mark.parametrize("left_s", [1.0, 6.0])
async def test_an_obstacle_that_ends_meanwhile_lets_no_order_past_the_lease(left_s: float) -> None:
    """A ban ends between two looks at it: what was answered is why, and nothing was sent without note and lease."""
    connection, notes = Connection(["the venue wants nothing"]), Notes()
    answer = await _place(connection, notes, left_s)
    assert (answer.outcome, answer.reason) == (Outcome.REJECTED, "not sent: the venue wants nothing")
    assert (connection.sent, notes.noted) == ([], [])


async def test_a_lease_that_may_end_before_the_order_does_sends_nothing() -> None:
    """The venue could still carry the order out when another gateway owns the account."""
    connection, notes = Connection([]), Notes()
    answer = await _place(connection, notes, 5.0)
    assert (answer.outcome, answer.reason) == (Outcome.REJECTED, NOT_OWNED)
    assert (connection.sent, notes.taken_back) == ([], [11])


async def test_what_breaks_a_rule_is_neither_noted_nor_sent() -> None:
    """The id stays free for the order that was meant."""
    connection, notes = Connection([], broken="price is 1.5: expected a multiple of 1"), Notes()
    answer = await _place(connection, notes, 6.0)
    assert (answer.outcome, answer.reason) == (
        Outcome.REJECTED,
        "not sent: price is 1.5: expected a multiple of 1",
    )
    assert (connection.sent, notes.noted) == ([], [])


async def test_an_order_that_was_sent_before_is_followed_also_if_it_breaks_a_rule_of_today() -> None:
    """It may exist by the rules of its time: to say that it was not sent would have it placed again under another id."""
    connection = Connection([], broken="price is 1.5: expected a multiple of 1")
    notes = Notes(before=Earlier.OVER)
    answer = await _place(connection, notes, 6.0)
    assert answer.outcome is Outcome.ACCEPTED
    assert connection.sent == [REQUEST]
