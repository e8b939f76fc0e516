"""Code of strategies is imported beside the loop, and code that does not end holds up its own bot only."""

import asyncio
import threading

import pytest

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.loader import Loader
from fillwire.domain.errors import ConfigError
from fillwire.sdk.bot import Bot
from support.eventually import eventually
from support.managed_bots import SPEC


async def test_code_that_does_not_end_is_given_up_and_not_begun_again() -> None:
    """The deadline is said; while the thread still runs there is no second one; others load meanwhile."""
    loader, release, calls = Loader(deadline_s=0.05), threading.Event(), []

    def hang() -> Bot:
        calls.append(1)
        release.wait(10)
        raise ConfigError("too late")

    def make() -> Bot:
        return Catalogue().make(SPEC)

    try:
        with pytest.raises(
            ConfigError, match=r"strategy 'x.py' was not imported within 0.05 s: its code does not end"
        ):
            await loader.load("alice.x", hang, "x.py")
        with pytest.raises(ConfigError, match="its code does not end"):
            await loader.load("alice.x", hang, "x.py")
        assert calls == [1]
        async with asyncio.timeout(5):
            assert (await Loader().load("alice.y", make, "ping-pong")).name == "pp-1"
    finally:
        release.set()


async def test_of_what_was_made_in_time_nothing_is_kept() -> None:
    """However many are made, each under a key of its own, the loader does not grow; nor by one that ended late or failed."""
    loader, release = Loader(deadline_s=0.05), threading.Event()

    def make() -> Bot:
        return Catalogue().make(SPEC)

    def hang() -> Bot:
        release.wait(10)
        return make()

    def fail() -> Bot:
        raise ConfigError("no such file")

    with pytest.raises(ConfigError, match="its code does not end"):
        await loader.load("late", hang, "x.py")
    with pytest.raises(ConfigError, match="no such file"):
        await loader.load("failed", fail, "x.py")
    release.set()
    in_time = Loader()
    for number in range(100):
        await in_time.load(f"in time {number}", make, "ping-pong")
    assert in_time._loading == {}
    await eventually(lambda: loader._loading == {})
    assert (await loader.load("late", make, "ping-pong")).name == "pp-1"


async def test_code_that_does_not_end_takes_a_bounded_number_of_threads() -> None:
    """Asked for again and again under other keys, it is refused at the limit; when one has ended there is room again."""
    loader, release = Loader(deadline_s=0.05, limit=2), threading.Event()

    def hang() -> Bot:
        release.wait(10)
        raise ConfigError("too late")

    try:
        for key in ("one", "two"):
            with pytest.raises(ConfigError, match="was not imported within"):
                await loader.load(key, hang, "x.py")
        with pytest.raises(
            ConfigError, match=r"strategy 'x.py': 2 imports have not ended: expected code that does"
        ):
            await loader.load("three", hang, "x.py")
    finally:
        release.set()
    await eventually(lambda: loader._loading == {})
    assert (await loader.load("three", lambda: Catalogue().make(SPEC), "ping-pong")).name == "pp-1"


async def test_what_the_code_raises_is_raised() -> None:
    """A sentence about the file comes to who asked."""

    def fail() -> Bot:
        raise ConfigError("no such file")

    with pytest.raises(ConfigError, match="no such file"):
        await Loader().load("alice.x", fail, "x.py")
