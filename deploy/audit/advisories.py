"""Whether a vulnerability of a locked package is known: one question to OSV, which gathers PyPA's, RustSec's and GitHub's."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from components import Component

OSV: Final = "https://api.osv.dev"
TIMEOUT_S: Final = 20.0
_MOST: Final = 1000  # questions that OSV takes at once


class NotReachable(Exception):
    """Nobody answered, or not now: nothing was checked."""


def known(components: Sequence[Component], url: str = OSV) -> dict[str, list[str]]:
    """Return the ids of the vulnerabilities that are known of each component that has one.

    Raises:
        NotReachable: no answer.
        ValueError: an answer that says something else.
    """
    found: dict[str, list[str]] = {}
    for begin in range(0, len(components), _MOST):
        some = components[begin : begin + _MOST]
        queries = [
            {"package": {"name": each.name, "ecosystem": each.ecosystem}, "version": each.version}
            for each in some
        ]
        results = _ask(f"{url}/v1/querybatch", {"queries": queries})
        if len(results) != len(some):
            raise ValueError(f"expected {len(some)} results, found {len(results)}")
        for component, result in zip(some, results, strict=True):
            if result.get("vulns"):
                found[str(component)] = sorted(each["id"] for each in result["vulns"])
    return found


def _ask(url: str, body: Mapping[str, object]) -> list[dict[str, list[dict[str, str]]]]:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 - OSV, or a test
    try:
        with urlopen(request, timeout=TIMEOUT_S) as response:  # noqa: S310 - as above
            document = json.load(response)
    except HTTPError as error:
        if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.code == HTTPStatus.TOO_MANY_REQUESTS:
            raise NotReachable(f"answered {error.code}") from None
        raise ValueError(f"expected an answer, found status {error.code}") from None
    except (URLError, TimeoutError, ConnectionError) as error:
        raise NotReachable(str(getattr(error, "reason", error))) from None
    except json.JSONDecodeError:
        raise ValueError("expected JSON, found something else") from None
    results = document.get("results") if isinstance(document, dict) else None
    if isinstance(results, list):
        return results
    raise ValueError("expected results, found none")


def complaints(found: Mapping[str, Sequence[str]], accepted: Mapping[str, date], today: date) -> list[str]:
    """Return one sentence for each vulnerability that is not accepted, or not any more; and for each that is not there."""
    sentences = []
    for component, ids in found.items():
        for each in ids:
            until = accepted.get(each)
            if until is None:
                sentences.append(f"{component}: known vulnerability {each}")
            elif until <= today:
                sentences.append(f"{component}: known vulnerability {each}, which was accepted until {until}")
    there = {each for ids in found.values() for each in ids}
    sentences += [
        f"{each}: accepted, and not known of anything any more" for each in accepted if each not in there
    ]
    return sentences
