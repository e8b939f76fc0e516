r"""A grid: buys at each level on the way down, sells at the next one on the way up, and does so again and again.

    fillwire run grid --user alice --param pair=BTC-USDT --param lower=60000 --param upper=70000 --param levels=11 \
        --param quantity=0.001

See docs/grid-and-dca.md for what it does in each case, with numbers.
"""

from typing import ClassVar

from fillwire.domain.rules import PairRules
from fillwire.strategies.grid_plan import GridConfig, GridPlan
from fillwire.strategies.grid_state import GridState
from fillwire.strategies.keeper import OrderKeeper
from fillwire.strategies.steps import StepIds


class GridStrategy(OrderKeeper):
    """Keeps one order open in each cell of a grid; see `GridConfig`.

    Attributes:
        config: what it was told to do.
        state: cells and books, None until log and venue have been read.

    Args:
        config: what to do.
        name: name of the bot; default `grid-` and the pair.
    """

    Config: ClassVar[type[GridConfig]] = GridConfig
    state: GridState | None = None

    def __init__(self, config: GridConfig, name: str | None = None) -> None:
        super().__init__(config.pair, name or f"grid-{config.pair.lower()}")
        self.config = config

    def _make_state(self, rules: PairRules, epoch: int) -> GridState:
        return GridState(StepIds(self.name, self.config.plan, epoch), GridPlan(self.config, rules))
