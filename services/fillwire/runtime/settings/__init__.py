"""The configuration: what a person may decide, where it is read from, and what is said when it cannot be used."""

from fillwire.runtime.settings.loading import load_settings
from fillwire.runtime.settings.model import (
    AccountSettings,
    BotsSettings,
    ConsoleSettings,
    ConsoleUserSettings,
    EnvironmentSettings,
    ExchangeSettings,
    GatewaySettings,
    JournalSettings,
    KeyType,
    MonitoringSettings,
    NatsSettings,
    NotifySettings,
    ReconnectSettings,
    RecorderSettings,
    Settings,
    TelemetrySettings,
    WebSocketSettings,
)

__all__ = [
    "AccountSettings",
    "BotsSettings",
    "ConsoleSettings",
    "ConsoleUserSettings",
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
    "TelemetrySettings",
    "WebSocketSettings",
    "load_settings",
]
