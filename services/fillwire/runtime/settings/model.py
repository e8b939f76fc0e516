"""What a person decides about Fillwire, from a file and the environment, checked as a whole before anything starts.

    {"websocket": {"enabled": true, "reconnect": {"maxRetries": 10, "initialDelayMs": 100, "maxDelayMs": 30000,
       "backoffMultiplier": 1.5}, "connectionTimeout": 10000, "heartbeatIntervalMs": 30000,
       "fallbackToPolling": false, "pollIntervalMs": 5000},
     "exchanges": {"binance": {"websocketUrl": "wss://ws-api.binance.com:443/ws-api/v3"}},
     "accounts": [{"user": "alice", "exchange": "binance", "apiKey": "env:ALICE_KEY", "secret": "file:/run/alice"}]}

Keys may be written in camelCase or snake_case. The environment says the same with `FILLWIRE_NATS__URL=…`: the names
of the sections in upper case with two underscores between them, lists and objects as JSON; it wins over the file.
"""

from pathlib import Path

from pydantic import Field, field_validator

from fillwire.domain.identifiers import Account
from fillwire.runtime.settings.accounts import AccountSettings
from fillwire.runtime.settings.documents import exchange_name
from fillwire.runtime.settings.exchanges import ExchangeSettings, WebSocketSettings
from fillwire.runtime.settings.sections import ExchangeName, Section
from fillwire.runtime.settings.services import (
    BotsSettings,
    ConsoleSettings,
    GatewaySettings,
    JournalSettings,
    MonitoringSettings,
    NatsSettings,
    NotifySettings,
    RecorderSettings,
    TelemetrySettings,
)


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
    exchanges: dict[ExchangeName, ExchangeSettings] = Field(default_factory=dict)
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
