"""Operations that need no signature, or show the account rather than its orders."""

from typing import Any

from fillwire.simulator.coinbase_advanced.operations import Request
from fillwire.simulator.coinbase_advanced.refusals import not_found
from fillwire.simulator.exchange.accounts import Balance
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.texts import plain_text, rfc3339

_BOOK_LEVELS = 50


def time(request: Request) -> Any:
    """Show the venue's clock."""
    now_ms = request.venue.clock.now_ns() // 1_000_000
    return {
        "iso": rfc3339(now_ms * 1_000_000, 3),
        "epochSeconds": str(now_ms // 1_000),
        "epochMillis": str(now_ms),
    }


def _product_row(market: Market) -> dict[str, Any]:
    rules = market.rules
    price = plain_text(market.last_price)
    return {
        "product_id": market.name,
        "price": price,
        "price_percentage_change_24h": "0",
        "volume_24h": "0",
        "volume_percentage_change_24h": "0",
        "base_increment": plain_text(rules.step),
        "quote_increment": plain_text(rules.tick),
        "quote_min_size": plain_text(rules.min_notional),
        "quote_max_size": "150000000",
        "base_min_size": plain_text(rules.step),
        "base_max_size": plain_text(rules.max_quantity),
        "base_name": rules.base,
        "quote_name": rules.quote,
        "watched": False,
        "is_disabled": False,
        "new": False,
        "status": "online",
        "cancel_only": False,
        "limit_only": False,
        "post_only": False,
        "trading_disabled": False,
        "auction_mode": False,
        "product_type": "SPOT",
        "quote_currency_id": rules.quote,
        "base_currency_id": rules.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": "",
        "alias_to": [],
        "base_display_symbol": rules.base,
        "quote_display_symbol": rules.quote,
        "view_only": False,
        "price_increment": plain_text(rules.tick),
        "display_name": market.name,
        "product_venue": "CBE",
    }


def products(request: Request) -> Any:
    """List products; there are only spot ones."""
    if request.value("product_type") not in {None, "SPOT", "UNKNOWN_PRODUCT_TYPE"}:
        return {"products": [], "num_products": 0}
    wanted = request.values("product_ids")
    rows = [
        _product_row(market)
        for market in request.venue.markets.values()
        if not wanted or market.name in wanted
    ]
    return {"products": rows, "num_products": len(rows)}


def product(request: Request) -> Any:
    """Show one product."""
    return _product_row(_market(request, request.captures["product_id"]))


def _market(request: Request, name: str | None) -> Market:
    market = request.venue.markets.get(name or "")
    if market is None:
        raise not_found("product not found")
    return market


def book(request: Request) -> Any:
    """Show the best levels of a book."""
    market = _market(request, request.value("product_id"))
    limit = request.limit(_BOOK_LEVELS)
    sides = {
        name: [{"price": plain_text(price), "size": plain_text(size)} for price, size in side.depth(limit)]
        for name, side in (("bids", market.book.bids), ("asks", market.book.asks))
    }
    now = rfc3339(request.venue.clock.now_ns())
    return {"pricebook": {"product_id": market.name, **sides, "time": now}}


def _wallet_row(request: Request, asset: str, balance: Balance) -> dict[str, Any]:
    names, account = request.venue.names, request.signer
    now = rfc3339(request.venue.clock.now_ns())
    return {
        "uuid": names.wallet_id(account, asset),
        "name": f"{asset} Wallet",
        "currency": asset,
        "available_balance": {"value": plain_text(balance.free), "currency": asset},
        "default": asset == "BTC",
        "active": True,
        "created_at": "2021-05-31T09:59:59Z",
        "updated_at": now,
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if asset == "USD" else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": plain_text(balance.locked), "currency": asset},
        "retail_portfolio_id": names.portfolio_id(account),
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def accounts(request: Request) -> Any:
    """List wallets."""
    balances = request.signer.balances
    rows = [_wallet_row(request, asset, balance) for asset, balance in balances.items()]
    return {"accounts": rows, "has_next": False, "cursor": "", "size": len(rows)}


def portfolios(request: Request) -> Any:
    """List portfolios, of which an account has one."""
    name = request.venue.names.portfolio_id(request.signer)
    return {"portfolios": [{"name": "Default", "uuid": name, "type": "DEFAULT", "deleted": False}]}


def permissions(request: Request) -> Any:
    """Show what the key may do."""
    return {
        "can_view": True,
        "can_trade": request.signer.may_trade,
        "can_transfer": False,
        "portfolio_uuid": request.venue.names.portfolio_id(request.signer),
        "portfolio_type": "DEFAULT",
    }


def summary(request: Request) -> Any:
    """Show the rates of the account."""
    account = request.signer
    return {
        "total_volume": 0,
        "total_fees": 0,
        "fee_tier": {
            "pricing_tier": "",
            "usd_from": "0",
            "usd_to": "10000",
            "taker_fee_rate": plain_text(account.taker_rate),
            "maker_fee_rate": plain_text(account.maker_rate),
        },
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": 0,
        "advanced_trade_only_fees": 0,
    }
