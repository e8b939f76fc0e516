"""What the venue takes of a fill."""

from typing import Protocol

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.units import product


class Commission(Protocol):
    """How a venue computes the commission of one fill."""

    def __call__(  # noqa: PLR0913 - the facts of one fill
        self,
        account: Account,
        market: Market,
        *,
        is_buy: bool,
        quantity: int,
        quote: int,
        is_maker: bool,
    ) -> tuple[int, str | None]:
        """Return the commission in units, and its asset; (0, None) for an account that pays none."""


def in_received_asset(  # noqa: PLR0913 - the facts of one fill
    account: Account,
    market: Market,
    *,
    is_buy: bool,
    quantity: int,
    quote: int,
    is_maker: bool,
) -> tuple[int, str | None]:
    """Return the part of what was received that the account's rate names; (0, None) for an account that pays none."""
    rate = account.maker_rate if is_maker else account.taker_rate
    if rate == 0:
        return 0, None
    base_asset, quote_asset = market.assets
    if is_buy:
        return product(quantity, rate), base_asset
    return product(quote, rate), quote_asset
