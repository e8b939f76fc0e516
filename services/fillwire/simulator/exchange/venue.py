"""The venue without its sockets: markets, accounts, keys, clock and limits."""

from random import Random

from fillwire.domain.errors import ConfigError
from fillwire.simulator.exchange.accounts import FIRST_UID, Account, ApiKey, make_account
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.house import House
from fillwire.simulator.binance.limits import Limits
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.symbols import make_rules
from fillwire.simulator.settings import SimulatorSettings, merge_accounts


class Venue:
    """Everything that requests act on.

    Raises:
        ConfigError: the settings contradict themselves.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.random = Random(settings.seed)
        self.clock = VenueClock(settings.skew_ms)
        self.limits = Limits(settings.limits, self.clock)
        rules = [make_rules(symbol) for symbol in settings.symbols]
        self.markets = {rule.name: Market(rule, self.random) for rule in rules}
        self.engine = Engine(self.markets, self.clock, self.random, self.limits.first_fill)
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

    def set_query_lag(self, seconds: float) -> None:
        """Let order and trade queries show the venue as it was some seconds ago."""
        self.query_lag_us = int(seconds * 1_000_000)
        self.engine.matcher.keeps_history = self.query_lag_us > 0

    def wipe(self) -> None:
        """Forget all orders and trades, restore the balances, and let ids begin anew, as the testnet does monthly."""
        for market in self.markets.values():
            market.wipe(self.random)
        for settings in merge_accounts(self.settings.accounts):
            self.accounts[settings.user].wipe(make_account(settings, 0))
        self.house.requote_all()
