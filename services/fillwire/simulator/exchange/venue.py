"""A venue without its sockets: markets, accounts, keys and clock."""

from collections.abc import Callable
from random import Random

from fillwire.domain.errors import ConfigError
from fillwire.simulator.exchange.accounts import FIRST_UID, Account, ApiKey, make_account
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.exchange.commissions import in_received_asset
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.house import House
from fillwire.simulator.exchange.ids import Ids
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.symbols import SymbolRules, make_rules
from fillwire.simulator.settings import SimulatorSettings, merge_accounts


class Venue:
    """Everything that requests act on.

    Args:
        settings: with accounts and symbols.
        clock: the venue's, made from the settings if not given.
        make_market: makes the market of a symbol.
        ids: how orders and trades are named.
        on_first_fill: called with account and liquidity when an order fills for the first time.

    Raises:
        ConfigError: the settings contradict themselves.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        *,
        clock: VenueClock | None = None,
        ids: Ids | None = None,
        make_market: Callable[[SymbolRules, Random], Market] = Market,
        on_first_fill: Callable[[Account, bool], None] = lambda _account, _is_maker: None,
    ) -> None:
        self.settings = settings
        self.random = Random(settings.seed)
        self.clock = clock or VenueClock(settings.skew_ms)
        rules = [make_rules(symbol) for symbol in settings.symbols]
        self.markets = {rule.name: make_market(rule, self.random) for rule in rules}
        self.engine = Engine(
            self.markets,
            self.clock,
            self.random,
            ids=ids,
            commission=self.commission,
            on_first_fill=on_first_fill,
        )
        self.house = House(self.engine, self.random)
        self.accounts: dict[str, Account] = {}
        self.keys: dict[str, ApiKey] = {}
        for index, account in enumerate(merge_accounts(settings.accounts)):
            self._add_account(make_account(account, FIRST_UID + index))
        self.query_lag_us = 0
        self.set_query_lag(settings.query_lag_s)

    def _add_account(self, account: Account) -> None:
        self.accounts[account.user] = account
        for key in account.keys:
            if key.api_key in self.keys:
                raise ConfigError(
                    f"account {account.user}: key {key.api_key[:4]}… belongs to another key or account"
                )
            self.keys[key.api_key] = key

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
        return in_received_asset(
            account, market, is_buy=is_buy, quantity=quantity, quote=quote, is_maker=is_maker
        )

    def set_query_lag(self, seconds: float) -> None:
        """Let order and trade queries show the venue as it was some seconds ago."""
        self.query_lag_us = int(seconds * 1_000_000)
        self.engine.matcher.keeps_history = self.query_lag_us > 0

    def wipe(self) -> None:
        """Forget all orders and trades, restore the balances, and let ids begin anew."""
        for market in self.markets.values():
            market.wipe(self.random)
        for settings in merge_accounts(self.settings.accounts):
            self.accounts[settings.user].wipe(make_account(settings, 0))
        self.house.requote_all()
