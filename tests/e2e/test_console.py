"""The console on the real stack: simulated exchange, gateway, manager, host, recorder and console as processes, and a browser."""

import json
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from fillwire.bots.client import BotClient
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.domain.bots import BotCreation
from support.chromium import browser, open_page, problems_of, screenshot
from support.eventually import eventually

__all__ = ["browser"]

pytestmark = pytest.mark.timeout(240)

TOKEN = "the-token-of-this-test"
# Fails on every fill as long as the file `broken` is there.
BOT = """\
from pathlib import Path

from fillwire import Strategy


class Fragile(Strategy):
    pairs = ["BTC-USDT"]

    def __init__(self, directory: Path):
        self.directory = directory

    def on_order_filled(self, order):
        if (self.directory / "broken").exists():
            raise KeyError("no such level")
        with (self.directory / "told.txt").open("a") as file:
            file.write(f"{order.order_id}\\n")
"""


async def test_a_person_sees_the_real_stack_work_fail_and_recover(browser: Browser, tmp_path: Path) -> None:
    """Fills, trades and a bot's dead letter come to the page by themselves; the letter is replayed there; a loss is told."""
    (tmp_path / "fragile.py").write_text(BOT)
    (tmp_path / "broken").touch()
    environ = {
        "FILLWIRE_BOTS__DIRECTORIES": json.dumps([str(tmp_path)]),
        "FILLWIRE_RECORDER__DATABASE": f"sqlite:///{tmp_path}/trades.sqlite",
        "FILLWIRE_CONSOLE__PORT": "0",
        "FILLWIRE_CONSOLE__USERS": json.dumps([{"user": "demo", "token": "env:CONSOLE_TOKEN"}]),
        "CONSOLE_TOKEN": TOKEN,
    }
    async with aiohttp.ClientSession() as session, Stack(tmp_path, environ) as stack:
        venue = await SimulatedVenue.start(stack, session)
        await venue.freeze()
        for service in ("manager", "host", "recorder"):
            await stack.spawn(service, service)
        await stack.spawn("gateway", "gateway", "--exchange", "binance")
        console = await stack.spawn("console", "console")
        page = await open_page(browser, console.ready["console"], TOKEN)
        await expect(page.get_by_text("No connection")).to_be_visible()
        async with BotClient(stack.broker.url, user=venue.account.user) as bots:
            creation = BotCreation(
                bot="fragile",
                strategy="fragile.py",
                exchange="binance",
                environment=venue.account.environment,
                pairs=(),
                parameters={"directory": str(tmp_path)},
            )
            await bots.create(creation)
        await expect(page.locator(".connection .state")).to_have_text("receiving")
        await expect(page.get_by_role("alert")).to_have_text("")

        await venue.emit(["BTCUSDT"], rate=50, count=40, orders=1)
        await expect(page.locator("table.fills tbody tr")).to_have_count(40)
        executions = await venue.executions()
        assert len(executions) == 40
        await screenshot(page, "stack-live")
        await page.locator("table.fills tbody button").first.click()
        await expect(page.locator("#way")).to_contain_text("of the log")
        # The bot fails on each: its host tells the delivery and every call.
        await expect(page.locator("#way .way li").nth(4)).to_contain_text("deliver to fragile")
        await expect(page.locator("#way .way li").nth(5)).to_contain_text("raised KeyError")
        await screenshot(page, "stack-latency")

        await page.get_by_role("link", name="Trades", exact=True).click()
        await expect(page.get_by_role("region", name="Trades").get_by_role("row")).to_have_count(
            41, timeout=20_000
        )
        await page.get_by_role("link", name="Bots", exact=True).click()
        await expect(page.get_by_role("article", name="fragile").locator(".state")).to_have_text("running")

        await page.get_by_role("link", name="Trouble", exact=True).click()
        letters = page.get_by_role("region", name="Dead letters")
        await expect(letters).to_contain_text("KeyError", timeout=60_000)
        (tmp_path / "broken").unlink()
        await letters.get_by_role("button", name="Replay").click()
        await page.get_by_role("dialog").get_by_role("button", name="Replay").click()
        await expect(page.get_by_role("status").filter(has_text="replayed by demo@console")).to_be_visible()
        await eventually((tmp_path / "told.txt").exists, 20)
        assert (tmp_path / "told.txt").read_text().split() == [executions[-1]["order"].split(":")[1]]

        await venue.child.kill()
        await expect(page.get_by_role("alert")).to_contain_text(
            "Live fill detection unavailable", timeout=30_000
        )
        await screenshot(page, "stack-lost")
        assert problems_of(page) == []
