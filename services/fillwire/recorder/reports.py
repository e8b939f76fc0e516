"""Realised profit, fees and open positions: what trades add up to, by bot, pair, day or whatever is asked for."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar

from fillwire.domain.identifiers import Account
from fillwire.recorder.amounts import ZERO, average, rest, total
from fillwire.recorder.fifo import Inventory, Lot, Realised
from fillwire.recorder.pairs import currencies
from fillwire.recorder.trades import Trade


class By(StrEnum):
    """What is told apart. Environments and currencies always are: they do not add up."""

    DAY = "day"
    USER = "user"
    EXCHANGE = "exchange"
    BOT = "bot"
    PAIR = "pair"


BY_BOT_AND_PAIR = (By.BOT, By.PAIR)


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Whose numbers they are; None for what is not told apart.

    Attributes:
        day: `2026-01-31`, in the zone that was asked for.
        bot: the bot's label; empty for orders placed otherwise.
        currency: of the amounts: the quote currency of the pairs, or that of the fees; empty if it is not known.
    """

    day: str | None
    environment: str
    user: str | None
    exchange: str | None
    bot: str | None
    pair: str | None
    currency: str


@dataclass(slots=True)
class Profit:
    """What was realised; amounts in the group's currency.

    Attributes:
        trade_count: trades of the group, those included that only bought.
        quantity: base currency that was sold and matched with purchases; None where several pairs are added up.
        proceeds: what it was sold for.
        cost: what it was bought for, fees in base currency included.
        quote_fees: fees of all the group's trades that were taken in the group's currency.
        other_fees: all other fees by currency, those in base currency included, which are part of the cost already.
        unknown_fee_count: trades of which the venue has not told the fee.
        unmatched_quantity: base currency that was sold without a recorded purchase; None where several pairs are added up.
        unmatched_value: what that was sold for, in no other number.
    """

    trade_count: int = 0
    quantity: Decimal | None = ZERO
    proceeds: Decimal = ZERO
    cost: Decimal = ZERO
    quote_fees: Decimal = ZERO
    other_fees: dict[str, Decimal] = field(default_factory=dict)
    unknown_fee_count: int = 0
    unmatched_quantity: Decimal | None = ZERO
    unmatched_value: Decimal = ZERO

    @property
    def profit(self) -> Decimal:
        """Proceeds minus cost, before fees in quote currency."""
        return rest(self.proceeds, self.cost)

    @property
    def net_profit(self) -> Decimal:
        """Profit minus the fees taken in the same currency. Fees in other currencies are not converted."""
        return rest(self.profit, self.quote_fees)


@dataclass(slots=True)
class Fees:
    """Fees in one currency.

    Attributes:
        trade_count: trades of which the fee is known.
        amount: their sum; rebates are negative.
        unknown_count: trades of which the venue has not told the fee, in the group without a currency.
    """

    trade_count: int = 0
    amount: Decimal = ZERO
    unknown_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held of a pair by the recorded trades alone; negative for a short position.

    Attributes:
        bot: label of the bot; None for orders placed otherwise, or if bots are not told apart.
        quantity: in base currency.
        value: what it cost in quote currency, or what it brought if it is short.
        lot_count: purchases that it is made of.
        opened_ns: the oldest of them.
    """

    account: Account
    bot: str | None
    pair: str
    quantity: Decimal
    value: Decimal
    lot_count: int
    opened_ns: int

    @property
    def average_price(self) -> Decimal:
        """What a unit cost or brought on average, to 18 decimals."""
        return average(self.value, self.quantity.copy_abs())


_T = TypeVar("_T")
InventoryKey = tuple[Account, str | None, str]


class Books:
    """Inventories by account, bot and pair, or by account and pair.

    Args:
        across_bots: whether bots of one account sell what others of it bought.
        shorts: see `Inventory`.
    """

    def __init__(self, *, across_bots: bool = False, shorts: bool = False) -> None:
        self._across_bots = across_bots
        self._shorts = shorts
        self.inventories: dict[InventoryKey, Inventory] = {}

    def key_of(self, trade: Trade) -> InventoryKey:
        """Return to which inventory a trade belongs."""
        return trade.account, None if self._across_bots else trade.bot, trade.pair

    def copy(self, changing: Iterable[InventoryKey]) -> "Books":
        """Return books that may be given trades of these inventories and of no others: all others are shared."""
        made = Books(across_bots=self._across_bots, shorts=self._shorts)
        made.inventories = dict(self.inventories)
        for key in changing:
            if key in made.inventories:
                made.inventories[key] = made.inventories[key].copy()
        return made

    def apply(self, trade: Trade) -> Realised | None:
        """Take a trade into account; return what it realised, None if it only added to what is held."""
        key = self.key_of(trade)
        inventory = self.inventories.get(key)
        if inventory is None:
            inventory = self.inventories[key] = Inventory(shorts=self._shorts)
        return inventory.apply(trade)


class _Table(Generic[_T]):
    """Numbers by group, made when a group is first met."""

    def __init__(self, by: Collection[By], zone: tzinfo, make: Callable[[], _T]) -> None:
        self._by = frozenset(by)
        self._zone = zone
        self._make = make
        self._days: tuple[int, str] = (-1, "")
        self.rows: dict[Group, _T] = {}

    def row(self, trade: Trade, currency: str) -> _T:
        by = self._by
        group = Group(
            self._day(trade.transaction_time_ns) if By.DAY in by else None,
            trade.environment,
            trade.user if By.USER in by else None,
            trade.exchange if By.EXCHANGE in by else None,
            trade.bot or "" if By.BOT in by else None,
            trade.pair if By.PAIR in by else None,
            currency,
        )
        row = self.rows.get(group)
        if row is None:
            row = self.rows[group] = self._make()
        return row

    def _day(self, time_ns: int) -> str:
        quarter = time_ns // 900_000_000_000  # of an hour: no zone changes within one
        if quarter != self._days[0]:
            self._days = quarter, f"{datetime.fromtimestamp(time_ns // 10**9, self._zone):%Y-%m-%d}"
        return self._days[1]

    def copy(self, of: Callable[[_T], _T]) -> "_Table[_T]":
        made = _Table(self._by, self._zone, self._make)
        made.rows = {group: of(row) for group, row in self.rows.items()}
        return made

    def sorted(self) -> list[tuple[Group, _T]]:
        return sorted(self.rows.items(), key=lambda item: tuple(map(_comparable, _values(item[0]))))


def _values(group: Group) -> tuple[str | None, ...]:
    return (
        group.day,
        group.environment,
        group.user,
        group.exchange,
        group.bot,
        group.pair,
        group.currency,
    )


def _comparable(value: str | None) -> str:
    return value or ""


def profit_of(  # noqa: PLR0913 - each a choice of the person who asks
    trades: Iterable[Trade],
    *,
    counts: Callable[[Trade], bool] = lambda _: True,
    by: Sequence[By] = BY_BOT_AND_PAIR,
    zone: tzinfo = UTC,
    across_bots: bool = False,
    shorts: bool = False,
) -> list[tuple[Group, Profit]]:
    """Return what was realised, by first in, first out.

    Args:
        trades: all of them from the beginning, oldest first: what was bought long ago is what is sold today.
        counts: whether what came of this trade is to be told; the others are needed to know what it cost.
        by: what is told apart.
        zone: in which a day begins at midnight.
        across_bots: whether bots of one account sell what others of it bought; else each has an inventory of its own.
        shorts: whether what is sold without having been bought opens a short position.
    """
    books = Books(across_bots=across_bots, shorts=shorts)
    table = ProfitTable(by, zone)
    for trade in trades:
        realised = books.apply(trade)
        if counts(trade):
            table.add(trade, realised)
    return table.sorted()


class ProfitTable:
    """Realised profit by group, added up trade by trade.

    Args:
        by: what is told apart.
        zone: in which a day begins at midnight.
    """

    def __init__(self, by: Sequence[By], zone: tzinfo = UTC) -> None:
        self._table = _Table(by, zone, Profit)
        self._is_one_pair = By.PAIR in by

    def add(self, trade: Trade, realised: Realised | None) -> None:
        """Count a trade, and what it realised."""
        _, quote = currencies(trade.pair)
        row = self._table.row(trade, quote or "")
        row.trade_count += 1
        _add_fee(row, trade, quote)
        if realised is not None:
            _add_realised(row, realised, is_one_pair=self._is_one_pair)

    def copy(self) -> "ProfitTable":
        """Return another one of the same numbers."""
        made = ProfitTable(())
        made._table = self._table.copy(lambda row: replace(row, other_fees=dict(row.other_fees)))
        made._is_one_pair = self._is_one_pair
        return made

    def sorted(self) -> list[tuple[Group, Profit]]:
        """Return the numbers by group; a table that is read is added to no more."""
        if not self._is_one_pair:
            for row in self._table.rows.values():
                row.quantity = row.unmatched_quantity = None
        return self._table.sorted()


def _add_fee(row: Profit, trade: Trade, quote: str | None) -> None:
    if trade.fee is None:
        row.unknown_fee_count += 1
    elif quote is not None and trade.fee_currency == quote:
        row.quote_fees = total(row.quote_fees, trade.fee)
    else:
        currency = trade.fee_currency or ""
        row.other_fees[currency] = total(row.other_fees.get(currency, ZERO), trade.fee)


def _add_realised(row: Profit, realised: Realised, *, is_one_pair: bool) -> None:
    row.proceeds = total(row.proceeds, realised.proceeds)
    row.cost = total(row.cost, realised.cost)
    row.unmatched_value = total(row.unmatched_value, realised.unmatched_value)
    if is_one_pair:
        row.quantity = total(row.quantity or ZERO, realised.quantity)
        row.unmatched_quantity = total(row.unmatched_quantity or ZERO, realised.unmatched_quantity)


def fees_of(
    trades: Iterable[Trade], *, by: Sequence[By] = (), zone: tzinfo = UTC
) -> list[tuple[Group, Fees]]:
    """Return the fees by their currency; those that the venue has not told are counted in a group without one."""
    table = _Table(by, zone, Fees)
    for trade in trades:
        if trade.fee is None:
            table.row(trade, "").unknown_count += 1
            continue
        row = table.row(trade, trade.fee_currency or "")
        row.trade_count += 1
        row.amount = total(row.amount, trade.fee)
    return table.sorted()


def positions_of(
    trades: Iterable[Trade], *, across_bots: bool = False, shorts: bool = False
) -> list[Position]:
    """Return what is held by all the trades, oldest first; `across_bots` and `shorts` as for `profit_of`."""
    books = Books(across_bots=across_bots, shorts=shorts)
    for trade in trades:
        books.apply(trade)
    found = []
    for (account, bot, pair), inventory in books.inventories.items():
        for lots, is_short in ((inventory.longs, False), (inventory.shorts, True)):
            if lots:
                found.append(_position(account, bot, pair, lots, is_short=is_short))
    return sorted(found, key=lambda position: (str(position.account), position.bot or "", position.pair))


def _position(
    account: Account, bot: str | None, pair: str, lots: Iterable[Lot], *, is_short: bool
) -> Position:
    quantity = value = ZERO
    count, opened_ns = 0, 0
    for lot in lots:
        quantity, value = total(quantity, lot.quantity), total(value, lot.value)
        opened_ns = opened_ns or lot.opened_ns
        count += 1
    return Position(
        account=account,
        bot=bot,
        pair=pair,
        quantity=rest(ZERO, quantity) if is_short else quantity,
        value=value,
        lot_count=count,
        opened_ns=opened_ns,
    )
