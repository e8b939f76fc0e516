"""Answers what is asked of an account: place an order, cancel or show one, say how the connection is, read a frame again."""

import asyncio
from typing import TYPE_CHECKING, Protocol

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder, is_inbox
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.orders import CancelRequest, OpenOrders, OrderQuery, OrderRequest, Outcome, TradeOrder
from fillwire.domain.readings import FrameReading, ReadingOutcome
from fillwire.domain.rules import RulesAnswer
from fillwire.gateway.following import Following
from fillwire.gateway.placements import Earlier, Placements
from fillwire.gateway.quarantine import read_kept_frame
from fillwire.gateway.queries import Queries
from fillwire.gateway.resolving import Resolving
from fillwire.gateway.session import Session
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.wire.codec import encode_connection
from fillwire.wire.commands import (
    CANCEL_ORDER,
    GET_ORDER,
    OPEN_ORDERS,
    PAIR_RULES,
    PLACE_ORDER,
    READ_AGAIN,
    STATUS,
    VERBS,
    Command,
    decode_cancel_request,
    decode_open_orders_query,
    decode_order_query,
    decode_order_request,
    decode_reading_request,
    decode_rules_query,
    encode_command,
)
from fillwire.wire.subjects import COMMANDS, account_tokens, parse_command_subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOT_OWNED = "not sent: the broker does not confirm in time that this gateway owns the account"
_EXPECTED = f"{', '.join(VERBS[:-1])} or {VERBS[-1]}"
_CONCURRENCY = 256
_BACKLOG = 256


class Right(Protocol):
    """What gives the right to act for an account: the claim on its lease."""

    @property
    def is_held(self) -> bool:
        """Whether it is certainly ours at this moment."""

    @property
    def fence(self) -> int | None:
        """Grows with every change of the owner; None while it is not held."""

    def lasts(self, seconds: float) -> bool:
        """Return whether it is certainly ours for so long."""


class Commands:
    """Answers the commands to one account, while the right to do so is held.

    Every gateway that believes to own the account hears every command: were they shared out, a paused one would keep
    its share. Only the one that holds the lease answers. An order is sent only under a lease that outlives it: until
    the venue would refuse it as too old.

    Args:
        session: the account's connection.
        placements: remembers which orders were sent.
        queries: asks the account's records.
        resolving: asks what became of a request that is left open.
        right: the account's lease.
        order_life_s: so long after it was asked for a request may still be carried out by the venue.
        telemetry: traces the requests of callbacks.
    """

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        session: Session,
        placements: Placements,
        queries: Queries,
        resolving: Resolving,
        right: Right,
        *,
        order_life_s: float,
        telemetry: FillTelemetry,
    ) -> None:
        self._session = session
        self._placements = placements
        self._queries = queries
        self._resolving = resolving
        self._right = right
        self._order_life_s = order_life_s
        self._telemetry = telemetry
        self._bus: Bus | None = None
        self._responder: Responder | None = None
        self._acts: dict[str, Callable[[bytes], Awaitable[Command]]] = {
            GET_ORDER: self._order,
            OPEN_ORDERS: self._open_orders,
            PAIR_RULES: self._rules,
            READ_AGAIN: self._read_again,
        }
        self._orders: dict[str, Callable[[bytes, Following], Awaitable[TradeOrder]]] = {
            PLACE_ORDER: self._place,
            CANCEL_ORDER: self._cancel,
        }

    async def start(self, bus: Bus) -> None:
        """Begin to answer. Idempotent.

        Raises:
            BrokerError: the subscription could not be made.
        """
        if self._responder is not None:
            return
        self._bus = bus
        self._responder = await Responder.start(
            bus,
            f"{COMMANDS}.{account_tokens(self._session.account)}.*",
            self._answer,
            concurrency=_CONCURRENCY,
            backlog=_BACKLOG,
            may_answer=lambda subject, reply: is_inbox(subject, reply) and self._right.is_held,
            overloaded=self._refuse,
        )

    async def stop(self, deadline_s: float) -> None:
        """Take no more commands and finish those under way. Idempotent."""
        responder, self._responder = self._responder, None
        if responder is not None:
            await responder.stop(deadline_s)
        await self._queries.stop()

    async def _answer(self, message: Message) -> bytes:
        verb = parse_command_subject(message.subject).verb
        if verb == STATUS:
            return encode_connection(self._session.snapshot())
        if verb in self._orders:
            following = Following(self._telemetry, self._session.account, verb, message)
            return encode_command(following.answered(await self._carry_out(verb, message.data, following)))
        act = self._acts.get(verb)
        if act is None:
            return encode_command(_not_done(verb, f"unknown command {verb}: expected {_EXPECTED}"))
        try:
            return encode_command(await act(message.data))
        except DecodeError as error:
            return encode_command(_not_done(verb, str(error)))

    async def _carry_out(self, verb: str, body: bytes, following: Following) -> TradeOrder:
        try:
            return await self._orders[verb](body, following)
        except DecodeError as error:
            return _rejected("", None, str(error))

    async def _read_again(self, body: bytes) -> FrameReading:
        if self._bus is None:
            raise AssertionError("nothing is answered before the start")
        sequence = decode_reading_request(body).sequence
        try:
            said, frame = await read_kept_frame(self._bus, self._session.account, sequence)
            return await self._session.read_again(frame, said.received_time_ns)
        except (DecodeError, BrokerError) as error:
            return FrameReading(outcome=ReadingOutcome.FAILED, reason=f"not read: {error}")

    async def _place(self, body: bytes, following: Following) -> TradeOrder:
        request = decode_order_request(body)
        obstacle = self._session.dealing.order_obstacle
        if obstacle is not None:  # not asked again: it may have gone, and nothing is noted that was not sent
            return _rejected(request.pair, request.client_order_id, f"not sent: {obstacle}")
        broken = self._session.dealing.broken_rule(request)
        if broken is not None:
            # One that was sent before may exist all the same, by the rules of that time.
            earlier = await self._placements.earlier(self._session.account, request.client_order_id)
            if earlier is Earlier.NONE:
                return _rejected(request.pair, request.client_order_id, f"not sent: {broken}")
        known = await self._resolving.earlier(request)
        if known is not None:
            return known
        fence = self._right.fence
        noted = await self._placements.note(self._session.account, request.client_order_id, fence)
        following.noted()
        began_s = asyncio.get_running_loop().time()
        if self._right.lasts(self._order_life_s):  # nothing is awaited between this and the sending
            answer = await self._session.dealing.place(
                request,
                may_exist=noted.earlier is not Earlier.NONE,
                may_place=noted.earlier is not Earlier.UNDER_WAY,
                on_sent=following.sent,
            )
            following.venue_answered()
        else:
            answer = _rejected(request.pair, request.client_order_id, NOT_OWNED)
        if answer.outcome is Outcome.REJECTED:
            await self._placements.refused(noted)
        return await self._resolving.placed(request, answer, began_s)

    async def _cancel(self, body: bytes, following: Following) -> TradeOrder:
        request = decode_cancel_request(body)
        if not self._right.lasts(self._order_life_s):
            return _rejected(request.pair, request.client_order_id, NOT_OWNED)
        began_s = asyncio.get_running_loop().time()
        is_asked = self._session.is_receiving
        answer = await self._session.dealing.cancel(request, on_sent=following.sent)
        following.venue_answered()
        return await self._resolving.cancelled(request, answer, began_s) if is_asked else answer

    async def _rules(self, body: bytes) -> RulesAnswer:
        return await self._queries.rules(decode_rules_query(body))

    async def _order(self, body: bytes) -> TradeOrder:
        return await self._queries.order(decode_order_query(body))

    async def _open_orders(self, body: bytes) -> OpenOrders:
        return await self._queries.open_orders(decode_open_orders_query(body))

    def _refuse(self, message: Message) -> bytes:
        """Answer beyond the backlog: nothing was sent."""
        verb = parse_command_subject(message.subject).verb
        if verb == STATUS:
            return encode_connection(self._session.snapshot())
        reason = f"more than {_CONCURRENCY + _BACKLOG} requests wait at the gateway"
        request: OrderRequest | CancelRequest | OrderQuery | None = None
        try:
            if verb == PLACE_ORDER:
                request = decode_order_request(message.data)
            elif verb == CANCEL_ORDER:
                request = decode_cancel_request(message.data)
            elif verb == GET_ORDER:
                request = decode_order_query(message.data)
        except DecodeError as error:
            return encode_command(_not_done(verb, str(error)))
        return encode_command(_not_done(verb, f"not sent: {reason}", request))


def _not_done(
    verb: str, reason: str, request: OrderRequest | CancelRequest | OrderQuery | None = None
) -> Command:
    """Return the answer to a request that nothing was done about."""
    if verb == READ_AGAIN:
        return FrameReading(outcome=ReadingOutcome.FAILED, reason=f"not read: {reason}")
    if verb == OPEN_ORDERS:
        return OpenOrders(orders=None, reason=reason)
    if verb == PAIR_RULES:
        return RulesAnswer(rules=None, reason=reason)
    pair, client_order_id = ("", None) if request is None else (request.pair, request.client_order_id)
    # Of an order that was not asked for nothing is known; one that was not sent does not exist.
    outcome = Outcome.UNKNOWN if verb == GET_ORDER else Outcome.REJECTED
    return TradeOrder(outcome=outcome, pair=pair, client_order_id=client_order_id, reason=reason)


def _rejected(pair: str, client_order_id: str | None, reason: str) -> TradeOrder:
    return TradeOrder(outcome=Outcome.REJECTED, pair=pair, client_order_id=client_order_id, reason=reason)
