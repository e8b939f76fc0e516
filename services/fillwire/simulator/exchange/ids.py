"""How a venue names what its engine counts: with the numbers themselves, or with UUIDs."""

from hashlib import blake2b
from random import Random
from uuid import UUID

_ID_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 22


class Ids:
    """Names that are the engine's numbers, which ascend within a symbol."""

    def order_id(self, symbol: str, number: int) -> int | str:
        """Return the name of an order."""
        del symbol
        return number

    def trade_id(self, symbol: str, order_number: int, number: int) -> int | str:
        """Return the name of a trade as the venue tells it to the owner of one of its two orders."""
        del symbol, order_number
        return number

    def make_client_id(self, random: Random) -> str:
        """Return a client order id for an order that was placed without."""
        return "".join(random.choices(_ID_ALPHABET, k=_ID_LENGTH))


class UuidIds(Ids):
    """Names that are UUIDs, made from a seed and the engine's numbers; orders are found again by them."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._orders: dict[str, tuple[str, int]] = {}

    def order_id(self, symbol: str, number: int) -> str:
        """Return the UUID of an order."""
        name = self.name("order", symbol, number)
        self._orders[name] = (symbol, number)
        return name

    def trade_id(self, symbol: str, order_number: int, number: int) -> str:
        """Return the UUID of an execution: each side of a trade has one of its own."""
        return self.name("execution", symbol, order_number, number)

    def make_client_id(self, random: Random) -> str:
        """Return a random UUID."""
        return str(UUID(int=random.getrandbits(128), version=4))

    def name(self, *facts: object) -> str:
        """Return a UUID that is a pure function of the seed and the facts."""
        digest = blake2b(repr((self._seed, *facts)).encode(), digest_size=16).digest()
        return str(UUID(bytes=digest, version=4))

    def find_order(self, name: str) -> tuple[str, int] | None:
        """Return symbol and number of an order that has been named, None if no order has this name."""
        return self._orders.get(name)
