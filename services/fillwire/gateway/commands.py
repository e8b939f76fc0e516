"""Answers what is asked of an account: place an order, cancel one, say how the connection is, read a frame again."""

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.domain.readings import FrameReading, ReadingOutcome
from fillwire.gateway.placements import Placements
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

QUEUE = "gateways"
_CONCURRENCY = 256
_BACKLOG = 256


class Commands:
    """Answers the commands to one account.

    Args:
        session: the account's connection.
        placements: remembers which orders were sent.
    """

    def __init__(self, session: Session, placements: Placements) -> None:
        self._session = session
        self._placements = placements
        self._bus: Bus | None = None
        self._responder: Responder | None = None

    async def start(self, bus: Bus) -> None:
        """Begin to answer.

        Raises:
            BrokerError: the subscription could not be made.
        """
        self._bus = bus
        self._responder = await Responder.start(
            bus,
            f"{COMMANDS}.{account_tokens(self._session.account)}.*",
            self._answer,
            queue=QUEUE,
            concurrency=_CONCURRENCY,
            backlog=_BACKLOG,
            overloaded=self._refuse,
        )

    async def stop(self, deadline_s: float) -> None:
        """Take no more commands and finish those under way."""
        if self._responder is not None:
            await self._responder.stop(deadline_s)

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
                return encode_command(await self._session.cancel(decode_cancel_request(message.data)))
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
        if not self._session.is_receiving:  # it says why, and nothing is noted that was not sent
            return await self._session.place(request, may_exist=True)
        may_exist = await self._placements.may_exist(self._session.account, request.client_order_id)
        return await self._session.place(request, may_exist=may_exist)

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
