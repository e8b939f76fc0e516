"""The sections of the services and of what serves them: broker, database, monitoring."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, IPvAnyNetwork, SecretStr, field_validator, model_validator

from fillwire.runtime.settings.secret_references import is_file
from fillwire.runtime.settings.sections import (
    LEAST_SECRET,
    BrokerUrl,
    DatabaseUrl,
    Host,
    Integer,
    Milliseconds,
    Name,
    Number,
    Port,
    RestUrl,
    Section,
)


class NatsSettings(Section):
    """How the broker is reached.

    Attributes:
        url: address of the broker, or those of a cluster with commas between them.
        user: name by which we log in.
        password: password of `user`.
        credentials_file: file that `nsc` made, with the user's JWT and seed; instead of user and password.
        nkey_file: file with the seed that `fillwire users` made; instead of either.
        ca_file: whose certificates are believed of the broker, in PEM; null for those that the machine believes.
        cert_file: our own certificate, where the broker asks for one, with its chain, in PEM.
        key_file: key of `cert_file`, in PEM.
        api_prefix: first tokens of requests to JetStream; `TENANT.API` in a tenant's account.
        replicas: copies that the broker keeps of each stream; 3 survives the loss of a machine.
        duplicate_window_ms: so long the broker knows the id of an order event that it has stored; a gateway compares
            older ones with the log before it sends them.
        partitions: streams into which the broker divides the log of order events, by user.
        log_max_bytes: most that the order events of all accounts take at the broker, which then drops the oldest.
        positions: where the broker keeps what a bot has handled: a durable for each bot, or a key of one bucket.
    """

    url: BrokerUrl = "nats://127.0.0.1:4222"
    user: SecretStr | None = None
    password: SecretStr | None = None
    credentials_file: Path | None = None
    nkey_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    api_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_$-]+(\.[A-Za-z0-9_$-]+)*$")] = "$JS.API"
    replicas: Annotated[Integer, Field(ge=1, le=5)] = 1
    duplicate_window_ms: Annotated[Milliseconds, Field(ge=1_000)] = 600_000
    partitions: Annotated[Integer, Field(ge=1, le=128)] = 1
    log_max_bytes: Annotated[Integer, Field(ge=1 << 20)] = 6 << 30
    positions: Literal["durable", "bucket"] = "durable"

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses one by one."""
        return tuple(address.strip() for address in self.url.split(","))

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("expected user and password together, found one of them")
        ways = {
            "user and password": self.user,
            "credentialsFile": self.credentials_file,
            "nkeyFile": self.nkey_file,
        }
        found = [way for way, value in ways.items() if value is not None]
        if len(found) > 1:
            raise ValueError(f"expected one way to log in, found {' and '.join(found)}")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("expected certFile and keyFile together, found one of them")
        if self.partitions > 1 and self.api_prefix == "TENANT.API":
            raise ValueError(
                f"expected partitions 1 with apiPrefix TENANT.API, whose log is a mirror of one stream, found {self.partitions}"
            )
        files = {
            "credentialsFile": self.credentials_file,
            "nkeyFile": self.nkey_file,
            "caFile": self.ca_file,
            "certFile": self.cert_file,
            "keyFile": self.key_file,
        }
        for name, path in files.items():
            if path is not None and not is_file(path):
                raise ValueError(f"expected a file at {name}, found none at {path}")
        return self


class JournalSettings(Section):
    """Where a gateway keeps events that the broker does not take and the memory cannot hold.

    Attributes:
        dir: directory of the files, one for each gateway; null for no journal: then a gateway stops reading instead.
        max_bytes: most that the events of one gateway take there.
    """

    dir: Path | None = None
    max_bytes: Annotated[Integer, Field(ge=1 << 20)] = 1 << 30


def _check_certificate(cert_file: Path | None, key_file: Path | None) -> None:
    if (cert_file is None) != (key_file is None):
        raise ValueError("expected certFile and keyFile together, found one of them")
    for name, path in (("certFile", cert_file), ("keyFile", key_file)):
        if path is not None and not is_file(path):
            raise ValueError(f"expected a file at {name}, found none at {path}")


class MonitoringSettings(Section):
    """Where a service says over HTTP how it is: `/livez`, `/readyz` and `/metrics`.

    Attributes:
        host: address to listen at.
        port: port to listen at; 0 for one that is free, null for none: then nothing is served.
        token: who asks for `/metrics` must show it (`Authorization: Bearer …`); null for everybody.
        cert_file: certificate with its chain, in PEM; null for plain HTTP.
        key_file: key of `cert_file`, in PEM.
    """

    host: Host = "127.0.0.1"
    port: Port | None = None
    token: SecretStr | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        _check_certificate(self.cert_file, self.key_file)
        return self

    @field_validator("token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        # What has white space or is no ASCII, no scraper can send in a header.
        text = None if token is None else token.get_secret_value()
        if text is not None and (
            len(text) < LEAST_SECRET or not text.isascii() or not text.isprintable() or " " in text
        ):
            raise ValueError(
                f"expected a token of at least {LEAST_SECRET} printable ASCII characters without spaces"
            )
        return token


class NotifySettings(Section):
    """Where `fillwire notify` tells of alerts.

    Attributes:
        url: the webhook, `https://` or on this machine.
        secret: signs what is sent; the receiver has it, too.
        timeout_ms: longest time of one attempt.
        deadline_ms: a notification that nobody takes is given up after so long.
        quiet_ms: time between two notifications of a kind about an account; what comes meanwhile is told as one.
        capacity: notifications that wait at most; then alerts wait in their stream.
    """

    url: RestUrl | None = None
    secret: SecretStr | None = None
    timeout_ms: Milliseconds = 10_000
    deadline_ms: Milliseconds = 900_000
    quiet_ms: Milliseconds = 300_000
    capacity: Annotated[Integer, Field(ge=1, le=100_000)] = 1_000

    @model_validator(mode="after")
    def _is_signed(self) -> Self:
        if (self.url is None) != (self.secret is None):
            raise ValueError("expected url and secret together, found one of them")
        if self.secret is not None and len(self.secret.get_secret_value()) < LEAST_SECRET:
            raise ValueError(f"expected a secret of at least {LEAST_SECRET} characters")
        return self


class TelemetrySettings(Section):
    """What is exported of traces; where to is said by OpenTelemetry's own variables.

    Attributes:
        sample_ratio: share of fills whose trace is exported; fills that fail or are slow are exported beyond it.
    """

    sample_ratio: Annotated[Number, Field(ge=0, le=1)] = 1.0


def _check_lease(beat_ms: int, doubt_after_ms: int, lease_ms: int | None) -> None:
    if doubt_after_ms < 3 * beat_ms:
        raise ValueError(
            f"expected doubtAfterMs of at least three times beatMs, which is {beat_ms}, found {doubt_after_ms}"
        )
    if lease_ms is not None and lease_ms % 1_000:
        raise ValueError(f"expected leaseMs in whole seconds, found {lease_ms}")


class GatewaySettings(Section):
    """How the gateways of one exchange share its accounts.

    Attributes:
        lease_ms: so long after it was last renewed an account belongs to its gateway; null for 20 s, or more where orders
            may take longer. A whole number of seconds. What a gateway that died had, another may send orders for only then.
        beat_ms: time between two signs of life.
        doubt_after_ms: silence after which another gateway reads in the place of one.
        hand_over_ms: so long a gateway that stops waits for others to receive what it has.
        reserve: whether it holds only accounts that no other gateway with their key can hold: it stands far from the venue.
    """

    lease_ms: Annotated[Integer, Field(ge=2_000, le=600_000)] | None = None
    beat_ms: Annotated[Integer, Field(ge=50, le=10_000)] = 500
    doubt_after_ms: Milliseconds = 2_000
    hand_over_ms: Annotated[Integer, Field(ge=0, le=10_000)] = 8_000
    reserve: bool = False

    @model_validator(mode="after")
    def _doubts_late(self) -> Self:
        _check_lease(self.beat_ms, self.doubt_after_ms, self.lease_ms)
        return self


class RecorderSettings(Section):
    """Where executions and order states are recorded.

    Attributes:
        database: `sqlite:///path/to/file`, relative to where the process was started, or `postgresql://user@host/name`.
        password: of PostgreSQL.
    """

    database: DatabaseUrl = "sqlite:///fillwire-trades.sqlite"
    password: SecretStr | None = None


class BotsSettings(Section):
    """Which bots the manager takes and hosts run, and how hosts share them.

    Attributes:
        directories: files of bots may lie in these or below.
        modules: classes of bots may be named from these modules and the packages below them.
        max_per_host: most bots that one host runs.
        lease_ms: so long after its last renewal a host has its bots; a whole number of seconds. Longer than a leader
            election of the broker, or bots are started anew by each.
        beat_ms: time between two signs of life of a host.
        doubt_after_ms: silence after which a host that the broker does not reach is taken for dead.
        moves: bots that one host hands over at once when hosts come and go.
    """

    directories: tuple[Path, ...] = ()
    modules: tuple[Name, ...] = ()
    max_per_host: Annotated[Integer, Field(ge=1, le=100_000)] = 500
    lease_ms: Annotated[Integer, Field(ge=2_000, le=600_000)] = 12_000
    beat_ms: Annotated[Integer, Field(ge=50, le=10_000)] = 500
    doubt_after_ms: Milliseconds = 2_000
    moves: Annotated[Integer, Field(ge=1, le=1_000)] = 4

    @model_validator(mode="after")
    def _doubts_late(self) -> Self:
        _check_lease(self.beat_ms, self.doubt_after_ms, self.lease_ms)
        return self


class ConsoleUserSettings(Section):
    """Who may log in to the console.

    Attributes:
        user: as it stands in subjects; of an administrator any name.
        role: `user` sees their own accounts, `admin` everybody's.
        token: what they show.
        once: whether the token opens one session only.
    """

    user: Name
    role: Literal["user", "admin"] = "user"
    token: SecretStr
    once: bool = False

    @field_validator("token")
    @classmethod
    def _is_long(cls, token: SecretStr) -> SecretStr:
        if len(token.get_secret_value()) < LEAST_SECRET:
            raise ValueError(f"expected a token of at least {LEAST_SECRET} characters")
        return token


class ConsoleSettings(Section):
    """Where `fillwire console` listens, and who may log in.

    Attributes:
        host: address to listen at; beyond this machine a browser keeps its session only behind TLS.
        port: port to listen at; 0 for one that is free.
        users: who may log in.
        session_ms: a session ends after so long.
        cert_file: certificate with its chain, in PEM; null for plain HTTP, as behind a proxy that speaks TLS.
        key_file: key of `cert_file`, in PEM.
        trusted_proxies: networks of proxies that are believed when they say, in `X-Forwarded-For`, for whom they ask.
    """

    host: Host = "127.0.0.1"
    port: Port = 8300
    users: tuple[ConsoleUserSettings, ...] = ()
    session_ms: Annotated[Milliseconds, Field(ge=60_000)] = 43_200_000
    cert_file: Path | None = None
    key_file: Path | None = None
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        _check_certificate(self.cert_file, self.key_file)
        return self

    @field_validator("users")
    @classmethod
    def _no_token_twice(cls, users: tuple[ConsoleUserSettings, ...]) -> tuple[ConsoleUserSettings, ...]:
        if len({user.token.get_secret_value() for user in users}) < len(users):
            raise ValueError("expected a token of their own for each user, found one twice")
        return users
