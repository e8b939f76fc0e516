"""Parameters of a bot from text: `--param spread=10` becomes the argument `spread` of its class, as annotated."""

import difflib
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
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
    return frozenset(_parameters_of(cls))


def _config_of(cls: type) -> type | None:
    """Return the typed parameters that a class takes as one argument `config`: its dataclass `Config`, if it has one."""
    config = getattr(cls, "Config", None)
    has_one = isinstance(config, type) and is_dataclass(config)
    return config if has_one and "config" in inspect.signature(cls).parameters else None


def _parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class by name, those of its `Config` in the place of `config`."""
    own = dict(inspect.signature(cls, eval_str=True).parameters)
    config = _config_of(cls)
    if config is None:
        return own
    del own["config"]
    return dict(inspect.signature(config, eval_str=True).parameters) | own


def require_known(cls: type, parameters: Mapping[str, str]) -> None:
    """Refuse parameters that a class does not take, and the lack of those that it needs.

    Raises:
        ConfigError: a parameter is unknown or missing.
    """
    known = _parameters_of(cls)
    unknown = sorted(parameters.keys() - known.keys())
    if unknown:
        close = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {close[0]}" if close else f"expected one of {', '.join(known) or 'none'}"
        raise ConfigError(f"parameter {unknown[0]} is taken by no {cls.__name__}: {hint}")
    require_given(cls, parameters)


def require_given(cls: type, parameters: Mapping[str, str]) -> None:
    """Refuse the lack of a parameter that a class needs.

    Raises:
        ConfigError: it is missing.
    """
    for name, parameter in _parameters_of(cls).items():
        needed = parameter.default is inspect.Parameter.empty and parameter.kind not in _VARIABLE
        if needed and name not in parameters:
            raise ConfigError(
                f"parameter {name} of {cls.__name__} is missing: expected {_expected(parameter.annotation)}"
            )


def _expected(annotation: Any) -> str:
    if get_origin(annotation) in _LISTS:
        return "a list with commas"
    if _is_words(annotation):
        return f"one of {', '.join(annotation)}"
    return _READERS.get(annotation, (str, "a value"))[1]


def _is_words(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, StrEnum)


def arguments_for(cls: type, parameters: Mapping[str, str]) -> dict[str, object]:
    """Return those of `parameters` that `cls` takes, each as the type that its annotation says.

    `str`, `int`, `Decimal`, `float`, `bool`, `Path` and words (`StrEnum`) are understood, an optional one of these, and a
    list or tuple of them, written with commas. What has no annotation is taken as text.

    A class whose constructor takes `config`, and which has a dataclass `Config`, takes the fields of that one: it is made
    of them, and what it refuses is refused here.

    Raises:
        ConfigError: a value cannot be read as its type, or the type is another one; one that a `Config` needs is missing,
            or it refuses them.
    """
    arguments = {
        name: _read(cls, name, parameters[name], parameter.annotation)
        for name, parameter in _parameters_of(cls).items()
        if name in parameters
    }
    config = _config_of(cls)
    if config is None:
        return arguments
    require_given(cls, parameters)
    own = inspect.signature(cls).parameters
    try:
        made = config(**{name: value for name, value in arguments.items() if name not in own})
    except ConfigError as error:
        raise ConfigError(f"parameters of {cls.__name__}: {error}") from error
    return {name: value for name, value in arguments.items() if name in own} | {"config": made}


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
    if _is_words(annotation):
        try:
            return annotation(text)
        except ValueError:
            raise ConfigError(
                f"parameter {name} of {cls.__name__} is {text!r}: expected {_expected(annotation)}"
            ) from None
    if annotation not in _READERS:
        raise ConfigError(
            f"parameter {name} of {cls.__name__} is a {annotation}, which cannot be given as text"
        )
    read, expected = _READERS[annotation]
    try:
        return read(text)
    except (ValueError, KeyError, InvalidOperation):
        raise ConfigError(f"parameter {name} of {cls.__name__} is {text!r}: expected {expected}") from None
