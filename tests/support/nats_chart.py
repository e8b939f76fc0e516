"""The configuration of the broker that the values in deploy/charts/nats.yaml yield.

What the chart `nats` 2.14 makes of them (its files/config/*.yaml), as far as these values use it. Whether the chart itself
says the same is looked at in tests/deploy, where Helm and the chart are.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from support.manifests import DEPLOY

VALUES: Final[dict[str, Any]] = yaml.safe_load((DEPLOY / "charts" / "nats.yaml").read_text(encoding="utf-8"))


def configuration(values: Mapping[str, Any] = VALUES) -> dict[str, Any]:
    """Return the configuration as the chart's templates build it, before it is written."""
    config = values["config"]
    name = values["fullnameOverride"]
    cluster, store = config["cluster"], config["jetstream"]
    return {
        "server_name": "<< $SERVER_NAME >>",
        "lame_duck_grace_period": "10s",
        "lame_duck_duration": "30s",
        "pid_file": "/var/run/nats/nats.pid",
        "port": 4222,
        "cluster": {
            "name": name,
            "port": 6222,
            "no_advertise": True,
            "routes": [
                f"tls://{name}-{number}.{name}-headless:6222" for number in range(cluster["replicas"])
            ],
            "tls": {**_certificate("cluster"), **cluster["tls"]["merge"]},
        },
        "tls": _certificate("nats"),
        "http_port": config["monitor"]["port"],
        "jetstream": {
            "max_memory_store": f"<< {store['memoryStore']['maxSize']} >>",
            "store_dir": "/data",
            "max_file_store": f"<< {store['fileStore']['maxSize']} >>",
        },
        **config["merge"],
    }


def _certificate(protocol: str) -> dict[str, Any]:
    return {
        "ca_file": "/etc/nats-ca-cert/ca.crt",
        "cert_file": f"/etc/nats-certs/{protocol}/tls.crt",
        "key_file": f"/etc/nats-certs/{protocol}/tls.key",
    }


def text_of(configured: Mapping[str, Any]) -> str:
    """Return it as the chart writes it: JSON, with `<< … >>` unquoted and keys that end in `$include` as directives."""
    text = json.dumps(dict(sorted(configured.items())), indent=2)
    text = re.sub(r'"<<\s+(.*?)\s+>>"', r"\1", text)
    return re.sub(r'^(\s*)"[^"]*\$include": "(.*?)",?$', r"\1include \2;", text, flags=re.MULTILINE)
