"""Settings from a file and the environment, or one error that says everything that is wrong with them.

Keys are read again while a service runs, and then account by account: one that cannot be used leaves the others alone. So
are the console's users, all together.
"""

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError
from pydantic_core import ErrorDetails

from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.runtime.redaction import printable, redacted_text
from fillwire.runtime.settings.accounts import AccountSettings
from fillwire.runtime.settings.documents import Document, Reader, exchange_name, is_ours, kind_of, parse_json
from fillwire.runtime.settings.model import Settings
from fillwire.runtime.settings.secret_references import Place, account_places, account_secrets, references
from fillwire.runtime.settings.sections import LIVE
from fillwire.runtime.settings.services import ConsoleUserSettings
from fillwire.runtime.settings.stamps import Stamps, look_at

CONFIG_VARIABLE: Final = "FILLWIRE_CONFIG"
DEFAULT_FILE: Final = Path("fillwire.json")
_SHOWN: Final = 60  # characters of a value that a complaint shows
_CONTAINERS: Final = {"model_type": "an object", "dict_type": "an object", "tuple_type": "a list"}
# By pydantic's type of the error.
_EXPECTED: Final = _CONTAINERS | {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "int_parsing_size": "an integer of usual size",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "string_too_long": "text of at most {max_length} characters",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "enum": "{expected}",
    "path_type": "a path",
}


class SettingsRefused(ConfigError):
    """The settings cannot be used; the message has one line for each thing that is wrong.

    Attributes:
        stamps: how the files looked that were asked for them, also those that were not there.
    """

    def __init__(self, message: str, stamps: Stamps) -> None:
        super().__init__(message)
        self.stamps = stamps


def load_settings(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings: the environment's over the file's over the defaults.

    Args:
        path: the file; None for the one that `FILLWIRE_CONFIG` names, else `fillwire.json` where that exists.
        environ: the environment; None for that of the process.

    Raises:
        SettingsRefused: the settings cannot be used; its message has one line for each thing that is wrong, with the
            key or variable, what was found and what was expected. No secret stands in it.
    """
    return _validated(_read(path, environ))


def _validated(document: Document) -> Settings:
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(document.values)
    except ValidationError as error:
        document.problems += _sentences(error, document)
    if document.problems:
        # Not chained: the errors underneath hold the values.
        problems = "\n".join(dict.fromkeys(map(printable, document.problems)))
        raise SettingsRefused(problems, document.stamps) from None
    if settings is None:
        raise AssertionError("settings that fail to validate come with a problem")
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleUsersRead:
    """Who may log in to the console now.

    Attributes:
        users: all of them.
        stamps: how the files looked that they were read from.
    """

    users: tuple[ConsoleUserSettings, ...]
    stamps: Stamps


def load_console_users(
    path: Path | None = None, environ: Mapping[str, str] | None = None
) -> ConsoleUsersRead:
    """Return who may log in to the console; arguments and errors are those of `load_settings`."""
    document = _read(path, environ)
    return ConsoleUsersRead(users=_validated(document).console.users, stamps=document.stamps)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsRead:
    """The accounts and their keys as they are now.

    Attributes:
        accounts: those that can be used.
        unusable: the others, with one sentence why; no secret stands in it.
        stamps: how the files looked that they were read from.
    """

    accounts: tuple[AccountSettings, ...]
    unusable: Mapping[Account, str]
    stamps: Stamps


def load_accounts(path: Path | None = None, environ: Mapping[str, str] | None = None) -> AccountsRead:
    """Return the accounts, apart from each other; the arguments are those of `load_settings`.

    Raises:
        SettingsRefused: it cannot be told which accounts there are; the message says why, without any secret.
    """
    document = _read(path, environ)
    listed = document.values.get("accounts", [])
    whole = [sentence for place, sentence in document.broken.items() if place in {(), ("accounts",)}]
    if whole or not isinstance(listed, list):
        problems = "\n".join(map(printable, whole)) or f"accounts: expected a list, found {kind_of(listed)}"
        raise SettingsRefused(problems, document.stamps)
    usable: dict[Account, AccountSettings] = {}
    unusable: dict[Account, str] = {}
    for place, entry in enumerate(listed):
        account = _named(entry)
        problem = _account_problem(document, place)
        if problem is None:
            try:
                found = AccountSettings.model_validate(entry)
            except ValidationError as error:
                problem = _sentences(error, document, ("accounts", place))[0]
            else:
                account = found.account
                if account in usable:
                    problem = f"expected each account once, found {account} twice"
                usable[account] = found
        if problem is not None and account is not None:
            unusable[account] = printable(problem)
            usable.pop(account, None)
    return AccountsRead(accounts=tuple(usable.values()), unusable=unusable, stamps=document.stamps)


def _account_problem(document: Document, place: int) -> str | None:
    return next((sentence for at, sentence in document.broken.items() if at[:2] == ("accounts", place)), None)


def _named(entry: object) -> Account | None:
    """Return which account a list's entry is about, None if it does not say."""
    if not isinstance(entry, Mapping):
        return None
    user, exchange, environment = (entry.get(key) for key in ("user", "exchange", "environment"))
    if not isinstance(user, str) or not isinstance(exchange, str):
        return None
    return Account(user, exchange_name(exchange), environment if isinstance(environment, str) else LIVE)


def _read(path: Path | None, environ: Mapping[str, str] | None) -> Document:
    """Return what file, environment and mounted secrets say."""
    environ = os.environ if environ is None else environ
    document = _read_file(chosen_file(path, environ), environ)
    document.overlay(_read_environment(environ, document.references))
    _add_account_secrets(document)
    return document


def chosen_file(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the file that the settings are read from, None if there is none; the arguments are those of `load_settings`."""
    if path is not None:
        return path
    environ = os.environ if environ is None else environ
    if named := environ.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _read_file(path: Path | None, environ: Mapping[str, str]) -> Document:
    if path is None:
        return Document()
    reader = Reader(Settings, environ, path.parent, may_hold_secrets=False)
    stamps = reader.document.stamps
    stamps[path] = look_at(path)
    try:
        reader.read_object(parse_json(path.read_text("utf-8")), str(path))
    except OSError as error:
        raise SettingsRefused(
            f"{path}: expected a readable file, found {error.strerror or 'none'}", stamps
        ) from None
    except UnicodeDecodeError:
        raise SettingsRefused(f"{path}: expected text in UTF-8, found other bytes", stamps) from None
    except ValueError as error:
        raise SettingsRefused(f"{path}: {error}", stamps) from None
    return reader.document


def _read_environment(environ: Mapping[str, str], referred: AbstractSet[str]) -> Document:
    # A variable is no file that is copied and committed: a secret may stand in one itself.
    reader = Reader(Settings, environ, Path(), may_hold_secrets=True)
    referred = referred | references(environ.values())
    for name in sorted(environ):
        if name not in referred and is_ours(name):
            reader.read_variable(name, environ[name])
    return reader.document


def _add_account_secrets(document: Document) -> None:
    """Complete the accounts from `credentials_dir`; one that is listed with keys of its own keeps them."""
    directory = document.values.get("credentials_dir")
    if not isinstance(directory, Path):
        return  # none, or no path, of which the models complain
    try:
        places = account_places(directory, document.stamps)
    except ValueError as error:
        document.complain(document.where(("credentials_dir",)), str(error), ("accounts",))
        return
    listed = document.values.setdefault("accounts", [])
    if not isinstance(listed, list):
        return
    found = dict.fromkeys(places)
    for at, account in enumerate(listed):
        if isinstance(account, dict):
            named = account.get("user"), account.get("exchange"), account.get("environment") or LIVE
            place = (str(named[0]), exchange_name(str(named[1])), str(named[2]))
            if place in found:
                del found[place]
                secrets = _secrets_at(directory, place, document, at)
                if not account.keys() & secrets.keys():
                    account.update(secrets)
    for place in found:
        at = len(listed)
        document.origins["accounts", at] = str(directory.joinpath(*place))
        user, exchange, environment = place
        listed.append({"user": user, "exchange": exchange, "environment": environment})
        listed[at].update(_secrets_at(directory, place, document, at))


def _secrets_at(directory: Path, place: Place, document: Document, at: int) -> dict[str, SecretStr]:
    """Return the secrets of the account that is listed at `at`, and none if one of its files cannot be read."""
    try:
        return account_secrets(directory.joinpath(*place), document.stamps)
    except ValueError as error:
        document.complain(document.where(("credentials_dir",)), str(error), ("accounts", at))
        return {}


def _sentences(error: ValidationError, document: Document, above: tuple[str | int, ...] = ()) -> list[str]:
    """Return what a model complains of, which stands at `above`."""
    sentences = []
    for details in error.errors(include_url=False):
        location = (*above, *details["loc"])
        # A value that was left out for a reason already given is not missing as well.
        if any(_is_related(location, broken) for broken in document.broken):
            continue
        sentences.append(f"{document.where(location)}: {_sentence(details, location)}")
    return sentences


def _is_related(location: tuple[str | int, ...], broken: tuple[str | int, ...]) -> bool:
    shorter = min(len(location), len(broken))
    return location[:shorter] == broken[:shorter]


def _sentence(details: ErrorDetails, location: tuple[str | int, ...]) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "expected a value, found none"
    value = details["input"]
    if kind in _CONTAINERS or location[:1] == ("accounts",):
        # What stands where a whole object belongs, or among keys, may be a secret.
        return f"expected {_expected(kind, context, details['msg'])}, found {kind_of(value)}"
    return f"expected {_expected(kind, context, details['msg'])}, found {_shown(value)}"


def _expected(kind: str, context: Mapping[str, Any], message: str) -> str:
    if (form := _EXPECTED.get(kind)) is not None:
        return form.format_map({name: _plain(value) for name, value in context.items()})
    return message.lower().removeprefix("input should be ").rstrip(".")


def _plain(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: object) -> str:
    """Return a value as a complaint may show it: numbers and short texts, of everything else only what it is."""
    if isinstance(value, str):
        text = redacted_text(value)
        return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return kind_of(value)
