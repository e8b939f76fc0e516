"""A byte between two processes."""

from pathlib import Path

import pytest

from fillwire.cli.chaos.brake import MAX_MS, Brake


def test_what_one_sets_another_reads(tmp_path: Path) -> None:
    """Two brakes of one directory share their value; it is 0 at first."""
    stage, bot = Brake(tmp_path), Brake(tmp_path)
    assert bot.read() == 0
    stage.set(MAX_MS)
    assert bot.read() == MAX_MS
    assert Brake(tmp_path).read() == MAX_MS


def test_more_than_fits_is_refused(tmp_path: Path) -> None:
    """A value beyond the byte is an error, not another value."""
    with pytest.raises(ValueError, match="range"):
        Brake(tmp_path).set(MAX_MS + 1)
