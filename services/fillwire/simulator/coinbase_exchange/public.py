"""Operations that need no signature, or show the account rather than its orders."""

from typing import Any

from fillwire.simulator.coinbase_exchange import refusals, rows
from fillwire.simulator.coinbase_exchange.operations import Answer, Request
from fillwire.simulator.coinbase_exchange.refusals import Refusal
from fillwire.simulator.coinbase_exchange.tape import Tape
from fillwire.simulator.exchange.accounts import Balance
from fillwire.simulator.texts import plain_text, rfc3339

_BEST_LEVEL, _AGGREGATED_LEVEL = 1, 2
_AGGREGATED = 50


def time(request: Request) -> Answer:
    """Show the venue's clock; the epoch is a number with a fraction, as the venue writes it."""
    now_ms = request.venue.clock.now_ns() // 1_000_000
    return Answer({"iso": rfc3339(now_ms * 1_000_000, 3), "epoch": now_ms / 1_000})


def _product_row(tape: Tape) -> dict[str, Any]:
    rules = tape.rules
    return rows.product_row(
        {
            "id": tape.name,
            "base": rules.base,
            "quote": rules.quote,
            "base_increment": plain_text(rules.step),
            "quote_increment": plain_text(rules.tick),
            "min_market_funds": plain_text(rules.min_notional),
        }
    )


def _tape(request: Request) -> Tape:
    tape = request.venue.tapes.get(request.captures["product_id"])
    if tape is None:
        raise Refusal(refusals.NOT_FOUND, 404)
    return tape


def products(request: Request) -> Answer:
    """Show all products."""
    return Answer([_product_row(tape) for tape in request.venue.tapes.values()])


def product(request: Request) -> Answer:
    """Show one product."""
    return Answer(_product_row(_tape(request)))


def currencies(request: Request) -> Answer:
    """Show all currencies."""
    names = dict.fromkeys(asset for tape in request.venue.tapes.values() for asset in tape.assets)
    return Answer(
        [
            {
                "id": name,
                "name": name,
                "min_size": "0.00000001",
                "status": "online",
                "message": "",
                "max_precision": "0.00000001",
                "convertible_to": [],
                "details": {"type": "fiat" if name == "USD" else "crypto"},
                "default_network": "",
                "supported_networks": [],
                "display_name": name,
            }
            for name in names
        ]
    )


def _levels(levels: list[tuple[int, int]]) -> list[list[Any]]:
    return [[plain_text(price), plain_text(quantity), 1] for price, quantity in levels]


def book(request: Request) -> Answer:
    """Show the best bid and ask, or the best fifty of both."""
    tape = _tape(request)
    level = int(request.query.get("level", "1")) if request.query.get("level", "1").isdecimal() else 0
    if level not in {_BEST_LEVEL, _AGGREGATED_LEVEL}:
        raise Refusal("Invalid level")
    depth = 1 if level == _BEST_LEVEL else _AGGREGATED
    return Answer(
        {
            "bids": _levels(tape.book.bids.depth(depth)),
            "asks": _levels(tape.book.asks.depth(depth)),
            "sequence": tape.sequence,
            "auction_mode": False,
            "auction": None,
            "time": rfc3339(request.venue.clock.now_ns()),
        }
    )


def ticker(request: Request) -> Answer:
    """Show last price, best bid and best ask."""
    tape = _tape(request)
    bid, ask = (side.depth(1) or [(0, 0)] for side in (tape.book.bids, tape.book.asks))
    last = tape.last_trade or {}
    return Answer(
        {
            "ask": plain_text(ask[0][0]),
            "bid": plain_text(bid[0][0]),
            "volume": "0",
            "trade_id": tape.last_trade_id,
            "price": plain_text(tape.last_price),
            "size": last.get("size", "0"),
            "time": last.get("time", rfc3339(request.venue.clock.now_ns())),
        }
    )


def stats(request: Request) -> Answer:
    """Show a day's statistics of a market that has stood still."""
    price = plain_text(_tape(request).last_price)
    names = ("open", "high", "low", "last")
    return Answer(dict.fromkeys(names, price) | {"volume": "0", "volume_30day": "0"})


def verify(request: Request) -> Answer:
    """Show who has signed."""
    return Answer({"id": request.venue.names.identity(request.signer).user_id})


def _account_row(request: Request, asset: str, balance: Balance) -> dict[str, Any]:
    names = request.venue.names
    return {
        "id": names.account_id(request.signer, asset),
        "currency": asset,
        "balance": plain_text(balance.free + balance.locked),
        "hold": plain_text(balance.locked),
        "available": plain_text(balance.free),
        "profile_id": names.identity(request.signer).profile_id,
        "trading_enabled": True,
        "pending_deposit": "0",
        "display_name": asset,
    }


def accounts(request: Request) -> Answer:
    """Show the balances."""
    balances = request.signer.balances
    return Answer([_account_row(request, asset, balance) for asset, balance in balances.items()])


def fees(request: Request) -> Answer:
    """Show the rates of the account."""
    account = request.signer
    return Answer(
        {
            "taker_fee_rate": plain_text(account.taker_rate),
            "maker_fee_rate": plain_text(account.maker_rate),
            "usd_volume": "0",
        }
    )
