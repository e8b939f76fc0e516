"""The console's page when something is gone: the console, its broker, the session, or an answer."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.console import streaming
from support.asides import keep_letter
from support.broker import ConnectBus
from support.chromium import browser, open_page, problems_of, screenshot
from support.console import ALICE_TOKEN, BOB_TOKEN, console
from support.console_scenes import fill, go_to, log_in, parts, relayed, scene
from support.eventually import eventually
from support.order_events import order_event

__all__ = ["browser"]

ALARM = "#alarm[role=alert]"
UNREACHED = "This page does not reach the console"
SILENCE_MS = 26_000  # a little more than the page bears; its clock is put forward, nobody waits
LATE_MS = 30_000

pytestmark = pytest.mark.timeout(180)


async def test_a_console_that_hangs_is_noticed_and_told_until_it_is_back(bus: Bus, browser: Browser) -> None:
    """A banner says of when what is shown is, uptimes stand still, and what was being done goes on when the stream is back."""
    async with console(bus) as made, relayed(made) as (relay, address):
        await scene(bus)
        page = await open_page(browser, address)
        await page.clock.install()
        await log_in(page, ALICE_TOKEN)
        card = page.get_by_role("article", name="binance live")
        await expect(card.locator(".state")).to_have_text("receiving")
        steps = page.get_by_label("all order events")
        await steps.check()
        alert = page.locator(ALARM)
        await expect(alert).to_have_text("")

        relay.stall()
        await page.clock.fast_forward(SILENCE_MS)
        await expect(alert).to_contain_text(UNREACHED)
        await expect(alert).to_contain_text(re.compile(r"What is shown is from [^.]*\d\d:\d\d:\d\d"))
        await expect(card.locator(".state")).to_have_text("last known: receiving")
        await expect(page.locator(".pulse")).to_have_text("reconnecting")
        await screenshot(page, "unreached-desktop-light")
        before = await card.locator("dl").text_content()
        assert before is not None
        await page.clock.fast_forward(600_000)
        await page.clock.run_for(2_000)  # the card is drawn again
        await expect(card.locator("dl")).to_have_text(before)

        await fill(bus, 40)
        relay.flow()
        await expect(alert).to_have_text("", timeout=LATE_MS)
        await expect(card.locator(".state")).to_have_text("receiving")
        await expect(page.locator("table.fills tbody tr")).to_have_count(41)
        await expect(steps).to_be_focused()
        await expect(steps).to_be_checked()
        assert problems_of(page) == []


async def test_a_quiet_console_is_not_taken_for_a_dead_one(
    bus: Bus, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing happens the console's quiet word is heard, and the one stream goes on."""
    monkeypatch.setattr(streaming, "QUIET_S", 0.05)
    async with console(bus) as made:
        page = await open_page(browser, made.address)
        await page.clock.install()
        await page.evaluate(
            """() => {
              window.heard = 0;
              const decode = TextDecoder.prototype.decode;
              TextDecoder.prototype.decode = function (...given) { window.heard += 1; return decode.apply(this, given); };
            }"""
        )
        opened: list[str] = []
        page.on("request", lambda asked: opened.append(asked.url) if "/api/stream" in asked.url else None)
        await log_in(page, ALICE_TOKEN)
        await expect(page.locator(".pulse")).to_have_text("live")
        for _ in range(6):
            await page.clock.fast_forward(10_000)
            count = await page.evaluate("window.heard")
            await page.wait_for_function("(count) => window.heard > count", arg=count)
        await expect(page.locator(".pulse")).to_have_text("live")
        await expect(page.locator(ALARM)).to_have_text("")
        assert len(opened) == 1


async def test_a_page_that_is_opened_without_a_broker_waits_and_says_why(
    broker: EmbeddedServer, connect_bus: ConnectBus, bus: Bus, browser: Browser
) -> None:
    """It never says that there is nothing; tries again and again without touching what a person does; goes on by itself."""
    async with console(await connect_bus("console")) as made:
        await broker.stop()
        await eventually(lambda: not bus.is_connected)
        page = await open_page(browser, made.address)
        await log_in(page, ALICE_TOKEN)
        alert = page.locator(ALARM)
        await expect(alert).to_contain_text("The console cannot tell this page anything", timeout=LATE_MS)
        await expect(alert).to_contain_text("Nothing is known yet.")
        await expect(page.get_by_text(re.compile(r"^Waiting for the console… \(.+\)$"))).to_have_count(2)
        for untrue in ("No connection", "No order events yet.", "0 bots"):
            await expect(page.get_by_text(untrue)).to_have_count(0)
        steps = page.get_by_label("all order events")
        await steps.check()
        for _ in range(2):
            async with page.expect_response("**/api/stream", timeout=LATE_MS) as refused:
                pass
            assert (await refused.value).status == 503
        await expect(steps).to_be_checked()
        await expect(steps).to_be_focused()
        await broker.start()
        await expect(page.locator(".pulse")).to_have_text("live", timeout=LATE_MS)
        await expect(alert).to_have_text("")
        await expect(page.get_by_text("No order events yet.")).to_be_visible()
        await expect(page.get_by_text("No connection")).to_be_visible()
        await expect(steps).to_be_focused()
        await expect(steps).to_be_checked()
        assert problems_of(page) == []


async def test_a_logout_that_fails_says_so_and_shows_no_login(bus: Bus, browser: Browser) -> None:
    """Who is still logged in is not told otherwise; the next try logs out."""
    async with console(bus) as made, relayed(made) as (relay, address):
        page = await open_page(browser, address, ALICE_TOKEN)
        await relay.cut()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.locator(ALARM)).to_contain_text(
            "You are still logged inLogging out failed: the console cannot be reached."
        )
        await expect(page.get_by_label("Token")).to_have_count(0)
        await relay.listen()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_label("Token")).to_be_visible()
        await expect(page.locator(ALARM)).to_have_text("")
        assert (await page.context.request.get(f"{address}/api/me")).status == 401


async def test_a_second_login_of_the_same_user_does_not_break_the_first_page(
    bus: Bus, browser: Browser
) -> None:
    """The first page has what it asks done in the new session, here to log out."""
    async with console(bus) as made:
        page = await open_page(browser, made.address, ALICE_TOKEN)
        other = await page.context.new_page()
        await other.goto(f"{made.address}/#token={ALICE_TOKEN}")
        await expect(other.locator(".pulse")).to_have_text("live")
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_label("Token")).to_be_visible()
        await expect(other.get_by_label("Token")).to_be_visible()
        assert (await page.context.request.get(f"{made.address}/api/me")).status == 401


@pytest.mark.parametrize("by", ["an action", "the stream"])
async def test_a_page_becomes_that_of_who_has_logged_in_meanwhile(
    bus: Bus, browser: Browser, by: str
) -> None:
    """Once it asks for anything, or opens its stream again, it shows nothing of who was there before, and does nothing."""
    await fill(bus, 1)
    async with console(bus) as made, relayed(made) as (relay, address):
        page = await open_page(browser, address, ALICE_TOKEN)
        row = page.locator("table.fills tbody tr")
        await expect(row).to_have_count(1)
        other = await page.context.new_page()
        await other.goto(f"{address}/#token={BOB_TOKEN}")
        await expect(other.locator("#user")).to_have_text("bob")
        if by == "an action":
            await page.get_by_role("button", name="Log out").click()
        else:
            await relay.cut()
            await relay.listen()
        await expect(page.locator("#user")).to_have_text("bob", timeout=LATE_MS)
        await expect(page.locator(".pulse")).to_have_text("live")
        await expect(row).to_have_count(0)
        assert (await page.context.request.get(f"{address}/api/me")).status == 200


async def test_what_changed_while_the_stream_was_gone_is_shown_when_it_is_back(
    bus: Bus, browser: Browser, tmp_path: Path
) -> None:
    """A list that only changes when the stream says so is asked for again."""
    async with console(bus, parts(bus, tmp_path)) as made, relayed(made) as (relay, address):
        page = await open_page(browser, address, ALICE_TOKEN)
        await go_to(page, "Trouble")
        await expect(page.get_by_text("No dead letter waits")).to_be_visible()
        await relay.cut()
        await expect(page.locator(ALARM)).to_contain_text(UNREACHED)
        await eventually(lambda: not made._streams.client_count)
        await keep_letter(bus, "grid", order_event(order_id="7"))
        await relay.listen()
        letters = page.get_by_role("region", name="Dead letters")
        await expect(letters.get_by_role("row")).to_have_count(2, timeout=LATE_MS)
        await expect(page.locator(ALARM)).to_have_text("")


async def test_a_list_that_could_not_be_had_is_asked_for_again(
    bus: Bus, browser: Browser, tmp_path: Path
) -> None:
    """However often it failed, and without anything that happens; the error stands there until then."""
    async with console(bus, parts(bus, tmp_path)) as made:
        page = await open_page(browser, made.address, ALICE_TOKEN)
        await page.route(
            "**/api/letters", lambda route: route.fulfill(status=503, json={"error": "no answer"})
        )
        await go_to(page, "Trouble")
        await expect(page.get_by_text("no answer")).to_be_visible()
        for _ in range(2):
            async with page.expect_response("**/api/letters"):
                pass
        await page.unroute("**/api/letters")
        await expect(page.get_by_text("No dead letter waits")).to_be_visible(timeout=LATE_MS)
        await expect(page.get_by_text("no answer")).to_have_count(0)
