"""Whether each package has a licence that it may have: expressions of SPDX against a list of allowed ones."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from components import Component
from policy import Policy


def complaints(components: Iterable[Component], policy: Policy) -> Iterator[str]:
    """Yield one sentence for each package whose licence is not allowed, and for each exception that nobody needs."""
    unneeded = set(policy.exceptions)
    for component in components:
        if component.licence is None:
            yield f"{component}: expected a licence in its metadata, found none that SPDX has a word for"
            continue
        allowed = policy.shipped if component.is_shipped else policy.built_with
        try:
            is_allowed = permits(component.licence, allowed)
        except ValueError as error:
            yield f"{component}: {error}"
            continue
        if is_allowed:
            continue
        if policy.exceptions.get(component.name) == component.licence:
            unneeded.discard(component.name)
            continue
        use = "what runs" if component.is_shipped else "what builds and tests"
        yield f"{component}: {component.licence} is not among the licences that {use} may have"
    for name in sorted(unneeded):
        yield f"{name}: expected a package with the licence that an exception is made for, found none"


def permits(expression: str, allowed: AbstractSet[str]) -> bool:
    """Return whether one may choose among what an expression offers so that all that is left is allowed.

    Raises:
        ValueError: it is no expression of SPDX.
    """
    try:
        canonical = canonicalize_license_expression(expression)
    except InvalidLicenseExpression as error:
        raise ValueError(f"expected a licence in SPDX's words, {error}") from None
    tokens = canonical.replace("(", " ( ").replace(")", " ) ").split()
    is_permitted, rest = _any(tokens, allowed)
    if rest:
        raise ValueError(f"expected a licence in SPDX's words, found {expression!r}")
    return is_permitted


# AND binds more closely than OR, WITH more closely than both.


def _any(tokens: list[str], allowed: AbstractSet[str]) -> tuple[bool, list[str]]:
    is_permitted, rest = _all(tokens, allowed)
    while rest[:1] == ["OR"]:
        other, rest = _all(rest[1:], allowed)
        is_permitted |= other
    return is_permitted, rest


def _all(tokens: list[str], allowed: AbstractSet[str]) -> tuple[bool, list[str]]:
    is_permitted, rest = _one(tokens, allowed)
    while rest[:1] == ["AND"]:
        other, rest = _one(rest[1:], allowed)
        is_permitted &= other
    return is_permitted, rest


def _one(tokens: list[str], allowed: AbstractSet[str]) -> tuple[bool, list[str]]:
    if tokens[:1] == ["("]:
        is_permitted, rest = _any(tokens[1:], allowed)
        return is_permitted, rest[1:]
    if tokens[1:2] == ["WITH"]:
        return " ".join(tokens[:3]) in allowed, tokens[3:]
    return tokens[0] in allowed, tokens[1:]
