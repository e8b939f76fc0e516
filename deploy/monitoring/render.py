"""Writes the Grafana dashboards: `python deploy/monitoring/render.py`.

A dashboard's JSON is a hundred lines per panel, of which three say something. Those three stand in `panels.py`; the JSON
beside this file is what Grafana loads, and a test holds both together.
"""

from pathlib import Path

from grafana import dashboard
from panels import DASHBOARDS

FOLDER = Path(__file__).resolve().parent / "dashboards"


def rendered() -> dict[str, str]:
    """Return the files of all dashboards, by name."""
    return {name: dashboard(name, title, panels) for name, (title, panels) in DASHBOARDS.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each, text in rendered().items():
        (FOLDER / f"{each}.json").write_text(text, encoding="utf-8")
