"""Fillwire tells trading bots that their orders were filled: at once, exactly once, in order, with a trace.

    from fillwire import Strategy

    class Greeter(Strategy):
        pairs = ["BTC-USDT"]

        async def on_order_filled(self, order):
            print(f"{order.side} {order.cumulative_quantity} {order.pair} at {order.average_price}")

    # fillwire run my_bot.py --user alice

The names below are what users may rely on. They are imported when first used, so that a strategy does not load the
broker's client, and `import fillwire` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fillwire.bots.client import BotClient
    from fillwire.bots.errors import BotError
    from fillwire.bots.manager import BotManager
    from fillwire.domain.bots import BotAnswer, BotCreation, BotOutcome, BotState, BotView
    from fillwire.domain.enums import (
        ConnectionState,
        Kind,
        Liquidity,
        OrderType,
        Side,
        Source,
        TimeInForce,
    )
    from fillwire.domain.errors import (
        BrokerError,
        ConfigError,
        FillwireError,
        HandlerError,
        OrdersUnknown,
        RulesUnknown,
    )
    from fillwire.domain.events import ConnectionEvent, Fill, OrderEvent
    from fillwire.domain.identifiers import Account
    from fillwire.domain.orders import Outcome, TradeOrder
    from fillwire.domain.rules import PairRules
    from fillwire.sdk.listener import OrderFillListener
    from fillwire.sdk.orders import Orders, WebSocketStatus
    from fillwire.sdk.retrying import RetryPolicy
    from fillwire.sdk.strategy import Strategy

__all__ = [
    "Account",
    "BotAnswer",
    "BotClient",
    "BotCreation",
    "BotError",
    "BotManager",
    "BotOutcome",
    "BotState",
    "BotView",
    "BrokerError",
    "ConfigError",
    "ConnectionEvent",
    "ConnectionState",
    "Fill",
    "FillwireError",
    "HandlerError",
    "Kind",
    "Liquidity",
    "OrderEvent",
    "OrderFillListener",
    "OrderType",
    "Orders",
    "OrdersUnknown",
    "Outcome",
    "PairRules",
    "RetryPolicy",
    "RulesUnknown",
    "Side",
    "Source",
    "Strategy",
    "TimeInForce",
    "TradeOrder",
    "WebSocketStatus",
]

_MODULES = {
    "fillwire.bots.client": ("BotClient",),
    "fillwire.bots.errors": ("BotError",),
    "fillwire.bots.manager": ("BotManager",),
    "fillwire.domain.bots": ("BotAnswer", "BotCreation", "BotOutcome", "BotState", "BotView"),
    "fillwire.domain.enums": (
        "ConnectionState",
        "Kind",
        "Liquidity",
        "OrderType",
        "Side",
        "Source",
        "TimeInForce",
    ),
    "fillwire.domain.errors": (
        "BrokerError",
        "ConfigError",
        "FillwireError",
        "HandlerError",
        "OrdersUnknown",
        "RulesUnknown",
    ),
    "fillwire.domain.events": ("ConnectionEvent", "Fill", "OrderEvent"),
    "fillwire.domain.identifiers": ("Account",),
    "fillwire.domain.orders": ("Outcome", "TradeOrder"),
    "fillwire.domain.rules": ("PairRules",),
    "fillwire.sdk.listener": ("OrderFillListener",),
    "fillwire.sdk.orders": ("Orders", "WebSocketStatus"),
    "fillwire.sdk.retrying": ("RetryPolicy",),
    "fillwire.sdk.strategy": ("Strategy",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow to import, seldom asked for

        return version("fillwire")
    if name not in _HOME:
        raise AttributeError(f"module 'fillwire' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted([*globals(), *__all__])
