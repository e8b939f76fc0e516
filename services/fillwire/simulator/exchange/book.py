"""The resting orders of one symbol, by price and then by time."""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator

from fillwire.simulator.exchange.orders import Order


class BookSide:
    """One side of a book. Prices ascend in `_prices`; the best is the last bid or the first ask."""

    def __init__(self, *, is_bid: bool) -> None:
        self._is_bid = is_bid
        self._prices: list[int] = []
        self._levels: dict[int, OrderedDict[int, Order]] = {}

    def add(self, order: Order) -> None:
        """Put an order behind those of the same price."""
        level = self._levels.get(order.price)
        if level is None:
            level = self._levels[order.price] = OrderedDict()
            insort(self._prices, order.price)
        level[order.order_id] = order

    def remove(self, order: Order) -> None:
        """Take an order off; does nothing if it is not on the book."""
        level = self._levels.get(order.price)
        if level is None or level.pop(order.order_id, None) is None or level:
            return
        del self._levels[order.price]
        del self._prices[bisect_left(self._prices, order.price)]

    def best(self) -> Order | None:
        """Return the order that trades next, None if there is none."""
        if not self._prices:
            return None
        return next(iter(self._levels[self._prices[-1 if self._is_bid else 0]].values()))

    def __iter__(self) -> Iterator[Order]:
        """Yield the orders as they would trade: best price first, then oldest."""
        for price in reversed(self._prices) if self._is_bid else self._prices:
            yield from self._levels[price].values()

    def depth(self, limit: int) -> list[tuple[int, int]]:
        """Return price and quantity of the best `limit` levels."""
        prices = self._prices[-limit:][::-1] if self._is_bid else self._prices[:limit]
        return [(price, sum(order.remaining for order in self._levels[price].values())) for price in prices]


class Book:
    """Both sides of one symbol's book."""

    def __init__(self) -> None:
        self.bids = BookSide(is_bid=True)
        self.asks = BookSide(is_bid=False)

    def own(self, *, is_buy: bool) -> BookSide:
        """Return the side on which an order of this direction rests."""
        return self.bids if is_buy else self.asks

    def opposite(self, *, is_buy: bool) -> BookSide:
        """Return the side with which an order of this direction trades."""
        return self.asks if is_buy else self.bids
