r"""Dollar-cost averaging: buys, buys more on the way down, and sells all of it above the average; then begins again.

    fillwire run dca --user alice --param pair=BTC-USDT --param base_order=0.001 --param safety_order=0.001 \
        --param safety_orders=5 --param deviation=0.01 --param take_profit=0.01

See docs/grid-and-dca.md for what it does in each case, with numbers.
"""

from typing import ClassVar

from fillwire.domain.rules import PairRules
from fillwire.strategies.dca_plan import DCAConfig, DCAPlan
from fillwire.strategies.dca_state import DCAState
from fillwire.strategies.keeper import OrderKeeper
from fillwire.strategies.steps import StepIds


class DCAStrategy(OrderKeeper):
    """Averages down and sells above the average, cycle after cycle; see `DCAConfig`.

    Attributes:
        config: what it was told to do.
        state: cycle, position and books, None until log and venue have been read.

    Args:
        config: what to do.
        name: name of the bot; default `dca-` and the pair.
    """

    Config: ClassVar[type[DCAConfig]] = DCAConfig
    state: DCAState | None = None

    def __init__(self, config: DCAConfig, name: str | None = None) -> None:
        super().__init__(config.pair, name or f"dca-{config.pair.lower()}")
        self.config = config

    def _make_state(self, rules: PairRules, epoch: int) -> DCAState:
        return DCAState(StepIds(self.name, self.config.plan, epoch), DCAPlan(self.config, rules))
