"""What this venue alone knows of orders and accounts: configurations, and names that are all UUIDs."""

from collections.abc import Mapping
from dataclasses import dataclass

from fillwire.simulator.coinbase_advanced.configurations import Configuration
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.ids import UuidIds
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.texts import plain_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was asked for with an order.

    Attributes:
        quote_size: amount in the quote currency by which it was placed, 0 if it was placed by base size.
        edits: what it was changed to, oldest first, as REST shows it.
    """

    configuration: Configuration
    quote_size: int
    edits: tuple[Mapping[str, str], ...] = ()


def facts_of(order: Order) -> Facts:
    """Return what was asked for with an order; one that the simulator made is a limit order."""
    if isinstance(order.facts, Facts):
        return order.facts
    size, price = plain_text(order.quantity), plain_text(order.price)
    configuration = Configuration(
        type="LIMIT",
        time_in_force="GOOD_UNTIL_CANCELLED",
        base_size=size,
        quote_size="0",
        limit_price=price,
        stop_price="0",
        is_stop_down=False,
        is_post_only=False,
        ends_us=0,
        document={"limit_limit_gtc": {"base_size": size, "limit_price": price, "post_only": False}},
    )
    return Facts(configuration=configuration, quote_size=0)


class Names(UuidIds):
    """Orders, executions and accounts have UUIDs."""

    def user_id(self, account: Account) -> str:
        """Return the UUID of an account's user."""
        return self.name("user", account.user)

    def portfolio_id(self, account: Account) -> str:
        """Return the UUID of an account's portfolio."""
        return self.name("portfolio", account.user)

    def wallet_id(self, account: Account, asset: str) -> str:
        """Return the UUID of an account's wallet of one currency."""
        return self.name("wallet", account.user, asset)
