"""Parameters of a bot from text: `--param spread=10` becomes the argument `spread` of its class, as annotated."""

import difflib
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
_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


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


def require_known(cls: type, parameters: Mapping[str, str]) -> None:
    """Refuse parameters that a class does not take, and the lack of those that it needs.

    Raises:
        ConfigError: a parameter is unknown or missing.
    """
    known = inspect.signature(cls, eval_str=True).parameters
    unknown = sorted(parameters.keys() - known.keys())
    if unknown:
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {close[0]}" if close else f"expected one of {', '.join(known) or 'none'}"
        raise ConfigError(f"parameter {unknown[0]} is taken by no {cls.__name__}: {hint}")
    for name, parameter in known.items():
        needed = parameter.default is inspect.Parameter.empty and parameter.kind not in _VARIABLE
        if needed and name not in parameters:
            raise ConfigError(
                f"parameter {name} of {cls.__name__} is missing: expected {_expected(parameter.annotation)}"
            )


def _expected(annotation: Any) -> str:
    if get_origin(annotation) in _LISTS:
        return "a list with commas"
    return _READERS.get(annotation, (str, "a value"))[1]


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
