"""`fillwire bots`: create, look at, start, pause, resume, change, stop and remove bots, and place orders in their name."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import click

from fillwire.bots.client import BotClient
from fillwire.bots.errors import BotError
from fillwire.bus.connection import Bus
from fillwire.cli.bots_view import print_answer, print_bot, print_bots, print_order
from fillwire.cli.selecting import agree, all_of, broker_options, json_option, with_broker, yes_option
from fillwire.domain import defaults
from fillwire.domain.bots import DEADLINE_S, BotAnswer, BotCreation, BotView, Desired
from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import ConfigError
from fillwire.domain.orders import Outcome
from fillwire.runtime.settings import Settings
from fillwire.sdk.parameters import parse_parameters
from fillwire.sdk.starting import parse_start
from fillwire.sdk.trading import amount

DONE, NOT_DONE = 0, 3
_MOST_S = 60.0  # to wait for an order

Command = TypeVar("Command", bound=Callable[..., Any])


class Named(NamedTuple):
    """A bot as the command line names it."""

    user: str | None
    bot: str


def _named(_ctx: click.Context, _parameter: click.Parameter, value: str) -> Named:
    user, slash, bot = value.partition("/")
    return Named(user, bot) if slash else Named(None, value)


bot_argument = click.argument("named", metavar="[USER/]BOT", callback=_named)
user_option = click.option("--user", help="Whose bots.  [default: the only one of the settings]")
revision_option = click.option(
    "--revision",
    type=click.IntRange(min=1),
    help="Only if the bot still has this revision, as `show` names it.",
)
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1, max=600),
    default=DEADLINE_S,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until it is done.",
)
param_option = click.option(
    "--param", "params", multiple=True, metavar="NAME=VALUE", help="Parameter of the strategy."
)
pair_option = click.option(
    "--pair", "pairs", multiple=True, help="What the bot listens to, such as BTC-USDT."
)


def _options(*, revision: bool = True) -> Callable[[Command], Command]:
    options = [bot_argument, user_option, timeout_option, json_option, broker_options]
    return all_of(*options, *([revision_option] if revision else []))


@click.group("bots")
def command() -> None:
    """Manage bots: what each is to be and do is kept, and hosts do it.

    Exit status: 0 done; 3 refused, no such bot, changed meanwhile, or not done yet; 1 no manager or no broker answers; 2 the command
    line or the settings cannot be used.
    """


@command.command("create")
@_options(revision=False)
@click.option(
    "--strategy",
    required=True,
    help="A name of the catalogue, module:Class, or a file of the allowed directories.",
)
@click.option("--exchange", help=f"Venue and product.  [default: {defaults.EXCHANGE}]")
@click.option("--environment", help=f"Such as live or testnet.  [default: {defaults.ENVIRONMENT}]")
@pair_option
@param_option
@click.option(
    "--start",
    default="now",
    show_default=True,
    metavar="WHEN",
    help="Where it begins: now, beginning or a time.",
)
@click.option("--paused", is_flag=True, help="Let it rest until it is resumed.")
@click.pass_context
def create(ctx: click.Context, /, *, paused: bool, **words: Any) -> None:
    """Create a bot and have it run. It is tried first: a parameter that cannot be is named, and nothing is written."""
    parameters = parse_parameters(words["params"])
    parse_start(words["start"])

    async def act(bots: BotClient, named: Named, settings: Settings) -> BotView:
        only = _only_account(settings, words["user"] or named.user)
        creation = BotCreation(
            bot=named.bot,
            strategy=words["strategy"],
            exchange=words["exchange"] or (only.exchange if only else defaults.EXCHANGE),
            environment=words["environment"] or (only.environment if only else defaults.ENVIRONMENT),
            pairs=tuple(words["pairs"]),
            parameters=parameters,
            desired=Desired.PAUSED if paused else Desired.RUNNING,
            start_from=words["start"],
            request_id=uuid4().hex,
        )
        return await bots.create(creation, deadline_s=words["timeout_s"])

    _run_for_bot(ctx, words, act)


@command.command("list")
@user_option
@json_option
@broker_options
@click.pass_context
def list_bots(
    ctx: click.Context, *, user: str | None, as_json: bool, config: Path | None, nats: str | None
) -> None:
    """List bots: what each is to do, and what it does."""

    async def main(bus: Bus, settings: Settings) -> int:
        owner = _user(user, None, settings)
        print_bots(await BotClient.on(bus, owner).list(), time.time_ns(), as_json=as_json)
        return DONE

    with_broker(ctx, config, nats, "bots", main)


@command.command("show")
@_options(revision=False)
@click.pass_context
def show(ctx: click.Context, /, **words: Any) -> None:
    """Show all that is known of a bot."""

    async def act(bots: BotClient, named: Named, _: Settings) -> BotView:
        return await bots.show(named.bot, deadline_s=words["timeout_s"])

    _run_for_bot(ctx, words, act)


@command.command("start")
@_options()
@click.pass_context
def start(ctx: click.Context, /, **words: Any) -> None:
    """Start a bot that is stopped; it goes on where it stopped."""

    async def act(bots: BotClient, named: Named, _: Settings) -> BotView:
        return await bots.start(named.bot, expected_revision=words["revision"], deadline_s=words["timeout_s"])

    _run_for_bot(ctx, words, act)


@command.command("pause")
@_options()
@click.pass_context
def pause(ctx: click.Context, /, **words: Any) -> None:
    """Let a bot rest: it is told of nothing, keeps its place, and its orders stay open."""

    async def act(bots: BotClient, named: Named, _: Settings) -> BotView:
        return await bots.pause(named.bot, expected_revision=words["revision"], deadline_s=words["timeout_s"])

    _run_for_bot(ctx, words, act)


@command.command("resume")
@_options()
@click.pass_context
def resume(ctx: click.Context, /, **words: Any) -> None:
    """Let a bot that rests go on where it was: it is told of all that happened meanwhile."""

    async def act(bots: BotClient, named: Named, _: Settings) -> BotView:
        return await bots.resume(
            named.bot, expected_revision=words["revision"], deadline_s=words["timeout_s"]
        )

    _run_for_bot(ctx, words, act)


@command.command("change")
@_options()
@pair_option
@param_option
@click.pass_context
def change(ctx: click.Context, /, **words: Any) -> None:
    """Change parameters or pairs of a bot; the others stay. A bot that runs is started anew with them."""
    parameters = parse_parameters(words["params"])
    if not parameters and not words["pairs"]:
        raise ConfigError("nothing to change: expected --param or --pair")

    async def act(bots: BotClient, named: Named, _: Settings) -> BotView:
        before = await bots.show(named.bot)
        return await bots.change(
            named.bot,
            parameters={**before.parameters, **parameters} if parameters else None,
            pairs=words["pairs"] or None,
            # What was read is what is changed: whoever changed it meanwhile is not undone.
            expected_revision=words["revision"] or before.revision,
            deadline_s=words["timeout_s"],
        )

    _run_for_bot(ctx, words, act)


@command.command("stop")
@_options()
@click.option("--cancel-orders", is_flag=True, help="Cancel its open orders, once it can place no others.")
@click.pass_context
def stop(ctx: click.Context, /, *, cancel_orders: bool, **words: Any) -> None:
    """Stop a bot in order. Its orders stay open unless told otherwise."""

    async def act(bots: BotClient, named: Named, _: Settings) -> BotAnswer:
        return await bots.stop(
            named.bot,
            cancel_orders=cancel_orders,
            expected_revision=words["revision"],
            deadline_s=words["timeout_s"],
        )

    _run_for_bot(ctx, words, act)


@command.command("remove")
@_options()
@click.option(
    "--cancel-orders", is_flag=True, help="Cancel its open orders first; if some cannot be, it stays."
)
@click.option("--force", is_flag=True, help="Stop it first, if it is not stopped.")
@yes_option
@click.pass_context
def remove(ctx: click.Context, /, *, cancel_orders: bool, force: bool, yes: bool, **words: Any) -> None:
    """Remove a bot, and forget its place in the log: another of its name begins anew."""
    agree(f"Remove bot {words['named'].bot} for good?", yes=yes)

    async def act(bots: BotClient, named: Named, _: Settings) -> BotAnswer:
        return await bots.remove(
            named.bot,
            cancel_orders=cancel_orders,
            force=force,
            expected_revision=words["revision"],
            deadline_s=words["timeout_s"],
        )

    _run_for_bot(ctx, words, act)


@command.command("order")
@_options(revision=False)
@click.argument("side", type=click.Choice([side.value for side in Side]))
@click.argument("quantity")
@click.argument("pair")
@click.option("--price", help="Limit price; without one it is a market order.")
@click.option(
    "--type",
    "kind",
    type=click.Choice([kind.value for kind in (OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER)]),
)
@click.option(
    "--time-in-force",
    type=click.Choice([word.value for word in (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)]),
)
@click.option(
    "--request-id",
    help="Yours: asked for again under the same one, the order is placed once.  [default: a new one]",
)
@click.pass_context
def order(ctx: click.Context, /, **words: Any) -> None:
    """Place an order on the account of a bot and in its name, such as `order alice/grid buy 0.01 BTC-USDT --price 64000`."""
    try:
        quantity = amount(words["quantity"], "quantity")
        price = None if words["price"] is None else amount(words["price"], "price")
    except ValueError as error:
        raise ConfigError(str(error)) from None
    request_id = words["request_id"] or uuid4().hex

    async def main(bus: Bus, settings: Settings) -> int:
        named: Named = words["named"]
        bots = BotClient.on(bus, _user(words["user"], named.user, settings))
        try:
            placed = await bots.execute_order(
                named.bot,
                words["pair"],
                words["side"],
                quantity,
                request_id=request_id,
                price=price,
                type=words["kind"],
                time_in_force=words["time_in_force"],
                deadline_s=min(_MOST_S, words["timeout_s"]),
            )
        except BotError as error:
            print_answer(error.answer, as_json=words["as_json"])
            return NOT_DONE
        print_order(placed, request_id, as_json=words["as_json"])
        return DONE if placed.outcome is Outcome.ACCEPTED else NOT_DONE

    with_broker(ctx, words["config"], words["nats"], "bots", main)


# ---- what they share

Act = Callable[[BotClient, Named, Settings], Awaitable[BotView | BotAnswer]]


def _run_for_bot(ctx: click.Context, words: dict[str, Any], act: Act) -> None:
    """Ask for one bot, print the answer, and end with its exit status."""

    async def main(bus: Bus, settings: Settings) -> int:
        named: Named = words["named"]
        bots = BotClient.on(bus, _user(words["user"], named.user, settings))
        try:
            answer = await act(bots, named, settings)
        except BotError as error:
            print_answer(error.answer, as_json=words["as_json"])
            return NOT_DONE
        if isinstance(answer, BotView):
            print_bot(answer, time.time_ns(), as_json=words["as_json"])
        else:
            print_answer(answer, as_json=words["as_json"])
        return DONE

    with_broker(ctx, words["config"], words["nats"], "bots", main)


def _user(option: str | None, named: str | None, settings: Settings) -> str:
    if option is not None and named is not None and option != named:
        raise ConfigError(f"--user {option} and {named}/…: expected one user, found two")
    user = option or named
    users = {account.user for account in settings.accounts}
    if user is None and len(users) == 1:
        user = users.pop()
    if not user:
        raise ConfigError("whose bots is not said: expected --user, or USER/BOT")
    return user


def _only_account(settings: Settings, user: str | None) -> Any:
    accounts = [account for account in settings.accounts if user is None or account.user == user]
    return accounts[0] if len(accounts) == 1 else None
