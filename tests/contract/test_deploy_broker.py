"""The broker's configurations in the cluster, read by the server itself."""

import copy
import os
import re
import subprocess
from pathlib import Path

from fillwire.bus.buckets import BUCKETS
from fillwire.bus.server import find_server
from fillwire.bus.streams import STREAMS
from support.certificates import self_signed
from support.manifests import named, references, rendered, workloads
from support.nats_chart import VALUES, configuration, text_of

ACCOUNTS = 'accounts { CORE { jetstream: enabled, users: [{user: gateway, password: "of-a-test"}] } }\n'
RESERVED_BYTES = sum(definition.max_bytes for definition in (*STREAMS, *BUCKETS))
_UNITS = {"G": 10**9, "Gi": 2**30}


def _read(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Have nats-server read a configuration, laid out as the pod has it."""
    (directory / "nats-config").mkdir()
    (directory / "nats-accounts").mkdir()
    (directory / "nats-accounts" / "accounts.conf").write_text(ACCOUNTS)
    certificates = directory / "nats-certs"
    _make_certificate(certificates)
    path = directory / "nats-config" / "nats.conf"
    text = re.sub(r"/etc/nats-(?:ca-cert|certs/[a-z]+)(?=/)", str(certificates), text)
    path.write_text(text)
    command = [str(find_server()), "-t", "-c", str(path)]
    environ = {**os.environ, "SERVER_NAME": "nats-0", "NATS_PASSWORD": "of-a-test"}
    return subprocess.run(  # noqa: S603 - fixed arguments
        command, check=False, capture_output=True, text=True, timeout=30, env=environ
    )


def _make_certificate(directory: Path) -> None:
    """Write a certificate that signs itself, as `tls.crt`, `tls.key` and `ca.crt`."""
    directory.mkdir()
    pem = self_signed(directory / "tls.crt").read_bytes()  # whoever reads one of the two skips the other
    (directory / "ca.crt").write_bytes(pem)
    (directory / "tls.key").write_bytes(pem)


def _local() -> str:
    (broker,) = (found for found in workloads(rendered("dev")) if found.app == "nats")
    name = next(found.name for found in references(broker) if found.kind == "ConfigMap")
    return str(named(rendered("dev"), "ConfigMap", name)["data"]["nats.conf"])


def test_the_server_takes_the_local_configuration(tmp_path: Path) -> None:
    """`nats-server -t`."""
    done = _read(tmp_path, _local())
    assert done.returncode == 0, done.stderr


def test_the_server_takes_what_the_charts_values_yield(tmp_path: Path) -> None:
    """Three servers with JetStream, and the accounts of a file beside it."""
    done = _read(tmp_path, text_of(configuration()))
    assert done.returncode == 0, done.stderr


def test_a_mistake_in_the_values_is_seen(tmp_path: Path) -> None:
    """A field that the server does not know, and an accounts file that is not where it is said to be."""
    values = copy.deepcopy(VALUES)
    values["config"]["merge"]["ping_intervall"] = "20s"
    done = _read(tmp_path, text_of(configuration(values)))
    assert done.returncode != 0
    assert "ping_intervall" in done.stderr
    values = copy.deepcopy(VALUES)
    values["config"]["merge"]["accounts$include"] = "../nats-acounts/accounts.conf"
    (tmp_path / "again").mkdir()
    done = _read(tmp_path / "again", text_of(configuration(values)))
    assert done.returncode != 0
    assert "nats-acounts" in done.stderr


def _bytes(text: str) -> int:
    number = text.rstrip("Gi")
    return int(number) * _UNITS[text.removeprefix(number)]


def test_the_store_has_room_for_every_stream_and_the_disk_for_the_store() -> None:
    """The broker reserves every stream's bytes, and a full disk stops it."""
    store = VALUES["config"]["jetstream"]["fileStore"]
    assert RESERVED_BYTES <= _bytes(store["maxSize"]) < _bytes(store["pvc"]["size"])
    memory = VALUES["container"]["resources"]["limits"]["memory"]
    limit = int(VALUES["container"]["env"]["GOMEMLIMIT"].removesuffix("MiB")) << 20
    assert limit < 0.9 * _bytes(memory)


def test_the_version_is_the_one_that_is_tested_with() -> None:
    """The wheel's server runs under the tests; the images are of the same version."""
    command = [str(find_server()), "--version"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout  # noqa: S603 - fixed arguments
    version = said.rpartition("v")[2].strip()
    (broker,) = (found for found in workloads(rendered("dev")) if found.app == "nats")
    assert broker.main["image"] == f"nats:{version}-alpine"
    assert VALUES["container"]["image"]["tag"] == f"{version}-alpine"
