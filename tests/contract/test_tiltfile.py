"""The Tiltfile against what it deploys: images, workloads, ports and what is copied into running containers."""

import fnmatch

import pytest
import starlark as sl

from support.manifests import OWN, rendered, workloads
from support.tilt import MANUAL, ROOT, Tiltfile, evaluated

WORKLOADS = {found.name: found for found in workloads(rendered("dev"))}


@pytest.fixture(params=["up", "ci"])
def tiltfile(request: pytest.FixtureRequest) -> Tiltfile:
    """What is asked for by each of the two commands."""
    return evaluated(request.param)


def test_it_deploys_the_overlay_with_the_image_that_it_builds(tiltfile: Tiltfile) -> None:
    """An image that no pod names would be built for nothing, and one that nobody builds could not be pulled."""
    assert tiltfile.overlays == ["deploy/overlays/dev"]
    assert set(tiltfile.images) == {"fillwire"}
    images = {container["image"] for found in WORKLOADS.values() for container in found.containers}
    assert {image for image in images if ":" not in image} == {"fillwire"}


def test_every_workload_has_its_place(tiltfile: Tiltfile) -> None:
    """In a group, and nothing is named that is not deployed."""
    assert set(tiltfile.resources) == set(WORKLOADS)
    for name, resource in tiltfile.resources.items():
        assert len(resource["labels"]) == 1, name
        assert set(resource["resource_deps"]) <= set(WORKLOADS) - {name}


def test_forwarded_ports_are_those_of_the_pods(tiltfile: Tiltfile) -> None:
    """And no two of them are the same here."""
    local = []
    for name, resource in tiltfile.resources.items():
        for here, there in resource["port_forwards"]:
            assert there in WORKLOADS[name].ports.values(), name
            local.append(here)
    assert len(set(local)) == len(local)
    assert {8300, 16686, 3000} <= set(local)  # console, Jaeger, Grafana


def test_traffic_is_a_button_that_ci_presses() -> None:
    """By hand it runs when somebody wants it; `tilt ci` is green only if it has ended well."""
    by_hand, by_ci = (evaluated(command).resources["traffic"] for command in ("up", "ci"))
    assert (by_hand["trigger_mode"], by_hand["auto_init"]) == (MANUAL, False)
    assert (by_ci["trigger_mode"], by_ci["auto_init"]) == (MANUAL, True)


def test_python_is_copied_and_rust_is_built(tiltfile: Tiltfile) -> None:
    """Services run from where edits arrive; whatever else is in the image means to build it anew."""
    image = tiltfile.images["fillwire"]
    (falls_back, files), (copies, source, _) = image["live_update"]
    assert (falls_back, copies) == ("fall_back_on", "sync")
    assert {"fastparse", "Cargo.lock", "uv.lock", "pyproject.toml"} <= set(files) <= set(image["only"])
    assert source == "services"
    assert source not in files


def test_a_compiled_extension_is_not_copied(tiltfile: Tiltfile) -> None:
    """That of this machine would replace the image's, which was made for its Python and its C library."""
    ignored = tiltfile.images["fillwire"]["ignore"]
    for path in ("services/fillwire/_fastparse.abi3.so", "services/fillwire/domain/__pycache__"):
        assert any(fnmatch.fnmatch(path, pattern) for pattern in ignored)
    assert not any(fnmatch.fnmatch("services/fillwire/domain/events.py", pattern) for pattern in ignored)


def test_what_is_built_from_exists(tiltfile: Tiltfile) -> None:
    """A path that is misspelt is passed over silently, and its changes do nothing."""
    image = tiltfile.images["fillwire"]
    assert [path for path in (image["dockerfile"], *image["only"]) if not (ROOT / path).exists()] == []
    dockerfile = (ROOT / image["dockerfile"]).read_text(encoding="utf-8")
    assert f" AS {image['target']}\n" in dockerfile
    assert image["live_update"][1][2] in dockerfile  # where the services are copied to


def test_services_leave_the_program_to_the_image() -> None:
    """The image's own first process starts a service anew when its code has changed; a `command` would replace it."""
    for found in WORKLOADS.values():
        if found.app in {*OWN, "simulator"}:
            assert "command" not in found.main
            assert found.main["args"]


@pytest.mark.parametrize(
    "text",
    [
        "k8s_resource('nats', port_forward=[])",
        "docker_bild('fillwire', '.')",
        "load('ext://restart_process', 'docker_build_with_restart')",
        "k8s_resource('nats'",
        "k8s_resource('nats')\nk8s_resource('nats')",
    ],
)
def test_a_mistake_is_seen(text: str) -> None:
    """A function or an argument that Tilt has not, an extension that would have to be fetched, a broken line."""
    with pytest.raises((sl.StarlarkError, TypeError, ValueError)):
        evaluated("up", text)
