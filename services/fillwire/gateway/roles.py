"""What one gateway is to do about one account, decided from what it knows: a pure function, the same for all."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a gateway does about an account."""

    AWAY = "away"  # nothing: another has it, or nobody wants it
    READ = "read"  # connected and publishing, in silence: taking over, or handing over
    STAND_IN = "stand_in"  # connected, for the owner is silent; the lease is taken when it expires
    OWN = "own"  # the lease held or about to be: then connected, telling of it, and sending orders


class Holder(StrEnum):
    """Who has the account's lease, as far as the bucket tells."""

    NOBODY = "nobody"
    OURSELVES = "ourselves"
    PRESENT = "present"  # another gateway, which is there
    SILENT = "silent"  # another gateway, which may be gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known.

    Attributes:
        is_wanted: bots listen to the account, or did some seconds ago.
        is_first: of all gateways that are there we come first for it.
        is_held: the lease is certainly ours.
        holder: who has it by the bucket, which may be a moment behind.
        is_open: we are connected to the account, or about to be.
        is_rival_ready: another comes first, and is receiving already.
        may_begin: we may begin to take over an account that is well where it is.
    """

    is_wanted: bool
    is_first: bool
    is_held: bool
    holder: Holder
    is_open: bool
    is_rival_ready: bool
    may_begin: bool


def role_in(situation: Situation) -> Role:
    """Return what to do.

    Who comes first takes an account that nobody has, and stands in for an owner that is silent.
    From an owner that is well it takes over by reading beside it; the owner lets go when that receives, and reads on
    until the other has the lease. So one of them receives at any time.
    """
    if not situation.is_wanted:
        return Role.AWAY
    if situation.is_held:
        return Role.READ if situation.is_rival_ready else Role.OWN
    if situation.holder is Holder.PRESENT:
        may_read = situation.is_first and (situation.is_open or situation.may_begin)
        return Role.READ if may_read else Role.AWAY
    if situation.is_first:
        return Role.STAND_IN if situation.holder is Holder.SILENT else Role.OWN
    return Role.READ if situation.is_open else Role.AWAY
