"""Limits of the venue: request weight and raw requests per address, unfilled orders per account.

Windows are aligned to the clock: a minute starts at its second 0, a day at midnight UTC.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.settings import LimitSettings

_US = 1_000_000
_DAY_S = 86_400
MAKER_CREDIT = 5
"""By how much the first fill of an order lowers the unfilled order count if it fills as maker."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit as `exchangeInfo` shows it."""

    type: str
    interval: str
    number: int
    maximum: int

    @property
    def window_s(self) -> int:
        """Length of its window in seconds."""
        return self.number * {"SECOND": 1, "MINUTE": 60, "DAY": _DAY_S}[self.interval]

    def document(self) -> dict[str, Any]:
        """Return the limit as `exchangeInfo` shows it."""
        return {
            "rateLimitType": self.type,
            "interval": self.interval,
            "intervalNum": self.number,
            "limit": self.maximum,
        }


class Counter:
    """Counts within the present window of one limit."""

    __slots__ = ("_count", "_window", "limit")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self._window = -1
        self._count = 0

    def add(self, amount: int, now_us: int) -> int:
        """Add to the count, which never falls below zero, and return it."""
        window = now_us // (self.limit.window_s * _US)
        if window != self._window:
            self._window = window
            self._count = 0
        self._count = max(0, self._count + amount)
        return self._count

    def ends_us(self, now_us: int) -> int:
        """Return when the present window ends."""
        length_us = self.limit.window_s * _US
        return (now_us // length_us + 1) * length_us

    def document(self, now_us: int) -> dict[str, Any]:
        """Return the limit with its count as responses show it."""
        return self.limit.document() | {"count": self.add(0, now_us)}


class AddressUsage:
    """What one address has used."""

    def __init__(self, weight: Limit, raw: Limit, connections: Limit) -> None:
        self.weight = Counter(weight)
        self.raw = Counter(raw)
        self.connections = Counter(connections)
        self.refused = 0
        self.bans = 0
        self.banned_until_us = 0


class Limits:
    """All limits, and what has been used of them."""

    def __init__(self, settings: LimitSettings, clock: VenueClock) -> None:
        self._settings = settings
        self._clock = clock
        self.weight = Limit("REQUEST_WEIGHT", "MINUTE", 1, settings.weight_per_minute)
        self.orders = (
            Limit("ORDERS", "SECOND", 10, settings.orders_per_10_seconds),
            Limit("ORDERS", "DAY", 1, settings.orders_per_day),
        )
        self.raw = Limit("RAW_REQUESTS", "MINUTE", 5, settings.raw_requests_per_5_minutes)
        self.connections = Limit("CONNECTIONS", "MINUTE", 5, settings.connections_per_5_minutes)
        self._addresses: defaultdict[str, AddressUsage] = defaultdict(
            lambda: AddressUsage(self.weight, self.raw, self.connections)
        )
        self._orders: dict[Account, tuple[Counter, ...]] = {}

    def document(self) -> list[dict[str, Any]]:
        """Return the limits as `exchangeInfo` shows them."""
        return [limit.document() for limit in (self.weight, *self.orders, self.raw)]

    def charge(self, address: str, weight: int) -> None:
        """Count a request.

        Raises:
            Refusal: the address is banned, or has used more weight or requests than it may.
        """
        now_us = self._clock.now_us()
        usage = self._addresses[address]
        if now_us < usage.banned_until_us:
            raise self._banned(usage, now_us)
        used = usage.weight.add(weight, now_us)
        requests = usage.raw.add(1, now_us)
        for count, counter, what in (
            (used, usage.weight, "request weight"),
            (requests, usage.raw, "requests"),
        ):
            limit = counter.limit
            if count > limit.maximum:
                self._refuse(
                    usage,
                    now_us,
                    counter.ends_us(now_us),
                    f"Too much request weight used; current limit is {limit.maximum} {what} per "
                    f"{limit.number} {limit.interval}. Please use WebSocket Streams for live updates to avoid "
                    "polling the API.",
                )
        if used <= weight:
            usage.refused = 0

    def refund(self, address: str, weight: int) -> None:
        """Take back the weight of a request that turned out to cost none."""
        self._addresses[address].weight.add(-weight, self._clock.now_us())

    def connect(self, address: str) -> None:
        """Count a connection attempt, which weighs 2.

        Raises:
            Refusal: too many attempts, or too much weight.
        """
        now_us = self._clock.now_us()
        usage = self._addresses[address]
        if usage.connections.add(1, now_us) > self.connections.maximum:
            raise Refusal(
                -1034,
                f"Too many connection attempts from IP; current limit is {self.connections.maximum} per "
                f"'{self.connections.number} {self.connections.interval}'.",
                status=429,
                data=_retry(now_us, usage.connections.ends_us(now_us)),
            )
        self.charge(address, 2)

    def _refuse(self, usage: AddressUsage, now_us: int, retry_us: int, message: str) -> None:
        usage.refused += 1
        if usage.refused > self._settings.refusals_before_ban:
            self.ban(usage, now_us)
            raise self._banned(usage, now_us)
        raise Refusal(-1003, message, status=429, data=_retry(now_us, retry_us))

    def ban(self, usage: AddressUsage, now_us: int, seconds: float | None = None) -> None:
        """Ban the address, each time for twice as long as before, at most three days."""
        length_s = min(self._settings.ban_s * 2**usage.bans, 3 * _DAY_S) if seconds is None else seconds
        usage.bans += 1
        usage.refused = 0
        usage.banned_until_us = now_us + int(length_s * _US)

    def ban_everybody(self, seconds: float) -> list[str]:
        """Ban all addresses that have been seen, for some seconds, and return them."""
        now_us = self._clock.now_us()
        for usage in self._addresses.values():
            self.ban(usage, now_us, seconds)
        return list(self._addresses)

    def is_banned(self, address: str) -> bool:
        """Return whether the address is banned now."""
        return self._clock.now_us() < self._addresses[address].banned_until_us

    @staticmethod
    def _banned(usage: AddressUsage, now_us: int) -> Refusal:
        until_ms = usage.banned_until_us // 1_000
        return Refusal(
            -1003,
            f"Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams for live "
            "updates to avoid bans.",
            status=418,
            data=_retry(now_us, usage.banned_until_us),
        )

    def weight_document(self, address: str) -> dict[str, Any]:
        """Return the weight limit with its count."""
        return self._addresses[address].weight.document(self._clock.now_us())

    def order_counters(self, account: Account) -> tuple[Counter, ...]:
        """Return the account's counters of unfilled orders."""
        counters = self._orders.get(account)
        if counters is None:
            counters = self._orders[account] = tuple(Counter(limit) for limit in self.orders)
        return counters

    def order_documents(self, account: Account) -> list[dict[str, Any]]:
        """Return the order limits with the account's counts."""
        now_us = self._clock.now_us()
        return [counter.document(now_us) for counter in self.order_counters(account)]

    def check_orders(self, account: Account, count: int) -> None:
        """Refuse if the account may not place `count` more orders now."""
        now_us = self._clock.now_us()
        for counter in self.order_counters(account):
            limit = counter.limit
            if counter.add(0, now_us) + count > limit.maximum:
                raise Refusal(
                    -1015,
                    f"Too many new orders; current limit is {limit.maximum} orders per {limit.number} {limit.interval}.",
                    status=429,
                    data=_retry(now_us, counter.ends_us(now_us)),
                )

    def count_orders(self, account: Account, count: int) -> None:
        """Count orders that were accepted."""
        now_us = self._clock.now_us()
        for counter in self.order_counters(account):
            counter.add(count, now_us)

    def first_fill(self, account: Account, is_maker: bool) -> None:
        """Give credit for an order that has begun to fill."""
        self.count_orders(account, -MAKER_CREDIT if is_maker else -1)


def _retry(now_us: int, retry_us: int) -> dict[str, Any]:
    return {"serverTime": now_us // 1_000, "retryAfter": retry_us // 1_000}
