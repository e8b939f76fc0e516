"""Order events rebuilt from a venue's records: how an order was opened, what it executed, how it ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from fillwire.domain.amounts import average_price, difference
from fillwire.domain.enums import Kind, Source
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, state_event_id
from fillwire.venues.records import ExecutionRow, OrderRow

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The venue's own words for the states that its records no longer show, as its stream says them."""

    new: str
    pending: str
    partially_filled: str
    filled: str


@dataclass(frozen=True, slots=True)
class Rebuilder:
    """Makes the events of one account.

    Args:
        account: whose.
        event_id: returns the identity of an execution.
        words: what the venue calls the states.
    """

    account: Account
    event_id: Callable[[ExecutionRow], str]
    words: Words

    def opening(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says the order was accepted, None if it never was."""
        if order.ending is Kind.REJECTED:
            return None
        event = self._event(pair, order, received_ns, Kind.NEW, "pending" if order.is_pending else "new")
        return replace(
            event,
            cumulative_quantity=_ZERO,
            cumulative_quote=_ZERO,
            average_price=None,
            venue_status=self.words.pending if order.is_pending else self.words.new,
            transaction_time_ns=order.created_ns,
        )

    def fills(
        self, pair: str, order: OrderRow, rows: Sequence[ExecutionRow], known: Decimal, received_ns: int
    ) -> list[OrderEvent]:
        """Return the events of executions that follow each other; see `AccountRecords.fills`."""
        quote = order.executed_quote
        for row in rows:
            quote = None if quote is None or row.quote is None else difference(quote, row.quote)
        cumulative = known
        events = []
        for index, row in enumerate(rows):
            cumulative = difference(cumulative, -row.quantity)
            quote = None if quote is None or row.quote is None else difference(quote, -row.quote)
            is_last = index == len(rows) - 1 and order.ending is Kind.FILLED
            kind = Kind.FILLED if is_last else Kind.PARTIALLY_FILLED
            events.append(
                replace(
                    self._event(pair, order, received_ns, kind, ""),
                    event_id=self.event_id(row),
                    cumulative_quantity=cumulative,
                    cumulative_quote=quote,
                    average_price=average_price(quote, cumulative),
                    venue_status=self.words.filled if is_last else self.words.partially_filled,
                    transaction_time_ns=row.time_ns,
                    last_fill=Fill(
                        trade_id=row.trade_id,
                        price=row.price,
                        quantity=row.quantity,
                        quote=row.quote,
                        fee=row.fee,
                        fee_currency=row.fee_currency,
                        liquidity=row.liquidity,
                    ),
                )
            )
        return events

    def ending(
        self, pair: str, order: OrderRow, received_ns: int, *, says_filled: bool = False
    ) -> OrderEvent | None:
        """Return the event that says how the order ended, None if it is open or its last execution says so.

        Args:
            pair: our name of the symbol.
            order: the order as it stands.
            received_ns: when the answer came, by the gateway's clock.
            says_filled: say also that it was filled, as inferred: its last execution may not have said so.
        """
        if order.ending is None or (order.ending is Kind.FILLED and not says_filled):
            return None
        event = self._event(pair, order, received_ns, order.ending, order.ending)
        return replace(event, source=Source.INFERRED) if order.ending is Kind.FILLED else event

    def _event(self, pair: str, order: OrderRow, received_ns: int, kind: Kind, suffix: str) -> OrderEvent:
        return OrderEvent(
            event_id=state_event_id(self.account, order.symbol, order.order_id, suffix),
            kind=kind,
            exchange=self.account.exchange,
            environment=self.account.environment,
            user=self.account.user,
            pair=pair,
            symbol=order.symbol,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            new_client_order_id=None,
            order_list_id=order.order_list_id,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            price=order.price,
            stop_price=order.stop_price,
            quantity=order.quantity,
            quote_quantity=order.quote_quantity,
            cumulative_quantity=order.executed,
            cumulative_quote=order.executed_quote,
            average_price=average_price(order.executed_quote, order.executed),
            prevented_quantity=order.prevented,
            is_working=False if kind.is_terminal else None,
            venue_status=order.status,
            last_fill=None,
            reject_reason=order.reject_reason if kind in {Kind.EXPIRED, Kind.REJECTED} else None,
            execution_id=None,
            exchange_time_ns=None,
            transaction_time_ns=order.updated_ns,
            received_time_ns=received_ns,
            source=Source.REST,
        )
