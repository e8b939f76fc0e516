"""Asks a manager, by request and reply: what `fillwire bots` and programs of users do."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from fillwire.bots.errors import BotError, refused
from fillwire.bots.own_orders import bot_order
from fillwire.bus.connection import Bus, Credentials
from fillwire.bus.errors import NoResponder, RequestTimedOut
from fillwire.domain import defaults
from fillwire.domain.bots import (
    DEADLINE_S,
    ORDER_DEADLINE_S,
    BotAnswer,
    BotCreation,
    BotOrder,
    BotOutcome,
    BotRequest,
    BotView,
)
from fillwire.domain.identifiers import escape_token
from fillwire.domain.orders import TradeOrder
from fillwire.sdk.strategy import OrderTypeLike, SideLike, TimeInForceLike
from fillwire.sdk.trading import Amount
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

_STARTING_S = 2.0
_ASK_AGAIN_S = 0.1
_MARGIN_S = 10.0  # for the manager's last steps beyond the deadline that it was given


class BotClient:
    """Manages the bots of one user by asking a manager; the verbs are those of `BotManager`.

        async with BotClient(user="alice") as bots:
            await bots.pause("grid-1")

    A user whose login allows `bots.<user>.>` and the answers needs no other right.

    Args:
        url: address of the broker, or those of a cluster with commas between them.
        user: whose bots.
        credentials: for the broker; None if it asks for none.
        connect_deadline_s: how long the broker may take to answer when the context is entered, in seconds.
    """

    def __init__(
        self,
        url: str = defaults.BROKER_URL,
        *,
        user: str,
        credentials: Credentials | None = None,
        connect_deadline_s: float = 10.0,
    ) -> None:
        self._url = url
        self._user = user
        self._credentials = credentials
        self._connect_deadline_s = connect_deadline_s
        self._connected: Bus | None = None

    @classmethod
    def on(cls, bus: Bus, user: str) -> Self:
        """Return a client on a connection that is there; it needs no context, and leaves it open."""
        client = cls(user=user)
        client._connected = bus
        return client

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            BrokerError: no broker answers, or it refuses the credentials.
            ConfigError: the url or the credentials cannot be used.
        """
        self._connected = await Bus.connect(
            self._url,
            name=f"bots-{self._user}",
            credentials=self._credentials,
            inbox_prefix=f"_INBOX_{escape_token(self._user)}",
            deadline_s=self._connect_deadline_s,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        bus, self._connected = self._connected, None
        if bus is not None:
            await bus.close()

    @property
    def _bus(self) -> Bus:
        if self._connected is None:
            raise RuntimeError("not connected: expected async with BotClient(...) as bots")
        return self._connected

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

    async def execute_order(  # noqa: PLR0913 - the terms of an order
        self,
        bot: str,
        pair: str,
        side: SideLike,
        quantity: Amount,
        *,
        request_id: str,
        price: Amount | None = None,
        type: OrderTypeLike | None = None,  # noqa: A002 - the trade's word
        time_in_force: TimeInForceLike | None = None,
        deadline_s: float = ORDER_DEADLINE_S,
    ) -> TradeOrder:
        """Place an order in the name of a bot, and return the venue's answer; see `BotManager.execute_order`.

        Raises:
            BotError: the request was refused before it came to the venue's gateway.
            BrokerError: no manager answers: ask again under the same id.
            TypeError: an amount is a float.
            ValueError: a value is not one of those allowed.
        """
        order = bot_order(bot, pair, side, quantity, request_id, price, type, time_in_force, deadline_s)
        try:
            answer = await self._ask(EXECUTE_ORDER, order, deadline_s)
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
        if isinstance(request, BotCreation | BotRequest):
            request = replace(request, deadline_ms=round(deadline_s * 1e3))
        data = await self._request(bot_subject(self._user, verb), encode_bot(request), deadline_s + _MARGIN_S)
        answer = decode_bot_answer(data)
        if answer.outcome is not BotOutcome.DONE:
            raise BotError(answer)
        return answer

    async def _request(self, subject: str, body: bytes, timeout_s: float) -> bytes:
        """Return the manager's answer; while none listens it is asked again for a moment, for one may be starting."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + _STARTING_S
        while True:
            try:
                return await self._bus.request(subject, body, timeout_s)
            except NoResponder as error:
                if loop.time() >= end_s:
                    raise NoResponder(
                        "no manager of bots answers: expected one that runs, as `fillwire manager`"
                    ) from error
                await asyncio.sleep(_ASK_AGAIN_S)
            except RequestTimedOut as error:
                raise RequestTimedOut(
                    f"the manager of bots did not answer within {timeout_s:g} s: "
                    "whether it was done is unknown, ask again"
                ) from error


def _only(answer: BotAnswer) -> BotView:
    if len(answer.bots) != 1:
        raise refused(BotOutcome.UNFINISHED, f"expected one bot in the answer, found {len(answer.bots)}")
    return answer.bots[0]
