"""The venue's own market maker: quotes around a price, and moves it at random or on command."""

from random import Random

from fillwire.simulator.exchange.accounts import AccountEvent
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.units import SCALE

LEVELS = 10
_NOTIONAL_RANGE = (20_000, 200_000)
_SPACING_PARTS = 10_000


class House:
    """Quotes a ladder on both sides of every market, and refills it before others act.

    Args:
        engine: where it trades; its account there has no limits.
        random: decides quantities and price steps.
    """

    def __init__(self, engine: Engine, random: Random) -> None:
        self._engine = engine
        self._random = random
        self._quotes: dict[str, list[Order]] = {name: [] for name in engine.markets}
        self._price = {name: market.last_price for name, market in engine.markets.items()}
        self.requote_all()

    def requote_all(self) -> None:
        """Quote the full ladder on every market; for empty books, where nobody trades with it."""
        for market in self._engine.markets.values():
            self._quotes[market.name].clear()
            self._requote(market)

    def refresh(self, market: Market) -> list[AccountEvent]:
        """Quote the full ladder again if somebody has taken of it."""
        quotes = self._quotes[market.name]
        if quotes and all(order.executed == 0 and order.is_open for order in quotes):
            return []
        return self._requote(market)

    def move(self, market: Market, price: int) -> list[AccountEvent]:
        """Move the market to a price: everybody in between trades, stops trigger, the ladder follows."""
        rules = market.rules
        price = max(rules.tick, price - price % rules.tick)
        name = rules.name
        self._price[name] = price
        events = self._withdraw(market)
        for is_buy in (False, True):
            side = market.book.opposite(is_buy=is_buy)
            quantity = 0
            for order in side:
                if order.price < price if not is_buy else order.price > price:
                    break
                quantity += order.remaining
            if quantity:
                events += self._place(
                    market, is_buy=is_buy, price=price, quantity=quantity, time_in_force="IOC"
                )[1]
        market.last_price = price
        events += self._engine.trigger_stops(market)
        events += self._requote(market)
        return events

    def wander(self, market: Market, step_bps: float) -> list[AccountEvent]:
        """Move the market by one random step of the given standard deviation, in basis points."""
        price = self._price[market.name]
        parts = round(self._random.gauss(0.0, step_bps) * 1_000)
        return self.move(market, price + price * parts // 10_000_000)

    def _requote(self, market: Market) -> list[AccountEvent]:
        events = self._withdraw(market)
        rules = market.rules
        price = self._price[rules.name]
        spacing = max(rules.tick, price // _SPACING_PARTS // rules.tick * rules.tick)
        quotes = self._quotes[rules.name]
        scale = self._scale(rules.quote)
        for level in range(LEVELS):
            offset = rules.tick + level * spacing
            notional = self._random.randrange(*_NOTIONAL_RANGE) * SCALE
            quantity = max(rules.step, notional * scale // price // rules.step * rules.step)
            for is_buy in (True, False):
                quote_price = price - offset if is_buy else price + offset
                if quote_price <= 0:
                    continue
                order, caused = self._place(
                    market, is_buy=is_buy, price=quote_price, quantity=quantity, time_in_force="GTC"
                )
                quotes.append(order)
                events += caused
        return events

    def _scale(self, quote: str) -> int:
        """Return units of the quote asset that are worth one unit of the ladder's notional."""
        market = next((each for each in self._engine.markets.values() if each.rules.base == quote), None)
        return SCALE if market is None else SCALE * SCALE // market.last_price

    def _withdraw(self, market: Market) -> list[AccountEvent]:
        quotes = self._quotes[market.name]
        events: list[AccountEvent] = []
        for order in quotes:
            if order.is_open:
                events += self._engine.cancel(order, order.client_order_id)
        quotes.clear()
        return events

    def _place(
        self, market: Market, *, is_buy: bool, price: int, quantity: int, time_in_force: str
    ) -> tuple[Order, list[AccountEvent]]:
        ticket = Ticket(
            market=market,
            is_buy=is_buy,
            type="LIMIT",
            time_in_force=time_in_force,
            quantity=quantity,
            quote_quantity=0,
            price=price,
            stop_price=0,
            client_order_id="house",
            stp_mode="EXPIRE_MAKER",
        )
        return self._engine.place(self._engine.house, ticket)
