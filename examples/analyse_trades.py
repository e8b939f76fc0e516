"""What recorded trades say, without a notebook: volume, realised profit day by day, fees, what is left.

python analyse_trades.py sqlite:///fillwire-trades.sqlite
"""

import sys
from collections import defaultdict
from decimal import Decimal

from fillwire.recorder.book import open_trades
from fillwire.recorder.reports import By
from fillwire.recorder.trades import TradeFilter

with open_trades(sys.argv[1]) as book:
    live = TradeFilter(environment="live")

    volume: dict[str, Decimal] = defaultdict(Decimal)
    makers = count = 0
    for trade in book.trades(live):
        volume[trade.pair] += trade.value
        makers += trade.liquidity == "maker"
        count += 1
    print(f"{count} trades, {makers} of them as maker")
    for pair, value in sorted(volume.items(), key=lambda item: -item[1]):
        print(f"  {pair}: {value:,.2f} traded")

    running: dict[str, Decimal] = defaultdict(Decimal)  # by currency: they do not add up
    for group, row in book.profit(live, by=[By.DAY]):
        running[group.currency] += row.net_profit
        in_all = running[group.currency]
        print(f"{group.day}: {row.net_profit:+,.2f} {group.currency} after fees, {in_all:+,.2f} in all")

    for group, row in book.profit(live, by=[By.BOT, By.PAIR]):
        print(f"{group.bot or 'by hand'} on {group.pair}: {row.net_profit:+,.2f} {group.currency}")

    for group, fees in book.fees(live):
        if fees.unknown_count:
            print(f"the fees of {fees.unknown_count} trades are not known")
        else:
            print(f"fees: {fees.amount} {group.currency}")

    for position in book.positions(live):
        print(f"left: {position.quantity} {position.pair} at {position.average_price:,.2f}")
