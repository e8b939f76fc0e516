"""With what one account asks its venue: its key, and what it shares with the other accounts of its environment."""

import asyncio
from collections.abc import Callable

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.polling import POLLING_SHARE
from fillwire.gateway.surroundings import Environment
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import AsksWithKey, Venue, VenueAccount, VenueKey


class Access:
    """One account's way to its venue.

    Args:
        account: whose.
        venue: which protocol it speaks.
        find: returns what the accounts of the environment share; may raise `ConfigError`.
        key: the account's key, None if there is none.
        on_found: told of the environment, once, when it is first needed.

    Attributes:
        key: what is asked and connected with, None if there is none.
        offered: the account's key as its files say now. It takes the place of `key` when a connection made with it receives,
            or when there is none that could be lost.
        environment: None before it is first needed.
    """

    def __init__(
        self,
        account: Account,
        venue: Venue,
        find: Callable[[], Environment],
        key: VenueKey | None,
        on_found: Callable[[Environment], None],
    ) -> None:
        self.key = key
        self.offered = key
        self.environment: Environment | None = None
        self._account = account
        self._venue = venue
        self._find = find
        self._on_found = on_found
        self._key_changed = asyncio.Event()

    def offer(self, key: VenueKey | None) -> None:
        """Note the account's key as it is now, None if there is none any more."""
        if key != self.offered:
            self.offered = key
            self._key_changed.set()

    def take(self) -> None:
        """Use the key that is offered."""
        self.key = self.offered

    async def other_key(self, key: VenueKey | None) -> None:
        """Wait until the account is offered another key than this."""
        while self.offered == key:
            self._key_changed.clear()
            await self._key_changed.wait()

    @property
    def clock_offset_ns(self) -> int | None:
        """Venue clock minus ours, in nanoseconds; None before it was measured."""
        return None if self.environment is None else self.environment.reference.clock_offset_ns

    def found(self) -> Environment:
        """Return the environment, found if it has not been yet; raises what `find` does."""
        if self.environment is None:
            self.environment = self._find()
            self._on_found(self.environment)
        return self.environment

    def keyed(self) -> VenueAccount:
        """Return the account with the key in use.

        Raises:
            ConfigError: there is no key, or none of this venue.
        """
        venue_account = self.with_key(self.key)
        if isinstance(venue_account, AsksWithKey):
            self.found().reference.with_key = venue_account.with_key
        return venue_account

    def with_key(self, key: VenueKey | None) -> VenueAccount:
        """Return the account with this key, which is to be tried; raises as `keyed`."""
        if key is None:
            raise ConfigError(f"no key for {self._account}: expected one in accounts or in credentialsDir")
        return self._venue.account(self._account, key, self.found().endpoints)

    async def records(self) -> tuple[Inquiry, SymbolTable]:
        """Return what can be asked of the account's records, with the share of the budget that can wait, and the symbols.

        Raises:
            VenueError: the venue does not answer, or refuses the key.
            ConfigError: as `keyed`.
        """
        venue_account = self.keyed()
        environment = self.found()
        symbols = await environment.reference.ready()
        return environment.inquiry(venue_account, POLLING_SHARE), symbols
