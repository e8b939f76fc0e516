"""The venue without its sockets: what ToyX adds to any other, names that are UUIDs."""

from fillwire.simulator.exchange.accounts import Account, ApiKey
from fillwire.simulator.exchange.ids import UuidIds
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.exchange.venue import Venue
from fillwire.simulator.settings import SimulatorSettings
from toyx.simulator.demo import DEMO


class ToyMarket(Venue):
    """Everything that requests act on."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.ids = UuidIds(settings.seed)
        super().__init__(settings.completed(DEMO), ids=self.ids)

    def find_key(self, api_key: object, secret: object) -> ApiKey | None:
        """Return the key of these two texts, None if there is none or it has been revoked."""
        key = self.keys.get(str(api_key))
        return None if key is None or key.is_revoked or key.settings.secret != secret else key

    def find_order(self, account: Account, order_id: str) -> Order | None:
        """Return the account's order of this id."""
        key = self.ids.find_order(order_id)
        return None if key is None else account.orders.get(key)

    def find_by_client_id(self, account: Account, client_id: str) -> Order | None:
        """Return the account's order of this client id, on whatever symbol."""
        found = (account.by_client_id.get((name, client_id)) for name in self.markets)
        return next((order for order in found if order is not None), None)
