"""The keys of the accounts, read again while one is missing or refused: a mounted secret may have been replaced."""

import asyncio
from collections.abc import Callable, Mapping

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings import AccountSettings, Settings
from fillwire.venues.venue import VenueKey

_log = get_log(__name__)


def venue_key(settings: AccountSettings) -> VenueKey:
    """Return the key as the venue takes it."""
    secret = settings.private_key or settings.secret
    return VenueKey(
        api_key=settings.api_key.get_secret_value(),
        secret="" if secret is None else secret.get_secret_value(),
        passphrase=None if settings.passphrase is None else settings.passphrase.get_secret_value(),
    )


class Keys:
    """The keys for one exchange.

    Args:
        settings: as the process was started with.
        exchange: which exchange.
        load: reads the settings anew.
    """

    def __init__(self, settings: Settings, exchange: str, load: Callable[[], Settings]) -> None:
        self._exchange = exchange
        self._load = load
        self._keys = self._read(settings)

    def _read(self, settings: Settings) -> Mapping[Account, VenueKey]:
        return {
            entry.account: venue_key(entry) for entry in settings.accounts if entry.exchange == self._exchange
        }

    @property
    def accounts(self) -> frozenset[Account]:
        """The accounts for which there is a key."""
        return frozenset(self._keys)

    def get(self, account: Account) -> VenueKey | None:
        """Return the account's key, None if there is none."""
        return self._keys.get(account)

    async def reload(self) -> None:
        """Read the settings again; what cannot be read leaves the keys as they are."""
        try:
            self._keys = self._read(await asyncio.to_thread(self._load))
        except ConfigError as error:
            _log.warning("keys_not_read", error=error)
