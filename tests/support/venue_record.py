"""What the simulated venue has on record of who came and what it answered, and accounts enough to trouble it."""

from collections.abc import Sequence

from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import connection_subject
from support.binance_keys import API_KEY, HMAC_SECRET
from support.gateway_rig import ACCOUNT, ENVIRONMENT, Rig

_US = 1_000_000


def crowd(count: int) -> list[Account]:
    """Return accounts of `count` users, the demo account first; at the venue they are one."""
    return [
        ACCOUNT,
        *(Account(f"user-{number}", ACCOUNT.exchange, ENVIRONMENT) for number in range(1, count)),
    ]


def keys_of(accounts: Sequence[Account]) -> list[dict[str, object]]:
    """Return the configuration of the accounts' keys."""
    return [
        {
            "user": account.user,
            "exchange": account.exchange,
            "environment": account.environment,
            "apiKey": API_KEY,
            "secret": HMAC_SECRET,
        }
        for account in accounts
    ]


async def follow_all(it: Rig, accounts: Sequence[Account]) -> dict[Account, list[ConnectionEvent]]:
    """Begin to collect the connection events of all the accounts, and return where they are collected."""
    told: dict[Account, list[ConnectionEvent]] = {account: [] for account in accounts}
    for account in accounts:
        await it.bus.subscribe(
            connection_subject(account),
            lambda message: told[(event := decode_connection(message.data)).account].append(event),
        )
    return told


async def handshakes(it: Rig, status: int | None = None) -> list[float]:
    """Return when attempts to connect came, in seconds; of those answered with `status`, or of all."""
    document = await it.control("stats", method="GET")
    return [time_us / _US for time_us, answer in document["handshakes"] if status in {None, answer}]


async def answered(it: Rig, what: str) -> int:
    """Return how many answers of a kind the venue has given, such as `rest 429`."""
    document = await it.control("stats", method="GET")
    return int(document["answered"].get(what, 0))
