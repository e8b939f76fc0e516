"""From a bot's file to its strategies; every mistake in the file becomes one sentence with the line it is in."""

import contextlib
import importlib
import importlib.util
import inspect
import linecache
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from fillwire.domain.errors import ConfigError, FillwireError, HandlerError
from fillwire.sdk.bot import Bot
from fillwire.sdk.parameters import arguments_for
from fillwire.sdk.strategy import Strategy


def load_strategies(target: str, parameters: Mapping[str, str] | None = None) -> list[Strategy]:
    """Return an instance of each strategy that `target` names, in the order of the file.

    Args:
        target: as `strategy_classes` takes it.
        parameters: arguments of the classes by name, as text; see `parameters.arguments_for`.

    Raises:
        ConfigError: there is no such file or class, it cannot be imported, or it defines no usable strategy.
    """
    return [make_strategy(cls, target, parameters or {}) for cls in strategy_classes(target)]


def strategy_classes(target: str) -> list[type[Strategy]]:
    """Return the strategies that `target` names, in the order of the file.

    Of a file, classes are left out that are imported, abstract, private (`_Name`), or that name no pairs and serve as
    the base of another strategy of the file. The file's directory is put on `sys.path`, as `python <file>` would.

    Args:
        target: a Python file, or `package.module:Class`, or one class of a file as `file.py:Class`.

    Raises:
        ConfigError: there is no such file or class, it cannot be imported, or it defines no usable strategy.
    """
    place, _, class_name = target.rpartition(":")
    if class_name and place and not place.endswith(".py"):
        return [_named(target)]
    path = Path(place or target)
    module = _import(path)
    classes = [
        value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Strategy)
        and value.__module__ == module.__name__
        and value.__name__ == name
        and not name.startswith("_")
        and not inspect.isabstract(value)
    ]
    if place:
        chosen = [cls for cls in classes if cls.__name__ == class_name]
        if not chosen:
            names = ", ".join(cls.__name__ for cls in classes) or "none"
            raise ConfigError(f"{path} has no strategy {class_name}: expected one of those it has, {names}")
        return chosen
    bases = {base for cls in classes for base in cls.__mro__[1:]}
    chosen = [cls for cls in classes if cls.pairs or cls not in bases]
    if not chosen:
        raise ConfigError(
            f"{path} defines no strategy: expected a class that derives from fillwire.Strategy and names its pairs"
        )
    return chosen


def _named(target: str) -> type[Strategy]:
    module_name, _, class_name = target.partition(":")
    try:
        cls = getattr(importlib.import_module(module_name), class_name, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ConfigError(f"{target} cannot be imported: {_what(error)}") from error
    if not isinstance(cls, type) or not issubclass(cls, Strategy):
        raise ConfigError(f"{target} is no strategy: expected a class that derives from fillwire.Strategy")
    return cls


def _import(path: Path) -> ModuleType:
    if not path.exists():
        raise ConfigError(f"{path} does not exist: expected the Python file of a bot")
    if not path.is_file() or path.suffix != ".py":
        raise ConfigError(f"{path} is no Python file: expected the file of a bot, such as my_bot.py")
    file = path.resolve()
    name = "fillwire_bot_" + re.sub(r"\W", "_", str(file.with_suffix("")))
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be imported: Python has no loader for it")
    module = importlib.util.module_from_spec(spec)
    directory = str(file.parent)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    sys.modules[name] = module  # as for any import: dataclasses and pickles of the file look for it there
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # even SystemExit: the file must not end the host in silence
        del sys.modules[name]
        raise ConfigError(explain(error, file) or f"{path} cannot be imported: {_what(error)}") from error
    return module


def make_strategy(cls: type[Strategy], target: str, parameters: Mapping[str, str]) -> Strategy:
    """Return an instance of a class with those of the parameters that it takes.

    Raises:
        ConfigError: a parameter cannot be read, or the class cannot be made of them.
    """
    arguments = arguments_for(cls, parameters)
    try:
        return cls(**arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        where = explain(error, source_of(cls)) or f"{target}: {_what(error)}"
        raise ConfigError(
            f"{where}; expected that {cls.__name__} can be made of the given parameters"
        ) from error


def explain_start(bot: Bot, error: Exception) -> Exception:
    """Return the reason why a bot does not start, in words for its author, where its own `on_start` is to blame."""
    if not isinstance(error, HandlerError):
        return error
    cause = error.__cause__
    if isinstance(cause, FillwireError):
        return cause
    where = None if cause is None else explain(cause, source_of(type(bot.listener)))
    return ConfigError(f"bot {bot.name} does not start: {where or error}")


def source_of(cls: type) -> Path:
    """Return the file in which a class is written."""
    return Path(inspect.getsourcefile(cls) or cls.__module__).resolve()


def explain(error: BaseException, file: Path) -> str | None:
    """Return the error as one line: where in the user's file it was raised, what it says, and the line of code.

    The line is the innermost one in `file` or its directory: what a library did below is not the reader's affair. None
    if the error passed through no such line.
    """
    if isinstance(error, SyntaxError) and error.filename is not None and error.lineno is not None:
        code = (error.text or linecache.getline(error.filename, error.lineno)).strip()
        return _sentence(error.filename, error.lineno, f"{type(error).__name__}: {error.msg}", code)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.lineno is not None and _is_of_user(Path(frame.filename), file):
            return _sentence(frame.filename, frame.lineno, _what(error), frame.line or "")
    return None


def _what(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _is_of_user(source: Path, file: Path) -> bool:
    return source.is_relative_to(file.parent) and "site-packages" not in source.parts


def _sentence(filename: str, line: int, what: str, code: str) -> str:
    with contextlib.suppress(ValueError):  # outside of the working directory the whole path is shown
        filename = str(Path(filename).relative_to(Path.cwd()))
    return f"{filename}, line {line}: {what}" + (f" [{code}]" if code else "")
