"""Parameters of a bot from text."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.sdk.parameters import accepted_by, arguments_for, parse_parameters, require_known


class Typed:
    """Takes one of each."""

    def __init__(  # type: ignore[no-untyped-def]  # noqa: PLR0913 - one of each, one of them not annotated
        self,
        size: Decimal,
        path: Path | None = None,
        pairs: Sequence[str] = (),
        steps: tuple[int, ...] = (),
        *,
        eager: bool = False,
        label="x",  # noqa: ANN001 - a user may annotate nothing
        odd: dict[str, str] | None = None,
    ) -> None:
        """Take them."""


def test_values_become_what_the_annotation_says() -> None:
    """Each value is read as its type; what is not given is left to the default."""
    given = parse_parameters(
        ["size=0.1", "path=/tmp/x", "pairs=BTC-USDT, ETH-USDT", "steps=1,2", "eager=yes", "label=a=b"]
    )
    assert arguments_for(Typed, given) == {
        "size": Decimal("0.1"),
        "path": Path("/tmp/x"),  # noqa: S108 - never opened
        "pairs": ["BTC-USDT", "ETH-USDT"],
        "steps": (1, 2),
        "eager": True,
        "label": "a=b",
    }


def test_what_a_class_does_not_take_is_left_out() -> None:
    """Several bots share the parameters of a command line; each takes its own."""
    assert arguments_for(Typed, {"size": "1", "other": "2"}) == {"size": Decimal(1)}
    assert "other" not in accepted_by(Typed)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("size=much", "parameter size of Typed is 'much': expected a decimal number"),
        ("eager=perhaps", "parameter eager of Typed is 'perhaps': expected true or false"),
        ("steps=1,x", "parameter steps of Typed is 'x': expected a whole number"),
        ("odd=1", "which cannot be given as text"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(text: str, sentence: str) -> None:
    """The sentence names the parameter, what was found and what was expected."""
    with pytest.raises(ConfigError, match=sentence):
        arguments_for(Typed, parse_parameters([text]))


def test_a_malformed_parameter_is_refused() -> None:
    """A parameter needs a name, a value, and to come once."""
    with pytest.raises(ConfigError, match="parameter 'size': expected NAME=VALUE"):
        parse_parameters(["size"])
    with pytest.raises(ConfigError, match="parameter size is given twice"):
        parse_parameters(["size=1", "size=2"])


class Colour(StrEnum):
    """Some words."""

    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Typed parameters that check themselves."""

    size: Decimal
    colour: Colour = Colour.RED
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.size <= 0:
            raise ConfigError(f"size is {self.size}: expected more than 0")


class Configured:
    """Takes its parameters as one."""

    Config = Sizes

    def __init__(self, config: Sizes, name: str = "bot") -> None:
        """Take them."""


def test_a_class_may_take_its_parameters_as_one() -> None:
    """They are given one by one, beside those that it takes itself."""
    given = {"size": "2", "colour": "green", "limit": "3", "name": "me", "other": "x"}
    assert arguments_for(Configured, given) == {
        "config": Sizes(size=Decimal(2), colour=Colour.GREEN, limit=3),
        "name": "me",
    }
    assert accepted_by(Configured) == {"size", "colour", "limit", "name"}
    require_known(Configured, {"size": "1", "name": "x"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": "0"}, "parameters of Configured: size is 0: expected more than 0"),
        ({"size": "x"}, "parameter size of Configured is 'x': expected a decimal number"),
        (
            {"size": "1", "colour": "blue"},
            "parameter colour of Configured is 'blue': expected one of red, green",
        ),
        ({"colour": "red"}, "parameter size of Configured is missing: expected a decimal number"),
    ],
)
def test_what_such_a_class_refuses_is_one_sentence(given: dict[str, str], message: str) -> None:
    """Of reading as of checking."""
    with pytest.raises(ConfigError) as raised:
        arguments_for(Configured, given)
    assert str(raised.value) == message


def test_a_misspelt_parameter_of_such_a_class_is_told() -> None:
    """With what may have been meant."""
    with pytest.raises(ConfigError, match="parameter colr is taken by no Configured: did you mean colour"):
        require_known(Configured, {"size": "1", "colr": "red"})
