"""Why a request about a bot was not carried out."""

from fillwire.domain.bots import BotAnswer, BotOutcome, BotView
from fillwire.domain.errors import Disposition, FillwireError


class BotError(FillwireError):
    """A request about a bot was not carried out, or not to the end.

    Attributes:
        answer: what is known: what kind of failure, why, and the bot as it is now where it is known.
    """

    disposition = Disposition.ANSWER

    def __init__(self, answer: BotAnswer) -> None:
        super().__init__(answer)
        self.answer = answer

    def __str__(self) -> str:
        """Return the sentence."""
        return self.answer.reason or self.answer.outcome

    @property
    def outcome(self) -> BotOutcome:
        """What kind of failure."""
        return self.answer.outcome


def refused(outcome: BotOutcome, reason: str) -> BotError:
    """Return the error of an outcome and one sentence."""
    return BotError(BotAnswer(outcome=outcome, reason=reason))


def unfinished(reason: str, view: BotView) -> BotError:
    """Return the error of what is written and not seen to be done, with the bot as it is now."""
    return BotError(BotAnswer(outcome=BotOutcome.UNFINISHED, reason=reason, bots=(view,)))
