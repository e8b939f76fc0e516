"""Asks a manager, by request and reply: what `fillwire bots` and programs of users do."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fillwire.bots.errors import BotError, refused
from fillwire.bus.connection import Bus
from fillwire.bus.errors import NoResponder, RequestTimedOut
from fillwire.domain.bots import BotAnswer, BotCreation, BotOrder, BotOutcome, BotRequest, BotView
from fillwire.domain.orders import TradeOrder
from fillwire.wire.bots import (
    CHANGE,
    CREATE,
    EXECUTE_ORDER,
    LIST,
    PAUSE,
    REMOVE,
    RESUME,
    SHOW,
    START,
    STOP,
    decode_bot_answer,
    encode_bot,
)
from fillwire.wire.subjects import bot_subject

DEADLINE_S = 20.0
_MARGIN_S = 10.0  # for the manager's last steps beyond the deadline that it was given


class BotClient:
    """Manages the bots of one user by asking a manager; the verbs are those of `BotManager`.

    A user whose login allows `bots.<user>.>` and the answers needs no other right.

    Args:
        bus: the connection.
        user: whose bots.
    """

    def __init__(self, bus: Bus, user: str) -> None:
        self._bus = bus
        self._user = user

    async def create(self, creation: BotCreation, *, deadline_s: float = DEADLINE_S) -> BotView:
        """Create a bot; see `BotManager.create`.

        Raises:
            BotError: it was not created, or does not do yet what it is to do.
            BrokerError: no manager answers.
        """
        return _only(await self._ask(CREATE, creation, deadline_s))

    async def start(
        self, bot: str, *, expected_revision: int | None = None, deadline_s: float = DEADLINE_S
    ) -> BotView:
        """Start a bot that is stopped; see `BotManager.start`, and `create` for what is raised."""
        return await self._turn(START, bot, expected_revision, deadline_s)

    async def pause(
        self, bot: str, *, expected_revision: int | None = None, deadline_s: float = DEADLINE_S
    ) -> BotView:
        """Have a bot rest; see `BotManager.pause`, and `create` for what is raised."""
        return await self._turn(PAUSE, bot, expected_revision, deadline_s)

    async def resume(
        self, bot: str, *, expected_revision: int | None = None, deadline_s: float = DEADLINE_S
    ) -> BotView:
        """Have a bot that is paused go on; see `BotManager.resume`, and `create` for what is raised."""
        return await self._turn(RESUME, bot, expected_revision, deadline_s)

    async def change(
        self,
        bot: str,
        *,
        parameters: Mapping[str, str] | None = None,
        pairs: Sequence[str] | None = None,
        expected_revision: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> BotView:
        """Give a bot other parameters or pairs; see `BotManager.change`, and `create` for what is raised."""
        request = BotRequest(
            bot=bot,
            parameters=parameters,
            pairs=None if pairs is None else tuple(pairs),
            expected_revision=expected_revision,
        )
        return _only(await self._ask(CHANGE, request, deadline_s))

    async def stop(
        self,
        bot: str,
        *,
        cancel_orders: bool = False,
        expected_revision: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> BotAnswer:
        """Stop a bot; see `BotManager.stop`, and `create` for what is raised."""
        request = BotRequest(bot=bot, cancel_orders=cancel_orders, expected_revision=expected_revision)
        return await self._ask(STOP, request, deadline_s)

    async def remove(
        self,
        bot: str,
        *,
        cancel_orders: bool = False,
        force: bool = False,
        expected_revision: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> BotAnswer:
        """Remove a bot; see `BotManager.remove`, and `create` for what is raised."""
        request = BotRequest(
            bot=bot, cancel_orders=cancel_orders, force=force, expected_revision=expected_revision
        )
        return await self._ask(REMOVE, request, deadline_s)

    async def show(self, bot: str, *, deadline_s: float = DEADLINE_S) -> BotView:
        """Return a bot; raises as `create`."""
        return _only(await self._ask(SHOW, BotRequest(bot=bot), deadline_s))

    async def list(self, *, deadline_s: float = DEADLINE_S) -> Sequence[BotView]:
        """Return the user's bots, by name; raises as `create`."""
        return (await self._ask(LIST, BotRequest(), deadline_s)).bots

    async def execute_order(self, order: BotOrder) -> TradeOrder:
        """Place an order in the name of a bot, and return the venue's answer; see `BotManager.execute_order`.

        Raises:
            BotError: the request was refused before it came to the venue's gateway.
            BrokerError: no manager answers: ask again under the same id.
        """
        try:
            answer = await self._ask(EXECUTE_ORDER, order, order.deadline_ms / 1e3)
        except BotError as error:
            if error.answer.order is None:
                raise
            answer = error.answer
        if answer.order is None:
            raise refused(
                BotOutcome.UNFINISHED, "the manager did not say what became of the order: ask again"
            )
        return answer.order

    async def _turn(self, verb: str, bot: str, expected_revision: int | None, deadline_s: float) -> BotView:
        return _only(
            await self._ask(verb, BotRequest(bot=bot, expected_revision=expected_revision), deadline_s)
        )

    async def _ask(
        self, verb: str, request: BotCreation | BotRequest | BotOrder, deadline_s: float
    ) -> BotAnswer:
        if isinstance(request, BotRequest):
            request = replace(request, deadline_ms=round(deadline_s * 1e3))
        subject = bot_subject(self._user, verb)
        try:
            data = await self._bus.request(subject, encode_bot(request), deadline_s + _MARGIN_S)
        except NoResponder as error:
            raise NoResponder(
                "no manager of bots answers: expected one that runs, as `fillwire manager`"
            ) from error
        except RequestTimedOut as error:
            raise RequestTimedOut(
                f"the manager of bots did not answer within {deadline_s + _MARGIN_S:g} s: "
                "whether it was done is unknown, ask again"
            ) from error
        answer = decode_bot_answer(data)
        if answer.outcome is not BotOutcome.DONE:
            raise BotError(answer)
        return answer


def _only(answer: BotAnswer) -> BotView:
    if len(answer.bots) != 1:
        raise refused(BotOutcome.UNFINISHED, f"expected one bot in the answer, found {len(answer.bots)}")
    return answer.bots[0]
