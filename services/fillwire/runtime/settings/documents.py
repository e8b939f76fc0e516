"""Where settings are written: a JSON file and the environment, read into one document in our own spelling.

Each value remembers the key or variable it was written as, so that a complaint can name what the person typed.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any, Final, TypeAlias, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.alias_generators import to_camel, to_snake

from fillwire.runtime.settings.kept_secrets import KeptSecret
from fillwire.runtime.settings.secret_references import (
    FILE,
    is_reference,
    masked,
    references,
    referred_file,
    resolve,
)
from fillwire.runtime.settings.stamps import Stamps

PREFIX: Final = "FILLWIRE_"
NESTED: Final = "__"
# Read by the process itself, beside the settings.
PROCESS_VARIABLES: Final = frozenset({"FILLWIRE_CONFIG", "FILLWIRE_LOG", "FILLWIRE_LOOP", "FILLWIRE_PARENT"})
# What Kubernetes sets in every pod for a service called fillwire-nats: FILLWIRE_NATS_PORT_4222_TCP=tcp://10.0.0.1:4222.
_SERVICE_LINK: Final = re.compile(
    r"FILLWIRE_\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
)
# Documented without its unit.
_ALIASES: Final = {"connection_timeout": "connection_timeout_ms"}

Location: TypeAlias = tuple[str | int, ...]


@dataclass(slots=True)
class Document:
    """Settings as they were written.

    Attributes:
        values: in snake_case, secrets resolved.
        origins: how each value was written, by its place in `values`.
        problems: what is wrong with them, one sentence each.
        broken: places that a problem left out of `values`, and the problem.
        references: names of the environment variables that secrets were taken from.
        stamps: how each file that was read looked then.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Location, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    broken: dict[Location, str] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)
    stamps: Stamps = field(default_factory=dict)

    def complain(self, where: str, sentence: str, broken: Location | None = None) -> None:
        """Note a problem, and the place that it left empty."""
        self.problems.append(f"{where}: {sentence}")
        if broken is not None:
            self.broken.setdefault(broken, self.problems[-1])

    def where(self, location: Location) -> str:
        """Return how the value at `location` was written, or would have been."""
        for length in range(len(location), 0, -1):
            if (origin := self.origins.get(location[:length])) is not None:
                return _below(origin, *location[length:])
        return _below("", *location)

    def overlay(self, other: "Document") -> None:
        """Let the values of `other` win over those that stand here."""
        self.values = _merged(self.values, other.values)
        self.origins |= other.origins
        self.problems += other.problems
        self.references |= other.references
        self.broken |= other.broken
        self.stamps |= other.stamps


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        beneath = merged.get(key)
        merged[key] = (
            _merged(beneath, value) if isinstance(beneath, dict) and isinstance(value, dict) else value
        )
    return merged


def _below(where: str, *parts: str | int) -> str:
    """Return the place `parts` below `where`, such as `fillwire.json: accounts[0].apiKey`."""
    for part in parts:
        if isinstance(part, int):
            where += f"[{part}]"
        elif not where or where.endswith(": "):
            where += to_camel(part)
        else:
            where += f".{to_camel(part)}"
    return where


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return what a field may hold: the members of a union, else the annotation itself; `Annotated` is looked through."""
    origin = get_origin(annotation)
    if origin is None or origin in {dict, tuple, list}:
        return (annotation,)
    return tuple(
        inner for part in get_args(annotation) if not _is_metadata(part) for inner in _alternatives(part)
    )


def _is_metadata(part: Any) -> bool:
    return not (isinstance(part, type) or get_origin(part) is not None or part is None)


def _section(annotation: Any) -> type[BaseModel] | None:
    for part in _alternatives(annotation):
        if isinstance(part, type) and get_origin(part) is None and issubclass(part, BaseModel):
            return part
    return None


def _inner(annotation: Any, container: type) -> Any:
    """Return what a `dict` or `tuple` field holds, None if the field is no such container."""
    for part in _alternatives(annotation):
        if get_origin(part) is container:
            arguments = get_args(part)
            return arguments[1] if container is dict else arguments[0]
    return None


def _field(section: type[BaseModel], key: str) -> str | None:
    name = to_snake(key)
    name = _ALIASES.get(name, name)
    return name if name in section.model_fields else None


def exchange_name(text: str) -> str:
    """Return the name of an exchange as subjects spell it: lower case, with hyphens."""
    return text.strip().lower().replace("_", "-")


class Reader:
    """Reads one source into a document.

    Args:
        root: the model of the whole.
        environ: the environment, for `env:NAME`.
        directory: where relative paths begin.
        may_hold_secrets: whether a secret may stand in the source itself.
    """

    def __init__(
        self, root: type[BaseModel], environ: Mapping[str, str], directory: Path, *, may_hold_secrets: bool
    ) -> None:
        self.document = Document()
        self._root = root
        self._environ = environ
        self._directory = directory
        self._may_hold_secrets = may_hold_secrets

    def read_object(self, values: object, source: str) -> None:
        """Read a whole document, such as a file's, that calls itself `source`."""
        if not isinstance(values, Mapping):
            self.document.complain(source, f"expected an object, found {kind_of(values)}", ())
            return
        self.document.values = self._read_section(values, self._root, (), f"{source}: ")

    def read_variable(self, name: str, text: str) -> None:
        """Read one environment variable, `FILLWIRE_<SECTION>__<KEY>`."""
        annotation: Any = self._root
        location: Location = ()
        for part in name.removeprefix(PREFIX).lower().split(NESTED):
            key: str | None = None
            if (section := _section(annotation)) is not None:
                key = _field(section, part)
                annotation = None if key is None else section.model_fields[key].annotation
            elif (inner := _inner(annotation, dict)) is not None:
                key = exchange_name(part) if location == ("exchanges",) else part
                annotation = inner
            if key is None:
                self.document.complain(name, f"unknown variable{self._variable_hint(name)}")
                return
            location = (*location, key)
        try:
            value = self._variable_value(text, annotation)
        except ValueError as error:
            self.document.complain(name, str(error), location)
        else:
            self._put(location, self._read(value, annotation, location, name))

    @staticmethod
    def _variable_value(text: str, annotation: Any) -> object:
        if _section(annotation) or _inner(annotation, dict) or _inner(annotation, tuple):
            return parse_json(text)
        return None if text == "null" and NoneType in _alternatives(annotation) else text

    def _put(self, location: Location, value: object) -> None:
        target = self.document.values
        for key in location[:-1]:
            target = target.setdefault(str(key), {})
            if not isinstance(target, dict):
                return  # another variable put no object here, of which the models complain
        last = str(location[-1])
        beneath = target.get(last)
        # FILLWIRE_NATS={…} sorts before FILLWIRE_NATS__URL, which then adds to it.
        target[last] = (
            _merged(beneath, value) if isinstance(beneath, dict) and isinstance(value, dict) else value
        )

    def _read_section(
        self, values: Mapping[str, Any], section: type[BaseModel], location: Location, where: str
    ) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, value in values.items():
            written = f"{where}{key}" if where.endswith(": ") else f"{where}.{key}"
            name = _field(section, key)
            if name is None:
                meant = _close_key(section, key)
                names = ", ".join(to_camel(known) for known in section.model_fields)
                hint = f"did you mean {to_camel(meant)}" if meant else f"expected one of {names}"
                # What was meant is not missing as well.
                self.document.complain(written, f"unknown key, {hint}", (*location, meant) if meant else None)
            elif name in read:
                self.document.complain(written, "expected once, found in two spellings")
            else:
                annotation = section.model_fields[name].annotation
                read[name] = self._read(value, annotation, (*location, name), written)
        return read

    def _read(self, value: Any, annotation: Any, location: Location, where: str) -> Any:
        self.document.origins[location] = where
        alternatives = _alternatives(annotation)
        if value is not None and SecretStr in alternatives:
            return self._read_secret(value, location, where)
        if isinstance(value, str) and Path in alternatives:
            return self._directory / Path(value).expanduser()
        if isinstance(value, Mapping) and (section := _section(annotation)) is not None:
            return self._read_section(value, section, location, where)
        if isinstance(value, Mapping) and (inner := _inner(annotation, dict)) is not None:
            return self._read_named(value, inner, location, where)
        if isinstance(value, list) and (inner := _inner(annotation, tuple)) is not None:
            return [
                self._read(item, inner, (*location, place), f"{where}[{place}]")
                for place, item in enumerate(value)
            ]
        return value  # right or wrong: the models say

    def _read_named(
        self, values: Mapping[str, Any], inner: Any, location: Location, where: str
    ) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, value in values.items():
            name = exchange_name(key) if location == ("exchanges",) else key
            if name in read:
                self.document.complain(f"{where}.{key}", "expected once, found in two spellings")
            else:
                read[name] = self._read(value, inner, (*location, name), f"{where}.{key}")
        return read

    def _read_secret(self, value: object, location: Location, where: str) -> SecretStr | None:
        expected = "expected env:NAME or file:/path"
        if not isinstance(value, str):
            self.document.complain(where, f"{expected}, found {kind_of(value)}", location)
            return None
        secret = value
        if is_reference(value):
            self.document.references |= references([value])
            try:
                secret = resolve(value, self._environ, self._directory, self.document.stamps)
            except ValueError as error:
                self.document.complain(where, str(error), location)
                return None
        elif not self._may_hold_secrets:
            self.document.complain(where, f"{expected}, found the secret itself", location)
        # A user's name is often that of the service too, which logs are about.
        found = SecretStr(secret) if location[-1] == "user" else masked(secret)
        return KeptSecret(secret, referred_file(value, self._directory)) if value.startswith(FILE) else found

    def _variable_hint(self, name: str) -> str:
        known = sorted(_variables(self._root, PREFIX))
        flat = {variable.replace(NESTED, "_"): variable for variable in known}
        close = difflib.get_close_matches(name.replace(NESTED, "_"), flat, n=1, cutoff=0.8)
        return f", did you mean {flat[close[0]]}" if close else ""


def _close_key(section: type[BaseModel], key: str) -> str | None:
    return next(iter(difflib.get_close_matches(to_snake(key), section.model_fields, n=1, cutoff=0.7)), None)


def _variables(section: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the variables that the settings read; those of exchanges, whose names are free, are left out."""
    for name, info in section.model_fields.items():
        yield prefix + name.upper()
        if (inner := _section(info.annotation)) is not None:
            yield from _variables(inner, prefix + name.upper() + NESTED)


def is_ours(name: str) -> bool:
    """Return whether an environment variable is meant for the settings.

    Not meant are those that the process reads itself, and those that Kubernetes sets for services.
    """
    return (
        name.startswith(PREFIX)
        and name not in PROCESS_VARIABLES
        and (NESTED in name or _SERVICE_LINK.fullmatch(name) is None)
    )


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (NoneType, "null"),
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "text"),
    (Mapping, "an object"),
    ((list, tuple), "a list"),
    (SecretStr, "a secret"),
)


def kind_of(value: object) -> str:
    """Return what JSON calls a value, without showing it."""
    return next((name for kind, name in _KINDS if isinstance(value, kind)), type(value).__name__)


def parse_json(text: str) -> object:
    """Return the JSON value in `text`.

    Raises:
        ValueError: it is no JSON, or has a key twice; the message shows no value.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"expected each key once, found {key} twice")
            found[key] = value
        return found

    def no_constant(name: str) -> None:
        raise ValueError(f"expected JSON, found {name}")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=no_constant)
    except json.JSONDecodeError as error:
        # The error's own text is safe, its document is not.
        raise ValueError(
            f"expected JSON, found a mistake at line {error.lineno}, column {error.colno}: {error.msg.lower()}"
        ) from None
    except RecursionError:
        raise ValueError("expected JSON, found objects nested too deep") from None
