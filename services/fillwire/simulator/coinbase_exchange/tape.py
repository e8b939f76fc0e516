"""A market that tells everything that happens on it: each message has its number, whosever order it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from fillwire.simulator.coinbase_exchange import messages
from fillwire.simulator.coinbase_exchange.facts import Facts, Names, facts_of
from fillwire.simulator.coinbase_exchange.messages import Place
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.exchange.symbols import SymbolRules
from fillwire.simulator.texts import plain_text

TIME_IS_UP = "TIME_IS_UP"
"""Why the engine ended an order that was good till a time."""
_FIRST_SEQUENCE = 5_641_000_000
_CANCEL_REASONS = {
    ("EXPIRED_IN_MATCH", ""): messages.SELF_TRADE_PREVENTION,
    ("EXPIRED", "INSUFFICIENT_LIQUIDITY"): messages.INSUFFICIENT_LIQUIDITY,
    ("EXPIRED", "REJECTED"): messages.INSUFFICIENT_FUNDS,
    ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED"): messages.TIME_IN_FORCE,
    ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED"): messages.TIME_IN_FORCE,
    ("EXPIRED", TIME_IS_UP): messages.TIME_IN_FORCE,
}
"""By status and reason of the engine; a cancel that the owner asked for has none."""


@dataclass(frozen=True, slots=True)
class View:
    """What one account sees more of a message that is about its order.

    Attributes:
        row: row of its execution log, -1 if the message tells no execution.
    """

    account: Account
    members: dict[str, Any]
    row: int = -1


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a product's feed.

    Attributes:
        document: what everybody sees of it.
        views: what the owners of its orders see more.
        is_private: whether nobody else sees it.
    """

    product: str
    document: dict[str, Any]
    views: tuple[View, ...]
    is_private: bool = False

    @property
    def kind(self) -> str:
        """The venue's name of it."""
        return str(self.document["type"])


class Tape(Market):
    """A market of which everything is told, in numbers without a gap.

    Attributes:
        is_watched: whether somebody hears of orders that are not his own; if not, those are only counted.
        pending: messages that have not been published.
        sequence: number of the latest message.
        last_trade: the message of the latest trade as everybody sees it, None before the first.
    """

    def __init__(self, rules: SymbolRules, random: Random, names: Names) -> None:
        self.sequence = 0
        self.is_watched = False
        self.pending: list[Message] = []
        self.last_trade: dict[str, Any] | None = None
        self._names = names
        super().__init__(rules, random)

    def wipe(self, random: Random) -> None:
        """Forget all orders and begin to count anew."""
        super().wipe(random)
        self.sequence = _FIRST_SEQUENCE + random.randrange(1_000_000)
        self.pending.clear()
        self.last_trade = None

    def begin_step(self) -> None:
        """Leave no gap for others: their orders are shown."""

    def _id(self, order: Order) -> str:
        return self._names.order_id(self.name, order.order_id)

    def _tell(
        self,
        make: Callable[[Place], dict[str, Any]],
        time_us: int,
        orders: tuple[Order, ...],
        view: Callable[[Order, Facts], View],
    ) -> None:
        """Give a message the next number, and keep it if anybody is there to hear it."""
        self.sequence += 1
        owned = [order for order in orders if not order.account.is_house]
        if not owned and not self.is_watched:
            return
        place = Place(product=self.name, time_us=time_us, sequence=self.sequence)
        views = tuple(view(order, facts_of(order)) for order in owned)
        self.pending.append(Message(self.name, make(place), views))

    def _own(self, order: Order, _facts: Facts) -> View:
        return View(order.account, self._names.identity(order.account).fields())

    # What happens to orders

    def note_stop(self, order: Order, time_us: int) -> None:
        """Tell its owner, and nobody else, of a stop order."""
        facts = facts_of(order)
        document = messages.activated(
            product=self.name,
            time_us=time_us,
            order_id=self._id(order),
            stop_type=facts.stop,
            is_buy=order.is_buy,
            stop_price=order.stop_price,
            size=order.quantity,
            funds=order.locked if order.is_buy else 0,
        )
        self.pending.append(Message(self.name, document, (self._own(order, facts),), is_private=True))

    def note_accepted(self, order: Order, time_us: int) -> None:
        """Tell of an order that begins to match."""

        def make(place: Place) -> dict[str, Any]:
            return messages.received(
                place,
                self._id(order),
                is_buy=order.is_buy,
                size=0 if order.quote_quantity else order.quantity,
                price=order.price,
                funds=order.quote_quantity or self._limit_of_funds(order),
            )

        def view(owned: Order, facts: Facts) -> View:
            own = self._own(owned, facts)
            return View(own.account, own.members | {"client_oid": facts.client_oid})

        self._tell(make, time_us, (order,), view)

    def _limit_of_funds(self, order: Order) -> int:
        """Return what a purchase at market may cost at most: all that the account has."""
        if order.price or not order.is_buy:
            return 0
        return order.account.balances[self.rules.quote].free + order.locked

    def note_resting(self, order: Order, time_us: int) -> None:
        """Tell of an order that rests."""
        self._tell(
            lambda place: messages.opened(
                place, self._id(order), is_buy=order.is_buy, price=order.price, remaining=order.remaining
            ),
            time_us,
            (order,),
            self._own,
        )

    def note_trade(
        self, taker: Order | None, maker: Order, quantity: int, trade_id: int, time_us: int
    ) -> None:
        """Tell of a trade, and of the orders that it completes."""
        taker_id = self._names.stranger_id(self.name, trade_id) if taker is None else self._id(taker)
        if taker is None:
            self._tell_stranger_arrives(taker_id, not maker.is_buy, quantity, time_us)
        price = maker.price

        def make(place: Place) -> dict[str, Any]:
            document = messages.matched(
                place,
                trade_id=trade_id,
                maker_order_id=self._id(maker),
                taker_order_id=taker_id,
                maker_is_buy=maker.is_buy,
                size=quantity,
                price=price,
            )
            self.last_trade = document
            return document

        def view(owned: Order, _facts: Facts) -> View:
            account = owned.account
            identity = self._names.identity(account)
            members = (
                identity.maker_fields(plain_text(account.maker_rate))
                if owned is maker
                else identity.taker_fields(plain_text(account.taker_rate))
            )
            return View(account, members, owned.rows[-1])

        self._tell(make, time_us, (maker,) if taker is None else (maker, taker), view)
        if not maker.is_open:
            self._tell_done(maker, 0, time_us)
        if taker is None:
            self._tell_stranger_leaves(taker_id, not maker.is_buy, time_us)
        elif not taker.is_open:
            self._tell_done(taker, 0, time_us)

    def _tell_stranger_arrives(self, order_id: str, is_buy: bool, size: int, time_us: int) -> None:
        self._tell(
            lambda place: messages.received(place, order_id, is_buy=is_buy, size=size, price=0),
            time_us,
            (),
            self._own,
        )

    def _tell_stranger_leaves(self, order_id: str, is_buy: bool, time_us: int) -> None:
        self._tell(
            lambda place: messages.done(place, order_id, is_buy=is_buy, is_filled=True, price=0, remaining=0),
            time_us,
            (),
            self._own,
        )

    def note_reduced(self, order: Order, by: int, time_us: int) -> None:
        """Tell of an order that self-trade prevention made smaller."""
        self._tell(
            lambda place: messages.decremented(
                place,
                self._id(order),
                is_buy=order.is_buy,
                price=order.price,
                old_size=order.remaining + by,
                new_size=order.remaining,
            ),
            time_us,
            (order,),
            self._own,
        )

    def note_replaced(self, order: Order, price: int, remaining: int, time_us: int) -> None:
        """Tell of an order that its owner changed."""
        self._tell(
            lambda place: messages.modified(
                place,
                self._id(order),
                is_buy=order.is_buy,
                old_price=price,
                new_price=order.price,
                old_size=remaining,
                new_size=order.remaining,
            ),
            time_us,
            (order,),
            self._own,
        )

    def note_ended(self, order: Order, remaining: int, time_us: int) -> None:
        """Tell of an order that ended with something left of it."""
        self._tell_done(order, remaining, time_us)

    def _tell_done(self, order: Order, remaining: int, time_us: int) -> None:
        reason = _CANCEL_REASONS.get((order.status, order.expiry_reason))

        def view(owned: Order, facts: Facts) -> View:
            own = self._own(owned, facts)
            return own if reason is None else View(own.account, own.members | {"cancel_reason": reason})

        self._tell(
            lambda place: messages.done(
                place,
                self._id(order),
                is_buy=order.is_buy,
                is_filled=order.status == "FILLED",
                price=order.price,
                remaining=remaining,
            ),
            time_us,
            (order,),
            view,
        )
