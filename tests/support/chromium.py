"""A headless Chromium, driven by Playwright.

Playwright's own browsers cannot be fetched everywhere, so that the system's is used: one on the path, else Debian's, which
root can install. Where neither is to be had, tests that need it are skipped and say so.
"""

import fcntl
import functools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = Path(__file__).parents[2] / ".fillwire" / "screenshots"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Together less than the first test that needs a browser may take.
_INSTALLATION = (
    (60, "update", "-qq"),
    (100, "install", "-y", "-qq", "--no-install-recommends", "chromium"),
)
_TIMEOUT_MS = 15_000.0


def find_chromium() -> str | None:
    """Return the browser on the path, None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    """Install Debian's browser, if this is a Debian that can reach its mirror; one process of several does it."""
    apt_get = shutil.which("apt-get")
    if apt_get is None:
        return
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with (SCREENSHOTS.parent / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if find_chromium() is not None:
            return
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        with suppress(subprocess.TimeoutExpired):
            for deadline_s, *command in _INSTALLATION:
                subprocess.run(  # noqa: S603 - fixed words
                    [apt_get, *command],
                    env=environ,
                    timeout=deadline_s,
                    check=False,
                    capture_output=True,
                )


@functools.cache
def chromium() -> str:
    """Return the browser, installed if that can be done; skip the test if not."""
    found = find_chromium()
    if found is None and os.geteuid() == 0:
        _install()
        found = find_chromium()
    if found is None:
        pytest.skip(
            "NO BROWSER: the console's pages are NOT tested here. Expected chromium on the path, or root and apt-get"
        )
    return found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """The browser."""
    path = chromium()
    expect.set_options(timeout=_TIMEOUT_MS)  # as long as an action may take
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield launched
        finally:
            await launched.close()


async def open_page(browser: Browser, address: str, token: str | None = None, **options: object) -> Page:
    """Return a page of the console, logged in by a link if a token is given; what its scripts raise fails the test."""
    context = await browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})  # type: ignore[arg-type]  # passed through
    context.set_default_timeout(_TIMEOUT_MS)
    page = await context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda said: (
            problems.append(said.text)
            if said.type == "error" and "Failed to load resource" not in said.text
            else None
        ),
    )
    page.problems = problems  # type: ignore[attr-defined]  # so that a test can look at them
    await page.goto(address if token is None else f"{address}/#token={token}")
    if token is not None:
        await page.wait_for_selector(".pulse.good")
    return page


def problems_of(page: Page) -> list[str]:
    """Return what went wrong in a page."""
    found: list[str] = page.problems  # type: ignore[attr-defined]  # set by `open_page`
    return found


async def screenshot(page: Page, name: str) -> None:
    """Keep what the page looks like, for people."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=False)
