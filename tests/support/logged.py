"""What is logged, for tests that read it as a machine does."""

import io
import logging
from collections.abc import Iterator

import pytest

from fillwire.runtime.logs import configure_logs

_NAMES = ("fillwire", "nats", "aiohttp", "picows")


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Undo what a command that a test runs in this process does to the logs: the next test may look at them."""
    root = logging.getLogger()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in ("", *_NAMES)}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def logged() -> io.StringIO:
    """Everything that is logged, down to what only a developer wants to know."""
    stream = io.StringIO()
    configure_logs({"FILLWIRE_LOG": ",".join(("debug", *(f"{name}=debug" for name in _NAMES[1:])))}, stream)
    return stream
