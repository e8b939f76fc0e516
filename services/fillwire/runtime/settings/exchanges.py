"""How fills are detected: everywhere, and what differs at one exchange."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from fillwire.runtime.settings.sections import (
    LIVE,
    Count,
    Integer,
    Milliseconds,
    Name,
    Number,
    RestUrl,
    Section,
    WebSocketUrl,
)


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
    linger_ms: Annotated[Integer, Field(ge=0, le=86_400_000)] = 5_000
    order_timeout_ms: Annotated[Integer, Field(ge=100, le=60_000)] = 4_000
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
    environments: dict[Name, EnvironmentSettings] = Field(default_factory=dict)
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
