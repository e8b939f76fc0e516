"""The venue without its sockets: what Coinbase Advanced Trade adds to any other, its names, keys, limits and lag."""

from fillwire.simulator.coinbase_advanced.demo import DEMO
from fillwire.simulator.coinbase_advanced.facts import Names
from fillwire.simulator.coinbase_advanced.tokens import TokenVerifier
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.tallies import Tallies
from fillwire.simulator.exchange.units import product
from fillwire.simulator.exchange.venue import Venue
from fillwire.simulator.settings import SimulatorSettings
from fillwire.simulator.token_buckets import TokenBuckets

PRIVATE_PER_S = 30
PUBLIC_PER_S = 10
CONNECTIONS_PER_S = 8
FILL_LAG_S = 2.0
"""After how long at most REST shows an execution, unless told otherwise."""
_SPREAD = 2_654_435_761


class AdvancedVenue(Venue):
    """Everything that requests act on.

    Attributes:
        verifiers: what checks the tokens of a key, by the key.
        private: limit of requests per user.
        public: limit of requests per address.
        handshakes: limit of connections per address.
        tallies: sums over the executions of each order.
        fill_lag_us: after how long at most REST shows an execution, in microseconds.

    Raises:
        ConfigError: the settings contradict themselves.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.names = Names(settings.seed)
        super().__init__(settings.completed(DEMO), ids=self.names)
        for account in self.accounts.values():
            account.pays_in_other_asset = True  # the quote currency, also for what is bought
        self.verifiers = {
            name: TokenVerifier(key.settings.public_key or "") for name, key in self.keys.items()
        }
        self.private = TokenBuckets(PRIVATE_PER_S, PRIVATE_PER_S)
        self.public = TokenBuckets(PUBLIC_PER_S, PUBLIC_PER_S)
        self.handshakes = TokenBuckets(CONNECTIONS_PER_S, CONNECTIONS_PER_S)
        self.tallies = Tallies()
        self.fill_lag_us = int(FILL_LAG_S * 1_000_000)

    def wipe(self) -> None:
        """Forget all orders and trades, restore the balances, and let ids begin anew."""
        super().wipe()
        self.tallies.clear()

    def set_fill_lag(self, seconds: float) -> None:
        """Let REST show each execution after a time of its own, between none and some seconds."""
        self.fill_lag_us = int(seconds * 1_000_000)

    def is_shown(self, account: Account, row: int, now_us: int) -> bool:
        """Return whether REST shows an execution: each has a lag of its own, so that a later one may come first."""
        lag_us = self.query_lag_us + (row * _SPREAD % 2**32) * self.fill_lag_us // 2**32
        return account.executions.time_us[row] + lag_us <= now_us

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
        """Return the commission of one fill in units, and the quote currency, in which it is always taken."""
        del is_buy, quantity
        rate = account.maker_rate if is_maker else account.taker_rate
        return (product(quote, rate), market.rules.quote) if rate else (0, None)
