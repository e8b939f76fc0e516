"""Brings what the registry says to the broker: the file, checked before it replaces the old one; the signal; the streams."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fillwire.bus import api
from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_mapping
from fillwire.bus.errors import ApiRefused
from fillwire.bus.server import find_server
from fillwire.bus.streams import Manifest, ensure_manifest, ensure_streams
from fillwire.bus.tenants import DESCRIBED, Tenant, own_streams, sources
from fillwire.cli.users.accounts import FILE, accounts_conf
from fillwire.cli.users.registry import Registry, replace_file, write_registry
from fillwire.domain.errors import BrokerError, ConfigError

_CHECK_DEADLINE_S: Final = 20.0
_PID_BYTES: Final = 32
_FIRST_PROCESS: Final = 1  # which is nobody's broker
_LAST_PROCESS: Final = (1 << 31) - 1
_RELOAD_DEADLINE_S: Final = 10.0
_RELOAD_PAUSE_S: Final = 0.1


def place(directory: Path, registry: Registry) -> Path:
    """Write the registry, and the file that the broker's configuration includes, if the broker would take it; return where that is.

    Raises:
        ConfigError: the broker would refuse it, which leaves both as they were; or one of them cannot be written.
    """
    text = accounts_conf(registry)
    check_accounts(text)
    write_registry(
        directory, registry
    )  # the truth first: what is broken off here, the next command makes good
    path = directory / FILE
    replace_file(path, text)
    return path


def check_accounts(text: bytes) -> None:
    """Have nats-server itself judge the file.

    Raises:
        ConfigError: it would refuse it; the message is its own.
    """
    with tempfile.TemporaryDirectory(prefix="fillwire-users-") as name:
        directory = Path(name)
        (directory / FILE).write_bytes(text)
        conf = directory / "nats.conf"
        conf.write_text(
            f'jetstream {{ store_dir: "{directory / "store"}" }}\ninclude "{FILE}"\n', encoding="utf-8"
        )
        try:
            done = subprocess.run(  # noqa: S603 - our own executable, and a file of ours
                (find_server(), "-t", "-c", conf),
                check=False,
                capture_output=True,
                text=True,
                timeout=_CHECK_DEADLINE_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(f"{FILE} cannot be checked: expected nats-server to run, {error}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        words = said[-1].replace(str(directory), "") if said else "nothing"
        raise ConfigError(f"{FILE} is refused by nats-server, the old one stays: {words}")


def broker_process(pid: str) -> int:
    """Return the process id of a broker on this machine.

    Args:
        pid: it, or a file that holds it.

    Raises:
        ConfigError: no process id, or no such process of ours.
    """
    text = pid
    if not pid.isdigit():
        try:
            with Path(pid).open(encoding="utf-8") as file:
                text = file.read(_PID_BYTES).strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"--reload {pid}: expected a process id or a file that holds one, {error}"
            ) from error
    # What a file holds is not shown: it may be that of a seed.
    if not text.isdigit() or not _FIRST_PROCESS < int(text) <= _LAST_PROCESS:
        raise ConfigError(f"--reload {pid}: expected the process id of a broker, found something else")
    _send(int(text), 0)
    return int(text)


def reload_broker(process: int) -> None:
    """Have a broker read its configuration again; clients that may no longer log in are cut off.

    Raises:
        ConfigError: there is no such process of ours any more.
    """
    _send(process, signal.SIGHUP)


def _send(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except OSError as error:
        raise ConfigError(
            f"--reload: expected a broker that runs as process {process}, {error.strerror}"
        ) from error


async def make_streams(bus: Bus, tenants: Sequence[Tenant], replicas: int, duplicate_window_s: float) -> None:
    """Make the system's streams and the tenants' own, and have the system's take from these. Idempotent.

    A broker that reads its configuration again cuts connections and leaves requests unanswered for a moment: that is
    waited for, some seconds.

    Args:
        bus: with all rights in the system's account.
        tenants: all of them.
        replicas: of each stream.
        duplicate_window_s: see `ensure_streams`.

    Raises:
        ConfigError: the broker refuses a stream, or does not map order events to the partitions of the log.
        BrokerError: no answer.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _RELOAD_DEADLINE_S
    while True:
        try:
            await _make_streams(bus, tenants, replicas, duplicate_window_s)
        except ApiRefused:
            raise
        except BrokerError:
            if loop.time() >= end_s:
                raise
            await asyncio.sleep(_RELOAD_PAUSE_S)
        else:
            return


async def _make_streams(
    bus: Bus, tenants: Sequence[Tenant], replicas: int, duplicate_window_s: float
) -> None:
    await ensure_streams(bus, replicas, duplicate_window_s=duplicate_window_s)
    await require_mapping(bus, "none")
    await ensure_buckets(bus, replicas)
    for tenant in tenants:
        for manifest in tenant.manifests(replicas):
            await _forget_empty_mirror(bus, manifest)
            await ensure_manifest(bus, manifest)
    for stream, wanted in sources(tenants).items():
        config: dict[str, Any] = (await api.call(bus, f"STREAM.INFO.{stream}"))["config"]
        if _by_name(config.get("sources")) != _by_name(wanted):
            await api.call(bus, f"STREAM.UPDATE.{stream}", config | {"sources": wanted})


async def _forget_empty_mirror(bus: Bus, manifest: Manifest) -> None:
    """Delete a mirror of another stream than it is to be, if it never held anything: the log was not divided so before."""
    if "mirror" not in manifest:
        return
    try:
        info = await api.call(bus, f"STREAM.INFO.{manifest['name']}")
    except ApiRefused as error:
        if error.error_code != api.STREAM_NOT_FOUND:
            raise
        return
    if info["config"]["mirror"]["name"] != manifest["mirror"]["name"] and not info["state"]["last_seq"]:
        await api.call(bus, f"STREAM.DELETE.{manifest['name']}")


def _by_name(found: Sequence[dict[str, Any]] | None) -> dict[str, Any]:
    return {source["name"]: source.get("subject_transforms") for source in found or ()}


async def left_streams(bus: Bus, tenants: Sequence[Tenant]) -> list[str]:
    """Return the streams of tenants who are none any more, by name.

    Raises:
        BrokerError: no answer.
    """
    found: list[dict[str, Any]] = []
    while True:
        page = await api.call(bus, "STREAM.LIST", {"offset": len(found)})
        found += [info["config"] for info in page["streams"] or ()]
        if not page["streams"] or len(found) >= page["total"]:
            break
    kept = {name for tenant in tenants for name in own_streams(tenant.token)}
    return sorted(
        config["name"]
        for config in found
        if config.get("description", "").startswith(DESCRIBED) and config["name"] not in kept
    )


async def delete_streams(bus: Bus, names: Sequence[str]) -> None:
    """Delete streams with all that they hold.

    Raises:
        BrokerError: no answer, or refused.
    """
    for name in names:
        await api.call(bus, f"STREAM.DELETE.{name}")
