"""What the venue says by REST: whether it is there, its clock, its symbols, and what it thinks of the key."""

import difflib
import ssl
from random import SystemRandom
from statistics import median

import aiohttp

from fillwire.cli.doctor.advice import place, refused
from fillwire.cli.doctor.case import Case, known
from fillwire.cli.doctor.findings import CannotRun, CheckName, Verdict, failed, ok, skipped, warning
from fillwire.domain.errors import AuthRejected, VenueError
from fillwire.gateway.reference import CLOCK_SAMPLES, SUSPICIOUS_OFFSET_NS
from fillwire.gateway.rest import RestClient
from fillwire.gateway.surroundings import ConnectionPolicy, Environment
from fillwire.venues.permissions import UNSAID, Permissions, permissions_of
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import AsksWithKey

ALL_PAIRS = "*"
_NAMED = 10  # of a list, the others are counted
_KEYLESS = "the venue tells it to nobody without a key that it takes"


async def check_rest(case: Case) -> Verdict:
    """Ask for the time, once."""
    venue = known(case.venue, CheckName.CONFIGURATION)
    endpoints = known(case.endpoints, CheckName.CONFIGURATION)
    settings = known(case.settings, CheckName.CONFIGURATION)
    account = case.account
    http = await case.stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=ssl.create_default_context()))
    )
    environment = Environment.of(
        account.environment,
        endpoints,
        venue,
        ConnectionPolicy.of(settings, account.exchange),
        RestClient(http, account.exchange, endpoints.rest_url),
        SystemRandom(),
    )
    if isinstance(case.venue_account, AsksWithKey):
        environment.reference.with_key = case.venue_account.with_key
    try:
        (sample,) = await environment.reference.sample_clock(1)
    except AuthRejected:
        case.environment = environment
        return ok(f"{place(endpoints.rest_url)} answers, though nothing without a key that it takes")
    except VenueError as error:
        return refused(error, endpoints.rest_url, account.environment)
    case.environment = environment
    return ok(
        f"{place(endpoints.rest_url)} answers, after {milliseconds_text(sample.round_trip_ns)} with connecting"
    )


async def check_clock(case: Case) -> Verdict:
    """Measure by how much the venue's clock and ours differ."""
    environment = case.answering()
    venue = known(case.venue, CheckName.CONFIGURATION)
    try:
        samples = await environment.reference.sample_clock(CLOCK_SAMPLES)
    except AuthRejected:
        raise CannotRun(_KEYLESS) from None
    except VenueError as error:
        return refused(error, environment.endpoints.rest_url, case.account.environment)
    best = min(samples)
    environment.reference.use_clock(best.offset_ns)
    direction = "ahead of" if best.offset_ns > 0 else "behind"
    trips = median(sample.round_trip_ns for sample in samples)
    found = (
        f"the venue's clock is {milliseconds_text(abs(best.offset_ns))} {direction} this machine's, give or take "
        f"{milliseconds_text(best.round_trip_ns / 2)} (round trip {milliseconds_text(best.round_trip_ns)} at best, "
        f"{milliseconds_text(trips)} in the median of {len(samples)})"
    )
    if abs(best.offset_ns) <= SUSPICIOUS_OFFSET_NS:
        return ok(found)
    life = f"{venue.request_life_s:g} s after it was signed"
    return warning(
        f"{found}; requests are signed with the venue's time, and one is taken until {life}",
        "set this machine's clock and keep it set by NTP, such as by `timedatectl set-ntp true`; in a container, its host's",
    )


async def check_symbols(case: Case) -> Verdict:
    """Read the venue's symbols, and look for the pairs that bots want."""
    environment = case.answering()
    try:
        symbols = case.symbols = await environment.reference.ready()
    except AuthRejected:
        raise CannotRun(_KEYLESS) from None
    except VenueError as error:
        return refused(error, environment.endpoints.rest_url, case.account.environment)
    found = f"{len(symbols)} symbols"
    if case.wanted is None:
        return ok(f"{found}; which pairs bots want is not known without the broker")
    wanted = sorted(case.wanted - {ALL_PAIRS})
    unlisted = [pair for pair in wanted if pair not in symbols.symbols]
    if unlisted:
        return failed(
            f"{found}, and bots want what the venue does not list: {_listed(unlisted)}",
            f"correct the pair in the bot{_likely(unlisted, symbols)}; nothing will be heard of one that is not listed",
        )
    if not case.wanted:
        return ok(f"{found}; no bot listens to this account")
    if not wanted:
        return ok(f"{found}; bots listen to all pairs")
    return ok(f"{found}, among them what bots want: {_listed(wanted)}")


def _listed(pairs: list[str]) -> str:
    more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    return ", ".join(pairs[:_NAMED]) + more


def _likely(unlisted: list[str], symbols: SymbolTable) -> str:
    near = [name for pair in unlisted for name in difflib.get_close_matches(pair, symbols.symbols, 1)]
    return f", perhaps to {_listed(near)}" if near else ""


async def check_accepted(case: Case) -> Verdict:
    """Ask the cheapest question that takes a key."""
    inquiry = case.inquiry()
    symbol = _cheapest_symbol(case) if inquiry.records.asks_by_symbol else None
    try:
        orders = await inquiry.open_orders(symbol)
    except VenueError as error:
        return refused(error, case.rest_url, case.account.environment)
    case.is_accepted = True
    where = "" if symbol is None else f" on {symbol}"
    return ok(f"the venue takes the key; open orders{where}: {len(orders)}")


def _cheapest_symbol(case: Case) -> str | None:
    if case.symbols is None:
        return None
    named = (case.symbols.symbols.get(pair) for pair in sorted(case.wanted or ()))
    return next((symbol for symbol in named if symbol is not None), next(iter(case.symbols.pairs)))


async def check_permissions(case: Case) -> Verdict:
    """Ask what the key may do, where the venue says it."""
    inquiry = case.inquiry()
    if not case.is_accepted:
        raise CannotRun("the key was not accepted")
    try:
        permissions = await inquiry.answer(permissions_of(case.venue_account))
    except VenueError as error:
        return refused(error, case.rest_url, case.account.environment)
    return judged(permissions, case.account.exchange)


def judged(permissions: Permissions, exchange: str) -> Verdict:
    """Return what permissions are worth to Fillwire: it must read, and bots may want to trade."""
    if permissions == UNSAID:
        return skipped(f"{exchange} does not say what a key may do")
    said = f"read: {_answer(permissions.may_read)}, trade: {_answer(permissions.may_trade)}"
    found = "; ".join((said, *permissions.notes))
    if permissions.may_read is False:
        return failed(found, "allow the key to read orders and executions, at the venue")
    if permissions.may_trade is False:
        return warning(
            found,
            "allow the key, or the account, to trade if bots are to place orders; fills are told either way",
        )
    return ok(found)


def _answer(may: bool | None) -> str:
    return "not said" if may is None else "yes" if may else "no"


def milliseconds_text(nanoseconds: float) -> str:
    """Return a duration in milliseconds, finer where it is short: `0.42 ms`, `12.3 ms`, `1230 ms`."""
    value = nanoseconds / 1e6
    digits = next((digits for bound, digits in ((1, 2), (100, 1)) if value < bound), 0)
    return f"{value:.{digits}f} ms"
