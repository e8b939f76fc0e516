"""The bot of the end-to-end benchmark: writes down every execution it is told of."""

import os
from pathlib import Path

from fillwire.bots.recording import RecordingBot


class BenchBot(RecordingBot):
    """Records every pair of the account into the file that the benchmark names."""

    def __init__(self) -> None:
        super().__init__(Path(os.environ["FILLWIRE_BENCH_RECORDING"]), name="bench-bot")
