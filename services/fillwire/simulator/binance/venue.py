"""The venue without its sockets: what Binance adds to any other, its limits and its commissions."""

from fillwire.simulator.binance.commissions import commission
from fillwire.simulator.binance.demo import DEMO
from fillwire.simulator.binance.limits import Limits
from fillwire.simulator.binance.signatures import Verifier, make_verifier
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.venue import Venue
from fillwire.simulator.settings import SimulatorSettings


class BinanceVenue(Venue):
    """Everything that requests act on.

    Attributes:
        verifiers: what checks the signatures of a key, by the key.

    Raises:
        ConfigError: the settings contradict themselves.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        clock = VenueClock(settings.skew_ms)
        self.limits = Limits(settings.limits, clock)
        super().__init__(settings.completed(DEMO), clock=clock, on_first_fill=self.limits.first_fill)
        self.verifiers: dict[str, Verifier] = {
            name: make_verifier(key.settings) for name, key in self.keys.items()
        }

    def commission(  # noqa: PLR0913 - the facts of one fill
        self,
        account: Account,
        market: Market,
        *,
        is_buy: bool,
        quantity: int,
        quote: int,
        is_maker: bool,
    ) -> tuple[int, str | None]:
        """Return the commission of one fill in units, and its asset; (0, None) for an account that pays none."""
        return commission(
            self.markets, account, market, is_buy=is_buy, quantity=quantity, quote=quote, is_maker=is_maker
        )
