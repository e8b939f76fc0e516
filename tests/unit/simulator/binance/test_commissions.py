"""Commissions in BNB: by which market an amount is converted, and what happens where none leads there."""

from fillwire.simulator.binance.commissions import commission, in_bnb
from fillwire.simulator.exchange.units import parse_units
from support.simulated_market import SimulatedMarket, rules


def test_amounts_are_converted_by_the_market_that_exists() -> None:
    """BNB is itself; BNBUSDT divides; a market quoted in BNB multiplies; nothing else leads there."""
    sim = SimulatedMarket(rules("BNB", "USDT", "500"), rules("ETH", "BNB", "5"))
    markets = sim.engine.markets
    amount = parse_units("10")
    assert in_bnb(markets, "BNB", amount) == amount
    assert in_bnb(markets, "USDT", amount) == parse_units("0.02")
    assert in_bnb(markets, "ETH", amount) == parse_units("50")
    assert in_bnb(markets, "XYZ", amount) is None


def test_without_a_market_the_received_asset_pays() -> None:
    """An account that wants to pay in BNB pays in what it receives where there is no price of BNB."""
    sim = SimulatedMarket()
    payer = sim.trader("payer", BNB="1000")
    payer.pays_in_other_asset = True
    fee = commission(
        sim.engine.markets,
        payer,
        sim.market,
        is_buy=False,
        quantity=parse_units("1"),
        quote=parse_units("100"),
        is_maker=True,
    )
    assert fee == (parse_units("0.1"), "USDT")
