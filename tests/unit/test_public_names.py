"""What `import fillwire` offers, and what it costs."""

import importlib
import subprocess
import sys

import pytest

import fillwire

PUBLIC = {
    "Account", "BotAnswer", "BotClient", "BotCreation", "BotError", "BotManager", "BotOutcome", "BotState", "BotView",
    "BrokerError", "ConfigError", "ConnectionEvent", "ConnectionState", "Fill", "FillwireError",
    "HandlerError", "Kind", "Liquidity", "OrderEvent", "OrderFillListener", "OrderType", "Orders", "OrdersUnknown",
    "Outcome", "PairRules", "RetryPolicy", "RulesUnknown", "Side", "Source", "Strategy", "TimeInForce", "TradeOrder", "WebSocketStatus",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    """A name that appears or goes is a decision, not an accident."""
    assert set(fillwire.__all__) == PUBLIC
    assert dir(fillwire) == sorted(dir(fillwire))
    assert set(dir(fillwire)) >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_each_public_name_is_what_its_module_defines(name: str) -> None:
    """The table of names and the modules agree."""
    value = getattr(fillwire, name)
    assert value.__name__ == name
    assert getattr(importlib.import_module(value.__module__), name) is value


def test_the_version_is_the_distributions() -> None:
    """`fillwire.__version__` is known without a constant to forget."""
    assert str(fillwire.__version__).count(".") == 2


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt import fails as Python users expect."""
    with pytest.raises(AttributeError, match="module 'fillwire' has no attribute 'Strategie'"):
        _ = fillwire.Strategie


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import fillwire", ("nats", "aiohttp", "opentelemetry", "orjson", "asyncio", "fillwire.domain")),
        ("from fillwire import Strategy", ("nats", "aiohttp", "opentelemetry", "fillwire.bus")),
        ("from fillwire import Orders", ("opentelemetry", "picows", "fillwire.venues", "fillwire.gateway")),
    ],
)
def test_an_import_loads_no_more_than_it_needs(code: str, absent: tuple[str, ...]) -> None:
    """A strategy's file imports in milliseconds, and a notebook without a telemetry stack."""
    script = f"import sys; {code}; print([m for m in {absent!r} if m in sys.modules])"
    shown = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert shown.stdout.strip() == "[]"
