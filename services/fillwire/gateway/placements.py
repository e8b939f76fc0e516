"""Which client order ids have been sent to the venue before, by any gateway, so that asking twice places once.

A venue refuses a client order id only while the earlier order is open. A bot that handles a fill a second time, after a
crash, asks for its counter-order a second time, perhaps long after the first was filled. So each id is written into a
bucket before the order is sent: the write succeeds once. An id that was there already may stand for an order, and the
venue is asked before anything is placed.

An order that was sent a moment ago may be on its way still: that the venue does not show it proves nothing. So the time
is kept as well, and while the venue may carry the earlier one out nothing is sent again.

A broker that was restored from a backup has forgotten what was sent since. So who restores it leaves a mark, and for as
long as notes are kept an id without one counts as sent.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from fillwire.bus.buckets import Bucket
from fillwire.bus.errors import RevisionConflict
from fillwire.bus.restored import MARK_TTL_S, restored_ns
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.runtime.logs import get_log
from fillwire.wire.subjects import account_tokens

_log = get_log(__name__)

TTL_S = 86_400.0
# So long after it was carried out an order may be missing from the venue's answers.
LAG_S = 2.0
_S = 1_000_000_000
_REFUSED = "refused"
_LONG_AGO = "0"
_EARLIEST_NS = 10**18  # in 2001
_LOOK_AGAIN_NS = 10 * _S


class Earlier(Enum):
    """What is known of earlier sendings of a client order id."""

    NONE = auto()
    """There were none, or all were refused: it may be sent."""
    OVER = auto()
    """They have been carried out or never will be: the venue knows."""
    UNDER_WAY = auto()
    """One may still be carried out: it must not be sent again now."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The note of a client order id.

    Attributes:
        earlier: what is known of earlier sendings.
        key: where it is kept.
        revision: of our note, None if none was written.
    """

    earlier: Earlier
    key: str
    revision: int | None


class Placements:
    """Remembers the client order ids that were sent.

    Args:
        bucket: where they are kept.
        gateway: name of this process, kept with each.
        order_life_s: so long after it was asked for an order may still be carried out by the venue.
        now_ns: the wall clock, which gateways share as well as their machines do.
    """

    def __init__(
        self, bucket: Bucket, gateway: str, order_life_s: float, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._bucket = bucket
        self._gateway = gateway
        self._life_ns = int((order_life_s + LAG_S) * _S)
        self._now_ns = now_ns
        self._unnoted = Earlier.NONE  # what an id without a note counts as
        self._looked_ns = 0
        self._lost_until_ns = 0

    async def look_again(self) -> None:
        """Have the mark of a restored broker looked for with the next order: this may be another broker than before."""
        self._looked_ns = 0

    def note_lost(self) -> None:
        """Take it that notes of before now are lost: for a day, an id without a note may have been sent."""
        self._lost_until_ns = self._now_ns() + int(MARK_TTL_S * _S)

    async def note(self, account: Account, client_order_id: str, fence: int | None) -> Placement:
        """Note that an order of this id is about to be sent, unless an earlier one is under way; return what is known.

        A bucket that does not answer counts as one that is under way.

        Args:
            account: whose order.
            client_order_id: of the order.
            fence: of the lease under which it is about to be sent, kept for who looks into it later.
        """
        key = f"{account_tokens(account)}.{escape_token(client_order_id)}"
        try:
            try:
                unnoted = await self._without_note()
                return Placement(unnoted, key, await self._write(key, fence, 0))
            except RevisionConflict:
                return await self._note_again(key, fence)
        except RevisionConflict:  # somebody sends it at this moment
            return Placement(Earlier.UNDER_WAY, key, None)
        except BrokerError as error:
            _log.warning("placement_not_noted", account=str(account), error=error)
            return Placement(Earlier.UNDER_WAY, key, None)

    async def _note_again(self, key: str, fence: int | None) -> Placement:
        entry = await self._bucket.look(key)
        earlier = self._earlier(entry.value, await self._without_note())
        if earlier is Earlier.UNDER_WAY:
            if not _time_in(entry.value).isdecimal():
                # Of a gateway that did not note the time: from now on it is.
                await self._write(key, fence, entry.revision)
            return Placement(earlier, key, None)
        return Placement(earlier, key, await self._write(key, fence, entry.revision))

    async def _without_note(self) -> Earlier:
        """Return what an id without a note counts as; the mark is looked for every ten seconds while orders are sent."""
        now_ns = self._now_ns()
        if now_ns < self._lost_until_ns:
            return Earlier.OVER
        if not self._looked_ns <= now_ns < self._looked_ns + _LOOK_AGAIN_NS:
            self._unnoted = Earlier.OVER if await restored_ns(self._bucket) else Earlier.NONE
            self._looked_ns = now_ns
        return self._unnoted

    def _earlier(self, note: bytes | None, unnoted: Earlier) -> Earlier:
        said = _time_in(note)
        if note is None or said == _REFUSED:
            return unnoted
        if not said.isdecimal() or self._now_ns() < int(said) + self._life_ns:
            return Earlier.UNDER_WAY
        return Earlier.OVER

    async def earlier(self, account: Account, client_order_id: str) -> Earlier:
        """Return what is known of earlier sendings, and note nothing; a bucket that does not answer counts as under way."""
        try:
            entry = await self._bucket.look(f"{account_tokens(account)}.{escape_token(client_order_id)}")
            unnoted = await self._without_note()
        except BrokerError as error:
            _log.warning("placement_not_read", account=str(account), error=error)
            return Earlier.UNDER_WAY
        return self._earlier(entry.value, unnoted)

    async def refused(self, placement: Placement) -> None:
        """Note that nothing was placed by the sending that was noted: it may be tried again at once."""
        if placement.revision is None:
            return
        said = _REFUSED if placement.earlier is Earlier.NONE else _LONG_AGO
        try:
            await self._put(placement.key, f"{self._gateway} - {said}", placement.revision)
        except BrokerError as error:  # it stays as if it were under way, until the time has passed
            _log.warning("refusal_not_noted", key=placement.key, error=error)

    async def _write(self, key: str, fence: int | None, revision: int) -> int:
        return await self._put(key, f"{self._gateway} {fence or '-'} {self._now_ns()}", revision)

    async def _put(self, key: str, value: str, revision: int) -> int:
        return await self._bucket.put(key, value.encode(), ttl_s=TTL_S, expected_revision=revision)


def _time_in(note: bytes | None) -> str:
    """Return when the last sending was noted, in nanoseconds; or the word that stands there, empty for a number that is no time.

    The first gateways noted their name alone, the next ones a fence behind it: a small number, which is no time of long ago.
    """
    said = (note or b"").decode(errors="replace").rpartition(" ")[2]
    return "" if said.isdecimal() and said != _LONG_AGO and int(said) < _EARLIEST_NS else said
