"""A connection to Coinbase Exchange without a socket: the protocol, and the frames that it is told."""

import base64
import json
from typing import Any

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.coinbase_exchange.auth import signer
from fillwire.venues.coinbase_exchange.names import ClientOrderIds
from fillwire.venues.coinbase_exchange.protocol import ExchangeProtocol
from fillwire.venues.protocol import (
    ConnectionLimits,
    Failed,
)
from fillwire.venues.symbols import SymbolTable

S = 1_000_000_000
NOW_NS = 1_795_000_000 * S
ACCOUNT = Account("alice", "coinbase", "live")
PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
SIGNER = signer("the-key", base64.b64encode(bytes(range(64))).decode(), "the-phrase")
LIMITS = ConnectionLimits(
    connect_timeout_ns=10 * S,
    heartbeat_interval_ns=30 * S,
    lifetime_ns=86_000 * S,
    order_timeout_ns=5 * S,
    max_pending_orders=2,
)
US = {"user_id": "u1", "profile_id": "p1"}


def protocol(
    *pairs: str,
    follows: bool = True,
    products: tuple[str, ...] = PRODUCTS,
    names: ClientOrderIds | None = None,
) -> ExchangeProtocol:
    """Return the protocol of a connection that is being dialled."""
    return ExchangeProtocol(
        account=ACCOUNT,
        signer=SIGNER,
        names=names or ClientOrderIds(),
        symbols=SymbolTable.of((product, product) for product in products),
        pairs=frozenset(pairs),
        follows=follows,
        limits=LIMITS,
        clock_offset_ns=0,
        dialled_ns=NOW_NS,
    )


def subscriptions(**channels: tuple[str, ...]) -> bytes:
    """Return the acknowledgement of these channels."""
    entries = [
        {"name": name, "product_ids": products, "account_ids": None} for name, products in channels.items()
    ]
    return orjson.dumps({"type": "subscriptions", "channels": entries})


def receiving(*pairs: str, **options: Any) -> ExchangeProtocol:
    """Return a protocol whose subscription is acknowledged."""
    found = protocol(*pairs, **options)
    found.connected(NOW_NS)
    found.frames_to_send()
    found.receive_frame(subscriptions(user=PRODUCTS, heartbeat=PRODUCTS[:1]), NOW_NS)
    found.events()
    found.frames_to_send()
    return found


def message(kind: str, sequence: int, **members: Any) -> bytes:
    """Return a message about an order of ours."""
    head = {"type": kind, "side": "buy", "product_id": "BTC-USD", "time": "2026-11-07T08:19:27.028459Z"}
    return orjson.dumps(head | {"sequence": sequence, "order_id": "o1"} | US | members)


def received(sequence: int = 1, **members: Any) -> bytes:
    """Return the beginning of an order."""
    return message("received", sequence, **{"order_type": "limit", "size": "3", "price": "100"} | members)


def traded(sequence: int, trade_id: int, size: str) -> bytes:
    """Return a trade of it."""
    return message(
        "match",
        sequence,
        trade_id=trade_id,
        size=size,
        price="100",
        maker_order_id="o1",
        taker_order_id="o9",
        maker_user_id="u1",
    )


def asked(frames: list[bytes]) -> dict[str, list[str]]:
    """Return the products by channel that the frames ask for; `-channel` for those that they no longer want."""
    found: dict[str, list[str]] = {}
    for frame in frames:
        document = json.loads(frame)
        for entry in document["channels"]:
            name = entry["name"] if document["type"] == "subscribe" else f"-{entry['name']}"
            found.setdefault(name, []).extend(entry["product_ids"])
    return found


def error(found: ExchangeProtocol) -> VenueError:
    """Return why the connection failed, which must be all that happened."""
    (event,) = found.events()
    assert isinstance(event, Failed)
    return event.error
