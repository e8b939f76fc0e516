"""Orders in the name of a bot, placed and cancelled by the manager through a gateway at a simulated exchange."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.errors import BotError
from fillwire.bots.host import BotHost
from fillwire.bots.manager import BotManager
from fillwire.domain.bots import BotCreation, BotOutcome, BotState
from fillwire.domain.client_order_ids import is_derived_for
from fillwire.domain.enums import ConnectionState, OrderType, Side
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, Rig, rig
from support.managed_bots import QUICK

# Rests far from the market on both sides.
PING_PONG = BotCreation(
    bot="pp",
    strategy="ping-pong",
    exchange=ACCOUNT.exchange,
    environment=ACCOUNT.environment,
    pairs=("BTC-USDT",),
    parameters={"price": "64000", "spread": "8000"},
)


async def hedge(manager: BotManager, bot: str = "pp", **changes: Any) -> TradeOrder:
    """Have an order placed that rests far below the market, unless `changes` say otherwise."""
    terms: dict[str, Any] = {
        "quantity": "0.001",
        "price": "55000",
        "request_id": "hedge-1",
        "deadline_s": 8.0,
    }
    terms |= changes
    return await manager.execute_order(ACCOUNT.user, bot, "BTC-USDT", "buy", terms.pop("quantity"), **terms)


@asynccontextmanager
async def managing(path: Path) -> AsyncIterator[tuple[Rig, BotManager]]:
    """A gateway, a host and a manager."""
    async with (
        rig(path) as it,
        BotManager(it.bus, Catalogue(), lease_s=4.0) as manager,
        BotHost(it.bus, Catalogue(), QUICK, name="host-1"),
    ):
        yield it, manager


async def _open_orders(it: Rig) -> int:
    stats = await it.control("stats", method="GET")
    return int(stats["accounts"][ACCOUNT.user]["open_orders"])


async def test_stopping_cancels_the_bots_own_orders_if_asked(tmp_path: Path) -> None:
    """Its orders stay open when it is stopped; asked for, they are cancelled though no bot listens, and only they."""
    async with managing(tmp_path) as (it, manager):
        await manager.create(ACCOUNT.user, PING_PONG)
        await eventually(lambda: _is_open(it, 2), what="both orders rest")
        other = OrderRequest(
            client_order_id="by-hand",
            pair="BTC-USDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal("0.001"),
            price=Decimal(50000),
        )
        assert (await it.place(other)).outcome is Outcome.ACCEPTED
        await manager.stop(ACCOUNT.user, "pp")
        assert await _open_orders(it) == 3
        await it.state(ConnectionState.DISCONNECTED)
        answer = await manager.stop(ACCOUNT.user, "pp", cancel_orders=True)
        assert answer.bots[0].state is BotState.STOPPED
        assert len(answer.cancelled) == 2
        assert all(is_derived_for("pp", client_order_id) for client_order_id in answer.cancelled)
        assert answer.uncancelled == ()
        assert await _open_orders(it) == 1


async def test_orders_that_cannot_be_cancelled_are_told(tmp_path: Path) -> None:
    """Without a gateway nobody knows which are open: the bot is stopped, that is said, and it is not removed."""
    async with managing(tmp_path) as (it, manager):
        await manager.create(ACCOUNT.user, PING_PONG)
        await eventually(lambda: _is_open(it, 2), what="both orders rest")
        await it.stop()
        with pytest.raises(BotError, match="not all of its orders are cancelled") as error:
            await manager.remove(ACCOUNT.user, "pp", force=True, cancel_orders=True, deadline_s=5.0)
        assert error.value.outcome is BotOutcome.UNFINISHED
        (reason,) = error.value.answer.uncancelled
        assert reason.startswith(
            "which orders are open is not known: no gateway serves demo@binance/simulated"
        )
        assert (await manager.show(ACCOUNT.user, "pp")).desired == "stopped"
        await it.start()
        await manager.remove(ACCOUNT.user, "pp", cancel_orders=True)
        assert await _open_orders(it) == 0
        assert await manager.list(ACCOUNT.user) == []


async def test_an_order_is_placed_once_however_often_it_is_asked_for(tmp_path: Path) -> None:
    """The same request at once and again gives one order of the bot's own, also after the bot was stopped."""
    async with managing(tmp_path) as (it, manager):
        await manager.create(ACCOUNT.user, PING_PONG)
        await eventually(lambda: _is_open(it, 2), what="both orders rest")
        await manager.stop(ACCOUNT.user, "pp")
        answers = [
            await hedge(manager),
            *await asyncio.gather(*(hedge(manager) for _ in range(3))),
        ]
        assert {answer.outcome for answer in answers} <= {Outcome.ACCEPTED, Outcome.UNKNOWN}
        assert answers[0].outcome is Outcome.ACCEPTED
        assert is_derived_for("pp", answers[0].client_order_id or "")
        assert len({answer.client_order_id for answer in answers}) == 1
        assert await _open_orders(it) == 3
        another = await hedge(manager, request_id="hedge-2")
        assert another.client_order_id != answers[0].client_order_id
        assert await _open_orders(it) == 4


async def test_an_order_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """No such bot, no id of the request, terms that contradict each other, and a venue that refuses: each is said."""
    async with managing(tmp_path) as (it, manager):
        await manager.create(ACCOUNT.user, PING_PONG)
        with pytest.raises(BotError, match="demo has no bot grid") as error:
            await hedge(manager, "grid")
        assert error.value.outcome is BotOutcome.MISSING
        with pytest.raises(BotError, match="request_id is empty: expected an id of the caller's"):
            await hedge(manager, request_id="")
        with pytest.raises(BotError, match="a limit order needs a price"):
            await hedge(manager, type="limit", price=None)
        with pytest.raises(BotError, match=r"quantity is 0\.1, a float: expected a Decimal"):
            await hedge(manager, quantity=0.1)
        assert (await hedge(manager, quantity="0.0000001")).outcome is Outcome.REJECTED
        await it.stop()
        async with asyncio.timeout(1.0):  # what cannot be is not waited for with the account
            with pytest.raises(BotError, match="a limit order needs a price"):
                await hedge(manager, type="limit", price=None)


async def _is_open(it: Rig, count: int) -> bool:
    return await _open_orders(it) == count
