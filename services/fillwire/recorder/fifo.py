"""First in, first out: which purchases a sale consumes, and what was realised by it. Pure; amounts are exact.

    1  buy   2 BTC at 100, fee 0.01 BTC   a lot of 1.99 BTC that cost 200 USDT
    2  buy   1 BTC at 110                 a lot of 1 BTC that cost 110 USDT
    3  sell  2 BTC at 120                 consumes 1.99 for 200 and 0.01 for 1.10: cost 201.10, proceeds 240, profit 38.90
    4  sell  1 BTC at 130                 consumes 0.99 for 108.90; 0.01 is unmatched, and of the 130 proceeds 1.30

Nothing is lost by rounding: what a part of a lot cost is rounded to 18 decimals, and the rest of the lot keeps the rest.
"""

from collections import deque
from dataclasses import dataclass, replace
from decimal import Decimal

from fillwire.domain.enums import Side
from fillwire.recorder.amounts import ZERO, rest, share, total
from fillwire.recorder.pairs import currencies
from fillwire.recorder.trades import Trade


@dataclass(slots=True)
class Lot:
    """Base currency that was bought and not sold yet; of a short position, sold and not bought back yet.

    Attributes:
        quantity: what is left of it.
        value: what that cost; of a short lot, what it brought.
        opened_ns: when it was bought or sold.
    """

    quantity: Decimal
    value: Decimal
    opened_ns: int


@dataclass(frozen=True, slots=True)
class Realised:
    """What one trade realised.

    Attributes:
        time_ns: of the trade.
        quantity: base currency that was matched.
        proceeds: what it was sold for, in quote currency.
        cost: what it was bought for.
        unmatched_quantity: base currency that was sold and never seen bought: neither cost nor profit is known.
        unmatched_value: what that was sold for; it is in no other number.
    """

    time_ns: int
    quantity: Decimal
    proceeds: Decimal
    cost: Decimal
    unmatched_quantity: Decimal = ZERO
    unmatched_value: Decimal = ZERO

    @property
    def profit(self) -> Decimal:
        """Proceeds minus cost. Fees in base currency are part of the cost, all others are not in it."""
        return rest(self.proceeds, self.cost)


_Matched = tuple[Decimal, Decimal, Decimal]  # quantity, value of the lots, value of the trade


class Inventory:
    """The lots of one pair, of one account or one of its bots. Give it all trades, oldest first.

    Args:
        shorts: whether what is sold without having been bought opens a short position, as at a derivatives exchange.
            Otherwise it is unmatched: it came from elsewhere, or was bought before recording began.
    """

    def __init__(self, *, shorts: bool = False) -> None:
        self.longs: deque[Lot] = deque()
        self.shorts: deque[Lot] = deque()
        self._opens_shorts = shorts

    def copy(self) -> "Inventory":
        """Return another one of the same lots."""
        made = Inventory(shorts=self._opens_shorts)
        made.longs.extend(replace(lot) for lot in self.longs)
        made.shorts.extend(replace(lot) for lot in self.shorts)
        return made

    def apply(self, trade: Trade) -> Realised | None:
        """Take a trade into account; return what it realised, None if it only added to what is held."""
        change = base_change(trade)
        value, time_ns = trade.value, trade.transaction_time_ns
        if trade.side is Side.BUY:
            if change <= 0:  # the fee took all of it, and perhaps more
                gone = rest(ZERO, change)
                lost, lots_value, _ = _consume(self.longs, gone, ZERO)
                return Realised(time_ns, lost, ZERO, total(lots_value, value), rest(gone, lost))
            return self._buy(change, value, time_ns)
        if change >= 0:  # a rebate gave back all of it, and perhaps more
            if change:
                self.longs.append(Lot(change, ZERO, time_ns))
            return Realised(time_ns, ZERO, value, ZERO)
        return self._sell(rest(ZERO, change), value, time_ns)

    def _buy(self, quantity: Decimal, value: Decimal, time_ns: int) -> Realised | None:
        closed, brought, paid = _consume(self.shorts, quantity, value)
        left = rest(quantity, closed)
        if left:
            self.longs.append(Lot(left, rest(value, paid), time_ns))
        return Realised(time_ns, closed, brought, paid) if closed else None

    def _sell(self, quantity: Decimal, value: Decimal, time_ns: int) -> Realised | None:
        sold, cost, proceeds = _consume(self.longs, quantity, value)
        left, left_value = rest(quantity, sold), rest(value, proceeds)
        if left and self._opens_shorts:
            self.shorts.append(Lot(left, left_value, time_ns))
            return Realised(time_ns, sold, proceeds, cost) if sold else None
        return Realised(time_ns, sold, proceeds, cost, left, left_value)


def base_change(trade: Trade) -> Decimal:
    """Return by how much the trade changed what is held of the base currency: a fee in it is taken from it."""
    base, _ = currencies(trade.pair)
    fee = trade.fee if trade.fee is not None and base is not None and trade.fee_currency == base else ZERO
    return rest(trade.quantity if trade.side is Side.BUY else rest(ZERO, trade.quantity), fee)


def _consume(lots: deque[Lot], quantity: Decimal, value: Decimal) -> _Matched:
    """Take up to `quantity` from the oldest lots; return how much it was, and its part of their value and of `value`."""
    left, lots_value = quantity, ZERO
    while left and lots:
        lot = lots[0]
        taken = min(left, lot.quantity)
        part = share(lot.value, taken, lot.quantity)
        lots_value = total(lots_value, part)
        left = rest(left, taken)
        lot.quantity, lot.value = rest(lot.quantity, taken), rest(lot.value, part)
        if not lot.quantity:
            lots.popleft()
    consumed = rest(quantity, left)
    return consumed, lots_value, share(value, consumed, quantity) if consumed else ZERO
