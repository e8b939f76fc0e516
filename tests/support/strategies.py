"""Hypothesis strategies for the domain's values: whatever a venue could truthfully report, and nothing else."""

from dataclasses import fields
from decimal import Decimal
from functools import cache

from hypothesis import strategies as st

from fillwire.domain.bots import (
    BotAnswer,
    BotCreation,
    BotOrder,
    BotOutcome,
    BotRequest,
    BotState,
    BotView,
    Desired,
)
from fillwire.domain.enums import ConnectionState, Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import Alert, ConnectionEvent, Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.domain.orders import (
    CancelRequest,
    OpenOrders,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    Outcome,
    TradeOrder,
)
from fillwire.domain.readings import FrameReading, ReadingOutcome, ReadingRequest
from fillwire.domain.rules import PairRules, RulesAnswer, RulesQuery

LARGEST_NS = (1 << 63) - 1

FULL_WIDTH_SYMBOL = "１２３４５６USDT"  # noqa: RUF001 - digits as in Binance's own examples of such symbols

_FILLS = (Kind.PARTIALLY_FILLED, Kind.FILLED)


@cache
def texts(*, min_size: int = 0) -> st.SearchStrategy[str]:
    """Any text that JSON can hold: all of Unicode but half surrogate pairs."""
    return st.text(st.characters(exclude_categories=["Cs"]), min_size=min_size, max_size=20)


@cache
def names() -> st.SearchStrategy[str]:
    """Names of users, symbols and the like: mostly as they are, sometimes anything that is not empty."""
    usual = st.sampled_from(
        ["alice", "binance", "live", "BTCUSDT", "BRK.B", FULL_WIDTH_SYMBOL, "a b", "*", ">", "🦊"]
    )
    return usual | texts(min_size=1)


@cache
def pairs() -> st.SearchStrategy[str]:
    """Pairs, `BASE-QUOTE`, of assets without white space."""
    asset = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=8)
    return st.builds("{}-{}".format, asset, asset) | st.sampled_from(
        ["BTC-USDT", "BRK.B-USD", f"{FULL_WIDTH_SYMBOL}-USDT"]
    )


@cache
def quantities() -> st.SearchStrategy[Decimal]:
    """Amounts of 0 or more, up to 20 digits before and 18 behind the point, in any exponent and padding."""
    return st.decimals(min_value=0, max_value=10**20, places=8) | st.builds(
        Decimal.scaleb, st.integers(0, 10**20).map(Decimal), st.integers(-18, 2)
    )


@cache
def amounts() -> st.SearchStrategy[Decimal]:
    """Amounts of either sign."""
    return quantities() | quantities().map(Decimal.copy_negate)


@cache
def times_ns() -> st.SearchStrategy[int]:
    """Nanoseconds since the epoch."""
    return st.integers(0, LARGEST_NS)


@cache
def accounts() -> st.SearchStrategy[Account]:
    """Accounts with names of any kind."""
    return st.builds(Account, names(), names(), names())


@cache
def fills() -> st.SearchStrategy[Fill]:
    """Executions."""
    return st.builds(
        Fill,
        trade_id=names(),
        price=amounts(),
        quantity=quantities(),
        quote=st.none() | quantities(),
        fee=st.none() | amounts(),
        fee_currency=st.none() | names(),
        liquidity=st.none() | st.sampled_from(Liquidity),
    )


@st.composite
def order_events(draw: st.DrawFn) -> OrderEvent:
    """Order events of every kind and source."""
    account = draw(accounts())
    symbol, order_id = draw(names()), draw(names())
    kind, source = draw(st.sampled_from(Kind)), draw(st.sampled_from(Source))
    fill = None
    if kind in _FILLS and (source is not Source.INFERRED or draw(st.booleans())):
        fill = draw(fills())
        event_id = execution_event_id(account, symbol, order_id, fill.trade_id)
    else:
        event_id = state_event_id(
            account, symbol, order_id, draw(st.sampled_from([kind, f"{kind}-14000001500"]))
        )
    return OrderEvent(
        event_id=event_id,
        kind=kind,
        exchange=account.exchange,
        environment=account.environment,
        user=account.user,
        pair=draw(pairs()),
        symbol=symbol,
        order_id=order_id,
        client_order_id=draw(st.none() | texts()),
        new_client_order_id=draw(st.none() | names()) if kind is Kind.REPLACED else None,
        order_list_id=draw(st.none() | names()),
        side=draw(st.sampled_from(Side)),
        type=draw(st.sampled_from(OrderType)),
        time_in_force=draw(st.none() | st.sampled_from(TimeInForce)),
        price=draw(st.none() | amounts()),
        stop_price=draw(st.none() | amounts()),
        quantity=draw(st.none() | quantities()),
        quote_quantity=draw(st.none() | quantities()),
        cumulative_quantity=draw(quantities()),
        cumulative_quote=draw(st.none() | quantities()),
        average_price=draw(st.none() | amounts()),
        prevented_quantity=draw(st.none() | quantities()),
        is_working=draw(st.none() | st.booleans()),
        venue_status=draw(texts()),
        last_fill=fill,
        reject_reason=draw(st.none() | texts()),
        execution_id=draw(st.none() | names()),
        exchange_time_ns=draw(st.none() | times_ns()),
        transaction_time_ns=draw(times_ns()),
        received_time_ns=draw(times_ns()),
        source=source,
    )


@st.composite
def connection_events(draw: st.DrawFn) -> ConnectionEvent:
    """Connection events of every state."""
    account = draw(accounts())
    state = draw(st.sampled_from(ConnectionState))
    return ConnectionEvent(
        user=account.user,
        exchange=account.exchange,
        environment=account.environment,
        state=state,
        previous_state=draw(st.sampled_from(ConnectionState)),
        reason=draw(st.none() | texts()),
        attempt=draw(st.integers(0, 1000)),
        subscription_count=draw(st.integers(0, 10_000)),
        connected_since_ns=draw(times_ns()) if state is ConnectionState.RECEIVING else None,
        last_event_time_ns=draw(st.none() | times_ns()),
        clock_offset_ns=draw(st.none() | st.integers(-LARGEST_NS, LARGEST_NS)),
        gateway=draw(texts()),
        time_ns=draw(times_ns()),
    )


@cache
def alerts() -> st.SearchStrategy[Alert]:
    """Alerts of any name."""
    return st.builds(
        Alert,
        alert=st.from_regex(r"[a-z_]+", fullmatch=True),
        user=names(),
        exchange=names(),
        environment=names(),
        reason=texts(),
        time_ns=times_ns(),
    )


def order_requests() -> st.SearchStrategy[OrderRequest]:
    """Orders that a bot asks for."""
    return st.builds(
        OrderRequest,
        client_order_id=names(),
        pair=pairs(),
        side=st.sampled_from(Side),
        type=st.sampled_from(OrderType),
        quantity=quantities(),
        price=st.none() | amounts(),
        time_in_force=st.none() | st.sampled_from(TimeInForce),
    )


def cancel_requests() -> st.SearchStrategy[CancelRequest]:
    """Cancels that a bot asks for, which name the order by one id at least."""
    by_order_id = st.builds(
        CancelRequest, pair=pairs(), order_id=names(), client_order_id=st.none() | names()
    )
    by_client_order_id = st.builds(CancelRequest, pair=pairs(), client_order_id=names())
    return by_order_id | by_client_order_id


def trade_orders() -> st.SearchStrategy[TradeOrder]:
    """Answers of a venue."""
    return st.builds(
        TradeOrder,
        outcome=st.sampled_from(Outcome),
        pair=st.just("") | pairs(),
        client_order_id=st.none() | names(),
        order_id=st.none() | names(),
        venue_status=st.none() | texts(),
        cumulative_quantity=st.none() | quantities(),
        reason=st.none() | texts(),
        code=st.none() | st.integers(-99_999, 99_999),
        kind=st.none() | st.sampled_from(Kind),
        side=st.none() | st.sampled_from(Side),
        type=st.none() | st.sampled_from(OrderType),
        quantity=st.none() | quantities(),
        price=st.none() | amounts(),
        time_in_force=st.none() | st.sampled_from(TimeInForce),
        cumulative_quote=st.none() | quantities(),
    )


def order_queries() -> st.SearchStrategy[OrderQuery]:
    """Questions for an order, which name it by one id at least."""
    by_order_id = st.builds(OrderQuery, pair=pairs(), order_id=names(), client_order_id=st.none() | names())
    by_client_order_id = st.builds(OrderQuery, pair=pairs(), client_order_id=names())
    return by_order_id | by_client_order_id


def open_orders_queries() -> st.SearchStrategy[OpenOrdersQuery]:
    """Questions for open orders."""
    return st.builds(OpenOrdersQuery, pair=st.none() | pairs(), label=st.none() | names())


def open_orders() -> st.SearchStrategy[OpenOrders]:
    """Open orders, or why they are not known."""
    known = st.lists(trade_orders(), max_size=3).map(tuple)
    return st.builds(OpenOrders, orders=st.none() | known, reason=st.none() | texts())


def rules_queries() -> st.SearchStrategy[RulesQuery]:
    """Questions for the rules of a pair."""
    return st.builds(RulesQuery, pair=pairs())


def rules_answers() -> st.SearchStrategy[RulesAnswer]:
    """Rules of which any may be left out."""
    rules = st.fixed_dictionaries({field.name: st.none() | quantities() for field in fields(PairRules)})
    return st.builds(
        RulesAnswer,
        rules=st.none() | rules.map(lambda said: PairRules(**said)),
        reason=st.none() | texts(),
    )


def reading_requests() -> st.SearchStrategy[ReadingRequest]:
    """Frames that a person asks a gateway to read again."""
    return st.builds(ReadingRequest, sequence=st.integers(1, LARGEST_NS))


def frame_readings() -> st.SearchStrategy[FrameReading]:
    """What a gateway makes of a frame that it reads again."""
    counts = st.integers(0, 100)
    return st.builds(
        FrameReading,
        outcome=st.sampled_from(ReadingOutcome),
        published_count=counts,
        known_count=counts,
        waiting_count=counts,
        reason=st.none() | texts(),
    )


def _lists(of: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(of, max_size=3).map(tuple)


def _parameters() -> st.SearchStrategy[dict[str, str]]:
    return st.dictionaries(texts(), texts(), max_size=3)


def bot_creations() -> st.SearchStrategy[BotCreation]:
    """Bots that a user asks for, be they possible or not."""
    return st.builds(
        BotCreation,
        bot=texts(),
        strategy=texts(),
        exchange=names(),
        environment=names(),
        pairs=_lists(texts()),
        parameters=_parameters(),
        desired=st.sampled_from(Desired),
        start_from=texts(),
        request_id=st.none() | texts(),
        deadline_ms=st.integers(1, 600_000),
    )


def bot_requests() -> st.SearchStrategy[BotRequest]:
    """What a user asks about bots."""
    return st.builds(
        BotRequest,
        bot=st.none() | texts(),
        expected_revision=st.none() | st.integers(1, LARGEST_NS),
        parameters=st.none() | _parameters(),
        pairs=st.none() | _lists(texts()),
        cancel_orders=st.booleans(),
        force=st.booleans(),
        deadline_ms=st.integers(1, 600_000),
    )


def bot_orders() -> st.SearchStrategy[BotOrder]:
    """Orders that a user asks for in the name of a bot."""
    return st.builds(
        BotOrder,
        bot=texts(),
        request_id=names(),
        pair=pairs(),
        side=st.sampled_from(Side),
        quantity=quantities(),
        price=st.none() | amounts(),
        type=st.none() | st.sampled_from(OrderType),
        time_in_force=st.none() | st.sampled_from(TimeInForce),
        deadline_ms=st.integers(1, 600_000),
    )


def bot_views() -> st.SearchStrategy[BotView]:
    """Bots as they are and as they are seen."""
    return st.builds(
        BotView,
        user=names(),
        bot=names(),
        strategy=texts(),
        exchange=names(),
        environment=names(),
        desired=st.sampled_from(Desired),
        revision=st.integers(0, LARGEST_NS),
        pairs=_lists(texts()),
        parameters=_parameters(),
        changed_ns=times_ns(),
        state=st.none() | st.sampled_from(BotState),
        host=st.none() | texts(),
        since_ns=st.none() | times_ns(),
        error=st.none() | texts(),
        restart_count=st.integers(0, 1000),
        waiting_count=st.none() | st.integers(0, LARGEST_NS),
        seen_ns=st.none() | times_ns(),
    )


def bot_answers() -> st.SearchStrategy[BotAnswer]:
    """What the manager answers."""
    return st.builds(
        BotAnswer,
        outcome=st.sampled_from(BotOutcome),
        reason=st.none() | texts(),
        bots=st.lists(bot_views(), max_size=2).map(tuple),
        order=st.none() | trade_orders(),
        cancelled=_lists(texts()),
        uncancelled=_lists(texts()),
    )
