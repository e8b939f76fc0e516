"""What a bot's own orders have come to, as a pure function of their events: no clock, no network, the same after every restart.

Each event may be told any number of times: an execution counts once, by the quantity that its order had executed after it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import orjson

from fillwire.domain.amounts import difference, product
from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import TradeOrder
from fillwire.strategies.books import Books, Execution
from fillwire.strategies.known import Executed, KnownOrders, restored
from fillwire.strategies.steps import GENERATIONS, Step, StepIds
from fillwire.wire.decimals import decimal_text

_ZERO = Decimal(0)
_RECENT = 256  # ended orders of the plan of which a late execution is still counted
_OTHERS = 1024  # ended orders that are of no step of it; what is told of an unknown one counts anew


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order asks for; without a price it takes the market's."""

    side: Side
    quantity: Decimal
    price: Decimal | None
    type: OrderType

    @classmethod
    def of(cls, order: OrderEvent | TradeOrder) -> Self | None:
        """Return the terms of an order, None where the venue does not say all of them."""
        if order.side is None or order.quantity is None or order.type is None:
            return None
        return cls(order.side, order.quantity, order.price, order.type)

    def ask_the_same(self, other: "Terms") -> bool:
        """Return whether both ask for the same trade; venues have words of their own for the type."""
        return (self.side, self.quantity, self.price) == (other.side, other.quantity, other.price)


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order that should be open, in which slot, and not before when."""

    slot: str
    cycle: int
    terms: Terms
    not_before_ns: int = 0


@dataclass(slots=True)
class Slot:
    """Where one order after the other has its place.

    Attributes:
        turn: cycle and generation of the order that is here, or is to come next.
        is_open: whether the venue is known to have it.
        terms: what it asks for, None while that is not known.
        executed: of this order.
    """

    turn: tuple[int, int]
    is_open: bool
    terms: Terms | None
    executed: Executed

    @classmethod
    def at(cls, cycle: int, generation: int) -> Self:
        """Return a slot whose order is to come."""
        return cls((cycle, generation), is_open=False, terms=None, executed=Executed())


class OrderState(ABC):
    """The orders of one plan of a bot, its books, and which orders should be open.

    Attributes:
        ids: client order ids of the plan.
        books: of the bot, over all of its plans.
        slots: by name.
        remarks: what was found to be otherwise than expected, for a person; whoever logs them empties the list.
    """

    def __init__(self, ids: StepIds, books: Books) -> None:
        self.ids = ids
        self.books = books
        self.slots: dict[str, Slot] = {}
        self.remarks: list[str] = []
        self._past = KnownOrders(ended=_RECENT)  # orders of the plan that are in no slot any more
        self._others = KnownOrders(ended=_OTHERS)  # orders by hand, and of the bot's other plans
        # Client order ids of amended orders, to those that they were placed with.
        self._names: dict[str, str] = {}

    # ---- what a plan says

    @abstractmethod
    def wanted(self) -> Iterable[Wanted]:
        """Return the orders that should be open, in the order in which they are to be placed."""

    @abstractmethod
    def _executed(self, step: Step, execution: Execution) -> None:
        """Take note of an execution of the plan; the books have it already."""

    @abstractmethod
    def _ended(self, step: Step, kind: Kind, terms: Terms | None, time_ns: int) -> None:
        """Take note of the end of an order of the plan; its executions were told."""

    @abstractmethod
    def _document(self) -> Any:
        """Return the plan's own state as JSON can hold it."""

    @abstractmethod
    def _restore(self, document: Any) -> None:
        """Take over what `_document` returned."""

    # ---- the orders

    def slot(self, name: str, cycle: int = 0) -> Slot:
        """Return a slot as it is in a cycle; in one that begins it is empty, once no order of an earlier one is open."""
        slot = self.slots.setdefault(name, Slot.at(cycle, 0))
        if slot.turn[0] < cycle and not slot.is_open:
            self._begin(Step(name, cycle, 0), slot)
        return slot

    def step(self, name: str) -> Step:
        """Return which order is in a slot, or is to come next."""
        return Step(name, *self.slots[name].turn)

    def live(self, name: str) -> Terms | None:
        """Return the terms of a slot's order if the venue has it, None if not."""
        slot = self.slots.get(name)
        return slot.terms if slot is not None and slot.is_open else None

    def cycle_of(self, name: str) -> int:
        """Return in which cycle a slot is."""
        slot = self.slots.get(name)
        return 0 if slot is None else slot.turn[0]

    def has_live(self) -> bool:
        """Return whether the venue has any order of the plan."""
        return any(slot.is_open for slot in self.slots.values())

    # ---- events

    def take(self, event: OrderEvent) -> bool:
        """Take note of an event; return False if it is of an order of somebody else."""
        client_order_id = event.client_order_id
        if client_order_id is not None:
            client_order_id = self._names.get(client_order_id, client_order_id)
        if client_order_id is None or not self.ids.is_own(client_order_id):
            return False
        step = self.ids.step_of(client_order_id)
        slot = (
            None if step is None else self.slots.setdefault(step.slot, Slot.at(step.cycle, step.generation))
        )
        if step is None or slot is None or step.turn < slot.turn:
            self._take_other(client_order_id, step, event)
            return True
        if step.turn > slot.turn:
            self._begin(step, slot)
        slot.terms = Terms.of(event) or slot.terms
        for execution in self._executions(event, slot.executed):
            self.books.take(execution)
            self._executed(step, execution)
        if event.kind is Kind.REPLACED and event.new_client_order_id not in {None, client_order_id}:
            self._names[str(event.new_client_order_id)] = client_order_id
        if event.kind.is_terminal:
            self._end(step, slot, event.kind, event.transaction_time_ns)
        else:
            slot.is_open = True
        return True

    def note_open(self, step: Step, terms: Terms | None) -> None:
        """Take note that the venue has an order."""
        slot = self.slots.setdefault(step.slot, Slot.at(step.cycle, step.generation))
        if step.turn > slot.turn:
            self._begin(step, slot)
        if step.turn == slot.turn:
            slot.is_open, slot.terms = True, terms or slot.terms

    def take_word(self, step: Step, order: TradeOrder | None, time_ns: int) -> None:
        """Take the venue's word for the end of an order of which the log does not tell it; None: it knows of none."""
        slot = self.slots[step.slot]
        if step.turn != slot.turn:
            return
        kind = Kind.CANCELLED
        if order is not None and order.kind is not None and order.kind.is_terminal:
            kind = order.kind
        if order is not None and order.cumulative_quantity is not None and slot.terms is not None:
            missing = difference(order.cumulative_quantity, slot.executed.quantity)
            if missing > 0:
                quote = self._missing_quote(order.cumulative_quote, slot.terms.price, missing, slot.executed)
                self._take_missing(step, slot, missing, quote, time_ns)
        self.remarks.append(f"order {self.ids.id_of(step)} has ended ({kind}) by the venue's word alone")
        self._end(step, slot, kind, time_ns)

    def _take_missing(self, step: Step, slot: Slot, quantity: Decimal, quote: Decimal, time_ns: int) -> None:
        assert slot.terms is not None  # noqa: S101 - asked before
        execution = Execution(
            side=slot.terms.side, quantity=quantity, quote=quote, fee=None, fee_currency=None, time_ns=time_ns
        )
        slot.executed.add(quantity, quote)
        self.books.take(execution)
        self._executed(step, execution)

    def _begin(self, step: Step, slot: Slot) -> None:
        """Go on to a later order of a slot: the end of the one before was not told."""
        if slot.is_open:
            self.remarks.append(
                f"the end of order {self.ids.id_of(Step(step.slot, *slot.turn))} was not told"
            )
        self._past.note_end(self.ids.id_of(Step(step.slot, *slot.turn)), slot.executed)
        slot.turn, slot.is_open, slot.terms, slot.executed = step.turn, False, None, Executed()

    def _end(self, step: Step, slot: Slot, kind: Kind, time_ns: int) -> None:
        terms = slot.terms
        self._past.note_end(self.ids.id_of(step), slot.executed)
        full = step.generation + 1 == GENERATIONS
        slot.turn = (step.cycle + 1, 0) if full else (step.cycle, step.generation + 1)
        slot.is_open, slot.terms, slot.executed = False, None, Executed()
        self._ended(step, kind, terms, time_ns)

    def _take_other(self, client_order_id: str, step: Step | None, event: OrderEvent) -> None:
        """Take note of an event of an order that has ended here, or is of another plan of the bot."""
        known = self._past if step is not None else self._others
        executed = known.find(client_order_id)
        if executed is None:
            if step is not None:  # long ago: it was counted then
                return
            executed = known.note_open(client_order_id, Executed())
        for execution in self._executions(event, executed):
            self.books.take(execution)
            if step is not None:
                self._executed(step, execution)
        if event.kind.is_terminal:
            known.note_end(client_order_id, executed)

    def _executions(self, event: OrderEvent, executed: Executed) -> list[Execution]:
        """Return what an event tells of executions beyond those that are known, and count them as known."""
        found: list[Execution] = []
        fill, known = event.last_fill, executed.quantity
        if event.cumulative_quantity <= known:
            return found
        told = None if fill is None else Execution.of(event.side, fill, event.transaction_time_ns)
        missing = difference(event.cumulative_quantity, known)
        if told is not None and told.quantity <= missing:
            missing = difference(missing, told.quantity)
            found.append(told)
            executed.add(told.quantity, told.quote)
        if missing > 0:
            quote = self._missing_quote(event.cumulative_quote, event.price, missing, executed)
            self.remarks.append(
                f"{decimal_text(missing)} of order {event.client_order_id} was executed before what the log tells"
            )
            found.insert(
                0,
                Execution(
                    side=event.side,
                    quantity=missing,
                    quote=quote,
                    fee=None,
                    fee_currency=None,
                    time_ns=event.transaction_time_ns,
                ),
            )
            executed.add(missing, quote)
        return found

    @staticmethod
    def _missing_quote(
        cumulative: Decimal | None, price: Decimal | None, missing: Decimal, executed: Executed
    ) -> Decimal:
        if cumulative is not None:
            return difference(cumulative, executed.quote)
        return _ZERO if price is None else product(price, missing)

    # ---- checkpoint

    def encode(self) -> bytes:
        """Return the state as bytes; see `resume`."""
        return orjson.dumps(
            {
                "plan": self.ids.plan,
                "epoch": self.ids.epoch,
                "slots": {name: _slot_document(slot) for name, slot in self.slots.items()},
                "recent": self._past.document()["ended"],
                "others": self._others.document(),
                "names": self._names,
                "books": self.books.document(),
                "state": self._document(),
            }
        )

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take over what was encoded of the same plan."""
        self._restore_orders(document)
        self.slots = {name: _restored_slot(entry) for name, entry in document["slots"].items()}
        self._restore(document["state"])

    def inherit(self, document: Mapping[str, Any]) -> None:
        """Take over what was encoded of another plan of the bot: its books, and what is known of its orders."""
        self._restore_orders(document)
        ids = StepIds(self.ids.bot, document["plan"], document["epoch"])
        for name, entry in document["slots"].items():
            slot = _restored_slot(entry)
            if slot.is_open:
                self._others.note_open(ids.id_of(Step(name, *slot.turn)), slot.executed)

    def _restore_orders(self, document: Mapping[str, Any]) -> None:
        self.books.restore(document["books"])
        self._names = dict(document["names"])
        for name, executed in restored(document["recent"]):
            known = self._others if self.ids.step_of(name) is None else self._past
            known.note_end(name, executed)
        self._others.restore(document.get("others", {}))


def resume(make: Callable[[int], OrderState], data: bytes, fresh: int) -> OrderState:
    """Return the state that a checkpoint stands for; of another plan, a new one that has its books.

    Args:
        make: makes the state of the plan as it begins, in an epoch.
        data: what `encode` returned.
        fresh: the epoch of a plan that begins.
    """
    document = orjson.loads(data)
    state = make(document["epoch"])
    if state.ids.plan == document["plan"]:
        state.restore(document)
        return state
    state = make(fresh)
    state.inherit(document)
    return state


def _slot_document(slot: Slot) -> list[Any]:
    terms = slot.terms
    return [
        *slot.turn,
        slot.is_open,
        *slot.executed.document(),
        None
        if terms is None
        else [
            terms.side,
            decimal_text(terms.quantity),
            None if terms.price is None else decimal_text(terms.price),
            terms.type,
        ],
    ]


def _restored_slot(entry: list[Any]) -> Slot:
    cycle, generation, is_open, quantity, quote, terms = entry
    return Slot(
        (cycle, generation),
        is_open=is_open,
        terms=None
        if terms is None
        else Terms(
            Side(terms[0]),
            Decimal(terms[1]),
            None if terms[2] is None else Decimal(terms[2]),
            OrderType(terms[3]),
        ),
        executed=Executed(Decimal(quantity), Decimal(quote)),
    )
