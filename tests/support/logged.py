"""What is logged, for tests that read it as a machine does."""

import io
import logging
from collections.abc import Iterator

import pytest

from fillwire.runtime.logs import configure_logs

_NAMES = ("fillwire", "nats", "aiohttp", "picows")


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, down to what only a developer wants to know."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logs({"FILLWIRE_LOG": ",".join(("debug", *(f"{name}=debug" for name in _NAMES[1:])))}, stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in _NAMES:
        logging.getLogger(name).setLevel(logging.NOTSET)
