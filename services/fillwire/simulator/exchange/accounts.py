"""Accounts of the venue: keys, balances, orders, executions, and who listens."""

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from fillwire.domain.errors import ConfigError
from fillwire.simulator.exchange.ledger import ExecutionLog
from fillwire.simulator.exchange.orders import Order, OrderList, PreventedMatch
from fillwire.simulator.exchange.units import SCALE, parse_units
from fillwire.simulator.settings import AccountSettings, KeySettings

if TYPE_CHECKING:
    from fillwire.simulator.exchange.connections import Subscription

FIRST_UID = 354_937_868


class ApiKey:
    """One API key of an account.

    Attributes:
        settings: what proves that a request is the key owner's.
        is_revoked: whether it has been deleted or lost its permissions.
    """

    def __init__(self, account: "Account", settings: KeySettings) -> None:
        self.account = account
        self.api_key = settings.api_key
        self.settings = settings
        self.is_revoked = False


class Balance:
    """Amounts of one asset, in units."""

    __slots__ = ("free", "locked")

    def __init__(self, free: int = 0) -> None:
        self.free = free
        self.locked = 0


class Account:
    """One account.

    Attributes:
        is_house: whether it is the venue's own market maker, which has no limits and no stream.
        maker_rate: commission rate of maker fills, in units.
        taker_rate: commission rate of taker fills, in units.
        pays_in_other_asset: whether commissions may be taken in another asset than the received one.
        may_trade: whether the venue takes orders of it.
        orders: every order since the start, by symbol and order id.
        by_client_id: the latest order that went by a client id, by symbol and client id.
        open_orders: orders that may still execute, by symbol and order id, oldest first.
    """

    def __init__(self, user: str, uid: int, *, is_house: bool = False) -> None:
        self.user = user
        self.uid = uid
        self.is_house = is_house
        self.keys: list[ApiKey] = []
        self.balances: defaultdict[str, Balance] = defaultdict(Balance)
        self.maker_rate = 0
        self.taker_rate = 0
        self.pays_in_other_asset = False
        self.may_trade = True
        self.updated_us = 0
        self.orders: dict[tuple[str, int], Order] = {}
        self.by_client_id: dict[tuple[str, str], Order] = {}
        self.open_orders: dict[tuple[str, int], Order] = {}
        self.order_lists: dict[int, OrderList] = {}
        self.prevented_matches: list[PreventedMatch] = []
        self.executions = ExecutionLog()
        self.subscriptions: list[Subscription] = []

    def wipe(self, fresh: "Account") -> None:
        """Forget all orders and executions, and take over the balances of a fresh account; keys and listeners stay."""
        self.balances = fresh.balances
        self.orders.clear()
        self.by_client_id.clear()
        self.open_orders.clear()
        self.order_lists.clear()
        self.prevented_matches.clear()
        self.executions = ExecutionLog()

    def open_orders_of(self, symbol: str) -> list[Order]:
        """Return the open orders on a symbol, oldest first."""
        return [order for order in self.open_orders.values() if order.market.rules.name == symbol]

    def orders_of(self, symbol: str) -> list[Order]:
        """Return all orders on a symbol, oldest first."""
        return [order for order in self.orders.values() if order.market.rules.name == symbol]


def make_account(settings: AccountSettings, uid: int) -> Account:
    """Return an account as configured.

    Raises:
        ConfigError: an amount or a rate is no decimal string.
    """
    account = Account(settings.user, uid)
    try:
        for asset, amount in (settings.balances or {}).items():
            account.balances[asset].free = parse_units(amount)
        account.maker_rate = int(Decimal(settings.maker_rate or 0) * SCALE)
        account.taker_rate = int(Decimal(settings.taker_rate or 0) * SCALE)
    except (ValueError, ArithmeticError) as error:
        raise ConfigError(f"account {settings.user}: {error}") from error
    account.pays_in_other_asset = settings.pays_in_bnb
    for key in settings.keys:
        account.keys.append(ApiKey(account, key))
    return account


class AccountEvent(Protocol):
    """What the engine tells one account's subscribers: see `reports`."""

    @property
    def account(self) -> Account:
        """Whose event it is."""

    @property
    def row(self) -> int:
        """Row of the account's execution log, -1 if the event is no execution."""
