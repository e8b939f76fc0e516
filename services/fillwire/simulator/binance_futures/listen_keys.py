"""The keys of the user data streams: one of an account, valid for an hour, shared by all who listen to it."""

from dataclasses import dataclass
from random import Random

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.clock import VenueClock

LIFE_S = 3600
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LENGTH = 64
_US = 1_000_000


@dataclass(slots=True)
class ListenKey:
    """One key.

    Attributes:
        expires_us: when it ends, by the venue's clock, unless it is kept alive.
    """

    text: str
    account: Account
    expires_us: int


class ListenKeys:
    """All keys that were given out; those that have ended are known, and lead nowhere."""

    def __init__(self, clock: VenueClock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._current: dict[Account, ListenKey] = {}

    def issue(self, account: Account) -> ListenKey:
        """Return the account's key, a new one if it has none, with an hour to live."""
        return self.keep(account) or self._make(account)

    def keep(self, account: Account) -> ListenKey | None:
        """Give the account's key another hour and return it; None if it has none."""
        key = self.current(account)
        if key is not None:
            key.expires_us = self._clock.now_us() + LIFE_S * _US
        return key

    def current(self, account: Account) -> ListenKey | None:
        """Return the account's key that is valid now, None if it has none."""
        key = self._current.get(account)
        return key if key is not None and self._clock.now_us() < key.expires_us else None

    def end(self, account: Account) -> ListenKey | None:
        """End the account's key and return it; None if it has none."""
        return self._current.pop(account, None)

    def find(self, text: str) -> ListenKey | None:
        """Return a valid key by its text."""
        valid = (self.current(account) for account in self._current)
        return next((key for key in valid if key is not None and key.text == text), None)

    def overdue(self) -> list[ListenKey]:
        """Return the keys whose hour is over and that nobody has ended yet."""
        now_us = self._clock.now_us()
        return [key for key in self._current.values() if key.expires_us <= now_us]

    def _make(self, account: Account) -> ListenKey:
        text = "".join(self._random.choices(_ALPHABET, k=_LENGTH))
        key = ListenKey(text, account, self._clock.now_us() + LIFE_S * _US)
        self._current[account] = key
        return key
