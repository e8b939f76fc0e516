"""The page for people is what the schemas say."""

import runpy

from support.schemas import SCHEMAS


def test_page_is_up_to_date() -> None:
    """docs/events.md is what schemas/render.py writes now; run it after a change of the schemas."""
    render = runpy.run_path(str(SCHEMAS / "render.py"))
    assert render["PAGE"].read_text(encoding="utf-8") == render["page"]()


def test_page_shows_every_schema() -> None:
    """No payload is left out of the page."""
    render = runpy.run_path(str(SCHEMAS / "render.py"))
    shown = {SCHEMAS / file for _, file, _ in render["DOCUMENTS"]}
    assert shown == set(SCHEMAS.glob("*/*/v*.json"))
