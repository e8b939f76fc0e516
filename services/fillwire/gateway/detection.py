"""Whether an account's fills are detected live; when they have not been for a while, a person and the poller are told."""

import asyncio
from collections.abc import Callable

from fillwire.gateway.polling import Poller


class Detection:
    """Tells a moment without stream, which costs nothing, from live detection that is lost.

    Args:
        lost_after_s: without a stream for so long, detection counts as lost, in seconds.
        alert_lost: tells a person that detection is lost: once, each time that it was proven.
        alert_refused: tells a person that the key is refused: once, each time that detection was proven.
        poller: asks REST meanwhile, None if nobody does.
    """

    def __init__(
        self,
        lost_after_s: float,
        alert_lost: Callable[[str], None],
        alert_refused: Callable[[str], None],
        poller: Poller | None,
    ) -> None:
        self._lost_after_s = lost_after_s
        self._alert_lost = alert_lost
        self._alert_refused = alert_refused
        self._poller = poller
        self._timer: asyncio.TimerHandle | None = None
        self._reason = ""
        self._is_lost = False
        self._is_returning = False
        self._is_loss_told = False
        self._is_refusal_told = False

    def interrupted(self, reason: str) -> None:
        """Note that there is no stream and why; another is being made."""
        self._reason = reason
        self._is_returning = False
        if self._is_lost:
            self._poll()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._lost_after_s, self._give_up_waiting)

    def _give_up_waiting(self) -> None:
        self.lost(f"not receiving for {self._lost_after_s:g} s: {self._reason}")

    def lost(self, reason: str) -> None:
        """Note that there will be no stream soon."""
        self._disarm()
        self._is_lost = True
        self._poll()
        if not self._is_loss_told:
            self._is_loss_told = True
            self._alert_lost(reason if self._poller is None else f"{reason}; {self._poller}")

    def refused(self, reason: str) -> None:
        """Note that the key is refused: REST would refuse it as well."""
        self.stop()
        if not self._is_refusal_told:
            self._is_refusal_told = True
            self._alert_refused(reason)

    def returning(self) -> None:
        """Note that a stream catches up: a poll, which may wait for its turn at the venue, must not hold it up."""
        self._is_returning = True
        self._end_polling()

    def restored(self) -> None:
        """Note that fills are detected live."""
        self.stop()

    def proven(self) -> None:
        """Note that they have been for a while: from here on a loss is another trouble, and told anew."""
        self._is_loss_told = self._is_refusal_told = False

    def stop(self) -> None:
        """Watch no longer."""
        self._disarm()
        self._is_lost = self._is_returning = False
        self._end_polling()

    def _poll(self) -> None:
        if self._poller is not None and not self._is_returning:
            self._poller.start()

    def _end_polling(self) -> None:
        if self._poller is not None:
            self._poller.end()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
