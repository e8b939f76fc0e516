"""The file that says who may log in to the broker: names, kinds, limits and public keys; no secret stands in it."""

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

import nkeys
import orjson

from fillwire.bus.partitions import Partitions
from fillwire.bus.tenants import Tenant, TenantLimits
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import escape_token

VERSION: Final = 1
FILE: Final = "users.json"
_LONGEST_NAME: Final = 64
_SEED_BYTES: Final = 32


class Kind(StrEnum):
    """What logs in."""

    TENANT = "tenant"
    GATEWAY = "gateway"
    HOST = "host"
    MANAGER = "manager"
    RECORDER = "recorder"
    CONSOLE = "console"
    NOTIFY = "notify"
    DOOR = "door"
    CONTROL = "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key with which somebody logs in.

    Attributes:
        nkey: as the broker knows it, beginning with `U`.
        since: when it was made.
        until: when it ceases to be valid; None for one that stays.
    """

    nkey: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Somebody who may log in.

    Attributes:
        name: of a tenant the user as it stands in subjects; of a service any name.
        kind: what it is, and so what it may do.
        exchange: of a gateway.
        limits: of a tenant.
        keys: any of them will do; several while one is being replaced.
    """

    name: str
    kind: Kind
    exchange: str | None = None
    limits: TenantLimits | None = None
    keys: tuple[Key, ...] = ()

    @property
    def tenant(self) -> Tenant | None:
        """The tenant that it is, None for a service."""
        return Tenant(self.name, self.limits or TenantLimits()) if self.kind is Kind.TENANT else None

    @property
    def inbox(self) -> str:
        """First token of the subjects on which a service takes answers."""
        who = self.kind.value if self.exchange is None else f"{self.kind}-{self.exchange}"
        return f"_INBOX_{escape_token(who)}"


@dataclass(frozen=True, slots=True)
class Registry:
    """Everybody who may log in, by name, and how the log is divided; never changed, only replaced."""

    logins: Mapping[str, Login] = field(default_factory=dict)
    partitions: Partitions = field(default_factory=Partitions)

    @property
    def tenants(self) -> list[Tenant]:
        """The tenants, by name."""
        found = (self.logins[name].tenant for name in sorted(self.logins))
        return [replace(tenant, partitions=self.partitions) for tenant in found if tenant is not None]

    def with_login(self, login: Login) -> Self:
        """Return one with this login, in the place of one of the same name."""
        return replace(self, logins={**self.logins, login.name: login})

    def without(self, name: str) -> Self:
        """Return one without this login."""
        return replace(self, logins={key: login for key, login in self.logins.items() if key != name})

    def require(self, name: str) -> Login:
        """Return a login.

        Raises:
            ConfigError: there is none of that name.
        """
        try:
            return self.logins[name]
        except KeyError:
            known = ", ".join(sorted(self.logins)) or "nobody"
            raise ConfigError(f"user {name!r} not found: expected one of {known}") from None

    def at(self, now: datetime) -> Self:
        """Return what of it is valid at a time: keys that were replaced and whose time is over are left out."""
        return replace(
            self,
            logins={
                name: replace(
                    login, keys=tuple(key for key in login.keys if key.until is None or key.until > now)
                )
                for name, login in self.logins.items()
            },
        )


def new_key(now: datetime) -> tuple[Key, str]:
    """Return a new key and its seed, which is the secret and is kept nowhere here."""
    seed = nkeys.encode_seed(os.urandom(_SEED_BYTES), nkeys.PREFIX_BYTE_USER)
    public: bytes = nkeys.from_seed(bytearray(seed)).public_key
    return Key(nkey=public.decode(), since=now), seed.decode()


def rotated(login: Login, key: Key, now: datetime, overlap: timedelta) -> Login:
    """Return the login with a new key; those of before stay valid for the overlap, none for longer than it was to be."""
    end = now + overlap
    old = tuple(
        replace(earlier, until=end if earlier.until is None else min(earlier.until, end))
        for earlier in login.keys
    )
    return replace(login, keys=(*(earlier for earlier in old if overlap), key))


def checked_name(name: str) -> str:
    """Return a name that may log in.

    Raises:
        ConfigError: it is empty, too long or cannot be printed.
    """
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ConfigError(f"user {name!r}: expected 1 to {_LONGEST_NAME} printable characters")
    return name


# -- the file


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Let nobody else change the directory meanwhile; made if absent.

    Raises:
        ConfigError: it cannot be made, or another command changes it at this moment.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"{directory} cannot be written: {error.strerror or error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{directory} is being changed by another fillwire users: try again") from None
        yield
    finally:
        os.close(descriptor)


def read_registry(directory: Path, *, must_exist: bool = False) -> Registry:
    """Return what the file says; an empty registry if there is none.

    Args:
        directory: where it lies.
        must_exist: whether it is an error that there is none.

    Raises:
        ConfigError: the file cannot be read, or holds something else.
    """
    path = directory / FILE
    try:
        document = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(
                f"{path} not found: expected the directory in which fillwire users add has written"
            ) from None
        return Registry()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be read: expected the file that fillwire users writes, {error}"
        ) from error
    try:
        if document["v"] != VERSION:
            raise ConfigError(f"{path}: expected version {VERSION}, found {document['v']!r}")
        logins = [_login(entry) for entry in document["users"]]
        partitions = Partitions(int(document.get("partitions", 1)))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"{path}: expected what fillwire users writes, found something else: {error!r}"
        ) from error
    found = {login.name: login for login in logins}
    if len(found) < len(logins):
        raise ConfigError(f"{path}: expected each name once, found one twice")
    return Registry(found, partitions)


def write_registry(directory: Path, registry: Registry) -> None:
    """Replace the file at once, so that whoever reads it finds the whole of the old or of the new."""
    users = [_entry(registry.logins[name]) for name in sorted(registry.logins)]
    divided = {"partitions": registry.partitions.count} if registry.partitions.is_divided else {}
    text = orjson.dumps(
        {"v": VERSION} | divided | {"users": users}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    )
    replace_file(directory / FILE, text)


def replace_file(path: Path, content: bytes, mode: int = 0o640) -> None:
    """Replace a file at once, and have it on the disk.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error


def _login(entry: Mapping[str, Any]) -> Login:
    limits = entry.get("limits")
    known = {item.name for item in fields(TenantLimits)}
    return Login(
        name=checked_name(entry["name"]),
        kind=Kind(entry["kind"]),
        exchange=entry.get("exchange"),
        limits=None
        if limits is None
        else TenantLimits(**{name: int(limits[name]) for name in known & limits.keys()}),
        keys=tuple(
            Key(
                nkey=key["nkey"],
                since=_time(key["since"]),
                until=None if key.get("until") is None else _time(key["until"]),
            )
            for key in entry["keys"]
        ),
    )


def _entry(login: Login) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": login.name, "kind": login.kind}
    if login.exchange is not None:
        entry["exchange"] = login.exchange
    if login.limits is not None:
        entry["limits"] = asdict(login.limits)
    return entry | {"keys": [_key(key) for key in login.keys]}


def _key(key: Key) -> dict[str, Any]:
    return {
        "nkey": key.nkey,
        "since": key.since.isoformat(timespec="seconds"),
        "until": None if key.until is None else key.until.isoformat(timespec="seconds"),
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
