"""The venue without its sockets: what Coinbase Exchange adds to any other, its names, its tapes, keys and limits."""

from collections.abc import Mapping
from random import Random
from typing import cast

from fillwire.domain.errors import ConfigError
from fillwire.simulator.coinbase_exchange.demo import DEMO
from fillwire.simulator.coinbase_exchange.facts import Names
from fillwire.simulator.coinbase_exchange.signatures import HmacVerifier
from fillwire.simulator.coinbase_exchange.tape import Tape
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.symbols import SymbolRules
from fillwire.simulator.exchange.tallies import Tallies
from fillwire.simulator.exchange.units import product
from fillwire.simulator.exchange.venue import Venue
from fillwire.simulator.settings import KeySettings, SimulatorSettings
from fillwire.simulator.token_buckets import TokenBuckets

PRIVATE_PER_S, PRIVATE_BURST = 15, 30
FILLS_PER_S, FILLS_BURST = 10, 20
PUBLIC_PER_S, PUBLIC_BURST = 10, 15
CONNECTIONS_PER_S, CONNECTIONS_BURST = 8, 20


class Credentials:
    """Secret and passphrase of a key; where one text holds both, the passphrase stands after a colon.

    Raises:
        ConfigError: the secret is not base64, or there is no passphrase.
    """

    def __init__(self, settings: KeySettings) -> None:
        secret, _, passphrase = (settings.secret or "").partition(":")
        self.passphrase = settings.passphrase or passphrase
        if not secret or not self.passphrase:
            raise ConfigError(f"key {settings.api_key[:4]}… needs a secret and a passphrase")
        self.verifier = HmacVerifier(secret)


class ExchangeVenue(Venue):
    """Everything that requests act on.

    Attributes:
        credentials: what proves that a request is a key owner's, by the key.
        tallies: sums over the executions of each order.
        private: limit of requests per profile.
        fills: limit of questions for fills per profile.
        public: limit of requests per address.
        handshakes: limit of connections per address.

    Raises:
        ConfigError: the settings contradict themselves.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.names = Names(settings.seed)

        def make_tape(rules: SymbolRules, random: Random) -> Market:
            return Tape(rules, random, self.names)

        super().__init__(settings.completed(DEMO), ids=self.names, make_market=make_tape)
        for account in self.accounts.values():
            account.pays_in_other_asset = True  # the quote currency, also for what is bought
        self.credentials = {name: Credentials(key.settings) for name, key in self.keys.items()}
        self.tallies = Tallies()
        self.private = TokenBuckets(PRIVATE_PER_S, PRIVATE_BURST)
        self.fills = TokenBuckets(FILLS_PER_S, FILLS_BURST)
        self.public = TokenBuckets(PUBLIC_PER_S, PUBLIC_BURST)
        self.handshakes = TokenBuckets(CONNECTIONS_PER_S, CONNECTIONS_BURST)

    def wipe(self) -> None:
        """Forget all orders and trades, restore the balances, and let ids begin anew."""
        super().wipe()
        self.tallies.clear()

    @property
    def tapes(self) -> Mapping[str, Tape]:
        """All markets by product."""
        return cast("Mapping[str, Tape]", self.markets)

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
