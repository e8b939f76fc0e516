"""Exchanges are named in their own folders, in the registries, and as a default: nowhere else in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fillwire.simulator.registry import SIMULATORS
from fillwire.venues.registry import VENUES

PACKAGE = Path(__file__).parents[2] / "services" / "fillwire"
# `coinbase-advanced` is of Coinbase: whoever names one of a company's exchanges in any spelling is found by its first word.
NAMES = re.compile(
    "|".join(sorted({name.partition("-")[0] for name in (*VENUES, *SIMULATORS)})), re.IGNORECASE
)
MAY_NAME = {
    "cli/demo.py",  # which ones the demo runs
    "cli/simulated.py",  # the one that measurements run against unless said
    "domain/defaults.py",
    "simulator/__init__.py",  # the simulators by their classes
    "simulator/registry.py",
    "venues/registry.py",
}


def words(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each name and string in code: all but comments and docstrings."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        for value in vars(node).values():
            texts = value if isinstance(value, list) else [value]
            if id(node) not in docstrings:
                yield from ((line, text) for text in texts if isinstance(text, str))


def named(package: Path) -> list[str]:
    """Return where the modules of a package name an exchange, without those that may."""
    own = [
        path.relative_to(package) for room in ("venues", "simulator") for path in (package / room).iterdir()
    ]
    folders = tuple(f"{path.as_posix()}/" for path in own if NAMES.match(path.name))
    found = []
    for path in sorted(package.rglob("*.py")):
        module = path.relative_to(package).as_posix()
        if module in MAY_NAME or module.startswith(folders):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found += [f"{module}:{line}: {text[:60]}" for line, text in words(tree) if NAMES.search(text)]
    return found


def test_no_module_names_an_exchange() -> None:
    """What is of one exchange stands in its folders, so that another is added without a change elsewhere."""
    assert named(PACKAGE) == []


@pytest.mark.parametrize(
    ("statement", "is_found"),
    [
        ('if account.exchange == "binance-futures":\n    pass', True),
        ("from fillwire.venues.alpaca import auth", True),
        ("def is_coinbase() -> bool: ...", True),
        ("class BinanceQuirk: ...", True),
        ('print(f"alpaca {7}")', True),
        ("use(binance=True)", True),
        ('"""Such as binance."""  # and alpaca', False),
        ('def account() -> None:\n    """Return `alice@binance/live`."""', False),
    ],
)
def test_a_name_in_code_is_found(tmp_path: Path, statement: str, is_found: bool) -> None:
    """Planted in a module of the gateway, a name is found in whatever part of code it stands; in prose it may be."""
    for folder in ("venues/binance", "simulator/binance", "gateway"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "venues" / "binance" / "venue.py").write_text('NAME = "binance"\n', encoding="utf-8")
    (tmp_path / "gateway" / "link.py").write_text(statement, encoding="utf-8")
    found = named(tmp_path)
    assert [line.startswith("gateway/link.py:1: ") for line in found] == [True] * len(found)
    assert bool(found) == is_found
