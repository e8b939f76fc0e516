"""Which strategies bots may be made of: those that come with Fillwire, and those from places that the settings allow."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fillwire.domain.bots import BotSpec
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.sdk.bot import Bot, bot_of, checked_pair
from fillwire.sdk.loading import make_strategy, strategy_classes
from fillwire.sdk.parameters import accepted_by, require_known
from fillwire.sdk.starting import parse_start
from fillwire.sdk.strategy import Strategy

SHIPPED: Mapping[str, str] = {
    "dca": "fillwire.strategies.dca:DCAStrategy",
    "grid": "fillwire.strategies.grid:GridStrategy",
    "ping-pong": "fillwire.bots.shipped.ping_pong:PingPong",
    "recording": "fillwire.bots.shipped.recording:RecordingBot",
}


class Catalogue:
    """Finds strategies by name and makes bots of them; the manager checks with it what the hosts then run.

    Args:
        directories: files of bots may lie in these or below.
        modules: classes may be named from these modules and the packages below them.
    """

    def __init__(self, directories: Sequence[Path] = (), modules: Sequence[str] = ()) -> None:
        self._directories = [directory.resolve() for directory in directories]
        self._modules = tuple(modules)

    def make(self, spec: BotSpec) -> Bot:
        """Return the bot that a desired state describes. Imports the strategy's code, which may take its time.

        Raises:
            ConfigError: the strategy is unknown, not allowed, or does not import; or a parameter, pair or other word
                cannot be: the sentence names it, what was found and what was expected.
        """
        cls = self._class_of(spec.strategy)
        pairs = tuple(map(checked_pair, spec.pairs)) if "*" not in spec.pairs else ("*",)
        parameters = _with_pairs(cls, spec.parameters, pairs)
        require_known(cls, parameters)
        strategy = make_strategy(cls, spec.strategy, parameters)
        # The name is the bot's, not the class's: several bots may be of one strategy.
        strategy.name = spec.bot
        if pairs:
            strategy.pairs = pairs
        _require_account(strategy, spec.account)
        start_from = None if spec.start_from == "now" else parse_start(spec.start_from)
        return bot_of(strategy, spec.account, start_from=start_from)

    def _class_of(self, name: str) -> type[Strategy]:
        target = SHIPPED.get(name) or self._allowed(name)
        classes = strategy_classes(target)
        if len(classes) != 1:
            names = ", ".join(cls.__name__ for cls in classes)
            raise ConfigError(f"strategy {name!r} names several, {names}: expected one, as {name}:Class")
        return classes[0]

    def _allowed(self, name: str) -> str:
        place, _, class_name = name.rpartition(":")
        if name.endswith(".py") or place.endswith(".py"):
            path = self._file(place or name)
            return f"{path}:{class_name}" if place else str(path)
        if place:
            if any(place == module or place.startswith(f"{module}.") for module in self._modules):
                return name
            allowed = ", ".join(self._modules) or "none"
            raise ConfigError(
                f"strategy {name!r}: expected a class of the modules in bots.modules, {allowed}"
            )
        raise ConfigError(
            f"strategy {name!r} is unknown: expected one of {', '.join(sorted(SHIPPED))}, "
            "module:Class, or a file such as my_bot.py"
        )

    def _file(self, name: str) -> Path:
        for directory in self._directories:
            path = (directory / name).resolve()  # an absolute name replaces the directory
            if path.is_relative_to(directory) and path.is_file():
                return path
        allowed = ", ".join(map(str, self._directories)) or "none"
        raise ConfigError(
            f"strategy {name!r}: expected a file in one of the directories in bots.directories, {allowed}"
        )


def _with_pairs(cls: type[Strategy], parameters: Mapping[str, str], pairs: Sequence[str]) -> dict[str, str]:
    """Return the parameters, and the bot's pairs among them where the class takes those as one."""
    known = accepted_by(cls)
    given = dict(parameters)
    if not pairs:
        return given
    for name, text in (("pairs", ",".join(pairs)), ("pair", pairs[0])):
        if name not in known:
            continue
        if name == "pair" and len(pairs) > 1:
            raise ConfigError(f"{cls.__name__} trades one pair: expected one, found {', '.join(pairs)}")
        if given.setdefault(name, text) != text:
            raise ConfigError(
                f"parameter {name} is {given[name]!r}, and the bot's own word is {text!r}: expected one of them"
            )
    return given


def _require_account(strategy: Strategy, account: Account) -> None:
    for what in ("user", "exchange", "environment"):
        own, given = getattr(strategy, what), getattr(account, what)
        if own is not None and own != given:
            raise ConfigError(
                f"{type(strategy).__name__} says itself that its {what} is {own!r}: expected that, found {given!r}"
            )
