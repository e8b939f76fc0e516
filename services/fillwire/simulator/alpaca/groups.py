"""Orders that depend on each other: bracket, one-triggers-the-other, one-cancels-the-other."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from fillwire.simulator.alpaca.operations import Request
from fillwire.simulator.alpaca.orders import Facts, facts_of
from fillwire.simulator.alpaca.refusals import unprocessable
from fillwire.simulator.alpaca.tickets import check_price
from fillwire.simulator.exchange.accounts import AccountEvent
from fillwire.simulator.exchange.clock import VenueClock
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.publisher import Publisher
from fillwire.simulator.exchange.reports import ExecutionReport

CLASSES = frozenset({"bracket", "oco", "oto"})
_LEGS = {"bracket": (2,), "oto": (1,), "oco": (1, 2)}


def _part(request: Request, name: str) -> Mapping[str, Any]:
    part = request.body.get(name) or {}
    if not isinstance(part, dict):
        raise unprocessable(f"invalid {name}")
    return part


def read_legs(request: Request, order_class: str, parent: Ticket) -> list[Ticket]:
    """Return the orders that depend on another, which close what it opens; of an oco the limit order is the parent itself."""
    market = parent.market
    if "/" in market.name:
        raise unprocessable(f"crypto orders not allowed for advanced order_class: {order_class}")
    if parent.time_in_force != "GTC":
        raise unprocessable(f"{order_class} orders must be day or gtc orders")
    profit, loss = _part(request, "take_profit"), _part(request, "stop_loss")
    target = request.units("limit_price", profit)
    stop, limit = request.units("stop_price", loss), request.units("limit_price", loss)
    if bool(target) + bool(stop) not in _LEGS[order_class] or (order_class == "oco" and not stop):
        raise unprocessable(f"{order_class} orders require take_profit and stop_loss, oto orders one of them")
    for name, price in (
        ("take_profit.limit_price", target),
        ("stop_loss.stop_price", stop),
        ("limit", limit),
    ):
        check_price(market, name, price)
    if order_class == "oco" and target not in {0, parent.price}:
        raise unprocessable("oco orders have one limit_price")
    is_buy = parent.is_buy if order_class == "oco" else not parent.is_buy
    legs = []
    if target and order_class != "oco":
        legs.append(_leg(request, parent, is_buy=is_buy, type="LIMIT", price=target, stop_price=0))
    if stop:
        kind = "STOP_LOSS_LIMIT" if limit else "STOP_LOSS"
        legs.append(_leg(request, parent, is_buy=is_buy, type=kind, price=limit, stop_price=stop))
    return legs


def _leg(request: Request, parent: Ticket, **fields: Any) -> Ticket:
    facts = parent.facts
    assert isinstance(facts, Facts)  # noqa: S101 - every ticket of this venue has them
    return replace(
        parent,
        time_in_force="GTC",
        client_order_id=request.venue.engine.make_client_id(),
        facts=Facts(time_in_force=facts.time_in_force, order_class=facts.order_class),
        **fields,
    )


def tie(parent: Order, legs: Iterable[Order]) -> None:
    """Let orders depend on another."""
    for leg in legs:
        facts_of(leg).parent = parent
        facts_of(parent).legs.append(leg)


def follow(engine: Engine, order: Order) -> list[AccountEvent]:
    """Return what the end of an order causes: its legs are released if it was filled, and cancelled if not."""
    facts = facts_of(order)
    legs = [leg for leg in facts.legs if leg.is_open and leg.order_list is None and leg.working_us < 0]
    if not legs or facts.order_class == "oco" or legs[0].locked:
        return []
    if order.status == "FILLED":
        return engine.release(legs)
    return [event for leg in legs for event in engine.cancel(leg, leg.client_order_id)]


class GroupPublisher(Publisher):
    """Writes events, and lets happen what the end of an order causes."""

    def __init__(self, clock: VenueClock, engine: Engine) -> None:
        super().__init__(clock)
        self._engine = engine

    def publish(self, events: Iterable[AccountEvent]) -> None:
        """Write the events, and then those that they cause."""
        told = list(events)
        super().publish(told)
        for event in told:
            if isinstance(event, ExecutionReport) and not event.order.is_open:
                caused = follow(self._engine, event.order)
                if caused:
                    self.publish(caused)
