"""The demo's two bots: one writes down every execution of the account, one trades a pair and writes down its own."""

from decimal import Decimal
from pathlib import Path

from fillwire.bots.shipped.ping_pong import PingPong
from fillwire.bots.shipped.recording import RecordingBot
from fillwire.domain.events import OrderEvent


def recording_path(directory: Path, bot: str) -> Path:
    """Return the file into which a bot of the demo writes what it is told."""
    return directory / f"{bot}.jsonl"


class Recorder(RecordingBot):
    """Records every pair.

    Args:
        directory: where the recording goes.
        exchange: of which exchange: a user's bots have names of their own.
    """

    def __init__(self, directory: Path, exchange: str) -> None:
        super().__init__(recording_path(directory, "recorder"), name=f"recorder-{exchange}")


class Trader(PingPong):
    """Trades around the market's price, and records the executions of its pair.

    Args:
        directory: where the recording goes.
        exchange: at which exchange.
        pair: which pair.
        price: the market's price at the start.
        spread: distance of its orders from the last fill.
    """

    def __init__(self, directory: Path, exchange: str, pair: str, price: Decimal, spread: Decimal) -> None:
        super().__init__(price, pair=pair, spread=spread, name=f"trader-{exchange}")
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
