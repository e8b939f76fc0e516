"""Trades built from few words."""

from decimal import Decimal

from fillwire.domain.enums import Liquidity, Side, Source
from fillwire.recorder.trades import Trade

DAY_NS = 86_400 * 10**9


def trade(  # noqa: PLR0913 - each a fact that some test varies
    side: str,
    quantity: str,
    price: str,
    *,
    fee: str | None = "0",
    fee_currency: str | None = "USDT",
    pair: str = "BTC-USDT",
    bot: str | None = None,
    time_ns: int = 0,
    quote: str | None = None,
    user: str = "alice",
    environment: str = "live",
) -> Trade:
    """Return an execution."""
    return Trade(
        event_id=f"binance:{environment}:{user}:{pair}:1:{time_ns}",
        user=user,
        exchange="binance",
        environment=environment,
        pair=pair,
        symbol=pair.replace("-", ""),
        order_id="1",
        client_order_id=None,
        bot=bot,
        trade_id=str(time_ns),
        side=Side(side),
        price=Decimal(price),
        quantity=Decimal(quantity),
        quote=None if quote is None else Decimal(quote),
        fee=None if fee is None else Decimal(fee),
        fee_currency=None if fee is None else fee_currency,
        liquidity=Liquidity.MAKER,
        cumulative_quantity=Decimal(quantity),
        transaction_time_ns=time_ns,
        source=Source.STREAM,
    )
