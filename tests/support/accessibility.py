"""What keeps people out of a page, as axe-core finds it."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page


async def serious_findings(page: Page) -> list[str]:
    """Return what axe finds in the page that keeps people out."""
    result = await Axe().run(page)
    return [
        f"{found['id']}: {found['nodes'][0]['html']}: {found['nodes'][0].get('failureSummary')}"
        for found in result.response["violations"]
        if found["impact"] in {"serious", "critical"}
    ]
