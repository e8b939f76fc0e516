"""What this venue alone knows of orders and accounts: what was asked for besides price and size, and all their names."""

from dataclasses import dataclass
from random import Random

from fillwire.simulator.coinbase_exchange.messages import Identity
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.ids import Ids, UuidIds
from fillwire.simulator.exchange.orders import Order

_USER_ID_DIGITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was asked for with an order.

    Attributes:
        client_oid: the client's own id, empty if it sent none.
        time_in_force: GTC, GTT, IOC or FOK.
        stp: dc, co, cn or cb.
        stop: loss or entry, empty for an order that is no stop order.
        funds: amount in the quote currency by which it was placed, 0 if it was placed by size.
        expires_us: when a GTT order ends, 0 for others.
        asked_us: when the request arrived.
    """

    client_oid: str
    time_in_force: str = "GTC"
    stp: str = "dc"
    is_post_only: bool = False
    stop: str = ""
    funds: int = 0
    expires_us: int = 0
    asked_us: int = 0


def facts_of(order: Order) -> Facts:
    """Return what was asked for with an order; one that the simulator made has its engine's client id."""
    return order.facts if isinstance(order.facts, Facts) else Facts(client_oid=order.client_order_id)


class Names(Ids):
    """Orders and accounts have UUIDs; a trade has the number that the engine counts, unique in its product."""

    def __init__(self, seed: int) -> None:
        self._uuids = UuidIds(seed)
        self._identities: dict[Account, Identity] = {}

    def order_id(self, symbol: str, number: int) -> str:
        """Return the UUID of an order."""
        return self._uuids.order_id(symbol, number)

    def find_order(self, name: str) -> tuple[str, int] | None:
        """Return symbol and number of an order that has been named, None if no order has this name."""
        return self._uuids.find_order(name)

    def make_client_id(self, random: Random) -> str:
        """Return a client id for an order that the simulator makes."""
        return self._uuids.make_client_id(random)

    def identity(self, account: Account) -> Identity:
        """Return who an account is: a user id of 24 hexadecimal digits and the UUID of its profile."""
        identity = self._identities.get(account)
        if identity is None:
            user_id = self._uuids.name("user", account.user).replace("-", "")[:_USER_ID_DIGITS]
            identity = Identity(user_id, self._uuids.name("profile", account.user))
            self._identities[account] = identity
        return identity

    def account_id(self, account: Account, asset: str) -> str:
        """Return the UUID of an account's ledger in one currency."""
        return self._uuids.name("account", account.user, asset)

    def rejected_id(self, client_order_id: str) -> str:
        """Return the UUID of an order that was rejected at once."""
        return self._uuids.name("rejected", client_order_id)

    def stranger_id(self, symbol: str, trade_id: int) -> str:
        """Return the UUID of an order of somebody who is not simulated and trades once."""
        return self._uuids.name("stranger", symbol, trade_id)
