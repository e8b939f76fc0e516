"""The demo's two bots: one writes down every execution of the account, one trades a pair and writes down its own."""

from decimal import Decimal
from pathlib import Path

from fillwire.bots.ping_pong import PingPong
from fillwire.bots.recording import RecordingBot
from fillwire.domain.events import OrderEvent

_CENT = Decimal("0.01")


def recording_path(directory: Path, bot: str) -> Path:
    """Return the file into which a bot of the demo writes what it is told."""
    return directory / f"{bot}.jsonl"


class Recorder(RecordingBot):
    """Records every pair.

    Args:
        directory: where the recording goes.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(recording_path(directory, "recorder"), name="recorder")


class Trader(PingPong):
    """Trades around the market's price, and records the executions of its pair.

    Args:
        directory: where the recording goes.
        pair: which pair.
        price: the market's price at the start.
    """

    def __init__(self, directory: Path, pair: str, price: Decimal) -> None:
        super().__init__(price, pair=pair, spread=(price / 10_000).quantize(_CENT), name="trader")
        self._recording = RecordingBot(recording_path(directory, "trader"))

    async def on_start(self) -> None:
        """Open the recording, then place the first orders."""
        self._recording.on_start()
        await super().on_start()

    def on_fill(self, order: OrderEvent) -> None:
        """Record an execution."""
        self._recording.on_fill(order)

    def on_stop(self) -> None:
        """Close the recording."""
        self._recording.on_stop()
