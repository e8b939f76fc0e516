"""The strategy that a client may name with an order: what the venue alone knows of it."""

from dataclasses import dataclass
from typing import Any

from fillwire.simulator.exchange.orders import Order


@dataclass(frozen=True, slots=True)
class Strategy:
    """Strategy id and type, each None where it was not sent."""

    id: int | None
    type: int | None


def strategy_members(order: Order) -> dict[str, Any]:
    """Return the members of a response, empty where the order was placed without."""
    if not isinstance(order.facts, Strategy):
        return {}
    members = {"strategyId": order.facts.id, "strategyType": order.facts.type}
    return {name: value for name, value in members.items() if value is not None}


def strategy_text(order: Order) -> str:
    """Return the members `j` and `J` of an execution report, empty where the order was placed without."""
    if not isinstance(order.facts, Strategy):
        return ""
    text = "" if order.facts.id is None else f',"j":{order.facts.id}'
    return text if order.facts.type is None else f'{text},"J":{order.facts.type}'
