"""The configuration: what a person may decide, where it is read from, and what is said when it cannot be used."""

from fillwire.runtime.settings.accounts import AccountSettings, KeyType
from fillwire.runtime.settings.exchanges import (
    EnvironmentSettings,
    ExchangeSettings,
    ReconnectSettings,
    WebSocketSettings,
)
from fillwire.runtime.settings.kept_secrets import current
from fillwire.runtime.settings.loading import (
    AccountsRead,
    ConsoleUsersRead,
    SettingsRefused,
    chosen_file,
    load_accounts,
    load_console_users,
    load_settings,
)
from fillwire.runtime.settings.model import Settings
from fillwire.runtime.settings.services import (
    BotsSettings,
    ConsoleSettings,
    ConsoleUserSettings,
    GatewaySettings,
    JournalSettings,
    MonitoringSettings,
    NatsSettings,
    NotifySettings,
    RecorderSettings,
    TelemetrySettings,
)

__all__ = [
    "AccountSettings",
    "AccountsRead",
    "BotsSettings",
    "ConsoleSettings",
    "ConsoleUserSettings",
    "ConsoleUsersRead",
    "EnvironmentSettings",
    "ExchangeSettings",
    "GatewaySettings",
    "JournalSettings",
    "KeyType",
    "MonitoringSettings",
    "NatsSettings",
    "NotifySettings",
    "ReconnectSettings",
    "RecorderSettings",
    "Settings",
    "SettingsRefused",
    "TelemetrySettings",
    "WebSocketSettings",
    "chosen_file",
    "current",
    "load_accounts",
    "load_console_users",
    "load_settings",
]
