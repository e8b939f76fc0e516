"""One order event on its way to the broker: its trace and what it tells of itself when it leaves and has arrived."""

import time
from collections.abc import Callable

from fillwire.bus.publisher import PublishOutcome
from fillwire.gateway.unstored import Unstored
from fillwire.runtime.fill_traces import GatewayTrace
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.wire.headers import STAMPS, TRACEPARENT


class Sent(GatewayTrace):
    """The trace, stamped when the event leaves, and handed in when it has arrived.

    The trace itself and not an object that makes one: this is made for every event, so one must do.

    Attributes:
        telemetry: takes the trace.
        unstored: told of the arrival.
        measured_ns: returns venue clock minus ours, None before it was measured.
        number: of the event in `unstored`.
    """

    telemetry: FillTelemetry
    unstored: Unstored
    measured_ns: Callable[[], int | None]
    number: int = 0

    def headers(self) -> dict[str, str]:
        """Return the headers; called when the event first leaves."""
        self.published_ns = published_ns = time.time_ns()
        self.clock_offset_ns = offset_ns = self.measured_ns()
        # As `Stamps.encode` writes it; the object would cost as much as all the rest here.
        headers = {STAMPS: f"{offset_ns or 0},{self.parsed_ns},{published_ns}"}
        if self.ids is not None:
            context = self.telemetry.sampling.header(self.ids)
            if context is not None:
                headers[TRACEPARENT] = context
        return headers

    def acknowledged(self, outcome: PublishOutcome) -> None:
        """Hand in the stamps; one that never left has none."""
        self.unstored.settle(self.number)
        if outcome.error is None and self.published_ns:
            self.acknowledged_ns = time.time_ns()
            self.telemetry.fill_published(self)
