"""The console's sections in a real browser: bots turned, letters and frames decided, ways and profit drawn."""

import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fillwire.bots.service import ManagerService
from fillwire.bus.connection import Bus
from fillwire.domain.enums import Side
from fillwire.domain.events import OrderEvent
from fillwire.recorder.database import Database
from support.accessibility import serious_findings
from support.asides import keep_frame, keep_letter
from support.broker import ConnectBus
from support.chromium import browser, open_page, problems_of, screenshot
from support.console import ADMIN_TOKEN, ALICE_TOKEN, console
from support.console_scenes import bots_page, go_to, parts
from support.eventually import eventually
from support.listeners import Listener, running
from support.managed_bots import managed_bots
from support.order_events import ALICE, order_event
from support.publishing import publish
from support.recording import recorded_ids, recording

__all__ = ["browser"]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
DAY_NS = 86_400 * 10**9

pytestmark = pytest.mark.timeout(180)


def trades(days: int) -> list[OrderEvent]:
    """Return purchases and sales of some days, at a profit on most."""
    found = []
    for number in range(2 * days):
        side = Side.SELL if number % 2 else Side.BUY
        price = str(64_000 + (number // 2 * 37) % 90 + (60 - number % 7 * 9 if number % 2 else 0))
        event = order_event(order_id=str(number), trade=number, side=side, price=price, client_order_id=None)
        assert event.last_fill is not None
        now_ns = time.time_ns()
        found.append(
            replace(
                event,
                last_fill=replace(event.last_fill, fee=Decimal("0.4")),
                transaction_time_ns=event.transaction_time_ns + number // 2 * DAY_NS,
                exchange_time_ns=now_ns - 1_500_000 - number * 90_000,
                received_time_ns=now_ns,
            )
        )
    return found


async def test_a_bot_is_paused_and_stopped_by_its_card(
    bus: Bus, connect_bus: ConnectBus, browser: Browser, tmp_path: Path
) -> None:
    """The card shows the state as the host says it, by itself; stopping asks first; a hostile name is text."""
    async with bots_page(bus, connect_bus, browser, tmp_path) as (bots, page):
        path = str(tmp_path / "told.txt")
        await bots.manager.create("alice", bots.creation(HOSTILE, parameters={"path": path}))
        card = page.get_by_role("article")
        await expect(card.locator(".state")).to_have_text("running")  # told, not asked
        await expect(card.locator("h3")).to_contain_text(HOSTILE)
        await expect(card.locator("dd").first).to_have_text("none")
        await screenshot(page, "bots-desktop-light")
        await card.get_by_role("button", name="Pause").click()
        await expect(card.locator(".state")).to_have_text("paused")
        await card.get_by_role("button", name="Stop").click()
        await page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        await expect(card.locator(".state")).to_have_text("paused")
        await card.get_by_role("button", name="Stop").click()
        await page.get_by_role("dialog").get_by_role("button", name="Stop").click()
        await expect(card.locator(".state")).to_have_text("stopped")
        assert [bot.desired for bot in await bots.manager.list("alice")] == ["stopped"]
        assert await page.locator("#main img").count() == 0
        assert problems_of(page) == []


async def test_letters_and_frames_are_read_and_decided(bus: Bus, browser: Browser, tmp_path: Path) -> None:
    """A letter appears by itself, is shown whole, refused a replay in words, and discarded for the record; so is a frame."""
    async with console(bus, parts(bus, tmp_path)) as made:
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await go_to(page, "Trouble")
        await expect(page.get_by_text("No dead letter waits")).to_be_visible()
        await keep_letter(bus, "grid", order_event(order_id="7"), reason=HOSTILE)
        await keep_frame(bus, ALICE, b'{"e":"surprise"}', reason=HOSTILE)
        letters = page.get_by_role("region", name="Dead letters")
        await expect(letters.get_by_role("row")).to_have_count(2)
        await expect(letters).to_contain_text(f"KeyError: {HOSTILE}")
        await letters.get_by_role("button", name="Show dead letter 1 whole").click()
        await expect(letters.locator("pre")).to_contain_text('"order_id": "7"')
        await screenshot(page, "trouble-desktop-light")
        await letters.get_by_role("button", name="Replay").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("it may trade")
        await dialog.get_by_role("button", name="Replay").click()
        await expect(page.get_by_role("status").filter(has_text="must have run once")).to_be_visible()
        await letters.get_by_role("button", name="Discard").click()
        await dialog.get_by_label("Why").fill("by hand")
        await dialog.get_by_role("button", name="Discard").click()
        await expect(page.get_by_role("status").filter(has_text="by hand")).to_be_visible()
        await expect(letters).to_have_count(0)
        frames = page.get_by_role("region", name="Quarantine")
        await frames.get_by_role("button", name="Show refused frame 1 whole").click()
        await expect(frames.locator("pre")).to_have_text('{"e":"surprise"}')
        await keep_frame(bus, ALICE, b'{"e":"another"}', reason=HOSTILE)  # the list is drawn anew
        await expect(frames.get_by_role("row")).to_have_count(3)
        await expect(frames.locator("pre:visible")).to_have_text('{"e":"surprise"}')
        for left in (1, 0):
            await frames.get_by_role("button", name="Discard").last.click()
            await dialog.get_by_role("button", name="Discard").click()
            await expect(frames.get_by_role("row")).to_have_count(left + 1 if left else 0)
        await expect(frames).to_have_count(0)
        assert await page.locator("#main img").count() == 0
        assert problems_of(page) == []


async def test_the_way_of_a_chosen_fill_is_drawn(bus: Bus, browser: Browser, tmp_path: Path) -> None:
    """A fill that is chosen among the live ones is shown step by step as the log tells it, beside the distribution."""
    async with console(bus, parts(bus, tmp_path)) as made:
        now_ns = time.time_ns()
        fills = (
            order_event(order_id=str(number), trade=number, received_time_ns=now_ns) for number in range(30)
        )
        await publish(bus, *fills)
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await page.get_by_role("button", name="Way of trade 7,").click()
        await expect(page.locator("#way")).to_contain_text("trade 7 ")
        await expect(page.locator("#way")).to_contain_text("number 8 of the log")
        names = await page.locator(".way .step").all_text_contents()
        assert [name.split()[0] for name in names] == ["emit", "receive", "parse", "publish"]
        await expect(page.get_by_role("img", name="Distribution of latency: 30 fills")).to_be_visible()
        await expect(page.get_by_role("region", name="Stages").get_by_role("row")).to_have_count(6)
        assert problems_of(page) == []


async def test_the_way_of_a_fill_is_drawn_to_the_end_of_the_callbacks(
    bus: Bus, connect_bus: ConnectBus, browser: Browser, tmp_path: Path
) -> None:
    """Below the broker stand the deliveries and calls of the user's bots; one that raised says what."""
    failures = iter([KeyError("no such level")])

    def fail_once(_: OrderEvent) -> None:
        if (error := next(failures, None)) is not None:
            raise error

    grid, dca = Listener("grid", fail_once), Listener("dca")
    async with (
        running(await connect_bus("host"), grid, dca),
        console(bus, parts(bus, tmp_path)) as made,
    ):
        now_ns = time.time_ns()
        event = replace(order_event(trade=7, received_time_ns=now_ns), exchange_time_ns=now_ns - 2_100_000)
        await publish(bus, event)
        await eventually(lambda: grid.told == dca.told == [event.order_id])
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await page.get_by_role("button", name="Way of trade 7,").click()
        steps = page.locator(".way li")
        await expect(steps.filter(has_text="deliver to grid")).to_be_visible()
        await expect(steps.filter(has_text="deliver to dca")).to_be_visible()
        await expect(steps.filter(has_text="callback on_fill")).to_have_count(3)
        await expect(steps.filter(has_text="raised KeyError")).to_have_count(1)
        await screenshot(page, "way-desktop-light")
        assert problems_of(page) == []


async def test_a_bot_without_a_manager_has_a_card_and_nothing_to_press(
    bus: Bus, connect_bus: ConnectBus, browser: Browser, tmp_path: Path
) -> None:
    """It appears by itself when its host starts and goes when that ends; what would need a manager is not offered."""
    async with console(bus, parts(bus, tmp_path)) as made:
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await go_to(page, "Bots")
        await expect(page.get_by_text("no manager of bots answers")).to_be_visible()
        async with running(await connect_bus("host"), Listener(HOSTILE)):
            card = page.get_by_role("article", name=HOSTILE)
            await expect(card.locator(".state")).to_have_text("running")
            await expect(card).to_contain_text("not managed")
            await expect(card.get_by_role("button")).to_have_count(0)
            await expect(page.get_by_text("Managed bots are not shown")).to_be_visible()
        await expect(card).to_have_count(0)
        assert await page.locator("#main img").count() == 0
        assert problems_of(page) == []


async def test_profit_is_drawn_and_follows_the_fills(bus: Bus, browser: Browser, tmp_path: Path) -> None:
    """The curve ends with the exact sum that the recorder's library says; a new trade is there without a reload."""
    database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite", None)
    async with console(bus, parts(bus, tmp_path)) as made, recording(bus, database):
        events = trades(10)
        await publish(bus, *events[:-1])
        await eventually(lambda: len(recorded_ids(database)) == len(events) - 1)
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await go_to(page, "Trades")
        rows = page.get_by_role("region", name="Trades").get_by_role("row")
        await expect(rows).to_have_count(len(events))
        before = await page.locator(".big").text_content()
        await publish(bus, events[-1])
        await expect(rows).to_have_count(len(events) + 1, timeout=20_000)
        await expect(page.locator(".big")).not_to_have_text(before or "")
        await expect(page.get_by_role("img", name="Realised profit in USDT, live: 10 days")).to_be_visible()
        assert problems_of(page) == []


async def test_profit_says_whose_it_is_and_what_is_not_in_it(
    bus: Bus, browser: Browser, tmp_path: Path
) -> None:
    """Fees in other currencies and sales without a purchase have columns where there are any; so have users, for who sees several."""
    database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite", None)
    bought, sold = trades(1)
    unbought = order_event(order_id="9", trade=9, pair="ETH-USDT", side=Side.SELL)
    assert unbought.last_fill is not None
    abroad = replace(unbought.last_fill, fee=Decimal("0.002"), fee_currency="BNB")
    async with console(bus, parts(bus, tmp_path)) as made, recording(bus, database):
        await publish(bus, bought, sold)
        await eventually(lambda: len(recorded_ids(database)) == 2)
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await go_to(page, "Trades")
        profit = page.get_by_role("region", name="Profit")
        await expect(profit.get_by_role("row")).to_have_count(2)
        for name in ("User", "Other fees", "Sold, not bought"):
            await expect(profit.get_by_role("columnheader", name=name)).to_have_count(0)

        await publish(bus, replace(unbought, last_fill=abroad))
        await eventually(lambda: len(recorded_ids(database)) == 3)
        page = await open_page(browser, made.address, ADMIN_TOKEN)
        await go_to(page, "Trades")
        profit = page.get_by_role("region", name="Profit")
        await expect(profit.get_by_role("row")).to_have_count(3)
        row = profit.get_by_role("row").filter(has_text="ETH-USDT")
        for name, value in (("User", "alice"), ("Other fees", "0.002 BNB"), ("Sold, not bought", "32")):
            await expect(profit.get_by_role("columnheader", name=name)).to_be_visible()
            await expect(row.locator(f'[data-name="{name}"]')).to_contain_text(value)
        other = profit.get_by_role("row").filter(has_text="BTC-USDT")
        await expect(other.locator('[data-name="Other fees"]')).to_have_text("\u2013")
        await expect(other.locator('[data-name="Sold, not bought"]')).to_have_text("\u2013")
        assert problems_of(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
async def test_nobody_is_kept_out_of_a_section(  # noqa: PLR0913, PLR0917 - fixtures and cases
    bus: Bus, connect_bus: ConnectBus, browser: Browser, tmp_path: Path, scheme: str, device: str
) -> None:
    """Accessibility: axe finds nothing serious in any section, light and dark, on a desk and on a phone; nothing is cut off."""
    options: dict[str, Any] = {"color_scheme": scheme, "bypass_csp": True, "reduced_motion": "reduce"}
    database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite", None)
    async with (
        managed_bots(connect_bus, tmp_path) as bots,
        ManagerService(await connect_bus("service"), bots.manager),
        console(bus, parts(bus, tmp_path)) as made,
        recording(bus, database),
        running(await connect_bus("alone"), Listener("scalper")),
    ):
        await bots.host("h1")
        for name in ("grid", "momentum"):
            await bots.manager.create("alice", bots.creation(name))
        await bots.manager.pause("alice", "momentum")
        events = trades(14)
        await publish(bus, *events)
        await keep_letter(bus, "grid", order_event(order_id="7"))
        await keep_frame(bus, ALICE, b'{"e":"surprise"}')
        await eventually(lambda: len(recorded_ids(database)) == len(events))
        page = await open_page(
            browser, made.address, ALICE_TOKEN, **(options | (PHONE if device == "phone" else {}))
        )
        for section, there in (
            ("Latency", page.locator("#way .way li").first),
            ("Bots", page.locator("article.connection").nth(2)),
            ("Trouble", page.get_by_role("region", name="Quarantine")),
            ("Trades", page.get_by_role("region", name="Trades")),
        ):
            await go_to(page, section)
            await expect(there).to_be_visible()
            await screenshot(page, f"{section.lower()}-{device}-{scheme}")
            assert await serious_findings(page) == [], section
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert await page.evaluate(overflow) <= 0, section
        assert problems_of(page) == []
