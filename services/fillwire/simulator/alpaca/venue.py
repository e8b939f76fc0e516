"""The venue without its sockets: what Alpaca adds to any other, its names, its hours and its manners."""

from dataclasses import dataclass

from fillwire.simulator.alpaca.demo import DEMO
from fillwire.simulator.alpaca.limits import Limits
from fillwire.simulator.alpaca.orders import SESSION_END, facts_of, is_crypto
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.ids import UuidIds
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.exchange.venue import Venue
from fillwire.simulator.settings import SimulatorSettings


@dataclass(slots=True)
class Manners:
    """What the documents leave open, or older servers did otherwise; may be changed while running.

    Attributes:
        is_old_format: whether messages lack `at` and `event_id`, as until 2022.
        shows_offsets: whether some times are those of New York, with their offset.
        skips_rows: whether a page of activities lacks those of the millisecond in which the page before ended.
        displaces: whether a second stream connection of an account ends the first instead of being refused.
        retention_s: for how long a connection that was lost without a close frame still counts, in seconds.
        activity_lag_s: executions appear in the activities within this time, in seconds.
    """

    is_old_format: bool = False
    shows_offsets: bool = False
    skips_rows: bool = False
    displaces: bool = False
    retention_s: float = 0.0
    activity_lag_s: float = 0.0


class AlpacaVenue(Venue):
    """Everything that requests act on.

    Attributes:
        is_open: whether equities are traded now; crypto always is.

    Raises:
        ConfigError: the settings contradict themselves.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.ids = UuidIds(settings.seed)
        super().__init__(settings.completed(DEMO), ids=self.ids)
        self.limits = Limits(settings.limits.requests_per_minute, self.clock)
        self.manners = Manners()
        self.is_open = True

    def is_tradable(self, market: Market) -> bool:
        """Return whether orders of a market are routed now."""
        return self.is_open or "/" in market.name

    def find_order(self, account: Account, order_id: str) -> Order | None:
        """Return the account's order of this id, None if it has none."""
        key = self.ids.find_order(order_id)
        return None if key is None else account.orders.get(key)

    def find_by_client_id(self, account: Account, client_order_id: str) -> Order | None:
        """Return the account's order of this client order id, on whatever symbol."""
        for name in self.markets:
            order = account.by_client_id.get((name, client_order_id))
            if order is not None:
                return order
        return None

    def set_session(self, *, is_open: bool) -> list[AccountEvent]:
        """Open or close the equities market: what has waited is routed, what was good for the day expires."""
        self.is_open = is_open
        events: list[AccountEvent] = []
        for account in self.accounts.values():
            for order in [each for each in account.open_orders.values() if not is_crypto(each)]:
                facts = facts_of(order)
                if is_open and facts.waits:
                    facts.waits = False
                    events += self.house.refresh(order.market)
                    events += self.engine.begin(order)
                elif not is_open and facts.time_in_force == "day" and not facts.waits:
                    events += self.engine.expire(order, SESSION_END)
        return events
