"""What is known of the account under examination; each check adds to it, and the later ones build on that."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from fillwire.bus.connection import Bus
from fillwire.cli.doctor.findings import CannotRun, CheckName
from fillwire.domain.identifiers import Account
from fillwire.gateway.inquiry import Inquiry
from fillwire.gateway.surroundings import Environment
from fillwire.runtime.settings import AccountSettings, Settings
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import Venue, VenueAccount

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Case:
    """One account, and what the checks have found of it so far.

    Attributes:
        account: whose fills are to be detected.
        load: reads the settings.
        stack: closes what the checks opened.
        settings: the configuration, if it can be used.
        venue: the exchange, if it is known.
        endpoints: where the environment is reached, if it is known.
        entry: the account's keys in the settings, if there are any.
        venue_account: the account with its key, if the key is one.
        bus: the broker, if it is there with JetStream.
        wanted: the pairs that bots listen to, if the broker could be asked.
        environment: the exchange's environment, once it has answered.
        symbols: its symbols.
        is_accepted: whether it took the key.
    """

    account: Account
    load: Callable[[], Settings]
    stack: AsyncExitStack
    settings: Settings | None = None
    venue: Venue | None = None
    endpoints: Endpoints | None = None
    entry: AccountSettings | None = None
    venue_account: VenueAccount | None = None
    bus: Bus | None = None
    wanted: frozenset[str] | None = None
    environment: Environment | None = None
    symbols: SymbolTable | None = None
    is_accepted: bool = False

    def answering(self) -> Environment:
        """Return the environment, if it answers and wants to be asked.

        Raises:
            CannotRun: it did not answer, or told us to wait.
        """
        environment = known(self.environment, CheckName.REST)
        if environment.ban.quiet_s:
            raise CannotRun(environment.ban.sentence(environment.ban.quiet_s))
        return environment

    @property
    def rest_url(self) -> str:
        """Where REST is asked; raises as `known`."""
        return known(self.endpoints, CheckName.CONFIGURATION).rest_url

    def inquiry(self) -> Inquiry:
        """Return what can be asked with the account's key; raises as `answering`, and without a key."""
        return self.answering().inquiry(known(self.venue_account, CheckName.KEY))


def known(value: T | None, check: CheckName) -> T:
    """Return what an earlier check has found.

    Raises:
        CannotRun: it has not.
    """
    if value is None:
        raise CannotRun(f"needs what the check {check} did not find")
    return value
