"""Orders by REST: whatever the venue answers, or does not, each request is answered once and placed once."""

from decimal import Decimal

import pytest

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.errors import AuthRejected, ConnectionLost, OrderRejected, Throttled, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.rest_calls import RestCalls
from fillwire.venues.rest_desk import (
    LAG_RETRY_NS,
    TOO_LATE,
    ClientOrderIdTaken,
    RestDesk,
    ShownOrder,
    TimeRefused,
)
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Action, Timers

TIMEOUT_NS = 4_000_000_000
START_NS = 1_700_000_000_000_000_000
ORDER = OrderRequest(
    client_order_id="mine-1", pair="SOL-USD", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
)
CANCEL = CancelRequest(pair="SOL-USD", client_order_id="mine-1")
SHOWN = ShownOrder(order_id="77", client_order_id="mine-1", status="open", executed=Decimal(0))


class PlainApi:
    """A venue whose answers are one word: the order's status, or what is wrong."""

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order."""
        response = yield lambda _: HttpRequest(method="POST", path=f"/{symbol}/{request.client_order_id}")
        return self._read(response)

    def find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[ShownOrder | None]:
        """Look for an order."""
        response = yield lambda _: HttpRequest(method="GET", path=f"/{symbol}/{order_id or client_order_id}")
        return None if response.status == 404 else self._read(response)

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Cancel an order."""
        path = f"/{symbol}/{request.order_id or request.client_order_id}"
        response = yield lambda _: HttpRequest(method="DELETE", path=path)
        return self._read(response)

    @staticmethod
    def _read(response: HttpResponse) -> ShownOrder:
        word = response.body.decode()
        match response.status:
            case 200:
                return ShownOrder(
                    order_id="77",
                    client_order_id="mine-1",
                    status=word,
                    executed=Decimal(0),
                    is_cancelled=word == "cancelled",
                )
            case 409:
                raise ClientOrderIdTaken("plain", word)
            case 400:
                raise OrderRejected("plain", word, 7)
            case 498:
                raise TimeRefused("plain", word, 8)
            case 401:
                raise AuthRejected("plain", word)
            case 429:
                raise Throttled("plain", word, 3.0)
            case _:
                raise VenueError("plain", word)


class Rig:
    """A desk, its clock, and what it wants asked."""

    def __init__(self, max_pending: int = 2) -> None:
        self.now_ns = START_NS
        self.calls = RestCalls()
        self.timers = Timers()
        self.answers: list[tuple[int, TradeOrder]] = []
        self.throttled: list[Throttled] = []
        self.measuring: list[Action] = []
        self.desk = RestDesk(
            venue="plain",
            api=PlainApi(),
            calls=self.calls,
            timers=self.timers,
            symbols=SymbolTable.of([("SOLUSD", "SOL-USD")]),
            timeout_ns=TIMEOUT_NS,
            max_pending=max_pending,
            on_answer=lambda key, answer: self.answers.append((key, answer)),
            on_throttled=self.throttled.append,
            measure_clock=lambda _now_ns, then: self.measuring.append(then),
        )

    def asked(self) -> str:
        """Return the one request that the desk wants sent, and remember it."""
        (self.last,) = self.calls.to_send()
        request = self.last.make(self.now_ns)
        return f"{request.method} {request.path}"

    def answer(self, status: int, word: str = "open") -> None:
        """Answer the last request."""
        self.calls.receive(self.last.key, HttpResponse(status=status, body=word.encode()), self.now_ns)

    def fail(self, error: VenueError) -> None:
        """Leave the last request without answer."""
        self.calls.receive(self.last.key, error, self.now_ns)

    def wait(self, ns: int) -> None:
        """Let time pass."""
        self.now_ns += ns
        self.timers.run(self.now_ns)

    @property
    def answered(self) -> TradeOrder:
        """The one answer."""
        ((_, answer),) = self.answers
        return answer


def test_an_order_is_placed_with_one_request() -> None:
    """Its answer holds the ids, the venue's word, and what was asked for."""
    rig = Rig()
    rig.desk.place(5, ORDER, START_NS, may_exist=False)
    assert rig.asked() == "POST /SOLUSD/mine-1"
    rig.answer(200)
    assert rig.answers == [
        (
            5,
            TradeOrder(
                outcome=Outcome.ACCEPTED,
                pair="SOL-USD",
                client_order_id="mine-1",
                order_id="77",
                venue_status="open",
                cumulative_quantity=Decimal(0),
            ),
        )
    ]


@pytest.mark.parametrize(("status", "code"), [(400, 7), (401, None), (429, None)])
def test_a_refused_order_is_rejected_with_the_venues_reason(status: int, code: int | None) -> None:
    """Nothing was done: the bot may ask again."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=False)
    rig.asked()
    rig.answer(status, "because")
    assert (rig.answered.outcome, rig.answered.reason, rig.answered.code) == (
        Outcome.REJECTED,
        "because",
        code,
    )


@pytest.mark.parametrize(("may_exist", "outcome"), [(False, Outcome.REJECTED), (True, Outcome.UNKNOWN)])
def test_a_request_to_wait_is_told_once(may_exist: bool, outcome: Outcome) -> None:
    """When the venue says it; not when the request was not sent, for then who held it back knows."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=may_exist)
    rig.asked()
    rig.answer(429, "slowly")
    assert [(error.reason, error.retry_after_s) for error in rig.throttled] == [("slowly", 3.0)]
    rig.desk.place(2, ORDER, START_NS, may_exist=may_exist)
    rig.asked()
    rig.fail(Throttled("plain", "slowly", 2.0))
    assert len(rig.throttled) == 1
    assert [answer.outcome for _, answer in rig.answers] == [outcome, outcome]


@pytest.mark.parametrize(("status", "outcome"), [(200, Outcome.ACCEPTED), (498, Outcome.REJECTED)])
def test_an_order_whose_time_is_refused_is_sent_once_more(status: int, outcome: Outcome) -> None:
    """By a clock measured anew; nothing was done by the first. Refused again, it is rejected."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=False)
    rig.asked()
    rig.answer(498, "your clock")
    assert not rig.calls.to_send()
    (measured,) = rig.measuring
    measured(rig.now_ns)
    assert rig.asked() == "POST /SOLUSD/mine-1"
    rig.answer(status, "your clock")
    assert rig.answered.outcome is outcome
    assert not rig.calls.to_send()


@pytest.mark.parametrize("answer", [409, 500, "lost"])
def test_an_order_that_may_have_been_placed_is_looked_for_until_it_shows(answer: int | str) -> None:
    """A lost answer, a failing server and a client order id that is taken: the order itself says what became of it."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=False)
    rig.asked()
    if isinstance(answer, int):
        rig.answer(answer)
    else:
        rig.fail(ConnectionLost("plain", "no answer"))
    for status, pause in ((404, 1), (500, 2), (404, 4)):
        assert rig.asked() == "GET /SOLUSD/mine-1"
        rig.answer(status)
        rig.wait(pause * LAG_RETRY_NS - 1)
        assert not rig.calls.to_send()
        rig.wait(1)
    rig.asked()
    rig.answer(200, "filled")
    assert (rig.answered.outcome, rig.answered.venue_status) == (Outcome.ACCEPTED, "filled")


@pytest.mark.parametrize(("status", "wait_ns"), [(404, LAG_RETRY_NS), (429, 3_000_000_000)])
def test_an_order_that_may_still_be_carried_out_is_looked_for_only(status: int, wait_ns: int) -> None:
    """That it does not show proves nothing: it is not sent again, and the venue is left alone for as long as it asks."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=True, may_place=False)
    assert rig.asked() == "GET /SOLUSD/mine-1"
    rig.answer(status)
    rig.wait(wait_ns - 1)
    assert not rig.calls.to_send()
    rig.wait(1)
    assert rig.asked() == "GET /SOLUSD/mine-1"
    rig.wait(TIMEOUT_NS)
    assert (rig.answered.outcome, rig.answered.reason) == (Outcome.UNKNOWN, TOO_LATE)
    assert not rig.calls.to_send()


def test_a_key_that_is_refused_ends_the_looking() -> None:
    """Nothing more can be learnt with it, and the order may exist: it is unknown at once."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=False)
    rig.asked()
    rig.fail(ConnectionLost("plain", "no answer"))
    rig.asked()
    rig.answer(401, "no key")
    assert rig.answered.outcome is Outcome.UNKNOWN
    assert rig.answered.reason == "the order may exist, and the venue does not say: no key"


def test_an_order_of_which_nothing_shows_is_unknown_at_the_deadline() -> None:
    """Not guessed; and what comes later changes nothing."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=False)
    rig.asked()
    rig.fail(ConnectionLost("plain", "no answer"))
    rig.asked()
    rig.wait(TIMEOUT_NS)
    assert (rig.answered.outcome, rig.answered.reason) == (Outcome.UNKNOWN, TOO_LATE)
    rig.answer(200)
    assert len(rig.answers) == 1
    assert not rig.calls.to_send()


def test_an_order_that_may_exist_is_looked_for_first() -> None:
    """It is placed only when the venue has not shown it several times."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=True)
    for _ in range(3):
        assert rig.asked() == "GET /SOLUSD/mine-1"
        rig.answer(404)
        rig.wait(LAG_RETRY_NS)
    assert rig.asked() == "POST /SOLUSD/mine-1"
    rig.answer(200)
    assert rig.answered.outcome is Outcome.ACCEPTED


def test_an_order_that_exists_is_not_placed_again() -> None:
    """What was found is the answer."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=True)
    rig.asked()
    rig.answer(200, "filled")
    assert (rig.answered.outcome, rig.answered.venue_status) == (Outcome.ACCEPTED, "filled")
    assert not rig.calls.to_send()


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_an_order_that_may_exist_is_not_placed_while_the_venue_does_not_say(status: int) -> None:
    """A refused look is no proof that there is none."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=True)
    rig.asked()
    rig.answer(status)
    assert rig.answered.outcome is Outcome.UNKNOWN
    assert "may exist" in str(rig.answered.reason)
    assert not rig.calls.to_send()


def test_nothing_is_sent_after_the_deadline() -> None:
    """A process that stood still hears an answer before the timer that says it is too late."""
    rig = Rig()
    rig.desk.cancel(1, CANCEL, START_NS)
    rig.asked()
    rig.now_ns += TIMEOUT_NS
    rig.answer(400)
    assert rig.answered.outcome is Outcome.UNKNOWN
    assert not rig.calls.to_send()


def test_a_cancellation_is_answered() -> None:
    """With the order as it is then."""
    rig = Rig()
    rig.desk.cancel(1, CANCEL, START_NS)
    assert rig.asked() == "DELETE /SOLUSD/mine-1"
    rig.answer(200, "cancelled")
    assert (rig.answered.outcome, rig.answered.venue_status) == (Outcome.ACCEPTED, "cancelled")


@pytest.mark.parametrize(
    ("status", "word", "outcome", "reason"),
    [
        (200, "cancelled", Outcome.ACCEPTED, None),
        (200, "filled", Outcome.REJECTED, "too late. The order is filled."),
        (404, "", Outcome.REJECTED, "too late."),
    ],
)
def test_a_refused_cancellation_is_explained_by_the_orders_state(
    status: int, word: str, outcome: Outcome, reason: str | None
) -> None:
    """Who asks twice has what he wanted; whoever comes too late learns why."""
    rig = Rig()
    rig.desk.cancel(1, CANCEL, START_NS)
    rig.asked()
    rig.answer(400, "too late.")
    rig.asked()
    rig.answer(status, word)
    assert (rig.answered.outcome, rig.answered.reason) == (outcome, reason)


def test_a_lost_answer_to_a_cancellation_leaves_it_unknown() -> None:
    """It may have been cancelled or not; its events will tell."""
    rig = Rig()
    rig.desk.cancel(1, CANCEL, START_NS)
    rig.asked()
    rig.fail(ConnectionLost("plain", "no answer"))
    assert (rig.answered.outcome, rig.answered.reason) == (Outcome.UNKNOWN, "no answer")


def test_what_cannot_be_sent_is_refused_at_once() -> None:
    """A pair that is not listed, and one request more than may wait."""
    rig = Rig(max_pending=1)
    rig.desk.cancel(1, CancelRequest(pair="ABC-USD", order_id="1"), START_NS)
    assert "ABC-USD is not listed" in str(rig.answered.reason)
    rig.answers.clear()
    rig.desk.place(2, ORDER, START_NS, may_exist=False)
    rig.desk.place(3, ORDER, START_NS, may_exist=False)
    assert rig.answers[0][0] == 3
    assert "1 requests wait" in str(rig.answered.reason)
    rig.asked()
    rig.answer(200)
    assert rig.answers[1][1].outcome is Outcome.ACCEPTED


def test_the_end_of_the_connection_answers_all() -> None:
    """Once each."""
    rig = Rig()
    rig.desk.place(1, ORDER, START_NS, may_exist=False)
    rig.asked()
    rig.desk.abandon("gone")
    assert (rig.answered.outcome, rig.answered.reason) == (Outcome.UNKNOWN, "gone")
    rig.answer(200)
    rig.wait(TIMEOUT_NS)
    assert len(rig.answers) == 1
