"""What the policy says, as values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What Fillwire may be made of; see `policy.toml`.

    Attributes:
        shipped: licences of what runs.
        built_with: licences of what builds and tests, besides those.
        words: what older metadata call a licence, and SPDX's expression for it.
        read: by package without metadata, its licence and the words of its licence file.
        exceptions: by package, another licence that it may have.
        elsewhere: packages for other systems, which are not installed here.
        accepted: by id of a vulnerability, the day from which on it is not accepted any more.
    """

    shipped: frozenset[str]
    built_with: frozenset[str]
    words: Mapping[str, str]
    read: Mapping[str, tuple[str, str]]
    exceptions: Mapping[str, str]
    elsewhere: frozenset[str]
    accepted: Mapping[str, date]

    @classmethod
    def load(cls, path: Path) -> "Policy":
        """Return the policy in a file; raises whatever is wrong with it."""
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        licences = document["licences"]
        shipped = frozenset(licences["shipped"])
        return cls(
            shipped=shipped,
            built_with=shipped | frozenset(licences["built_with"]),
            words=licences["words"],
            read={each["package"]: (each["licence"], each["says"]) for each in licences["read"]},
            exceptions={each["package"]: each["licence"] for each in licences["exceptions"] if each["why"]},
            elsewhere=frozenset(document["elsewhere"]),
            accepted={
                each["id"]: each["until"]
                for each in document.get("advisories", {}).get("accepted", [])
                if each["why"]
            },
        )
