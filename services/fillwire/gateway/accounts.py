"""Which accounts are held: those that bots want and that are ours, from the first bot to some seconds after the last."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterable
from itertools import count

from fillwire.domain.enums import ConnectionState
from fillwire.domain.identifiers import Account
from fillwire.gateway.keys import Keys
from fillwire.gateway.ownership import Ownership
from fillwire.gateway.roles import Role
from fillwire.gateway.session import NO_BOT
from fillwire.gateway.tenancy import Tenancy
from fillwire.runtime.supervision import Supervisor, cancel

KEYS_REFRESH_S = 2.0
LOOK_EVERY_S = 0.1
# While a key is missing or refused, all are read at one look in so many, whatever their files look like.
_READ_EVERY = 5

MakeTenancy = Callable[[Account, frozenset[str]], Tenancy]
Pairs = Callable[[Account], frozenset[str] | None]


class Accounts:
    """Keeps what is held equal to what is wanted, as far as it is this gateway's.

    Args:
        make_tenancy: makes what holds an account, of which these pairs are wanted.
        ownership: decides what is ours.
        keys: the accounts' keys.
        pairs: returns the pairs that bots of an account listen to, None if no bot listens.
        woken: set when what `ownership` knows has changed.
        linger_s: an account without bots stays connected for so long, for a host that restarts.
        keys_refresh_s: time between two looks whether keys were replaced, in seconds.
    """

    def __init__(  # noqa: PLR0913 - its collaborators and two times
        self,
        make_tenancy: MakeTenancy,
        ownership: Ownership,
        keys: Keys,
        pairs: Pairs,
        woken: asyncio.Event,
        *,
        linger_s: float,
        keys_refresh_s: float = KEYS_REFRESH_S,
    ) -> None:
        self._make_tenancy = make_tenancy
        self._ownership = ownership
        self._keys = keys
        self._pairs = pairs
        self._woken = woken
        self._linger_s = linger_s
        self._keys_refresh_s = keys_refresh_s
        self._loop = asyncio.get_running_loop()
        self._wanted: set[Account] = set()
        self._lingering: dict[Account, asyncio.TimerHandle] = {}
        self._tenancies: dict[Account, Tenancy] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._is_leaving = False
        self._handed_over = asyncio.Event()

    def start(self, supervisor: Supervisor) -> None:
        """Begin to follow who owns what, and to look after keys."""
        self._tasks = [
            supervisor.spawn(self._follow(), "ownership"),
            supervisor.spawn(self._refresh_keys(), "keys"),
        ]

    async def stop(self, reason: str) -> None:
        """Hand over what others can take, for some seconds at most; then close all connections and tell why."""
        self._ownership.leave()
        self._is_leaving = True
        self._woken.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._ownership.policy.hand_over_s):
                await self._handed_over.wait()
        await cancel(*self._tasks)
        for timer in self._lingering.values():
            timer.cancel()
        tenancies = list(self._tenancies.values())
        for tenancy in tenancies:
            tenancy.leave(reason)
        await asyncio.gather(*(tenancy.ended() for tenancy in tenancies))

    @property
    def tenancies(self) -> Collection[Tenancy]:
        """The accounts that are held."""
        return self._tenancies.values()

    def _has_heir(self, tenancy: Tenancy) -> bool:
        return tenancy.account in self._wanted and self._ownership.has_heir(tenancy.account)

    def change(self, account: Account) -> None:
        """Look at what is wanted of an account, and do what it takes."""
        pairs = self._pairs(account)
        tenancy = self._tenancies.get(account)
        if pairs is not None:
            self._wanted.add(account)
            timer = self._lingering.pop(account, None)
            if timer is not None:
                timer.cancel()
        elif account in self._wanted and account not in self._lingering:
            linger_s = 0.0 if tenancy is None else self._linger_s
            self._lingering[account] = self._loop.call_later(linger_s, self._give_up, account)
        if tenancy is not None:
            tenancy.session.use_pairs(pairs or frozenset())
        self._settle(account)

    def _give_up(self, account: Account) -> None:
        del self._lingering[account]
        self._wanted.discard(account)
        self._settle(account)

    def _settle(self, account: Account) -> None:
        """Do what our role for the account asks for."""
        tenancy = self._tenancies.get(account)
        is_wanted = account in self._wanted
        if tenancy is not None and not is_wanted:
            tenancy.leave(NO_BOT)
            return
        role, reason = self._ownership.decide(account, tenancy, is_wanted=is_wanted)
        if tenancy is not None:
            tenancy.play(role, reason)
        elif role is not Role.AWAY:
            tenancy = self._tenancies[account] = self._make_tenancy(
                account, self._pairs(account) or frozenset()
            )
            tenancy.start(role, reason, lambda: self._end(account))
            tenancy.session.note_key_trouble(self._keys.trouble(account))

    def _end(self, account: Account) -> None:
        del self._tenancies[account]
        self._woken.set()  # wanted again by now, perhaps

    async def _follow(self) -> None:
        """Decide anew whenever something has changed, and every moment: silence is no event."""
        while True:
            self._woken.clear()
            self._ownership.update(frozenset(self._ready()))
            for account in self._wanted | self._tenancies.keys():
                self._settle(account)
            if self._is_leaving and not any(map(self._has_heir, self._tenancies.values())):
                self._handed_over.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._woken.wait()

    def _ready(self) -> Iterable[Account]:
        return (
            account
            for account, tenancy in self._tenancies.items()
            if tenancy.is_receiving and not tenancy.is_held and tenancy.role is not Role.AWAY
        )

    async def _refresh_keys(self) -> None:
        """Give each account the key that its files hold; the others' connections know nothing of it."""
        for turn in count(1):
            await asyncio.sleep(self._keys_refresh_s)
            if await self._keys.look(reads=turn % _READ_EVERY == 0 and self._is_key_wanting()):
                for account, tenancy in self._tenancies.items():
                    tenancy.session.use_key(self._keys.get(account))
                    tenancy.session.note_key_trouble(self._keys.trouble(account))

    def _is_key_wanting(self) -> bool:
        return not self._wanted <= self._keys.accounts or any(
            tenancy.session.state is ConnectionState.AUTH_FAILED for tenancy in self._tenancies.values()
        )
