"""The keys of the accounts, read again when the files that hold them are replaced, as a mounted secret is."""

import asyncio
from collections.abc import Callable, Iterable

from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings import AccountSettings, AccountsRead, Settings, SettingsRefused
from fillwire.runtime.settings.stamps import Looks
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

    What cannot be read any more leaves the account's key as it was; `trouble` says so. An account that is not listed any
    more has no key.

    Args:
        settings: as the process was started with.
        exchange: which exchange.
        load: reads the accounts anew.
    """

    def __init__(self, settings: Settings, exchange: str, load: Callable[[], AccountsRead]) -> None:
        self._exchange = exchange
        self._load = load
        self._keys: dict[Account, VenueKey] = self._ours(settings.accounts)
        self._troubles: dict[Account, str] = {}
        self._looks = Looks()

    def _ours(self, accounts: Iterable[AccountSettings]) -> dict[Account, VenueKey]:
        return {entry.account: venue_key(entry) for entry in accounts if entry.exchange == self._exchange}

    @property
    def accounts(self) -> frozenset[Account]:
        """The accounts for which there is a key."""
        return frozenset(self._keys)

    def get(self, account: Account) -> VenueKey | None:
        """Return the account's key, None if there is none."""
        return self._keys.get(account)

    def trouble(self, account: Account) -> str | None:
        """Return why the account's key is not what its files say, None if it is."""
        return self._troubles.get(account)

    async def look(self, *, reads: bool = False) -> bool:
        """Read the keys again if one of their files has changed; return whether they were read.

        Args:
            reads: whether to read in any case.
        """
        if not await self._looks.is_due() and not reads:
            return False
        try:
            read = await asyncio.to_thread(self._load)
        except SettingsRefused as error:
            self._looks.note_read(error.stamps)
            _log.warning("keys_not_read", error=error)
            trouble = f"keys cannot be read, those read before stay in use: {str(error).splitlines()[0]}"
            self._troubles = dict.fromkeys(self._keys.keys() | self._troubles.keys(), trouble)
            return True
        self._looks.note_read(read.stamps)
        self._take(read)
        return True

    def _take(self, read: AccountsRead) -> None:
        before, keys = self._keys, self._ours(read.accounts)
        troubles: dict[Account, str] = {}
        for account, sentence in read.unusable.items():
            if account.exchange == self._exchange:
                kept = before.get(account)
                if kept is not None:
                    keys[account] = kept
                rest = "it has none" if kept is None else "the one read before stays in use"
                troubles[account] = f"the account's key cannot be read, {rest}: {sentence}"
        for account in (before.keys() | self._troubles.keys()) - keys.keys() - troubles.keys():
            troubles[account] = (
                "the account's key is gone: a connection that stands goes on, no other is made"
            )
        for account, sentence in troubles.items():
            if sentence != self._troubles.get(account):
                _log.warning("key_not_read", account=str(account), reason=sentence)
        self._keys, self._troubles = keys, troubles
