"""What a tenant's account imports: of the tenant alone, whatever the tenant is called."""

from hypothesis import given

from fillwire.bus.tenants import Tenant, own_streams, sources
from support.strategies import names


def _cores(user: str) -> set[str]:
    tenant = Tenant(user)
    return {*(service.core for service in tenant.services()), *(feed.core for feed in tenant.feeds())}


@given(names(), names())
def test_no_subject_of_the_system_is_two_tenants(one: str, other: str) -> None:
    """Every subject holds the tenant's name as a token, or as the end of a stream's name; no wildcard stands for it."""
    if one == other:
        return
    assert not _cores(one) & _cores(other)
    for core in _cores(one):
        tokens = core.split(".")
        token = Tenant(one).token
        assert token in tokens or any(part.endswith(f"-{token}") for part in tokens)
        before = tokens[: next(index for index, part in enumerate(tokens) if part.endswith(token))]
        assert not {"*", ">"} & set(before)


def test_names_that_end_alike_share_no_stream() -> None:
    """`b` and `a_b` are two tenants, and `b` and `a-b` too, though names of streams are made by a hyphen."""
    for one, other in (("b", "a_b"), ("b", "a-b"), ("b", "KV_BOOKS-b")):
        assert not set(own_streams(one)) & set(own_streams(other))
    assert not set(own_streams(Tenant("KV_BOOKS").token)) & set(own_streams("x"))


def test_what_flows_to_the_system_bears_the_tenants_name() -> None:
    """A tenant's dead letters, alerts and wishes become those of that user and nobody else's."""
    for stream, found in sources([Tenant("alice"), Tenant("b.b")]).items():
        assert [source["name"] for source in found] == [f"{stream}-alice", f"{stream}-b=2Eb"]
        for source, token in zip(found, ("alice", "b=2Eb"), strict=True):
            (transform,) = source["subject_transforms"]
            assert transform["src"].startswith(f"tenants.{token}.")
            assert transform["dest"].endswith(f".{token}.>")


def test_what_a_tenant_writes_is_refused_when_it_is_full() -> None:
    """A stream that made room would let any amount pass on to the streams that belong to all."""
    for manifest in Tenant("alice").manifests():
        if "mirror" not in manifest:
            assert manifest["discard"] == "new"
            assert manifest["max_bytes"] > 0
