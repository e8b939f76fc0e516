"""How `fillwire bots` prints bots, answers and orders."""

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from fillwire.cli.showing import facts_table, show
from fillwire.cli.status import duration_text
from fillwire.domain.bots import BotAnswer, BotOutcome, BotState, BotView
from fillwire.domain.orders import TradeOrder
from fillwire.runtime.redaction import printable
from fillwire.wire.decimals import decimal_text

_NS = 1_000_000_000
_STYLES = {BotState.RUNNING: "green", BotState.FAILED: "red", BotState.STOPPED: "dim"}


def print_bots(bots: Sequence[BotView], now_ns: int, *, as_json: bool) -> None:
    """Print bots as a table, or as a list of JSON objects."""
    if as_json:
        _print_json([asdict(bot) for bot in bots])
        return
    if not bots:
        print("no bots")
        return
    table = Table(box=None, pad_edge=False)
    for name in (
        "bot",
        "strategy",
        "account",
        "desired",
        "observed",
        "host",
        "since",
        "waiting",
        "restarts",
        "error",
    ):
        table.add_column(name, overflow="fold")
    for bot in bots:
        table.add_row(
            printable(bot.bot),
            printable(bot.strategy),
            printable(f"{bot.user}@{bot.exchange}/{bot.environment}"),
            bot.desired,
            Text(observed_text(bot), _STYLES.get(bot.state, "yellow") if bot.state else "yellow"),
            printable(bot.host or "-"),
            "-" if bot.since_ns is None else duration_text((now_ns - bot.since_ns) / _NS),
            "-" if bot.waiting_count is None else f"{bot.waiting_count:,}",
            str(bot.restart_count),
            Text(printable(bot.error or "")),
        )
    show(table)


def observed_text(bot: BotView) -> str:
    """Return what a bot does: its state, or that nobody has it."""
    if bot.state is not None:
        return bot.state
    return "stopped" if bot.desired == "stopped" else "nowhere"


def print_bot(bot: BotView, now_ns: int, *, as_json: bool) -> None:
    """Print a bot."""
    if as_json:
        _print_json(asdict(bot))
        return
    facts: dict[str, Any] = {
        "bot": bot.bot,
        "account": f"{bot.user}@{bot.exchange}/{bot.environment}",
        "strategy": bot.strategy,
        "pairs": ", ".join(bot.pairs) or "the strategy's own",
        "parameters": ", ".join(f"{name}={value}" for name, value in bot.parameters.items()) or None,
        "desired": f"{bot.desired}, revision {bot.revision}",
        "observed": observed_text(bot),
        "host": bot.host,
        "since": None if bot.since_ns is None else f"{duration_text((now_ns - bot.since_ns) / _NS)} ago",
        "waiting": None if bot.waiting_count is None else f"{bot.waiting_count:,} events",
        "restarts": bot.restart_count or None,
        "error": bot.error,
        "changed_ns": bot.changed_ns,
        "seen_ns": bot.seen_ns,
    }
    show(facts_table(facts))


def print_answer(answer: BotAnswer, *, as_json: bool) -> None:
    """Print what the manager said."""
    if as_json:
        _print_json(answer)
        return
    if answer.reason is not None:
        print(printable(f"{answer.outcome}: {answer.reason}"))
    else:
        print(answer.outcome if not answer.bots else "\n".join(_sentence(bot) for bot in answer.bots))
    for client_order_id in answer.cancelled:
        print(printable(f"cancelled: {client_order_id}"))
    if answer.outcome is BotOutcome.DONE:
        return
    for problem in answer.uncancelled:
        print(printable(f"not cancelled: {problem}"))


def _sentence(bot: BotView) -> str:
    return printable(f"bot {bot.bot} of {bot.user}: {observed_text(bot)}, revision {bot.revision}")


def print_order(order: TradeOrder, request_id: str, *, as_json: bool) -> None:
    """Print what the venue said of an order."""
    if as_json:
        _print_json({"request_id": request_id, **asdict(order)})
        return
    facts = {
        name: decimal_text(value) if isinstance(value, Decimal) else value
        for name, value in asdict(order).items()
    }
    show(facts_table({**facts, "request_id": request_id}))


def _print_json(value: Any) -> None:
    print(orjson.dumps(value, default=decimal_text, option=orjson.OPT_INDENT_2).decode())
