"""Parameters of a bot from text: `--param spread=10` becomes the argument `spread` of its class, as annotated."""

import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from fillwire.domain.errors import ConfigError

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _boolean(text: str) -> bool:
    return _WORDS[text.lower()]


_READERS: Mapping[object, tuple[Callable[[str], object], str]] = {
    inspect.Parameter.empty: (str, "text"),
    str: (str, "text"),
    int: (int, "a whole number"),
    Decimal: (Decimal, "a decimal number"),
    float: (float, "a number"),
    bool: (_boolean, "true or false"),
    Path: (Path, "a path"),
}
_LISTS = (list, tuple, Sequence, Iterable)


def parse_parameters(texts: Iterable[str]) -> dict[str, str]:
    """Return `name=value` texts as a mapping.

    Raises:
        ConfigError: a text has no `=`, or a name comes twice.
    """
    parameters: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ConfigError(f"parameter {text!r}: expected NAME=VALUE")
        if name in parameters:
            raise ConfigError(f"parameter {name} is given twice: expected it once")
        parameters[name] = value
    return parameters


def accepted_by(cls: type) -> frozenset[str]:
    """Return the names of the parameters that a class takes."""
    return frozenset(inspect.signature(cls).parameters)


def arguments_for(cls: type, parameters: Mapping[str, str]) -> dict[str, object]:
    """Return those of `parameters` that `cls` takes, each as the type that its annotation says.

    `str`, `int`, `Decimal`, `float`, `bool` and `Path` are understood, an optional one of these, and a list or tuple of
    them, written with commas. What has no annotation is taken as text.

    Raises:
        ConfigError: a value cannot be read as its type, or the type is another one.
    """
    return {
        name: _read(cls, name, parameters[name], parameter.annotation)
        for name, parameter in inspect.signature(cls, eval_str=True).parameters.items()
        if name in parameters
    }


def _read(cls: type, name: str, text: str, annotation: Any) -> object:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, types.UnionType}:
        kinds = [argument for argument in arguments if argument is not type(None)]
        if len(kinds) == 1:
            return _read(cls, name, text, kinds[0])
    if origin in _LISTS and arguments:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        values = [_read(cls, name, part, arguments[0]) for part in parts]
        return tuple(values) if origin is tuple else values
    if annotation not in _READERS:
        raise ConfigError(
            f"parameter {name} of {cls.__name__} is a {annotation}, which cannot be given as text"
        )
    read, expected = _READERS[annotation]
    try:
        return read(text)
    except (ValueError, KeyError, InvalidOperation):
        raise ConfigError(f"parameter {name} of {cls.__name__} is {text!r}: expected {expected}") from None
