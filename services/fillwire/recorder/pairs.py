"""The two currencies of a pair, as far as its name says them."""

from functools import lru_cache


@lru_cache(4096)
def currencies(pair: str) -> tuple[str | None, str | None]:
    """Return base and quote currency of `BASE-QUOTE`; None for both where the name does not say them.

    A contract that ends keeps its day behind the quote currency, `BTC-USDT_260327`; other names, such as
    `BIT-28JUN24-CDE`, are names and no more.
    """
    base, dash, quote = pair.partition("-")
    quote = quote.partition("_")[0]
    if not dash or not base or not quote or "-" in quote:
        return None, None
    return base, quote
