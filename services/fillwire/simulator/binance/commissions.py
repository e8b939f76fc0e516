"""Commissions: in the received asset, or in BNB at a discount while there is enough of it."""

from collections.abc import Mapping

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.commissions import in_received_asset
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.units import SCALE, product

DISCOUNT_ASSET = "BNB"
DISCOUNT = SCALE // 4
"""Part of the standard commission that is not charged when it is paid in BNB, in units."""


def in_bnb(markets: Mapping[str, Market], asset: str, amount: int) -> int | None:
    """Return an amount converted to BNB at last prices; None if no market connects the two."""
    if asset == DISCOUNT_ASSET:
        return amount
    direct = markets.get(DISCOUNT_ASSET + asset)
    if direct is not None:
        return amount * SCALE // direct.last_price
    inverse = markets.get(asset + DISCOUNT_ASSET)
    if inverse is not None:
        return product(inverse.last_price, amount)
    return None


def commission(  # noqa: PLR0913 - the facts of one fill
    markets: Mapping[str, Market],
    account: Account,
    market: Market,
    *,
    is_buy: bool,
    quantity: int,
    quote: int,
    is_maker: bool,
) -> tuple[int, str | None]:
    """Return the commission of one fill in units, and its asset; (0, None) for an account that pays none."""
    rate = account.maker_rate if is_maker else account.taker_rate
    if account.pays_in_other_asset and rate:
        _, quote_asset = market.assets
        fee = in_bnb(markets, quote_asset, product(product(quote, rate), SCALE - DISCOUNT))
        if fee is not None and 0 < fee <= account.balances[DISCOUNT_ASSET].free:
            return fee, DISCOUNT_ASSET
    return in_received_asset(
        account, market, is_buy=is_buy, quantity=quantity, quote=quote, is_maker=is_maker
    )
