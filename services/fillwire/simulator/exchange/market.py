"""One symbol while trading: its book, its counters and its last price."""

from random import Random
from typing import TYPE_CHECKING

from fillwire.simulator.exchange.book import Book
from fillwire.simulator.exchange.symbols import SymbolRules

if TYPE_CHECKING:
    from fillwire.simulator.exchange.orders import Order

_GAP_TABLE = 1_024
FIRST_ORDER_ID = 12_569_000_000
FIRST_TRADE_ID = 1_650_000_000
FIRST_EXECUTION_ID = 25_600_000_000


class Market:
    """State of one symbol. Ids ascend within it; gaps stand for the orders of everybody else.

    Attributes:
        last_price: price of the last trade, in units.
        stops: orders that wait for their stop price, oldest first, by order id.
    """

    def __init__(self, rules: SymbolRules, random: Random) -> None:
        self.rules = rules
        self.name = rules.name
        self.assets = (rules.base, rules.quote)
        self.book = Book()
        self.last_price = rules.first_price
        self.stops: dict[int, Order] = {}
        self._execution_gaps = [random.choice((1, 1, 1, 2, 2, 3, 5)) for _ in range(_GAP_TABLE)]
        self._step = 0
        self._order_id = self._trade_id = self._execution_id = self._prevented_match_id = 0
        self.wipe(random)

    def wipe(self, random: Random) -> None:
        """Forget all orders and begin to count anew, as the venue's testnet does."""
        self.book = Book()
        self.stops.clear()
        self._order_id = FIRST_ORDER_ID + random.randrange(1_000_000)
        self._trade_id = FIRST_TRADE_ID + random.randrange(1_000_000)
        self._execution_id = FIRST_EXECUTION_ID + random.randrange(1_000_000)
        self._prevented_match_id = -1

    @property
    def last_execution_id(self) -> int:
        """Id of the latest execution report."""
        return self._execution_id

    @property
    def last_trade_id(self) -> int:
        """Id of the latest trade."""
        return self._trade_id

    def begin_step(self) -> None:
        """Let some time pass between two matching steps: others have acted in it."""
        self._step = (self._step + 1) % _GAP_TABLE
        gap = self._execution_gaps[self._step]
        self._execution_id += gap
        self._trade_id += gap >> 1

    def next_order_id(self) -> int:
        """Return the id of the next order."""
        self._order_id += 1
        return self._order_id

    def next_trade_id(self) -> int:
        """Return the id of the next trade."""
        self._trade_id += 1
        return self._trade_id

    def next_execution_id(self) -> int:
        """Return the id of the next execution report, of whomsoever."""
        self._execution_id += 1
        return self._execution_id

    def next_prevented_match_id(self) -> int:
        """Return the id of the next match that self-trade prevention stops."""
        self._prevented_match_id += 1
        return self._prevented_match_id

    # What happens to anybody's order, the house's too, told in the order of the engine. Most venues show an account
    # its own orders alone, and have nothing to do here.

    def note_stop(self, order: "Order", time_us: int) -> None:
        """Note an order that waits for its stop price."""

    def note_accepted(self, order: "Order", time_us: int) -> None:
        """Note an order that begins to match."""

    def note_resting(self, order: "Order", time_us: int) -> None:
        """Note an order that goes on the book."""

    def note_trade(
        self, taker: "Order | None", maker: "Order", quantity: int, trade_id: int, time_us: int
    ) -> None:
        """Note a trade at the maker's price; no taker stands for somebody who is not simulated."""

    def note_reduced(self, order: "Order", by: int, time_us: int) -> None:
        """Note an order of which self-trade prevention took a part, and not all."""

    def note_replaced(self, order: "Order", price: int, remaining: int, time_us: int) -> None:
        """Note an order on the book whose price or size was changed, with what they were until then."""

    def note_ended(self, order: "Order", remaining: int, time_us: int) -> None:
        """Note an order that ends otherwise than by a trade, with what was open of it until then."""
