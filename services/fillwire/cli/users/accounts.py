"""Writes the broker's accounts and users from the registry, for `include accounts.conf` in its configuration."""

from typing import Any, Final

import orjson

from fillwire.bus.tenants import Feed, Tenant
from fillwire.cli.users import permissions
from fillwire.cli.users.registry import Kind, Login, Registry

SYSTEM: Final = "FILLWIRE"
"""The system's account: the streams, and all services."""

FILE: Final = "accounts.conf"
_HEAD: Final = (
    b"# Written by `fillwire users` from users.json: change it there. It holds public keys and no secret.\n"
)


def accounts_conf(registry: Registry) -> bytes:
    """Return the text of the file: JSON, which is the broker's own language too."""
    tenants = registry.tenants
    logins = [registry.logins[name] for name in sorted(registry.logins)]
    accounts: dict[str, Any] = {
        SYSTEM: {
            "jetstream": "enabled",
            "users": [
                user
                for login in logins
                if login.kind is not Kind.TENANT
                for user in _service_users(login, registry)
            ],
            "exports": [export for tenant in tenants for export in _exports(tenant)],
        }
        | ({"mappings": registry.partitions.mapping()} if registry.partitions.is_divided else {}),
        "SYS": {},
    }
    for tenant in tenants:
        accounts[tenant.account] = _tenant_account(registry.logins[tenant.user], tenant)
    # A document of JSON without its outer braces is what the broker includes.
    return (
        _HEAD
        + b"accounts: "
        + orjson.dumps(accounts, option=orjson.OPT_INDENT_2)
        + b'\nsystem_account: "SYS"\n'
    )


def _service_users(login: Login, registry: Registry) -> list[dict[str, Any]]:
    rights = granted(login, registry)
    return [{"nkey": key.nkey} | rights for key in login.keys]


def granted(login: Login, registry: Registry) -> dict[str, Any]:
    """Return what a service may do, in the broker's own JSON; nothing for one that may do everything of its account."""
    allowed = _permissions(login, registry)
    return {} if allowed is None else {"permissions": allowed.document(login.inbox)}


def _permissions(login: Login, registry: Registry) -> permissions.Permissions | None:
    """Return what a service may do; None for everything of its account."""
    of_kind = {
        Kind.HOST: permissions.host,
        Kind.MANAGER: permissions.manager,
        Kind.RECORDER: permissions.recorder,
        Kind.NOTIFY: permissions.notifier,
    }
    match login.kind:
        case Kind.GATEWAY:
            return permissions.gateway(login.exchange or "", registry.partitions)
        case Kind.CONSOLE:
            return permissions.console(registry.partitions, registry.tenants)
        case Kind.DOOR:
            return permissions.door(registry.tenants)
        case Kind.CONTROL | Kind.TENANT:
            return None
        case kind:
            return of_kind[kind](registry.partitions)


def _exports(tenant: Tenant) -> list[dict[str, Any]]:
    only = {"accounts": [tenant.account]}
    return [
        *({"stream": feed.core} | only for feed in tenant.feeds()),
        *({"service": service.core, "response": service.response} | only for service in tenant.services()),
    ]


def _feed(feed: Feed) -> dict[str, Any]:
    renamed = {} if feed.local == feed.core else {"to": feed.local}
    return {"stream": {"account": SYSTEM, "subject": feed.core}} | renamed


def _tenant_account(login: Login, tenant: Tenant) -> dict[str, Any]:
    limits = tenant.limits
    return {
        "users": [{"nkey": key.nkey} for key in login.keys],
        "limits": {
            "max_connections": limits.connections,
            "max_subscriptions": limits.subscriptions,
            "max_payload": limits.payload_bytes,
        },
        "imports": [
            *(_feed(feed) for feed in tenant.feeds()),
            *(
                {"service": {"account": SYSTEM, "subject": service.core}, "to": service.local}
                for service in tenant.services()
            ),
        ],
    }
