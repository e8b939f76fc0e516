"""A strategy that says which orders should be open, and has them open: whatever was lost, repeated or interrupted.

After each event the orders that should be open (`state`) are compared with those that are, and what is missing is placed,
what is not wanted is cancelled. The client order id of each follows from the plan, not from the moment: asked twice, the
gateway places once. After a start, and whenever the account was brought in step with the venue, the venue's own list of
open orders decides.
"""

from abc import abstractmethod
from functools import partial

from fillwire.domain.errors import ConfigError, FillwireError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.orders import Outcome, TradeOrder
from fillwire.domain.rules import PairRules
from fillwire.runtime.logs import get_log
from fillwire.sdk.strategy import Strategy
from fillwire.strategies.books import Books
from fillwire.strategies.folding import Folding
from fillwire.strategies.standing import S, Standing, is_as_wanted, pause_s
from fillwire.strategies.state import OrderState, Terms, Wanted
from fillwire.strategies.steps import Step

_log = get_log(__name__)

_LOOK_AFTER_S = 2.0  # an order that the venue does not list may have ended a moment ago
_EVENTS_AFTER_S = 30.0  # so long the log may be behind the venue's word, while it is said to be in step


class OrderKeeper(Strategy):
    """Base of strategies that keep a set of orders open on one pair.

    Attributes:
        pair: which.
        state: orders and books; None until log and venue have been read.
    """

    pair: str = ""
    state: OrderState | None = None

    def __init__(self, pair: str, name: str) -> None:
        self.name = name
        self.pair = pair
        self.pairs = (pair,)
        self._standings: dict[str, Standing] = {}
        self._folding: Folding | None = None
        self._is_in_step = False
        self._must_compare = False
        self._is_begun = False
        self._failures = 0

    @abstractmethod
    def _make_state(self, rules: PairRules, epoch: int) -> OrderState:
        """Return the state of the plan as it begins.

        Raises:
            ConfigError: the venue's rules do not allow the plan.
        """

    @property
    def books(self) -> Books:
        """What the bot has and has earned.

        Raises:
            RuntimeError: the bot has not read its log yet.
        """
        if self.state is None:
            raise RuntimeError(
                f"bot {self.name} has no books yet: expected to be asked once it has read its log"
            )
        return self.state.books

    # ---- callbacks

    async def on_start(self) -> None:
        """Read log and venue, then place what should be open; without gateway or broker, try again later.

        Raises:
            ConfigError: the venue's rules do not allow what the bot is to do.
        """
        await self._work()

    async def on_wake(self) -> None:
        """Do what was put off."""
        try:
            await self._work()
        except ConfigError as error:  # at a start without a gateway the venue's rules were not known
            _log.error("bot_refused", bot=self.name, error=error)

    async def on_fill(self, order: OrderEvent) -> None:
        """Take an execution into the books and place what follows from it."""
        await self._take(order)

    async def on_order_accepted(self, order: OrderEvent) -> None:
        """Note that an order is open."""
        await self._take(order)

    async def on_order_replaced(self, order: OrderEvent) -> None:
        """Note that somebody has amended an order."""
        await self._take(order)

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Note the end of an order whose last execution was told before."""
        if order.last_fill is None:
            await self._take(order)

    async def on_order_cancelled(self, order: OrderEvent) -> None:
        """Place again what somebody else has cancelled."""
        await self._take(order)

    async def on_order_expired(self, order: OrderEvent) -> None:
        """Place again what the venue has ended."""
        await self._take(order)

    async def on_order_rejected(self, order: OrderEvent) -> None:
        """Place again, later, what the venue has refused."""
        await self._take(order)

    async def on_websocket_disconnected(self, connection: ConnectionEvent) -> None:  # noqa: ARG002 - that it is lost is enough
        """Conclude nothing from silence until the account is in step again."""
        self._is_in_step = False

    async def on_reconciled(self, connection: ConnectionEvent) -> None:  # noqa: ARG002 - that it is in step is enough
        """Compare the open orders with the venue's."""
        self._is_in_step = self._must_compare = True
        await self._work()

    # ---- beginning

    async def _work(self) -> None:
        """Go on where the bot stands; what cannot be done now is done later."""
        try:
            if self.state is None:
                self.state = await self._read()
                self._must_compare = True
            if self._must_compare:
                await self._compare(self.state)
                self._must_compare, self._is_begun = False, True
            self._failures = 0
        except ConfigError:
            raise
        except FillwireError as error:
            self._failures += 1
            _log.warning("bot_waits", bot=self.name, error=error)
            self.wake_after(pause_s(self._failures))
            return
        await self._settle(self.state)
        await self._save_now_and_then(self.state)

    async def _read(self) -> OrderState:
        """Return the state as checkpoint and log tell it, the checkpoint renewed."""
        rules = await self.pair_rules(self.pair)
        self._folding = Folding(self, self.pair, partial(self._make_state, rules))
        state = await self._folding.read()
        self._tell(state)
        _log.info(
            "books_read",
            bot=self.name,
            executions=state.books.execution_count,
            base=state.books.base,
            quote=state.books.quote,
        )
        return state

    async def _save_now_and_then(self, state: OrderState) -> None:
        if self._folding is not None:
            self.wake_after(await self._folding.renew(state.books.execution_count))

    # ---- events

    async def _take(self, event: OrderEvent) -> None:
        state, folding = self.state, self._folding
        if state is None or (folding is not None and folding.has_in_hand()):
            return  # it is, or will be, in what was read of the log
        if not state.take(event):
            return
        self._tell(state)
        step = state.ids.step_of(event.client_order_id)
        if step is not None and event.kind.is_terminal:
            self._note_end(step, event)
        if not self._is_begun:  # what is open has yet to be seen
            return
        await self._settle(state)
        await self._save_now_and_then(state)

    def _note_end(self, step: Step, event: OrderEvent) -> None:
        """Put off the next order of a slot whose order has ended by itself, so that nothing goes round in circles."""
        standing = self._standings.pop(step.slot, None)
        state = self.state
        if state is None or standing is None or standing.step != step:
            return
        if standing.is_cancelling or event.cumulative_quantity:
            return
        later = Standing(state.step(step.slot), failures=standing.failures)
        later.put_off(self.now_ns)
        self._standings[step.slot] = later

    def _tell(self, state: OrderState) -> None:
        for remark in state.remarks:
            _log.warning("books_differ", bot=self.name, reason=remark)
        state.remarks.clear()

    # ---- the venue's list

    async def _compare(self, state: OrderState) -> None:
        """Compare what is believed to be open with what the venue says is; what differs is looked at.

        Raises:
            OrdersUnknown: the venue's list cannot be had.
        """
        listed: set[str] = set()
        for order in await self.open_orders(self.pair):
            step = state.ids.step_of(order.client_order_id)
            if not state.ids.is_planned(order.client_order_id):
                continue  # somebody placed it in the bot's name: it is in the books, and left alone
            if step is None or step.turn < state.slot(step.slot, step.cycle).turn:
                await self._cancel_stray(order)
                continue
            state.note_open(step, Terms.of(order))
            self._standing(state, step.slot).is_asked = False
            listed.add(step.slot)
        for name, slot in state.slots.items():
            standing = self._standing(state, name)
            if name in listed:
                standing.missed_ns = None
            elif slot.is_open and standing.missed_ns is None:
                standing.missed_ns = self.now_ns
                standing.due_ns = self.now_ns + int(_LOOK_AFTER_S * S)
        self._tell(state)

    async def _cancel_stray(self, order: TradeOrder) -> None:
        """Cancel an order that no slot wants: of another plan, or of a generation that is over."""
        _log.warning("order_astray", bot=self.name, client_order_id=order.client_order_id)
        await self.cancel_order(self.pair, order_id=order.order_id, client_order_id=order.client_order_id)

    # ---- what should be open

    async def _settle(self, state: OrderState) -> None:
        """Cancel what is not wanted and place what is missing; what cannot be done now is done later."""
        for name in list(state.slots):
            standing = self._standing(state, name)
            if standing.is_in_doubt and self._is_due(standing):
                await self._look(state, name, standing)
        wanted = {order.slot: order for order in state.wanted()}
        for name in list(state.slots):
            standing, is_open = self._standing(state, name), state.slots[name].is_open
            is_wanted = is_open and is_as_wanted(state.live(name), state, wanted.get(name))
            if is_open and not is_wanted and not standing.is_in_doubt and self._is_due(standing):
                await self._cancel(state, name, standing)
        for order in wanted.values():
            slot = state.slot(order.slot, order.cycle)
            standing = self._standing(state, order.slot)
            is_free = not slot.is_open and not standing.is_asked and slot.turn[0] == order.cycle
            if is_free and self._is_due(standing) and order.not_before_ns <= self.now_ns:
                await self._place(state, order, standing)
        self._wake_when_due(state, wanted)

    def _standing(self, state: OrderState, name: str) -> Standing:
        step = state.step(name)
        standing = self._standings.get(name)
        if standing is None or standing.step != step:
            standing = self._standings[name] = Standing(step)
        return standing

    def _is_due(self, standing: Standing) -> bool:
        return standing.due_ns <= self.now_ns

    def _put_off(self, standing: Standing) -> None:
        standing.put_off(self.now_ns)

    async def _place(self, state: OrderState, order: Wanted, standing: Standing) -> None:
        terms = order.terms
        standing.is_asked = True  # from the sending on, whatever interrupts it
        answer = await self.place_order(
            self.pair,
            terms.side,
            terms.quantity,
            price=terms.price,
            type=terms.type,
            client_order_id=state.ids.id_of(standing.step),
        )
        standing.is_asked = answer.outcome is Outcome.UNKNOWN
        if answer.outcome is Outcome.ACCEPTED:
            self._note_answer(state, standing, answer, terms)
            return
        self._put_off(standing)
        _log.warning(
            "order_not_placed",
            bot=self.name,
            outcome=answer.outcome,
            side=terms.side,
            quantity=terms.quantity,
            price=terms.price,
            reason=answer.reason,
        )

    def _note_answer(
        self, state: OrderState, standing: Standing, answer: TradeOrder, terms: Terms | None
    ) -> None:
        """Take note that the venue has, or had, an order; what it executed is told by events."""
        state.note_open(standing.step, Terms.of(answer) or terms)
        standing.due_ns, standing.missed_ns = 0, None
        if answer.kind is not None and answer.kind.is_terminal:  # then its events are on their way
            standing.missed_ns = self.now_ns
            standing.due_ns = self.now_ns + int(_LOOK_AFTER_S * S)

    async def _cancel(self, state: OrderState, name: str, standing: Standing) -> None:
        answer = await self.cancel_order(self.pair, client_order_id=state.ids.id_of(standing.step))
        standing.due_ns = self.now_ns + int(_LOOK_AFTER_S * S)
        if answer.outcome is not Outcome.REJECTED:
            standing.is_cancelling = True
        if answer.outcome is Outcome.ACCEPTED:
            return
        _log.info(
            "order_not_cancelled", bot=self.name, slot=name, outcome=answer.outcome, reason=answer.reason
        )
        standing.missed_ns = self.now_ns  # it may have ended already: look

    async def _look(self, state: OrderState, name: str, standing: Standing) -> None:
        """Ask for an order of which nobody knows whether the venue has it."""
        answer = await self.get_order(self.pair, client_order_id=state.ids.id_of(standing.step))
        if answer.outcome is Outcome.UNKNOWN:
            self._put_off(standing)
            return
        is_known = answer.outcome is Outcome.ACCEPTED
        if is_known and (answer.kind is None or not answer.kind.is_terminal):
            standing.is_asked = False
            self._note_answer(state, standing, answer, state.slots[name].terms)
        elif standing.is_asked and not is_known:
            standing.is_asked = False  # it never was: place it again, under the same id
            standing.missed_ns = None
        else:
            await self._wait_for_events(state, standing, answer if is_known else None)

    async def _wait_for_events(self, state: OrderState, standing: Standing, word: TradeOrder | None) -> None:
        """Wait for the log to tell the end that the venue tells; take the venue's word if it never does."""
        standing.is_asked = False
        if word is not None:
            state.note_open(standing.step, Terms.of(word))
        if standing.missed_ns is None:
            standing.missed_ns = self.now_ns
        if not self._is_in_step or self.now_ns < standing.missed_ns + int(_EVENTS_AFTER_S * S):
            self._put_off(standing)
            return
        try:
            await self._read_again(state)
        except FillwireError as error:
            _log.warning("log_not_read", bot=self.name, error=error)
            self._put_off(standing)
            return
        if state.step(standing.step.slot) == standing.step:
            await self._settle_by(word, standing, state)
        self._tell(state)

    async def _settle_by(self, word: TradeOrder | None, standing: Standing, state: OrderState) -> None:
        """Take the venue's word, into the checkpoint first: the log will never tell it, and what follows builds on it."""
        step, terms, now_ns = standing.step, state.slots[standing.step.slot].terms, self.now_ns

        def settle(either: OrderState) -> None:
            either.note_open(step, terms)
            either.take_word(step, word, now_ns)

        try:
            if self._folding is not None:
                await self._folding.fold(settle)
        except FillwireError as error:
            _log.warning("checkpoint_not_saved", bot=self.name, error=error)
            self._put_off(standing)
            return
        settle(state)

    async def _read_again(self, state: OrderState) -> None:
        after = 0 if self._folding is None else self._folding.read_sequence
        for event in (await self.read_own_log(self.pair, after=after)).events:
            state.take(event)

    def _wake_when_due(self, state: OrderState, wanted: dict[str, Wanted]) -> None:
        """Be woken for the next thing that was put off."""
        due_ns = [
            max(standing.due_ns, 0 if name not in wanted else wanted[name].not_before_ns)
            for name, standing in self._standings.items()
            if name in state.slots
            and standing.step == state.step(name)
            and self._has_something_to_do(state, name, standing, wanted.get(name))
        ]
        if due_ns:
            self.wake_after(max(0, min(due_ns) - self.now_ns) / S)

    @staticmethod
    def _has_something_to_do(state: OrderState, name: str, standing: Standing, order: Wanted | None) -> bool:
        if standing.is_in_doubt:
            return True
        if state.slots[name].is_open:
            return not is_as_wanted(state.live(name), state, order)
        return order is not None
