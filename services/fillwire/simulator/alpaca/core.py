"""What stream and REST API share: the venue, faults, and the slots of the stream."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fillwire.simulator.alpaca.groups import GroupPublisher
from fillwire.simulator.alpaca.refusals import Refusal
from fillwire.simulator.alpaca.tampering import AlpacaTampering
from fillwire.simulator.alpaca.venue import AlpacaVenue
from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.core import Core

if TYPE_CHECKING:
    from fillwire.simulator.alpaca.connections import AlpacaConnection

_MESSAGES = {429: "rate limit exceeded", 504: "gateway timeout"}


class AlpacaCore(Core):
    """The venue and all that stands between it and its clients.

    Attributes:
        streams: the stream connection of each account that has authenticated on one.
        retained: accounts whose lost connection still counts, with the time until which it does, in microseconds.
    """

    venue: AlpacaVenue

    def __init__(self, venue: AlpacaVenue) -> None:
        super().__init__(venue, AlpacaTampering())
        self.publisher = GroupPublisher(venue.clock, venue.engine)
        self.streams: dict[Account, AlpacaConnection] = {}
        self.retained: dict[Account, int] = {}

    def is_taken(self, account: Account) -> bool:
        """Return whether the account's one stream connection is in use, or counts as if it were."""
        stream = self.streams.get(account)
        if stream is not None and not stream.is_ending:
            return True
        return self.retained.get(account, 0) > self.venue.clock.now_us()

    def has_room(self) -> bool:
        """Return whether another connection could belong to an account that has none."""
        if self.venue.manners.displaces:
            return True
        streams = self.streams.values()
        waiting = sum(not each.is_ending and each not in streams for each in self.connections)
        taken = sum(map(self.is_taken, self.venue.accounts.values()))
        return waiting + taken < len(self.venue.accounts)

    def release(self, connection: "AlpacaConnection", *, is_clean: bool) -> None:
        """Give the slot of a connection back; at once only if it was closed in order."""
        account = connection.account
        if account is None:
            return
        if self.streams.get(account) is connection:
            del self.streams[account]
        if not is_clean and self.venue.manners.retention_s:
            until_us = self.venue.clock.now_us() + int(self.venue.manners.retention_s * 1_000_000)
            self.retained[account] = until_us

    def refuse_on_demand(self, name: str, account: Account | None, api: str) -> None:
        """Let a fault make a request fail before it acts.

        Raises:
            Refusal: a fault says so.
        """
        fault = self.faults.request_error(name, account, api)
        if fault is not None:
            raise demanded_refusal(fault.options)


def demanded_refusal(options: Mapping[str, Any]) -> Refusal:
    """Return the refusal that a fault asks for."""
    status = int(options.get("status", 500))
    code = int(options.get("code", status * 100_000 + 10_000))
    return Refusal(status, code, str(options.get("message", _MESSAGES.get(status, "internal server error"))))
