"""What a person decides about Fillwire, from a file and the environment, checked as a whole before anything starts.

    {"websocket": {"enabled": true, "reconnect": {"maxRetries": 10, "initialDelayMs": 100, "maxDelayMs": 30000,
       "backoffMultiplier": 1.5}, "connectionTimeout": 10000, "heartbeatIntervalMs": 30000,
       "fallbackToPolling": false, "pollIntervalMs": 5000},
     "exchanges": {"binance": {"websocketUrl": "wss://ws-api.binance.com:443/ws-api/v3"}},
     "accounts": [{"user": "alice", "exchange": "binance", "apiKey": "env:ALICE_KEY", "secret": "file:/run/alice"}]}

Keys may be written in camelCase or snake_case. The environment says the same with `FILLWIRE_NATS__URL=…`: the names
of the sections in upper case with two underscores between them, lists and objects as JSON; it wins over the file.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from fillwire.domain.identifiers import Account
from fillwire.runtime.settings.addresses import (
    broker_addresses,
    database_address,
    rest_address,
    websocket_address,
)
from fillwire.runtime.settings.documents import exchange_name
from fillwire.runtime.settings.secret_references import is_file

LIVE = "live"
_LEAST_TOKEN = 16


def _not_bool(value: Any) -> Any:
    # Python would take true for 1.
    if isinstance(value, bool):
        raise ValueError(f"expected a number, found {str(value).lower()}")  # noqa: TRY004 - pydantic reports ValueError
    return value


Count = Annotated[int, BeforeValidator(_not_bool), Field(ge=0)]
Milliseconds = Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=86_400_000)]
Number = Annotated[float, BeforeValidator(_not_bool), Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
ExchangeName = Annotated[Name, AfterValidator(exchange_name)]
WebSocketUrl = Annotated[str, AfterValidator(websocket_address)]
RestUrl = Annotated[str, AfterValidator(rest_address)]
BrokerUrl = Annotated[str, AfterValidator(broker_addresses)]
DatabaseUrl = Annotated[str, AfterValidator(database_address)]


class Section(BaseModel):
    """A part of the settings: frozen, and strict about the keys it knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ReconnectSettings(Section):
    """How a lost connection is made again.

    Attributes:
        max_retries: attempts without success before live detection is given up; null for no limit.
        initial_delay_ms: longest wait before the first attempt.
        max_delay_ms: longest wait before any attempt.
        backoff_multiplier: growth of the wait from one attempt to the next.
    """

    max_retries: Count | None = 10
    initial_delay_ms: Milliseconds = 100
    max_delay_ms: Milliseconds = 30_000
    backoff_multiplier: Annotated[Number, Field(ge=1, le=100)] = 1.5

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.max_delay_ms < self.initial_delay_ms:
            raise ValueError(
                f"expected maxDelayMs of at least initialDelayMs, which is {self.initial_delay_ms}, "
                f"found {self.max_delay_ms}"
            )
        return self


class WebSocketSettings(Section):
    """How fills are detected live, at every exchange that does not say otherwise.

    Attributes:
        enabled: whether connections are opened at all.
        reconnect: how a lost one is made again.
        connection_timeout_ms: longest time from dialling to the acknowledgement of the subscription (`connectionTimeout`).
        heartbeat_interval_ms: time between two probes that find a silently dead connection.
        fallback_to_polling: whether REST is asked for fills while live detection is lost.
        poll_interval_ms: time between two such questions.
        audit_interval_ms: time between two comparisons of the orders believed open with those that the venue shows.
        linger_ms: an account that no bot listens to any more stays connected for so long.
        order_timeout_ms: after this long a bot that placed or cancelled an order is answered, with `unknown` if need be.
        lost_after_ms: without a stream for so long, live detection counts as lost: a person is told.
    """

    enabled: bool = True
    reconnect: ReconnectSettings = ReconnectSettings()
    connection_timeout_ms: Milliseconds = 10_000
    heartbeat_interval_ms: Milliseconds = 30_000
    fallback_to_polling: bool = False
    poll_interval_ms: Milliseconds = 5_000
    audit_interval_ms: Milliseconds = 15_000
    linger_ms: Annotated[int, BeforeValidator(_not_bool), Field(ge=0, le=86_400_000)] = 5_000
    order_timeout_ms: Annotated[int, BeforeValidator(_not_bool), Field(ge=100, le=60_000)] = 4_000
    lost_after_ms: Milliseconds = 15_000


class EnvironmentSettings(Section):
    """Addresses of one environment of an exchange; null for the venue's own.

    Attributes:
        websocket_url: where live detection connects.
        rest_url: where REST is asked.
    """

    websocket_url: WebSocketUrl | None = None
    rest_url: RestUrl | None = None


class ExchangeSettings(Section):
    """What differs at one exchange.

    Attributes:
        websocket_enabled: whether connections to this exchange are opened.
        websocket_url: as `EnvironmentSettings`, of the environment `live`.
        rest_url: as `EnvironmentSettings`, of the environment `live`.
        environments: addresses of the environments by name, such as `testnet`.
        fallback_to_polling: overrides `websocket.fallback_to_polling`.
        poll_interval_ms: overrides `websocket.poll_interval_ms`.
    """

    websocket_enabled: bool = True
    websocket_url: WebSocketUrl | None = None
    rest_url: RestUrl | None = None
    environments: dict[Name, EnvironmentSettings] = {}
    fallback_to_polling: bool | None = None
    poll_interval_ms: Milliseconds | None = None

    def addresses(self, environment: str) -> EnvironmentSettings:
        """Return the addresses of one environment; the exchange's own are those of `live`, never of a testnet."""
        named = self.environments.get(environment, EnvironmentSettings())
        if environment != LIVE:
            return named
        return EnvironmentSettings(
            websocket_url=named.websocket_url or self.websocket_url, rest_url=named.rest_url or self.rest_url
        )


class NatsSettings(Section):
    """How the broker is reached.

    Attributes:
        url: address of the broker, or those of a cluster with commas between them.
        user: name by which we log in.
        password: password of `user`.
        credentials_file: file that `nsc` made, with the user's JWT and seed; instead of user and password.
        replicas: copies that the broker keeps of each stream; 3 survives the loss of a machine.
        duplicate_window_ms: so long the broker knows the id of an order event that it has stored; a gateway compares
            older ones with the log before it sends them.
    """

    url: BrokerUrl = "nats://127.0.0.1:4222"
    user: SecretStr | None = None
    password: SecretStr | None = None
    credentials_file: Path | None = None
    replicas: Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=5)] = 1
    duplicate_window_ms: Annotated[Milliseconds, Field(ge=1_000)] = 600_000

    @property
    def servers(self) -> tuple[str, ...]:
        """The addresses one by one."""
        return tuple(address.strip() for address in self.url.split(","))

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("expected user and password together, found one of them")
        if self.credentials_file is not None:
            if self.user is not None:
                raise ValueError("expected user and password or credentialsFile, found both")
            if not is_file(self.credentials_file):
                raise ValueError(f"expected a file at credentialsFile, found none at {self.credentials_file}")
        return self


class KeyType(StrEnum):
    """How requests to the venue are signed."""

    HMAC = "hmac"
    RSA = "rsa"
    ED25519 = "ed25519"
    ES256 = "es256"  # ECDSA over P-256


def key_type_of(pem: str) -> KeyType:
    """Return the type of a private key in PEM form.

    Raises:
        ValueError: it is none that signs requests to a venue; the message shows nothing of it.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("expected a private key without passphrase, found an encrypted one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("expected a private key in PEM form, found something else") from None
    if isinstance(key, Ed25519PrivateKey):
        return KeyType.ED25519
    if isinstance(key, RSAPrivateKey):
        return KeyType.RSA
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return KeyType.ES256
    raise ValueError("expected an Ed25519, RSA or EC P-256 private key, found one of another algorithm")


class AccountSettings(Section):
    """One user's keys at one exchange in one environment.

    Attributes:
        user: owner of the account, as it stands in subjects.
        exchange: venue and product, such as `binance`.
        environment: such as `live` or `testnet`.
        api_key: the public half, which the venue calls API key.
        secret: the shared secret of an HMAC key; this or `private_key`.
        private_key: the private half of an RSA, Ed25519 or EC P-256 key, in PEM form.
        passphrase: third part of a key, where the venue has one.
        key_type: inferred from the key; may be stated to have it checked.
    """

    user: Name
    exchange: ExchangeName
    environment: Name = LIVE
    api_key: SecretStr
    secret: SecretStr | None = None
    private_key: SecretStr | None = None
    passphrase: SecretStr | None = None
    key_type: KeyType = KeyType.HMAC

    @property
    def account(self) -> Account:
        """Whose account it is."""
        return Account(self.user, self.exchange, self.environment)

    @model_validator(mode="before")
    @classmethod
    def _infer_key_type(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        secret, private_key = values.get("secret"), values.get("private_key")
        if (secret is None) == (private_key is None):
            raise ValueError(
                f"expected secret or privateKey, found {'neither' if secret is None else 'both'}"
            )
        inferred = KeyType.HMAC
        if isinstance(private_key, SecretStr):
            # In a variable the line ends of a PEM text are often written \\n.
            pem = private_key.get_secret_value().replace("\\n", "\n")
            inferred = key_type_of(pem)
            values = {**values, "private_key": SecretStr(pem)}
        stated = values.get("key_type")
        if stated is not None and stated != inferred:
            raise ValueError(f"expected keyType {inferred}, as the key says, found {stated}")
        return {**values, "key_type": inferred}


class JournalSettings(Section):
    """Where a gateway keeps events that the broker does not take and the memory cannot hold.

    Attributes:
        dir: directory of the files, one for each gateway; null for no journal: then a gateway stops reading instead.
        max_bytes: most that the events of one gateway take there.
    """

    dir: Path | None = None
    max_bytes: Annotated[int, BeforeValidator(_not_bool), Field(ge=1 << 20)] = 1 << 30


class MonitoringSettings(Section):
    """Where a service says over HTTP how it is: `/healthz`, `/readyz` and `/metrics`.

    Attributes:
        host: address to listen at.
        port: port to listen at; 0 for one that is free, null for none: then nothing is served.
        token: who asks for `/metrics` must show it (`Authorization: Bearer …`); null for everybody.
    """

    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, BeforeValidator(_not_bool), Field(ge=0, le=65_535)] | None = None
    token: SecretStr | None = None

    @field_validator("token")
    @classmethod
    def _can_be_sent(cls, token: SecretStr | None) -> SecretStr | None:
        # What has white space or is no ASCII, no scraper can send in a header.
        text = None if token is None else token.get_secret_value()
        if text is not None and (
            len(text) < _LEAST_TOKEN or not text.isascii() or not text.isprintable() or " " in text
        ):
            raise ValueError(
                f"expected a token of at least {_LEAST_TOKEN} printable ASCII characters without spaces"
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
    capacity: Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=100_000)] = 1_000

    @model_validator(mode="after")
    def _is_signed(self) -> Self:
        if (self.url is None) != (self.secret is None):
            raise ValueError("expected url and secret together, found one of them")
        if self.secret is not None and len(self.secret.get_secret_value()) < _LEAST_TOKEN:
            raise ValueError(f"expected a secret of at least {_LEAST_TOKEN} characters")
        return self


class TelemetrySettings(Section):
    """What is exported of traces; where to is said by OpenTelemetry's own variables.

    Attributes:
        sample_ratio: share of fills whose trace is exported; fills that fail or are slow are exported beyond it.
    """

    sample_ratio: Annotated[Number, Field(ge=0, le=1)] = 1.0


class GatewaySettings(Section):
    """How the gateways of one exchange share its accounts.

    Attributes:
        lease_ms: so long after it was last renewed an account belongs to its gateway; null for 20 s, or more where orders
            may take longer. A whole number of seconds. What a gateway that died had, another may send orders for only then.
        beat_ms: time between two signs of life.
        doubt_after_ms: silence after which another gateway reads in the place of one.
        hand_over_ms: so long a gateway that stops waits for others to receive what it has.
    """

    lease_ms: Annotated[int, BeforeValidator(_not_bool), Field(ge=2_000, le=600_000)] | None = None
    beat_ms: Annotated[int, BeforeValidator(_not_bool), Field(ge=50, le=10_000)] = 500
    doubt_after_ms: Milliseconds = 2_000
    hand_over_ms: Annotated[int, BeforeValidator(_not_bool), Field(ge=0, le=10_000)] = 8_000

    @model_validator(mode="after")
    def _doubts_late(self) -> Self:
        if self.doubt_after_ms < 3 * self.beat_ms:
            raise ValueError(
                f"expected doubtAfterMs of at least three times beatMs, which is {self.beat_ms}, "
                f"found {self.doubt_after_ms}"
            )
        if self.lease_ms is not None and self.lease_ms % 1_000:
            raise ValueError(f"expected leaseMs in whole seconds, found {self.lease_ms}")
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
    max_per_host: Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=100_000)] = 500
    lease_ms: Annotated[int, BeforeValidator(_not_bool), Field(ge=2_000, le=600_000)] = 12_000
    beat_ms: Annotated[int, BeforeValidator(_not_bool), Field(ge=50, le=10_000)] = 500
    doubt_after_ms: Milliseconds = 2_000
    moves: Annotated[int, BeforeValidator(_not_bool), Field(ge=1, le=1_000)] = 4

    @model_validator(mode="after")
    def _doubts_late(self) -> Self:
        if self.doubt_after_ms < 3 * self.beat_ms:
            raise ValueError(
                f"expected doubtAfterMs of at least three times beatMs, which is {self.beat_ms}, "
                f"found {self.doubt_after_ms}"
            )
        if self.lease_ms % 1_000:
            raise ValueError(f"expected leaseMs in whole seconds, found {self.lease_ms}")
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
        if len(token.get_secret_value()) < _LEAST_TOKEN:
            raise ValueError(f"expected a token of at least {_LEAST_TOKEN} characters")
        return token


class ConsoleSettings(Section):
    """Where `fillwire console` listens, and who may log in.

    Attributes:
        host: address to listen at; beyond this machine a browser keeps its session only behind TLS.
        port: port to listen at; 0 for one that is free.
        users: who may log in.
        session_ms: a session ends after so long.
    """

    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, BeforeValidator(_not_bool), Field(ge=0, le=65_535)] = 8300
    users: tuple[ConsoleUserSettings, ...] = ()
    session_ms: Annotated[Milliseconds, Field(ge=60_000)] = 43_200_000

    @field_validator("users")
    @classmethod
    def _no_token_twice(cls, users: tuple[ConsoleUserSettings, ...]) -> tuple[ConsoleUserSettings, ...]:
        if len({user.token.get_secret_value() for user in users}) < len(users):
            raise ValueError("expected a token of their own for each user, found one twice")
        return users


class Settings(Section):
    """Everything a person decides about Fillwire.

    Attributes:
        websocket: live detection at every exchange.
        exchanges: what differs at one exchange, by its name.
        nats: the broker.
        accounts: the keys of a gateway.
        credentials_dir: directory of further keys, `<user>/<exchange>/<environment>/{api_key,secret,private_key.pem}`.
        telemetry: traces.
        monitoring: health and metrics over HTTP.
        notify: who is told of alerts.
        journal: what a gateway keeps on disk while the broker is away.
        gateway: how several gateways of one exchange share its accounts.
        recorder: where executions and order states are recorded.
        bots: which bots may run, and how hosts share them.
        console: where the console listens, and who may log in.
    """

    websocket: WebSocketSettings = WebSocketSettings()
    exchanges: dict[ExchangeName, ExchangeSettings] = {}
    nats: NatsSettings = NatsSettings()
    accounts: tuple[AccountSettings, ...] = ()
    credentials_dir: Path | None = None
    telemetry: TelemetrySettings = TelemetrySettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    notify: NotifySettings = NotifySettings()
    journal: JournalSettings = JournalSettings()
    gateway: GatewaySettings = GatewaySettings()
    recorder: RecorderSettings = RecorderSettings()
    bots: BotsSettings = BotsSettings()
    console: ConsoleSettings = ConsoleSettings()

    @field_validator("accounts")
    @classmethod
    def _no_account_twice(cls, accounts: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
        seen = set[Account]()
        for account in accounts:
            if account.account in seen:
                raise ValueError(f"expected each account once, found {account.account} twice")
            seen.add(account.account)
        return accounts

    def exchange(self, name: str) -> ExchangeSettings:
        """Return what differs at the exchange; nothing if the settings do not name it."""
        return self.exchanges.get(exchange_name(name), ExchangeSettings())

    def is_websocket_enabled(self, exchange: str) -> bool:
        """Return whether connections to the exchange are opened."""
        return self.websocket.enabled and self.exchange(exchange).websocket_enabled

    def falls_back_to_polling(self, exchange: str) -> bool:
        """Return whether REST is asked for fills of the exchange while live detection is lost."""
        own = self.exchange(exchange).fallback_to_polling
        return self.websocket.fallback_to_polling if own is None else own

    def poll_interval_ms(self, exchange: str) -> int:
        """Return the time between two questions to the exchange's REST, in milliseconds."""
        return self.exchange(exchange).poll_interval_ms or self.websocket.poll_interval_ms
