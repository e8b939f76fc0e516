"""Settings that tests write in the environment, and what is said of them."""

import json
from collections.abc import Mapping

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.runtime.settings import load_settings


def complaints(environ: Mapping[str, str]) -> list[str]:
    """Return what is said of an environment that must be refused, line by line."""
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    return str(caught.value).splitlines()


def accounts_variable(*accounts: Mapping[str, object], **environ: str) -> dict[str, str]:
    """Return an environment with these accounts, and with what else is given."""
    return {"FILLWIRE_ACCOUNTS": json.dumps(accounts), **environ}
