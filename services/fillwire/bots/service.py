"""`fillwire manager`: answers what users ask about their bots on `bots.<user>.<verb>`."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Self

from fillwire.bots.errors import BotError
from fillwire.bots.manager import BotManager
from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.domain.bots import BotAnswer, BotOutcome, BotRequest, BotView
from fillwire.domain.errors import BrokerError, ConfigError, DecodeError
from fillwire.domain.orders import Outcome
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
    VERBS,
    decode_bot_creation,
    decode_bot_order,
    decode_bot_request,
    encode_bot,
)
from fillwire.wire.subjects import BOTS, parse_bot_subject

QUEUE = "bot-managers"
_CONCURRENCY = 64
_BACKLOG = 256
_BY_ORDER = {
    Outcome.ACCEPTED: BotOutcome.DONE,
    Outcome.REJECTED: BotOutcome.REFUSED,
    Outcome.UNKNOWN: BotOutcome.UNFINISHED,
}

Answering = Callable[[str, bytes], Awaitable[BotAnswer]]


class ManagerService:
    """Answers for a manager; of several processes one answers each request: `async with ManagerService(bus, manager):`.

    The user stands in the subject, which the broker lets each user publish on for themselves only.

    Args:
        bus: the connection.
        manager: does what is asked.
    """

    def __init__(self, bus: Bus, manager: BotManager) -> None:
        self._bus = bus
        self._manager = manager
        self._responder: Responder | None = None
        self._verbs: Mapping[str, Answering] = {
            CREATE: self._create,
            START: partial(self._turn, manager.start),
            PAUSE: partial(self._turn, manager.pause),
            RESUME: partial(self._turn, manager.resume),
            STOP: self._stop,
            REMOVE: self._remove,
            CHANGE: self._change,
            SHOW: self._show,
            LIST: self._list,
            EXECUTE_ORDER: self._execute_order,
        }

    async def __aenter__(self) -> Self:
        self._responder = await Responder.start(
            self._bus,
            f"{BOTS}.*.*",
            self._answer,
            queue=QUEUE,
            concurrency=_CONCURRENCY,
            backlog=_BACKLOG,
            overloaded=lambda _: encode_bot(
                BotAnswer(
                    outcome=BotOutcome.REFUSED,
                    reason=f"nothing was done: more than {_CONCURRENCY + _BACKLOG} requests wait at the manager",
                )
            ),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._responder is not None:
            await self._responder.stop()

    async def _answer(self, message: Message) -> bytes:
        try:
            asked = parse_bot_subject(message.subject)
            answering = self._verbs.get(asked.verb)
            if answering is None:
                reason = f"unknown verb {asked.verb}: expected one of {', '.join(VERBS)}"
                answer = BotAnswer(outcome=BotOutcome.REFUSED, reason=reason)
            else:
                answer = await answering(asked.user, message.data)
        except BotError as error:
            answer = error.answer
        except (DecodeError, ConfigError) as error:
            answer = BotAnswer(outcome=BotOutcome.REFUSED, reason=str(error))
        except BrokerError as error:
            reason = f"whether it was done is unknown, ask again: {error}"
            answer = BotAnswer(outcome=BotOutcome.UNFINISHED, reason=reason)
        return encode_bot(answer)

    async def _create(self, user: str, body: bytes) -> BotAnswer:
        creation = decode_bot_creation(body)
        return _done(await self._manager.create(user, creation, deadline_s=creation.deadline_ms / 1e3))

    async def _turn(self, turn: Callable[..., Awaitable[BotView]], user: str, body: bytes) -> BotAnswer:
        request, bot = _named(body)
        view = await turn(
            user, bot, expected_revision=request.expected_revision, deadline_s=request.deadline_ms / 1e3
        )
        return _done(view)

    async def _change(self, user: str, body: bytes) -> BotAnswer:
        request, bot = _named(body)
        view = await self._manager.change(
            user,
            bot,
            parameters=request.parameters,
            pairs=request.pairs,
            expected_revision=request.expected_revision,
            deadline_s=request.deadline_ms / 1e3,
        )
        return _done(view)

    async def _stop(self, user: str, body: bytes) -> BotAnswer:
        request, bot = _named(body)
        return await self._manager.stop(
            user,
            bot,
            cancel_orders=request.cancel_orders,
            expected_revision=request.expected_revision,
            deadline_s=request.deadline_ms / 1e3,
        )

    async def _remove(self, user: str, body: bytes) -> BotAnswer:
        request, bot = _named(body)
        return await self._manager.remove(
            user,
            bot,
            cancel_orders=request.cancel_orders,
            force=request.force,
            expected_revision=request.expected_revision,
            deadline_s=request.deadline_ms / 1e3,
        )

    async def _show(self, user: str, body: bytes) -> BotAnswer:
        _, bot = _named(body)
        return _done(await self._manager.show(user, bot))

    async def _list(self, user: str, body: bytes) -> BotAnswer:
        if body:
            decode_bot_request(body)
        return BotAnswer(outcome=BotOutcome.DONE, bots=tuple(await self._manager.list(user)))

    async def _execute_order(self, user: str, body: bytes) -> BotAnswer:
        asked = decode_bot_order(body)
        order = await self._manager.execute_order(
            user,
            asked.bot,
            asked.pair,
            asked.side,
            asked.quantity,
            request_id=asked.request_id,
            price=asked.price,
            type=asked.type,
            time_in_force=asked.time_in_force,
            deadline_s=asked.deadline_ms / 1e3,
        )
        return BotAnswer(outcome=_BY_ORDER[order.outcome], reason=order.reason, order=order)


def _done(view: BotView) -> BotAnswer:
    return BotAnswer(outcome=BotOutcome.DONE, bots=(view,))


def _named(body: bytes) -> tuple[BotRequest, str]:
    request = decode_bot_request(body)
    if not request.bot:
        raise DecodeError("bot request", "/bot", "expected the name of a bot, was none")
    return request, request.bot
