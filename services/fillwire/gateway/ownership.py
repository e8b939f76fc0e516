"""Which accounts are this gateway's to hold, of all gateways of the exchange: who is there, who comes first, who owns."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from fillwire.bus.buckets import Entry
from fillwire.bus.claim import RENEWALS, Claim
from fillwire.bus.leases import Leases, elapsed_s
from fillwire.domain.errors import ConfigError, DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.gateway.presence import Presence
from fillwire.gateway.roles import Holder, Role, Situation, role_in
from fillwire.gateway.tenancy import Tenancy
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings import GatewaySettings
from fillwire.runtime.supervision import Supervisor
from fillwire.wire.subjects import account_tokens, parse_account_tokens

if TYPE_CHECKING:
    from fillwire.bus.watching import Watch

_log = get_log(__name__)

VERSION = 1
# Longer than a leader election of the broker, which takes up to 9 s, and what a renewal may be late besides.
LEASE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipPolicy:
    """How the gateways of an exchange share its accounts; all in seconds.

    Attributes:
        lease_s: lifetime of a lease after each renewal.
        beat_s: between two signs of life.
        doubt_s: silence after which another gateway stands in.
        hand_over_s: so long a gateway that stops waits for others to receive what it has.
        settle_s: so long nobody came or went before accounts are moved for the sake of balance.
        pace_s: between two such moves at one gateway, with jitter.
        moves: of these under way at once at one gateway.
        move_deadline_s: one that is not receiving after so long makes room for others, and goes on.
        overlaps: whether two gateways can receive an account at once. Where the venue holds one connection, an account stays
            where it is until its owner lets go of it.
    """

    lease_s: float = LEASE_S
    beat_s: float = 0.5
    doubt_s: float = 2.0
    hand_over_s: float = 8.0
    settle_s: float = 3.0
    pace_s: float = 0.1
    moves: int = 4
    move_deadline_s: float = 30.0
    overlaps: bool = True

    @classmethod
    def of(cls, settings: GatewaySettings, order_life_s: float) -> "OwnershipPolicy":
        """Return what the settings say.

        Args:
            settings: a person's choice.
            order_life_s: so long after it was asked for an order may still be carried out. A lease must outlive it, even
                shortly before it is renewed.

        Raises:
            ConfigError: the lease is too short for that.
        """
        needed_s = math.ceil(order_life_s / (1 - 2 / RENEWALS))
        lease_s = max(LEASE_S, needed_s) if settings.lease_ms is None else settings.lease_ms / 1e3
        if lease_s < needed_s:
            raise ConfigError(
                f"gateway.leaseMs: expected at least {needed_s * 1000}, for an order may be carried out "
                f"{order_life_s:g} s after it was asked for, found {settings.lease_ms}"
            )
        return cls(
            lease_s=lease_s,
            beat_s=settings.beat_ms / 1e3,
            doubt_s=settings.doubt_after_ms / 1e3,
            hand_over_s=settings.hand_over_ms / 1e3,
        )


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a lease: a gateway's name, and which process of that name."""

    gateway: str
    instance: str

    def encode(self) -> bytes:
        """Return the lease's value."""
        return orjson.dumps({"v": VERSION, "gateway": self.gateway, "instance": self.instance})

    @classmethod
    def decode(cls, value: bytes) -> "Owner":
        """Return who a lease's value names.

        Raises:
            DecodeError: it is none of this version.
        """
        try:
            document: Any = orjson.loads(value)
            if document["v"] == VERSION:
                return cls(str(document["gateway"]), str(document["instance"]))
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise DecodeError("lease", "/", f"expected the object that names its owner, {error}") from error
        raise DecodeError("lease", "/v", f"expected {VERSION}, was {document['v']!r}")


class Ownership:
    """Decides the role of this gateway for each account; see `roles.role_in`.

    Args:
        owner: who we are.
        exchange: whose accounts.
        leases: who owns what.
        presence: who is there.
        policy: times.
        random: source of jitter.
        on_change: called when somebody's lease was taken, lost or given up.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - who, where, with what
        self,
        owner: Owner,
        exchange: str,
        leases: Leases,
        presence: Presence,
        policy: OwnershipPolicy,
        random: Random,
        on_change: Callable[[], None],
    ) -> None:
        self.policy = policy
        self._owner = owner
        self._pattern = f"*.{escape_token(exchange)}.*"
        self._leases = leases
        self._presence = presence
        self._peers = presence.peers
        self._random = random
        self._on_change = on_change
        self._owners: dict[Account, Owner] = {}
        self._former: dict[Account, str] = {}
        self._claims: dict[Account, Claim] = {}
        self._moving: dict[Account, float] = {}
        self._next_move_s = 0.0
        self._is_leaving = False
        self._now_s = elapsed_s()
        self._watch: Watch | None = None
        self._names: list[str] = []

    async def start(self, supervisor: Supervisor) -> None:
        """Learn who is there, and who owns what.

        Raises:
            BrokerError: no answer.
        """
        await self._presence.start(supervisor)
        self._watch = await self._leases.watch(self._pattern, self._note)

    async def stop(self) -> None:
        """Say good-bye to the others."""
        if self._watch is not None:
            await self._watch.stop()
        await self._presence.stop()

    async def _note(self, entry: Entry) -> None:
        try:
            account = parse_account_tokens(entry.key)
            owner = None if entry.value is None else Owner.decode(entry.value)
        except DecodeError as error:
            _log.warning("lease_not_readable", key=entry.key, error=error)
            return
        if owner is None:
            self._owners.pop(account, None)
            if account in self._claims:
                self._claims[account].nudge()
        elif self._owners.get(account) == owner:  # renewed
            return
        else:
            self._owners[account] = owner
            if owner != self._owner:
                self._former[account] = owner.gateway
        self._on_change()

    def claim(self, account: Account) -> Claim:
        """Return the claim on an account's lease, not begun."""
        lease = self._leases.lease(account_tokens(account))
        claim = self._claims[account] = Claim(lease, self._leases.ttl_s, self._random, self._on_change)
        return claim

    def leave(self) -> None:
        """Take nothing more from now on."""
        self._is_leaving = True
        self._peers.leave(self._now_s)

    def has_heir(self, account: Account) -> bool:
        """Return whether another gateway is there to take over the account while we receive it."""
        if not self.policy.overlaps:
            return False
        first = self._peers.first(account)
        return first is not None and first.instance != self._owner.instance

    def update(self, ready: frozenset[Account]) -> None:
        """Look who is there now; `ready` are the accounts that we receive without owning them."""
        self._now_s = elapsed_s()
        self._presence.say(ready=ready, is_leaving=self._is_leaving)
        self._peers.update(self._now_s)
        names = self._peers.names
        if names != self._names:
            self._names = names
            _log.info("gateways_present", gateway=self._owner.gateway, gateways=names)

    def decide(
        self, account: Account, tenancy: Tenancy | None, *, is_wanted: bool
    ) -> tuple[Role, str | None]:
        """Return our role for the account, and why in one sentence.

        Args:
            account: which.
            tenancy: how we hold it, None if we do not.
            is_wanted: whether bots listen to it.
        """
        first = self._peers.first(account)
        is_first = first is not None and first.instance == self._owner.instance and not self._is_leaving
        owner = self._owners.get(account)
        holder = self._holder(owner)
        if tenancy is None or tenancy.is_receiving:
            self._moving.pop(account, None)
        situation = Situation(
            is_wanted=is_wanted,
            is_first=is_first,
            is_held=tenancy is not None and tenancy.is_held,
            holder=holder,
            is_open=tenancy is not None,
            is_rival_ready=first is not None and not is_first and account in first.ready,
            may_begin=tenancy is None and holder is Holder.PRESENT and is_first and self._may_begin(owner),
        )
        role = role_in(situation)
        if role is Role.READ and tenancy is None:
            self._moving[account] = self._now_s
            self._next_move_s = self._now_s + self.policy.pace_s * self._random.uniform(0.5, 1.5)
        return role, self._reason(account, role, owner, None if first is None else first.gateway)

    def _reason(self, account: Account, role: Role, owner: Owner | None, first: str | None) -> str | None:
        match role:
            case Role.AWAY:
                return f"{owner.gateway} owns the account" if owner else f"{first} is to own the account"
            case Role.READ if owner is not None and owner != self._owner:
                return f"takes the account over from {owner.gateway}"
            case Role.READ:
                return f"hands the account over to {first}"
            case Role.STAND_IN if owner is not None:
                return f"stands in for {owner.gateway}, which is silent"
            case _:
                former = self._former.get(account)
                return None if former is None else f"took the account over from {former}"

    def _holder(self, owner: Owner | None) -> Holder:
        if owner is None:
            return Holder.NOBODY
        if owner.instance == self._owner.instance:
            return Holder.OURSELVES
        is_former_self = owner.gateway == self._owner.gateway and self._peers.get(owner.instance) is None
        if is_former_self or self._peers.is_silent(owner.instance, self._now_s):
            return Holder.SILENT
        return Holder.PRESENT

    def _may_begin(self, owner: Owner | None) -> bool:
        """Return whether to take over one more account that is well where it is: few at a time, in a calm time."""
        if not self.policy.overlaps:
            return False
        beat = None if owner is None else self._peers.get(owner.instance)
        if beat is not None and beat.is_leaving:
            return True
        now_s, policy = self._now_s, self.policy
        if now_s - self._peers.changed_s < policy.settle_s or now_s < self._next_move_s:
            return False
        under_way = sum(now_s - begun_s < policy.move_deadline_s for begun_s in self._moving.values())
        return under_way < policy.moves
