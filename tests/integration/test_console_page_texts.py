"""How the console's page writes numbers and times, by its own module in a real browser."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from fillwire.bus.connection import Bus
from support.chromium import browser, open_page, problems_of
from support.console import ALICE_TOKEN, console
from support.console_scenes import fill
from support.order_events import order_event
from support.publishing import publish

__all__ = ["browser"]

pytestmark = pytest.mark.timeout(180)

MIDNIGHT_MS = 1_773_100_800_000  # 2026-03-10, in UTC


async def test_numbers_and_times_are_written_for_people(bus: Bus, browser: Browser) -> None:
    """What is rounded up has the next unit, no hour is the 24th, and what is not of today says its day."""
    async with console(bus) as made:
        page = await open_page(browser, made.address, locale="en-US", timezone_id="UTC")

        async def text(name: str, *given: float) -> str:
            call = "async ([name, given]) => (await import('/texts.js'))[name](...given)"
            said: str = await page.evaluate(call, [name, list(given)])
            return said

        for us, expected in (
            (0, "0 µs"),
            (0.4, "0.40 µs"),
            (1, "1 µs"),
            (999.4, "999 µs"),
            (999.6, "1 ms"),
            (1_234, "1.23 ms"),
            (999_499, "999 ms"),
            (999_600, "1 s"),
            (12_340_000, "12.3 s"),
            (999_600_000, "16 min 39 s"),
        ):
            assert await text("microsText", us) == expected
        assert await text("timeText", MIDNIGHT_MS + 5_007) == "00:00:05.007"
        assert await text("momentText", MIDNIGHT_MS) == "Mar 10, 2026, 00:00:00"
        assert await text("recentText", MIDNIGHT_MS, MIDNIGHT_MS + 86_399_000) == "00:00:00.000"
        assert await text("recentText", MIDNIGHT_MS - 1, MIDNIGHT_MS) == "Mar 9, 2026, 23:59:59.999"
        assert await text("whenText", MIDNIGHT_MS, MIDNIGHT_MS + 1) == "00:00:00"
        assert await text("whenText", MIDNIGHT_MS - 1, MIDNIGHT_MS) == "Mar 9, 2026, 23:59:59"


async def test_the_whole_way_is_that_of_fills_whose_beginning_is_known(bus: Bus, browser: Browser) -> None:
    """A fill without the exchange's time is no part of the median, and rows of another day say which."""
    async with console(bus) as made:
        page = await open_page(browser, made.address, ALICE_TOKEN, locale="en-US", timezone_id="UTC")
        await fill(bus, 1)
        await fill(bus, 2, exchange_time_ns=None)
        await publish(bus, order_event(order_id="old", trade=77))
        rows = page.locator("table.fills tbody tr")
        await expect(rows).to_have_count(3)
        median = page.locator(".tile", has_text="Latency, median")
        await expect(median).to_contain_text("last 2")
        await expect(rows.nth(1).locator(".latency")).to_have_text("\u2013")
        await expect(rows.nth(0).locator(".time")).to_contain_text("Nov 14, 2023, 22:13:20")
        await expect(rows.nth(1).locator(".time")).not_to_contain_text(",")
        whole: Any = await page.evaluate(
            """async () => (await import("/live.js")).totalOf({ stages_us: { parse: 4, publish: 90, broker: 200 } })"""
        )
        assert whole is None
        assert problems_of(page) == []
