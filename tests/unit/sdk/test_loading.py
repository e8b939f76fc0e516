"""From a bot's file to its strategies, and every way in which the file can be wrong."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.sdk.loading import load_strategies

GOOD = """\
from fillwire.sdk.strategy import Strategy

class First(Strategy):
    pairs = ["BTC-USDT"]

class _Private(Strategy):
    pairs = ["BTC-USDT"]

class Family(Strategy):
    pass

class Second(Family):
    pairs = ["ETH-USDT"]
"""


@pytest.fixture(autouse=True)
def _imports_undone() -> Iterator[None]:
    """Leave the interpreter as it was."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def written(directory: Path, text: str, name: str = "my_bot.py") -> str:
    """Write a bot's file and return its path."""
    path = directory / name
    path.write_text(text)
    return str(path)


def test_all_strategies_of_a_file_are_made_in_order(tmp_path: Path) -> None:
    """Private classes, imported ones and bases without pairs are left out."""
    strategies = load_strategies(written(tmp_path, GOOD))
    assert [type(strategy).__name__ for strategy in strategies] == ["First", "Second"]


def test_a_file_imports_its_neighbours(tmp_path: Path) -> None:
    """What works with `python my_bot.py` works here: modules beside the file are found."""
    written(tmp_path, "PAIR = 'BTC-USDT'\n", "neighbour_of_my_bot.py")
    text = "from fillwire.sdk.strategy import Strategy\nfrom neighbour_of_my_bot import PAIR\n"
    path = written(tmp_path, text + "class Near(Strategy):\n    pairs = [PAIR]\n")
    assert [strategy.name for strategy in load_strategies(path)] == ["near"]


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    """Files of the same name in different directories are different modules."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = load_strategies(written(tmp_path / "a", GOOD))
    two = load_strategies(written(tmp_path / "b", GOOD))
    assert type(one[0]) is not type(two[0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = 1\ny = z\n", r"my_bot\.py, line 2: NameError: name 'z' is not defined \[y = z\]"),
        ("def f(:\n", r"my_bot\.py, line 1: SyntaxError: .* \[def f\(:\]"),
        (
            "import json\njson.loads('{')\n",
            r"my_bot\.py, line 2: JSONDecodeError: .* \[json\.loads\('\{'\)\]",
        ),
        (
            "import no_such_module\n",
            r"my_bot\.py, line 1: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        ("import sys\nsys.exit('done')\n", r"my_bot\.py, line 2: SystemExit: done"),
        ("x = 1\n", r"my_bot\.py defines no strategy: expected a class that derives from fillwire\.Strategy"),
        (
            GOOD + "    def __init__(self, size):\n        pass\n",
            r"my_bot\.py: TypeError: .*missing 1 required positional argument: 'size'; expected that Second can be made",
        ),
        (
            GOOD + "    def __init__(self):\n        self.size = 1 / 0\n",
            r"my_bot\.py, line 15: ZeroDivisionError: division by zero \[self\.size = 1 / 0\]; expected that Second",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    """The innermost line of the user's own file is named, and no traceback of ours is in the way."""
    with pytest.raises(ConfigError) as caught:
        load_strategies(written(tmp_path, text))
    assert re.search(sentence, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_in_a_neighbour_names_the_neighbours_line(tmp_path: Path) -> None:
    """The innermost user line may lie in another file of the user."""
    written(tmp_path, "a = 1\nb = missing\n", "broken_neighbour.py")
    with pytest.raises(ConfigError, match=r"broken_neighbour\.py, line 2: NameError"):
        load_strategies(written(tmp_path, "import broken_neighbour\n"))


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    """A missing file, a directory and a foreign file each get their sentence."""
    with pytest.raises(ConfigError, match=r"nothing\.py does not exist"):
        load_strategies(str(tmp_path / "nothing.py"))
    with pytest.raises(ConfigError, match="is no Python file"):
        load_strategies(str(tmp_path))
    with pytest.raises(ConfigError, match="is no Python file"):
        load_strategies(written(tmp_path, "x", "bot.txt"))
