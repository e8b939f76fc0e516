"""A broker that tests are given and share, where none is started for each: by its address, or in a container.

`FILLWIRE_TEST_BROKER` says which: an address such as nats://127.0.0.1:4222, `binary` or `container`. Without it the first
that is to be had is taken: the binary beside the interpreter, which is in the environment that `make setup` makes, then a
container. A shared broker is emptied before each test. What kills, stops or looks into a broker needs one of its own, and is
skipped with a word of that.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn, Self

import nats
import pytest
from nats.js.errors import NotFoundError

from deploy.images import compose_document
from fillwire.bus.server import EmbeddedServer, find_server
from fillwire.domain.errors import BrokerError, ConfigError
from support.variables import taken

VARIABLE: Final = "FILLWIRE_TEST_BROKER"
WANTED: Final = taken(VARIABLE)
BINARY, CONTAINER = "binary", "container"
_CONFIGURATION: Final = Path(__file__).with_name("shared_broker.conf")
_PORT: Final = 4222
_START_DEADLINE_S: Final = 30
_ANSWER_DEADLINE_S: Final = 10


class SharedBroker(EmbeddedServer):
    """A broker that was given: it has an address, and nothing else can be done to it.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        super().__init__(Path(os.devnull))
        self._url = url

    @property
    def url(self) -> str:
        """Its address."""
        return self._url

    def _refuse(self, what: str) -> NoReturn:
        pytest.skip(f"{what} a broker: needs one of its own, and these tests were given {self._url}")

    @property
    def data_dir(self) -> Path:
        """Not to be had."""
        self._refuse("looks into the directory of")

    @property
    def log_path(self) -> Path:
        """Not to be had."""
        self._refuse("reads the log of")

    @property
    def monitoring_url(self) -> str | None:
        """Not to be had."""
        self._refuse("asks the monitoring of")

    @property
    def pid(self) -> int | None:
        """Not to be had."""
        self._refuse("signals")

    @property
    def is_running(self) -> bool:
        """Whether it runs: it was given as one that does."""
        return True

    async def start(self, deadline_s: float = 15.0) -> str:  # noqa: ARG002 - it is there
        """Return its address."""
        return self._url

    async def stop(self) -> None:
        """Skip the test."""
        self._refuse("stops")

    async def kill(self) -> None:
        """Skip the test."""
        self._refuse("kills")

    async def __aenter__(self) -> Self:
        await self.empty()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave it to the next test."""

    async def empty(self) -> None:
        """Remove everything that it stores.

        Raises:
            BrokerError: it does not answer, or has no JetStream.
        """
        try:
            client = await nats.connect(self._url, max_reconnect_attempts=1, error_cb=_unheard)
        except (OSError, nats.errors.Error) as error:
            raise BrokerError(f"no broker answers at {self._url}: expected one, {error}") from error
        try:
            stream = client.jetstream()
            while names := [info.config.name for info in await stream.streams_info()]:
                for name in names:
                    if name is not None:
                        await stream.delete_stream(name)
        except NotFoundError as error:
            raise BrokerError(f"{self._url} has no JetStream: expected a broker that stores") from error
        finally:
            await client.close()


async def _unheard(_error: Exception) -> None:
    """Keep the client from logging what is raised all the same."""


def obstacle_to_container() -> str | None:
    """Return why no container can be had, None if one can: nothing is pulled."""
    try:
        asked = subprocess.run(  # noqa: S603 - fixed program; the client in Python would leave its socket open
            ["docker", "image", "inspect", image()],  # noqa: S607 - from the path
            capture_output=True,
            check=False,
            text=True,
            timeout=_ANSWER_DEADLINE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"no container of {image()}: {error}"
    return None if asked.returncode == 0 else f"no container of {image()}: {asked.stderr.strip()}"


def image() -> str:
    """Return the broker's image, that of the compose file."""
    name: str = compose_document()["services"]["nats"]["image"]
    return name


@contextmanager
def container() -> Iterator[str]:
    """Run the compose file's broker in a container inside the block, without accounts; the address is given."""
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415 - for who asks for a container
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - as above
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy  # noqa: PLC0415 - as above

    testcontainers_config.ryuk_disabled = True  # it would need an image of its own; the block cleans up
    ready = LogMessageWaitStrategy("Server is ready").with_startup_timeout(_START_DEADLINE_S)
    with (
        DockerContainer(image())
        .with_volume_mapping(str(_CONFIGURATION), "/etc/nats.conf", "ro")
        .with_tmpfs_mount("/data")
        .with_command("--config /etc/nats.conf")
        .with_exposed_ports(_PORT)
        .waiting_for(ready) as started
    ):
        yield f"nats://{started.get_container_host_ip()}:{started.get_exposed_port(_PORT)}"


def has_binary() -> bool:
    """Return whether a broker can be started on this machine."""
    try:
        find_server()
    except ConfigError:
        return False
    return True


def choice(wanted: str, has_binary: Callable[[], bool], obstacle: Callable[[], str | None]) -> str:
    """Return `binary`, `container`, or the address of a broker that was given.

    Args:
        wanted: what the variable says.
        has_binary: whether a broker can be started on this machine.
        obstacle: why no container can be had, None if one can.

    Raises:
        LookupError: what is wanted, or anything at all, cannot be had; the message says why.
    """
    if wanted not in {"", BINARY, CONTAINER}:
        if "://" not in wanted:
            raise LookupError(
                f"{VARIABLE}: expected an address, {BINARY!r} or {CONTAINER!r}, found {wanted!r}"
            )
        return wanted
    if wanted != CONTAINER and has_binary():
        return BINARY
    if wanted == BINARY:
        raise LookupError(
            "no nats-server beside the interpreter nor on the path: expected `make setup` to bring one"
        )
    if (reason := obstacle()) is not None:
        raise LookupError(reason)
    return CONTAINER


@pytest.fixture(scope="session")
def shared_broker_url() -> Iterator[str | None]:
    """Address of the broker that all tests share; None where each has one of its own."""
    try:
        chosen = choice(WANTED, has_binary, obstacle_to_container)
    except LookupError as error:
        if os.environ.get("CI"):
            pytest.fail(f"no broker for the tests: {error}")
        pytest.skip(f"no broker for the tests: {error}")
    if chosen == CONTAINER:
        with container() as url:
            yield url
    elif chosen == BINARY:
        yield None
    else:
        workers = os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
        if workers != "1":
            pytest.fail(
                f"{workers} processes of tests would empty one another's {chosen}: expected `pytest -n 0`"
            )
        yield chosen
