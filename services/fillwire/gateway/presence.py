"""Tells the other gateways of the exchange that we are there, and hears of them."""

from collections.abc import Callable
from dataclasses import replace

from fillwire.bus.connection import Bus
from fillwire.bus.leases import elapsed_s
from fillwire.bus.presence import Presence as AnyPresence
from fillwire.domain.identifiers import Account, escape_token
from fillwire.gateway.peers import Beat, Peers
from fillwire.runtime.supervision import Supervisor

PEERS = "gateways"
"""First token of the subject on which the gateways of an exchange hear each other; no stream keeps it."""


class Presence:
    """Beats, and hears beats.

    Args:
        bus: where they are told.
        exchange: whose gateways.
        beat: what we say of ourselves at first.
        beat_s: time between two beats, in seconds.
        doubt_s: silence after which another may be gone, in seconds.
        accounts: returns the accounts that we have a key for.
        on_change: called when another has told something that it had not before.
    """

    def __init__(  # noqa: PLR0913 - where, who, two times, and two functions
        self,
        bus: Bus,
        exchange: str,
        beat: Beat,
        *,
        beat_s: float,
        doubt_s: float,
        accounts: Callable[[], frozenset[Account]],
        on_change: Callable[[], None],
    ) -> None:
        self.peers = Peers(beat.instance, doubt_s, beat_s, elapsed_s())

        def note(beat: Beat, is_change: bool) -> None:
            if beat.ready or is_change:
                on_change()

        self._presence = AnyPresence(
            bus,
            f"{PEERS}.{escape_token(exchange)}",
            self.peers,
            beat,
            beat_s=beat_s,
            fresh=lambda beat: replace(beat, accounts=accounts()),
            on_heard=note,
        )

    async def start(self, supervisor: Supervisor) -> None:
        """Begin; see `bus.presence.Presence.start`."""
        await self._presence.start(supervisor)

    def say(self, *, ready: frozenset[Account], is_leaving: bool) -> None:
        """Tell at once what is new; nothing if nothing is."""
        self._presence.say(replace(self._presence.sign, ready=ready, is_leaving=is_leaving))

    async def stop(self) -> None:
        """Say good-bye."""
        await self._presence.stop()
