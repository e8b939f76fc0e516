"""The venue without its sockets: what USD-M Futures adds to any other venue of Binance.

Margin is not simulated: an account may sell what it has of the base asset, and its position is by how much that differs
from the beginning.
"""

from dataclasses import replace
from random import Random
from typing import Any

from fillwire.simulator.binance.limits import Limit, Limits
from fillwire.simulator.binance.signatures import make_verifier
from fillwire.simulator.binance.venue import BinanceVenue
from fillwire.simulator.binance_futures.demo import DEMO
from fillwire.simulator.binance_futures.listen_keys import ListenKeys
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.exchange.ids import Ids
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.units import product
from fillwire.simulator.exchange.venue import Venue
from fillwire.simulator.settings import LimitSettings, SimulatorSettings

ORDER_ID_OFFSET = 8_389_765_000_000_000_000
"""Order ids are beyond what a double can hold, as the venue's are for some symbols."""
_WEIGHT_PER_MINUTE = 2400
_ORDERS_PER_MINUTE = 1200
_ORDERS_PER_10_SECONDS = 300


class FuturesIds(Ids):
    """Order ids above 2^53."""

    def order_id(self, symbol: str, number: int) -> int:
        """Return the id of an order."""
        del symbol
        return ORDER_ID_OFFSET + number


class FuturesLimits(Limits):
    """Limits of USD-M Futures: orders are counted when they are placed, and nothing is given back."""

    def __init__(self, settings: LimitSettings, clock: VenueClock) -> None:
        if settings == LimitSettings():
            settings = replace(
                settings,
                weight_per_minute=_WEIGHT_PER_MINUTE,
                orders_per_10_seconds=_ORDERS_PER_10_SECONDS,
            )
        super().__init__(settings, clock)
        self.orders = (
            Limit("ORDERS", "SECOND", 10, settings.orders_per_10_seconds),
            Limit("ORDERS", "MINUTE", 1, max(_ORDERS_PER_MINUTE, settings.orders_per_10_seconds)),
        )

    def document(self) -> list[dict[str, Any]]:
        """Return the limits as `exchangeInfo` shows them."""
        return [limit.document() for limit in (self.weight, *self.orders)]


class FuturesVenue(BinanceVenue):
    """Everything that requests act on.

    Attributes:
        listen_keys: the keys of the streams.
        first_amounts: what each account had of each asset in the beginning, by user and asset.

    Raises:
        ConfigError: the settings contradict themselves.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        clock = VenueClock(settings.skew_ms)
        self.limits = FuturesLimits(settings.limits, clock)
        self.first_amounts: dict[tuple[str, str], int] = {}
        Venue.__init__(self, settings.completed(DEMO), clock=clock, ids=FuturesIds())
        self.listen_keys = ListenKeys(clock, Random(settings.seed))
        self.verifiers = {name: make_verifier(key.settings) for name, key in self.keys.items()}

    def _add_account(self, account: Account) -> None:
        super()._add_account(account)
        account.pays_in_other_asset = True  # commissions are never taken in the base asset
        for asset, balance in account.balances.items():
            self.first_amounts[account.user, asset] = balance.free

    def position(self, account: Account, asset: str) -> int:
        """Return the account's position in an asset, in units; negative for a short one."""
        balance = account.balances[asset]
        return balance.free + balance.locked - self.first_amounts.get((account.user, asset), 0)

    def commission(  # noqa: PLR0913 - the facts of one fill
        self,
        account: Account,
        market: Market,
        *,
        is_buy: bool,  # noqa: ARG002 - buyer and seller pay alike
        quantity: int,  # noqa: ARG002 - the amount decides
        quote: int,
        is_maker: bool,
    ) -> tuple[int, str | None]:
        """Return the commission of one fill in units, negative for a rebate, and its asset, which is the quote asset."""
        rate = account.maker_rate if is_maker else account.taker_rate
        if rate == 0:
            return 0, None
        sign = -1 if rate < 0 else 1
        return sign * product(quote, abs(rate)), market.rules.quote
