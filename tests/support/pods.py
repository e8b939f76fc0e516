"""Pods of the local overlay as processes on this machine: the arguments, variables, settings and secrets that they are given.

Only what a cluster would do is done here: names of services become addresses of loopback, and mounts directories.
"""

import base64
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from support.manifests import Manifest, Workload, named, rendered, workloads

OVERLAY: Final = "dev"
_NAME_AND_PORT: Final = r"(?<![\w.-]){host}:{port}\b"
COLLECTOR: Final = "otel-collector:4318"
_MOUNTS: Final = ("/run/secrets", "/var/lib/fillwire", "/etc/fillwire")


class Pods:
    """What pods are given, translated.

    Args:
        directory: below which each pod's mounts lie.
        addresses: ports of loopback by what the manifests call them, such as `nats:4222`.
    """

    def __init__(self, directory: Path, addresses: Mapping[str, int]) -> None:
        self._directory = directory
        self._addresses = dict(addresses)
        self._objects = rendered(OVERLAY)

    def workload(self, name: str) -> Workload:
        """Return the workload of this name."""
        (found,) = (found for found in workloads(self._objects) if found.name == name)
        return found

    def root(self, name: str) -> Path:
        """Return the directory that stands for the pod's file system."""
        return self._directory / name

    def translated(self, name: str, text: str) -> str:
        """Return a text of the pod with addresses and paths of this machine."""
        for place, port in self._addresses.items():
            host, _, number = place.partition(":")
            pattern = _NAME_AND_PORT.format(host=re.escape(host), port=number)
            text = re.sub(pattern, f"127.0.0.1:{port}", text)
        for mount in _MOUNTS:
            text = text.replace(mount, f"{self.root(name)}{mount}")
        return text

    def arguments(self, name: str) -> list[str]:
        """Return the arguments of the pod's main container."""
        return [self.translated(name, text) for text in self.workload(name).main["args"]]

    def environ(self, name: str) -> dict[str, str]:
        """Return the variables of the main container; where traces go only if there is a receiver."""
        return {
            entry["name"]: self.translated(name, self._value(name, entry))
            for entry in self.workload(name).main.get("env", ())
            if COLLECTOR in self._addresses or not entry["name"].startswith("OTEL_")
        }

    def _value(self, name: str, entry: Mapping[str, Any]) -> str:
        if "value" in entry:
            return str(entry["value"])
        source = entry["valueFrom"]
        if "fieldRef" in source:
            assert source["fieldRef"] == {"fieldPath": "metadata.name"}
            return f"{name}-0"
        chosen = source["secretKeyRef"]
        return self._content({"secret": chosen})[chosen["key"]]

    def mount(self, name: str, container: Manifest | None = None) -> None:
        """Write the files of a container: ConfigMaps, Secrets, and empty directories.

        Args:
            name: the workload.
            container: one of its containers; None for the main one.
        """
        workload = self.workload(name)
        volumes = {volume["name"]: volume for volume in workload.pod.get("volumes", ())}
        for mount in (container or workload.main).get("volumeMounts", ()):
            path = self.root(name) / mount["mountPath"].removeprefix("/")
            path.mkdir(parents=True, exist_ok=True)
            volume = volumes[mount["name"]]
            for source in (volume, *volume.get("projected", {}).get("sources", ())):
                for file, text in self._content(source).items():
                    (path / file).parent.mkdir(parents=True, exist_ok=True)
                    (path / file).write_text(self.translated(name, text))

    def _content(self, source: Mapping[str, Any]) -> dict[str, str]:
        data: dict[str, str] = {}
        chosen: Mapping[str, Any] = {}
        if "configMap" in source:
            chosen = source["configMap"]
            data = named(self._objects, "ConfigMap", chosen["name"])["data"]
        elif "secret" in source:
            chosen = source["secret"]
            found: Manifest = named(self._objects, "Secret", chosen.get("secretName", chosen.get("name")))
            data = {key: base64.b64decode(text).decode() for key, text in found["data"].items()}
        if "items" in chosen:
            return {item["path"]: data[item["key"]] for item in chosen["items"]}
        return data

    def script(self, name: str) -> list[str]:
        """Return the command of a pod that runs a Python file, with this interpreter."""
        program, path = self.workload(name).main["command"]
        assert program == "python"
        return [sys.executable, f"{self.root(name)}{path}", *self.arguments(name)]
