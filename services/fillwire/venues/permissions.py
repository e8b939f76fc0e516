"""What a venue says that a key may do, asked of those venues that say it."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from fillwire.venues.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a key may do as far as the venue says it.

    Attributes:
        may_read: whether orders and executions may be read; None if the venue does not say.
        may_trade: whether orders may be placed and cancelled; None if the venue does not say.
        notes: what else a person should know, a part of a sentence each.
    """

    may_read: bool | None
    may_trade: bool | None
    notes: tuple[str, ...] = ()


UNSAID = Permissions(may_read=None, may_trade=None)


@runtime_checkable
class TellsPermissions(Protocol):
    """A `VenueAccount` whose venue can be asked what its key may do."""

    def permissions(self) -> Question[Permissions]:
        """Ask what the key may do."""


def permissions_of(account: object) -> Question[Permissions]:
    """Ask what the key of a `VenueAccount` may do; `UNSAID`, without asking, where the venue has no such question."""
    if isinstance(account, TellsPermissions):
        return (yield from account.permissions())
    return UNSAID
