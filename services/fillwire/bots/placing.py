"""What one host is to do about one bot, decided from what it knows: a pure function, the same for all."""

from dataclasses import dataclass
from enum import Enum, auto


class Step(Enum):
    """What to do."""

    NOTHING = auto()
    TAKE = auto()  # hold it, and run it
    GIVE = auto()  # stop it in order and let another have it
    DROP = auto()  # stop it: nobody is to run it any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known.

    Attributes:
        is_wanted: the bot is to run, or to rest where it runs.
        has_it: we hold it.
        is_free: nobody living holds it.
        is_first: of all hosts that are there, stay and have room, we come first for it.
        has_room: we may take one more bot.
        may_give: we may hand one more bot over.
        has_heir: another host comes first for it.
    """

    is_wanted: bool
    has_it: bool
    is_free: bool
    is_first: bool
    has_room: bool
    may_give: bool
    has_heir: bool


def step_in(situation: Situation) -> Step:
    """Return what to do.

    Who comes first takes a bot that nobody has. One that is well where it is stays there until its host may hand it
    over, and moves only from a host to which it does not belong to the one to which it does.
    """
    if situation.has_it:
        if not situation.is_wanted:
            return Step.DROP
        return Step.GIVE if situation.has_heir and situation.may_give else Step.NOTHING
    may_take = situation.is_free and situation.is_first and situation.has_room
    return Step.TAKE if situation.is_wanted and may_take else Step.NOTHING
