"""What people are told on `alerts.…` of clocks and bots, through the real parts that raise it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.domain.events import Alert, OrderEvent
from fillwire.sdk.alerting import BotAlerts
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.strategy import Strategy
from fillwire.simulator.settings import SimulatorSettings
from fillwire.wire.codec import decode_alert
from support.eventually import eventually
from support.gateway_rig import rig
from support.order_events import ALICE, order_event
from support.publishing import publish


async def test_a_clock_that_differs_is_told_once_for_the_account(tmp_path: Path) -> None:
    """Two seconds off: the alert names the difference; measuring again says no more."""
    async with rig(tmp_path, simulator=SimulatorSettings(skew_ms=-2_000)) as found:
        await found.wish("BTC-USDT")
        await found.receiving()
        environment = found.gateway._environments[found.account.environment]
        await environment.reference.measure_clock()
        await environment.reference.measure_clock()
        await eventually(found.alerts, what="an alert")
        (alert,) = await found.alerts()
        assert (alert.alert, alert.account) == ("clock_skewed", found.account)
        assert "-2.0" in alert.reason
        assert "set this machine's clock" in alert.reason


class _Bot(Strategy):
    """Waits in its first fill until it is released; raises in those of odd orders."""

    pairs = ("BTC-USDT",)

    def __init__(self) -> None:
        self.name = "grid"
        self.release = asyncio.Event()
        self.handled = 0

    async def on_fill(self, order: OrderEvent) -> None:
        """Do as the class says."""
        await self.release.wait()
        if int(order.order_id) % 2:
            raise ValueError("no such position")
        self.handled += 1


@asynccontextmanager
async def _hosted(bus: Bus, bot: _Bot) -> AsyncIterator[Host]:
    retry = RetryPolicy(attempts=1, initial_delay_s=0.0, max_delay_s=0.0)
    async with Host(bus, retry=retry) as host:
        await host.add(bot_of(bot, ALICE))
        yield host


async def _raised(bus: Bus) -> list[Alert]:
    alerts: list[Alert] = []
    await read_stream(
        bus, "ALERTS", "alerts.>", "all", lambda message: alerts.append(decode_alert(message.data))
    )
    return alerts


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = partial(BotAlerts, lags_after_s=0.3, look_every_s=0.02, first_quiet_s=0.3)
    monkeypatch.setattr("fillwire.sdk.host.BotAlerts", impatient)


@pytest.mark.usefixtures("_impatient")
async def test_a_bot_that_does_not_keep_up_is_told_once_until_it_has_caught_up(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alert names the bot and how much waits; a second stall is told anew."""
    bot, looks = _Bot(), 0
    look = BotAlerts._look

    def counted(alerts: BotAlerts) -> None:
        nonlocal looks
        looks += 1
        look(alerts)

    monkeypatch.setattr(BotAlerts, "_look", counted)
    async with _hosted(bus, bot) as host:
        for lap, orders in enumerate((range(2, 12, 2), range(12, 22, 2)), 1):
            bot.release.clear()
            await publish(bus, *(order_event(order_id=str(number), trade=number) for number in orders))
            await eventually(lambda lap=lap: _count(bus, "bot_lags", lap), what="an alert")
            seen = looks
            await eventually(lambda seen=seen: looks > seen + 12)  # after which it is still the one alert
            bot.release.set()
            await eventually(lambda lap=lap: bot.handled == 5 * lap)
            await eventually(lambda: not host._alerts._lagging)
        alerts = await _raised(bus)
        assert [alert.alert for alert in alerts] == ["bot_lags", "bot_lags"]
        assert alerts[0].account == ALICE
        assert "bot grid" in alerts[0].reason


async def _count(bus: Bus, name: str, count: int) -> bool:
    return [alert.alert for alert in await _raised(bus)].count(name) == count


@pytest.mark.usefixtures("_impatient")
async def test_dead_letters_are_told_at_once_and_then_with_a_count(bus: Bus) -> None:
    """Of five the first is told as it is, the others together."""
    bot = _Bot()
    bot.release.set()
    async with _hosted(bus, bot):
        await publish(bus, *(order_event(order_id=str(number), trade=number) for number in range(1, 11)))
        await eventually(lambda: _count(bus, "dead_letter_kept", 2), what="two alerts")
        first, second = await _raised(bus)
        assert "no such position" in first.reason
        assert "fillwire dlq list" in first.reason
        assert second.reason.startswith("4 more in the last")
