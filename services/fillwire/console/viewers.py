"""Who looks at the console, and what of it they may see."""

from dataclasses import dataclass
from enum import StrEnum

from fillwire.domain.identifiers import escape_token


class Role(StrEnum):
    """What a viewer may see: a user their own, an administrator everybody's."""

    USER = "user"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who is logged in.

    Attributes:
        name: of the user; of an administrator it is shown and written into records only.
        role: what they may see.
    """

    name: str
    role: Role

    @property
    def scope(self) -> str | None:
        """The one user whose data the viewer sees; None for everybody's."""
        return None if self.role is Role.ADMIN else self.name

    def may_see(self, user: str) -> bool:
        """Return whether data of `user` may be shown to the viewer, and be acted upon by them."""
        return self.scope is None or self.scope == user


def token_of(scope: str | None) -> str:
    """Return what stands for the user in a subject: the only place where a scope becomes a pattern."""
    return "*" if scope is None else escape_token(scope)
