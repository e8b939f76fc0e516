"""What can be found on this machine: the configuration and the key."""

import asyncio
from urllib.parse import urlsplit

from fillwire.cli.doctor.case import Case, known
from fillwire.cli.doctor.findings import CheckName, Verdict, failed, ok, warning
from fillwire.domain.errors import ConfigError
from fillwire.gateway.keys import venue_key
from fillwire.runtime.settings import Settings
from fillwire.venues.registry import venue


async def check_configuration(case: Case) -> Verdict:
    """Look whether the settings can be used, and name exchange, environment and account."""
    account = case.account
    try:
        settings = await asyncio.to_thread(case.load)
        case.settings = settings
        found_venue = venue(account.exchange)
        addresses = settings.exchange(account.exchange).addresses(account.environment)
        endpoints = found_venue.endpoints(account.environment, addresses.websocket_url, addresses.rest_url)
    except ConfigError as error:
        return failed(str(error), "correct the settings, the variables or the options that are named")
    case.venue, case.endpoints = found_venue, endpoints
    case.entry = next((entry for entry in settings.accounts if entry.account == account), None)
    if case.entry is None:
        return failed(
            f"there is no key for {account}: {_accounts_text(settings)}",
            "add the account to `accounts` or to `credentialsDir`, or name one that is there by --user and --environment",
        )
    if not settings.is_websocket_enabled(account.exchange):
        if not settings.falls_back_to_polling(account.exchange):
            return failed(
                f"live detection at {account.exchange} is switched off by enabled or websocketEnabled",
                "set it to true, or fallbackToPolling to true; a gateway does not start without",
            )
        return warning(
            f"live detection at {account.exchange} is switched off: REST is polled instead, and fills come late",
            "set enabled and websocketEnabled to true, unless this is meant",
        )
    if endpoints.warning is not None:
        return warning(
            endpoints.warning, "take the address out of the settings: the venue's own is known without"
        )
    hosts = (urlsplit(url).netloc for url in (endpoints.websocket_url, endpoints.rest_url))
    return ok("{} has a key; sockets at {}, REST at {}".format(account, *hosts))


def _accounts_text(settings: Settings) -> str:
    accounts = sorted(str(entry.account) for entry in settings.accounts)
    return f"the settings have {', '.join(accounts)}" if accounts else "the settings have no account"


async def check_key(case: Case) -> Verdict:
    """Look whether the key is of a kind that the venue takes."""
    entry = known(case.entry, CheckName.CONFIGURATION)
    found_venue = known(case.venue, CheckName.CONFIGURATION)
    endpoints = known(case.endpoints, CheckName.CONFIGURATION)
    try:
        case.venue_account = found_venue.account(case.account, venue_key(entry), endpoints)
    except ConfigError as error:
        return failed(
            str(error), "copy the key anew from the venue, all parts of it, or make one of the kind expected"
        )
    return ok(f"a key of type {entry.key_type}, whole and of a kind that {case.account.exchange} takes")
