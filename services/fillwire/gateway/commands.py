"""Answers what is asked of an account: place an order, cancel one, say how the connection is, read a frame again."""

from typing import Protocol

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder, is_inbox
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.domain.readings import FrameReading, ReadingOutcome
from fillwire.gateway.placements import Earlier, Placements
from fillwire.gateway.quarantine import read_kept_frame
from fillwire.gateway.session import Session
from fillwire.wire.codec import encode_connection
from fillwire.wire.commands import (
    CANCEL_ORDER,
    PLACE_ORDER,
    READ_AGAIN,
    STATUS,
    decode_cancel_request,
    decode_order_request,
    decode_reading_request,
    encode_command,
)
from fillwire.wire.subjects import COMMANDS, account_tokens, parse_command_subject

NOT_OWNED = "not sent: the broker does not confirm in time that this gateway owns the account"
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
        right: the account's lease.
        order_life_s: so long after it was asked for a request may still be carried out by the venue.
    """

    def __init__(
        self, session: Session, placements: Placements, right: Right, *, order_life_s: float
    ) -> None:
        self._session = session
        self._placements = placements
        self._right = right
        self._order_life_s = order_life_s
        self._bus: Bus | None = None
        self._responder: Responder | None = None

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

    async def _answer(self, message: Message) -> bytes:
        verb = parse_command_subject(message.subject).verb
        if verb == STATUS:
            return encode_connection(self._session.snapshot())
        if verb == READ_AGAIN:
            return encode_command(await self._read_again(message.data))
        try:
            if verb == PLACE_ORDER:
                return encode_command(await self._place(decode_order_request(message.data)))
            if verb == CANCEL_ORDER:
                return encode_command(await self._cancel(decode_cancel_request(message.data)))
        except DecodeError as error:
            return encode_command(_rejected("", None, str(error)))
        return encode_command(
            _rejected(
                "",
                None,
                f"unknown command {verb}: expected {PLACE_ORDER}, {CANCEL_ORDER}, {STATUS} or {READ_AGAIN}",
            )
        )

    async def _read_again(self, body: bytes) -> FrameReading:
        if self._bus is None:
            raise AssertionError("nothing is answered before the start")
        try:
            sequence = decode_reading_request(body).sequence
            said, frame = await read_kept_frame(self._bus, self._session.account, sequence)
            return await self._session.read_again(frame, said.received_time_ns)
        except (DecodeError, BrokerError) as error:
            return FrameReading(outcome=ReadingOutcome.FAILED, reason=f"not read: {error}")

    async def _place(self, request: OrderRequest) -> TradeOrder:
        obstacle = self._session.order_obstacle
        if obstacle is not None:  # not asked again: it may have gone, and nothing is noted that was not sent
            return _rejected(request.pair, request.client_order_id, f"not sent: {obstacle}")
        fence = self._right.fence
        noted = await self._placements.note(self._session.account, request.client_order_id, fence)
        if self._right.lasts(self._order_life_s):  # nothing is awaited between this and the sending
            answer = await self._session.place(
                request,
                may_exist=noted.earlier is not Earlier.NONE,
                may_place=noted.earlier is not Earlier.UNDER_WAY,
            )
        else:
            answer = _rejected(request.pair, request.client_order_id, NOT_OWNED)
        if answer.outcome is Outcome.REJECTED:
            await self._placements.refused(noted)
        return answer

    async def _cancel(self, request: CancelRequest) -> TradeOrder:
        if self._right.lasts(self._order_life_s):
            return await self._session.cancel(request)
        return _rejected(request.pair, request.client_order_id, NOT_OWNED)

    def _refuse(self, message: Message) -> bytes:
        """Answer beyond the backlog: nothing was sent."""
        verb = parse_command_subject(message.subject).verb
        if verb == STATUS:
            return encode_connection(self._session.snapshot())
        if verb == READ_AGAIN:
            return encode_command(
                FrameReading(outcome=ReadingOutcome.FAILED, reason="not read: too many requests wait")
            )
        request: OrderRequest | CancelRequest
        try:
            request = (
                decode_order_request(message.data)
                if verb == PLACE_ORDER
                else decode_cancel_request(message.data)
            )
        except DecodeError as error:
            return encode_command(_rejected("", None, str(error)))
        reason = f"not sent: more than {_CONCURRENCY + _BACKLOG} requests wait at the gateway"
        return encode_command(_rejected(request.pair, request.client_order_id, reason))


def _rejected(pair: str, client_order_id: str | None, reason: str) -> TradeOrder:
    return TradeOrder(outcome=Outcome.REJECTED, pair=pair, client_order_id=client_order_id, reason=reason)
