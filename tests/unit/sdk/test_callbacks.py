"""Which callbacks an event is for."""

import pytest

from fillwire.domain.enums import Kind
from fillwire.domain.errors import ConfigError
from fillwire.domain.events import OrderEvent
from fillwire.sdk.callbacks import BY_KIND, callbacks_of
from fillwire.sdk.strategy import Strategy


def names(callbacks: object) -> list[str]:
    """Return the callbacks' names."""
    assert isinstance(callbacks, tuple)
    return [callback.name for callback in callbacks]


class Both(Strategy):
    """Wants every execution and the last one."""

    pairs = ("BTC-USDT",)

    def on_fill(self, order: OrderEvent) -> None:
        """See any execution."""

    async def on_order_filled(self, order: OrderEvent) -> None:
        """See the last execution."""


def test_on_fill_comes_before_the_kinds_own_callback() -> None:
    """An execution calls on_fill first; an event without execution only its kind's callback."""
    found = callbacks_of(Both())
    assert names(found.executions[Kind.FILLED]) == ["on_fill", "on_order_filled"]
    assert names(found.executions[Kind.PARTIALLY_FILLED]) == ["on_fill"]
    assert names(found.steps[Kind.FILLED]) == ["on_order_filled"]
    assert [c.is_async for c in found.executions[Kind.FILLED]] == [False, True]


def test_what_a_strategy_does_not_override_costs_nothing() -> None:
    """The empty methods of Strategy are left out."""
    assert names(callbacks_of(Both()).steps[Kind.CANCELLED]) == []
    assert callbacks_of(Both()).named == {}


def test_every_kind_has_a_callback_of_strategy() -> None:
    """A kind that is added to the domain must be given a callback."""
    assert set(BY_KIND) == set(Kind)
    assert all(hasattr(Strategy, name) for name in BY_KIND.values())


def test_any_object_may_listen() -> None:
    """A listener need not derive from anything, nor implement all."""

    class Plain:
        def on_order_filled(self, order: OrderEvent) -> None:
            """Listen."""

    assert names(callbacks_of(Plain()).executions[Kind.FILLED]) == ["on_order_filled"]


def test_a_misspelt_callback_is_refused() -> None:
    """A bot must not miss its fills because of a letter."""

    class Typo(Strategy):
        def on_order_fill(self, order: OrderEvent) -> None:
            """Never be called."""

    with pytest.raises(ConfigError, match=r"Typo.on_order_fill is no callback: did you mean on_order_filled"):
        callbacks_of(Typo())


def test_a_callback_with_other_arguments_is_refused() -> None:
    """What could not be called at the first fill is refused at the start."""

    class NoArgument:
        def on_order_filled(self) -> None:
            """Take nothing."""

    class TwoArguments:
        def on_start(self, extra: int) -> None:
            """Take too much."""

    class NoMethod:
        on_fill = 3

    with pytest.raises(
        ConfigError, match=r"NoArgument.on_order_filled\(\) -> None cannot be called: expected one argument"
    ):
        callbacks_of(NoArgument())
    with pytest.raises(
        ConfigError,
        match=r"TwoArguments.on_start\(extra: int\) -> None cannot be called: expected no argument",
    ):
        callbacks_of(TwoArguments())
    with pytest.raises(ConfigError, match=r"NoMethod.on_fill is 3: expected a method"):
        callbacks_of(NoMethod())
