"""The compose file against the specification's schema, and against what it promises."""

import asyncio
import json
import re
import shutil
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import nkeys
import pytest
import yaml

import make_secrets
from deploy.composed import PORTS
from deploy.images import COMPOSE, compose_document
from fillwire.bus.server import find_server
from fillwire.cli import COMMANDS
from fillwire.cli.users.registry import Kind, read_registry
from fillwire.runtime.settings import load_settings

HERE = COMPOSE.parent
DOCUMENT = compose_document()
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("fillwire:")}
SCHEMA = json.loads(
    (Path(__file__).resolve().parents[1] / "data/compose/compose-spec.json").read_text("utf-8")
)


def test_it_is_a_compose_file() -> None:
    """Compose would refuse it otherwise."""
    jsonschema.Draft202012Validator(SCHEMA).validate(DOCUMENT)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_can_do_no_more_than_it_must(name: str) -> None:
    """No service writes to its image, gains a right, or takes all of the machine."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "logging", "restart"} <= service.keys()
    assert not service.keys() & {"privileged", "pid", "ipc", "user", "devices"}
    assert name == "postgres" or "cap_add" not in service


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_those_of_this_machine_alone(name: str) -> None:
    """The simulators obey whoever reaches them."""
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{FW_\w+_PORT:-\d+\}:\d+", port), port


def test_the_smoke_test_has_a_port_for_each() -> None:
    """It runs beside a system that somebody uses."""
    named = {
        name
        for service in SERVICES.values()
        for port in service.get("ports", ())
        for name in re.findall(r"\w+_PORT", port)
    }
    assert named == set(PORTS)


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_a_tag_that_does_not_move(name: str) -> None:
    """What was tried is what is started."""
    image = SERVICES[name]["image"]
    assert image == "fillwire:${FW_TAG:-dev}" or re.search(r":v?\d+(\.\d+)+(-\w+)?$", image), image


@pytest.mark.parametrize("name", [name for name, service in OURS.items() if "entrypoint" not in service])
def test_a_service_of_ours_is_a_command(name: str) -> None:
    """And one that is asked whether it is ready, but for what ends, and the simulators, which show it by their gateways."""
    service = OURS[name]
    assert service["command"][0] in COMMANDS
    assert service["command"][0] in {"simulate", "users"} or "/readyz" in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize("exchange", make_secrets.EXCHANGES)
def test_only_an_exchanges_gateway_is_given_its_keys(exchange: str) -> None:
    """A key at one place can be stolen at one place."""
    holders = {
        name
        for name, service in SERVICES.items()
        if any(f"accounts-{exchange}:" in str(volume) for volume in service.get("volumes", ()))
    }
    assert holders == {f"gateway-{exchange}"}


def test_every_file_that_is_mounted_is_there_or_made(tmp_path: Path) -> None:
    """The engine would make a directory in the place of a missing file."""
    folder = tmp_path / "secrets"
    make_secrets.make(folder)
    mounted = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", ())
        if volume.startswith(".")
    } | {secret["file"] for secret in DOCUMENT["secrets"].values()}
    for path in mounted:
        place = path.removeprefix("./compose/secrets/")
        assert (folder / place if place != path else HERE / path).exists(), path
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == set(DOCUMENT["secrets"])


def test_secrets_are_made_once_and_only_their_owner_reaches_them(tmp_path: Path) -> None:
    """A second call changes nothing, or the database would not open again."""
    folder = tmp_path / "secrets"
    assert make_secrets.make(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert make_secrets.make(folder) == []
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert len(set(before.values())) == len(before)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_key_of_the_broker_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    """And what the broker reads, which says so; all other keys stay."""
    make_secrets.make(tmp_path)
    accounts, gone = tmp_path / make_secrets.BROKER / "accounts.conf", tmp_path / "nats_host"
    before = read_registry(accounts.parent).logins
    gone.unlink()
    assert make_secrets.make(tmp_path) == [gone]
    after = read_registry(accounts.parent).logins
    assert [name for name in before if before[name] != after[name]] == ["host"]
    (key,) = after["host"].keys
    assert key.nkey == _public(gone)
    assert key.nkey in accounts.read_text("utf-8")
    assert before["host"].keys[0].nkey not in accounts.read_text("utf-8")
    accounts.unlink()
    assert make_secrets.make(tmp_path) == []
    assert key.nkey in accounts.read_text("utf-8")


@pytest.mark.parametrize("name", [name for name, service in OURS.items() if "healthcheck" in service])
def test_a_service_can_read_its_settings(name: str, tmp_path: Path) -> None:
    """The mounted file and the environment are settings, with each secret where the service finds it."""
    folder = tmp_path / "secrets"
    make_secrets.make(folder)
    exchange = name.removeprefix("gateway-")
    moved = {
        key: value.replace("/run/secrets/accounts", str(folder / f"accounts-{exchange}")).replace(
            "/run/secrets", str(folder)
        )
        for key, value in SERVICES[name]["environment"].items()
    }
    settings = load_settings(HERE / "compose" / "fillwire.json", moved)
    assert settings.monitoring.port == 9464
    assert settings.nats.nkey_file is not None
    given = set(SERVICES[name]["secrets"])
    assert {
        secret
        for secret in DOCUMENT["secrets"]
        if any(re.search(rf"/{secret}\b", value) for value in moved.values())
    } == given
    assert len(settings.accounts) == (1 if name.startswith("gateway-") else 0)


def _public(seed: Path) -> str:
    """Return the public key that belongs to the seed in a file."""
    found: bytes = nkeys.from_seed(bytearray(seed.read_bytes().strip())).public_key
    return found.decode()


def test_each_service_logs_in_as_itself(tmp_path: Path) -> None:
    """With a key that nobody else is given, and that the broker knows as one of its kind; nobody with all rights runs on."""
    make_secrets.make(tmp_path / "secrets")
    registry = read_registry(tmp_path / "secrets" / make_secrets.BROKER)
    holders: dict[str, list[str]] = {}
    for name, service in SERVICES.items():
        for secret in service.get("secrets", ()):
            if secret.startswith("nats_"):
                holders.setdefault(secret.removeprefix("nats_"), []).append(name)
    assert all(len(names) == 1 for names in holders.values()), holders
    assert holders.keys() == registry.logins.keys()
    for login, (name,) in holders.items():
        public = _public(tmp_path / "secrets" / f"nats_{login}")
        assert [key.nkey for key in registry.logins[login].keys] == [public]
        kinds = {"streams": Kind.CONTROL, "bot": Kind.TENANT, "door": Kind.DOOR}
        command = OURS[name]["command"][0]
        assert registry.logins[login].kind is (kinds.get(name) or Kind(command)), name


def test_the_broker_takes_what_is_written(tmp_path: Path) -> None:
    """Its configuration and the accounts together, judged by nats-server itself."""
    make_secrets.make(tmp_path / "secrets")
    accounts = tmp_path / "secrets" / make_secrets.BROKER / "accounts.conf"
    conf = (HERE / "compose" / "nats.conf").read_text("utf-8")
    conf = conf.replace('"accounts.conf"', f'"{accounts.relative_to(tmp_path)}"')
    conf = conf.replace("/etc/nats/tls/", f"{tmp_path}/secrets/{make_secrets.CERTIFICATE}/")
    (tmp_path / "nats.conf").write_text(conf)
    done = subprocess.run(  # noqa: S603 - our own executable, and a file of ours
        (find_server(), "-t", "-c", tmp_path / "nats.conf"),
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert accounts.stat().st_mode & 0o777 == 0o644  # read in the container by another user


async def _believes(authority: Path, folder: Path, name: str) -> bool:
    """Return whether a client with this authority believes the certificate of a folder, as strictly as new Pythons ask."""
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(folder / make_secrets.CERTIFICATE / "server.pem", _key_of(folder))
    believed = ssl.create_default_context(cafile=authority)
    believed.verify_flags |= ssl.VERIFY_X509_STRICT
    async with await asyncio.start_server(
        lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=shown
    ) as server:
        port = server.sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=believed, server_hostname=name
            )
        except ssl.SSLCertVerificationError:
            return False
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        return True


async def test_services_believe_the_brokers_certificate(tmp_path: Path) -> None:
    """By its name on their network, and by those of this machine."""
    make_secrets.make(tmp_path)
    authority = tmp_path / make_secrets.AUTHORITY
    names = ("nats", "localhost", "127.0.0.1", "elsewhere")
    assert [await _believes(authority, tmp_path, name) for name in names] == [True, True, True, False]


async def test_a_certificate_is_made_anew_before_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one before is believed until the broker is started again; keys and tokens stay."""
    monkeypatch.setattr(make_secrets, "_VALID_FOR", timedelta(days=29))
    folder, former = tmp_path / "secrets", tmp_path / "former"
    make_secrets.make(folder)
    monkeypatch.undo()
    shutil.copytree(folder, former)
    certificate, authority = (
        folder / make_secrets.CERTIFICATE / "server.pem",
        folder / make_secrets.AUTHORITY,
    )
    assert make_secrets.make(folder) == [certificate]
    changed = {
        path
        for path in folder.rglob("*")
        if path.is_file() and path.read_bytes() != (former / path.relative_to(folder)).read_bytes()
    }
    assert changed == {certificate, _key_of(folder), authority}
    assert await _believes(authority, folder, "nats")
    assert await _believes(authority, former, "nats")
    assert not await _believes(former / make_secrets.AUTHORITY, folder, "nats")
    assert make_secrets.make(folder) == []


@pytest.mark.parametrize("part", [make_secrets.AUTHORITY, "broker_tls/server.pem", "broker_tls/server.key"])
async def test_a_part_of_the_certificate_that_is_gone_is_made_anew(tmp_path: Path, part: str) -> None:
    """With the others, for they belong together."""
    make_secrets.make(tmp_path)
    (tmp_path / part).unlink()
    assert make_secrets.make(tmp_path) == [tmp_path / make_secrets.CERTIFICATE / "server.pem"]
    assert await _believes(tmp_path / make_secrets.AUTHORITY, tmp_path, "nats")


def _key_of(folder: Path) -> Path:
    return folder / make_secrets.CERTIFICATE / "server.key"


def test_prometheus_scrapes_each_service() -> None:
    """By the name that it has on the network, which of a gateway is its simulator's."""
    scraped = yaml.safe_load((HERE / "compose" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    targets = {
        target.partition(":")[0]
        for job in scraped
        for group in (*job.get("static_configs", ()), *job.get("dns_sd_configs", ()))
        for target in group.get("targets", group.get("names", ()))
    }
    assert targets == {name for name, service in OURS.items() if "healthcheck" in service}
