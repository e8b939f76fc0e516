"""The console's page by keyboard: where the focus is, and what Enter means."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from fillwire.bus.connection import Bus
from support.asides import keep_letter
from support.broker import ConnectBus
from support.chromium import browser, open_page, problems_of
from support.console import ALICE_TOKEN, console
from support.console_scenes import bots_page, go_to, parts
from support.order_events import order_event

__all__ = ["browser"]

LATE_MS = 30_000

pytestmark = pytest.mark.timeout(180)

IN_CONTENT = "document.activeElement !== document.body && document.getElementById('main').contains(document.activeElement)"


async def test_skipping_to_the_content_keeps_the_section(bus: Bus, browser: Browser, tmp_path: Path) -> None:
    """The content has the focus, and the address still names the section that is open."""
    async with console(bus, parts(bus, tmp_path)) as made:
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await go_to(page, "Trouble")
        await page.get_by_role("link", name="Skip to content").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#main")).to_be_focused()
        assert page.url.endswith("#/trouble")
        await page.reload()
        await expect(page.get_by_text("No dead letter waits")).to_be_visible()


async def test_enter_in_the_reason_discards(bus: Bus, browser: Browser, tmp_path: Path) -> None:
    """It does what the dialogue asks about; what was refused is told beside its row, and the focus stays in the content."""
    async with console(bus, parts(bus, tmp_path)) as made:
        await keep_letter(bus, "grid", order_event(order_id="7"))
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await go_to(page, "Trouble")
        letters = page.get_by_role("region", name="Dead letters")
        await letters.get_by_role("button", name="Replay").focus()
        await page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        await dialog.get_by_role("button", name="Replay").press("Enter")
        await expect(letters.locator(".outcome")).to_contain_text("must have run once")
        await expect(letters.get_by_role("button", name="Replay")).to_be_focused()

        await letters.get_by_role("button", name="Discard").press("Enter")
        await page.keyboard.type("by hand")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status").filter(has_text="by hand")).to_be_visible()
        await expect(letters).to_have_count(0)
        await page.wait_for_function(IN_CONTENT)
        assert problems_of(page) == []


async def test_the_focus_stays_where_a_bot_is_turned(
    bus: Bus, connect_bus: ConnectBus, browser: Browser, tmp_path: Path
) -> None:
    """After pausing it is on what resumes; the card itself says what was done; who stops a bot is still at its card."""
    async with bots_page(bus, connect_bus, browser, tmp_path) as (bots, page):
        path = str(tmp_path / "told.txt")
        await bots.manager.create("alice", bots.creation("grid", parameters={"path": path}))
        card = page.get_by_role("article", name="grid")
        await expect(card.locator(".state")).to_have_text("running", timeout=LATE_MS)
        await card.get_by_role("button", name="Pause").press("Enter")
        await expect(card.locator(".state")).to_have_text("paused", timeout=LATE_MS)
        await expect(card.get_by_role("button", name="Resume")).to_be_focused()
        await expect(card.locator(".outcome")).to_have_text("grid: pause was done.")
        await expect(page.get_by_role("status").filter(has_text="grid: pause was done.")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(card.get_by_role("button", name="Stop")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        await expect(card.get_by_role("button", name="Stop")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.get_by_role("dialog").get_by_role("button", name="Stop").press("Enter")
        await expect(card.locator(".state")).to_have_text("stopped", timeout=LATE_MS)
        await page.wait_for_function(IN_CONTENT)
        assert problems_of(page) == []


async def test_a_button_is_not_pressed_twice_while_its_action_is_under_way(
    bus: Bus, connect_bus: ConnectBus, browser: Browser, tmp_path: Path
) -> None:
    """It keeps the focus, says that it is dull, and a second Enter asks for nothing."""
    async with bots_page(bus, connect_bus, browser, tmp_path) as (bots, page):
        path = str(tmp_path / "told.txt")
        await bots.manager.create("alice", bots.creation("grid", parameters={"path": path}))
        await expect(page.get_by_role("article", name="grid").locator(".state")).to_have_text(
            "running", timeout=LATE_MS
        )
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
        await page.route(re.compile("/pause$"), lambda _: None)  # its answer does not come
        pause = page.get_by_role("article", name="grid").get_by_role("button", name="Pause")
        await pause.press("Enter")
        await expect(pause).to_have_attribute("aria-disabled", "true")
        await expect(pause).to_be_focused()
        await page.evaluate("document.querySelector('article').dataset.old = 'yes'")
        await bots.manager.create("alice", bots.creation("other", parameters={"path": path}))
        await expect(page.get_by_role("article")).to_have_count(2, timeout=LATE_MS)  # all is drawn anew
        await expect(page.locator("[data-old]")).to_have_count(0)
        await expect(pause).to_have_attribute("aria-disabled", "true")
        await pause.press("Enter")
        await expect(pause).to_be_focused()
        assert len(asked) == 1
