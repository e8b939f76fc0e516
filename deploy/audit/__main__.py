"""Holds what Fillwire is made of to the policy: `python deploy/audit [--offline]`.

Licences and sources are read from what is here. What is known of vulnerabilities is asked of OSV; where that cannot be
reached, it is said and is no failure.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import advisories
import licences
import sources
from components import python_components, rust_components
from policy import Policy

ROOT: Final = Path(__file__).resolve().parents[2]
_HERE: Final = Path(__file__).parent


def main() -> int:
    """Return 0 if everything that could be checked is as it should be, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--offline", action="store_true", help="ask nobody what is known of vulnerabilities")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout than this one")
    parser.add_argument("--osv", default=advisories.OSV, help="where OSV answers")
    options = parser.parse_args()
    policy = Policy.load(_HERE / "policy.toml")
    try:
        components = [
            *python_components(options.root / "uv.lock", policy),
            *rust_components(options.root, policy),
        ]
    except ValueError as error:
        _say(f"audit: {error}")
        return 1
    problems = [*licences.complaints(components, policy), *sources.complaints(options.root)]
    shipped = sum(component.is_shipped for component in components)
    _say(f"audit: licences and sources of {len(components)} packages, {shipped} of them shipped, looked at")
    if options.offline:
        _say("audit: vulnerabilities NOT CHECKED: --offline was asked for")
    else:
        try:
            found = advisories.known(components, options.osv)
        except advisories.NotReachable as error:
            _say(f"audit: vulnerabilities NOT CHECKED: {options.osv} cannot be reached: {error}")
        except ValueError as error:
            problems.append(f"{options.osv}: {error}")
        else:
            _say(f"audit: vulnerabilities of {len(components)} packages looked up")
            problems += advisories.complaints(found, policy.accepted, datetime.now(UTC).date())
    for problem in problems:
        _say(f"audit: {problem}")
    return 1 if problems else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
