"""Orders that end at a time of their own."""

import asyncio

from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.exchange.publisher import Publisher


class Expiries:
    """Ends orders when their time is up, by the venue's clock as it stood when they were placed."""

    def __init__(self, engine: Engine, publisher: Publisher) -> None:
        self._engine = engine
        self._publisher = publisher
        self._timers: set[asyncio.TimerHandle] = set()

    def watch(self, order: Order, expires_us: int, reason: str) -> None:
        """End an order at a time in microseconds; one that has ended until then is left alone."""
        loop = asyncio.get_running_loop()
        delay_s = max(0, expires_us - self._engine.clock.now_us()) / 1_000_000

        def expire() -> None:
            self._timers.discard(timer)
            self._publisher.publish(self._engine.expire(order, reason))

        timer = loop.call_later(delay_s, expire)
        self._timers.add(timer)

    def stop(self) -> None:
        """End no more orders."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
