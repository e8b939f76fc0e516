"""The bots of a chaos run: they write down each call, so that the judge can tell what they were told, and when."""

import asyncio
import os
import time
import uuid
from collections import Counter
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path

import orjson

from fillwire.cli.chaos.brake import Brake
from fillwire.cli.chaos.gate import AFTER, BEFORE, Gate
from fillwire.cli.recordings import RecordingReader
from fillwire.domain.client_order_ids import derive_client_order_id
from fillwire.domain.enums import Side, TimeInForce
from fillwire.domain.errors import RulesUnknown
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import Outcome
from fillwire.domain.rules import PairRules
from fillwire.sdk.strategy import Strategy

EVERYTHING = "steady"
BRAKED = "braked"
COUNTERING = "countering"
QUICK = "quick"

_LOOK_S, _AGAIN_S = 0.01, 0.5
_ZERO = Decimal(0)
_COARSE = Decimal("0.001")
_LEAST_VALUE = Decimal(25)  # of a counter-order, in quote currency


def recording_path(directory: Path, bot: str) -> Path:
    """Return the file into which a bot writes what it is told."""
    return directory / f"{bot}.jsonl"


class _Recorder(Strategy):
    """Appends each call of `on_fill` as one line: event id, which life of the process, when.

    A line is handed to the system before the callback returns, hence before the event is acknowledged: a process that is
    killed loses none. It is the durable record of event ids by which a callback is idempotent: an id that stands there
    from an earlier life has had its effect.
    """

    def __init__(self, directory: Path) -> None:
        self._path = recording_path(directory, self.name)
        self._run = uuid.uuid4().hex[:12]
        self._file = -1

    def on_start(self) -> None:
        """Open the recording."""
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)

    def _record(self, order: OrderEvent) -> None:
        line = {"event_id": order.event_id, "run": self._run, "called_ns": time.time_ns()}
        os.write(self._file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def on_stop(self) -> None:
        """Close the recording."""
        os.close(self._file)


class Steady(_Recorder):
    """Listens to every pair.

    Args:
        directory: where the recording goes.
    """

    name = EVERYTHING
    pairs = ("*",)

    def on_fill(self, order: OrderEvent) -> None:
        """Write it down."""
        self._record(order)


class Braked(_Recorder):
    """Listens to one pair, and takes as long over each fill as the stage says before it writes it down.

    It always gives up its turn first: whoever acknowledges what is not handled yet loses it with the next crash.

    Args:
        directory: where the recording and the brake are.
        braked_pair: which pair.
    """

    name = BRAKED

    def __init__(self, directory: Path, braked_pair: str) -> None:
        super().__init__(directory)
        self.pairs = (braked_pair,)
        self._brake = Brake(directory)

    async def on_fill(self, order: OrderEvent) -> None:
        """Take the time, and write it down."""
        await asyncio.sleep(self._brake.read() / 1e3)
        self._record(order)


class Quick(_Recorder):
    """Listens to the pair of the braked one, with which it shares a reading until that one falls behind.

    Args:
        directory: where the recording goes.
        braked_pair: which pair.
    """

    name = QUICK

    def __init__(self, directory: Path, braked_pair: str) -> None:
        super().__init__(directory)
        self.pairs = (braked_pair,)

    async def on_fill(self, order: OrderEvent) -> None:
        """Write it down."""
        self._record(order)


class Naming(Strategy):
    """Names pairs, and does nothing: in a pair that nobody names not all is found again where the venue is not asked for all.

    Args:
        named_pairs: which ones, with commas between them.
    """

    def __init__(self, named_pairs: str) -> None:
        self.pairs = tuple(named_pairs.split(","))


class Countering(Strategy):
    """Places a counter-order to each of the fills that the stage asks it for, once whatever dies meanwhile.

    Which fill causes an order is written down before anything is sent, so that it does so again when it is delivered again.
    An outcome that is unknown is resolved by asking for the order, and nothing is given up.

    Args:
        directory: where the recording and the gate are.
        countered_pair: which pair.
        rests: whether counter-orders stay open. Else they end at once, and only the gateway knows that one was placed: most
            venues take a client order id again when its order has ended.
    """

    name = COUNTERING

    def __init__(self, directory: Path, countered_pair: str, rests: bool) -> None:
        self.pairs = (countered_pair,)
        self._path = recording_path(directory, self.name)
        self._gate = Gate(directory)
        self._lasts = TimeInForce.GTC if rests else TimeInForce.IOC
        self._file = -1
        self._wanted: dict[str, str] = {}  # client order id by cause
        self._taken: Counter[str] = Counter()  # fills by token

    def on_start(self) -> None:
        """Read what an earlier life wanted."""
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
        for line in RecordingReader(self._path).new_lines():
            if line["step"] == "wanted":
                self._wanted[line["event_id"]] = line["client_order_id"]
                self._taken[line["token"]] += 1

    async def on_fill(self, order: OrderEvent) -> None:
        """Place the counter-order, if the fill is to cause one."""
        client_order_id = self._wanted.get(order.event_id)
        if client_order_id is not None:  # by an earlier life, or an earlier call
            await self._counter(order, client_order_id)
            self._write(step="answered", event_id=order.event_id)
            return
        asked = self._gate.read()
        if asked is None or self._taken[asked.token] >= len(asked.holds):
            return
        index = self._taken[asked.token]
        self._taken[asked.token] += 1
        client_order_id = derive_client_order_id(self.name, order.event_id)
        self._wanted[order.event_id] = client_order_id
        self._write(
            step="wanted",
            event_id=order.event_id,
            client_order_id=client_order_id,
            token=asked.token,
            index=index,
        )
        if asked.holds[index] == BEFORE:
            await self._hold(asked.token, index)
        await self._counter(order, client_order_id)
        if asked.holds[index] == AFTER:
            await self._hold(asked.token, index)
        self._write(step="answered", event_id=order.event_id)

    async def _hold(self, token: str, index: int) -> None:
        """Stand still until the stage lets this one go, or kills us."""
        self._write(step="held", token=token, index=index)
        while True:
            asked = self._gate.read()
            if asked is None or asked.token != token or asked.released > index:
                return
            await asyncio.sleep(_LOOK_S)

    async def _counter(self, order: OrderEvent, client_order_id: str) -> None:
        """Have a counter-order of this id at the venue, however often it must be asked for."""
        side, price, quantity = await self._terms(order)
        while True:
            answer = await self.place_order(
                order.pair,
                side,
                quantity,
                price=price,
                time_in_force=self._lasts,
                client_order_id=client_order_id,
            )
            if answer.outcome is Outcome.UNKNOWN:
                answer = await self.get_order(order.pair, client_order_id=client_order_id)
            if answer.outcome is Outcome.ACCEPTED:
                return
            await asyncio.sleep(_AGAIN_S)

    async def _terms(self, order: OrderEvent) -> tuple[Side, Decimal, Decimal]:
        """Return an order that never executes: on the other side, far from the market, of a value that venues take."""
        rules = PairRules()
        while rules.price_step is None or rules.quantity_step is None:
            try:
                rules = await self.pair_rules(order.pair)
            except RulesUnknown:
                await asyncio.sleep(_AGAIN_S)
        if order.last_fill is None:
            raise AssertionError("a fill has an execution")
        side = Side.SELL if order.side is Side.BUY else Side.BUY
        far = order.last_fill.price * (2 if side is Side.SELL else Decimal("0.5"))
        price = (far / rules.price_step).to_integral_value(ROUND_FLOOR) * rules.price_step
        value = max(rules.min_notional or _ZERO, _LEAST_VALUE)
        # Not all that a venue requires of a quantity is published for every kind of instrument.
        unit = max(rules.quantity_step, _COARSE)
        quantity = (value / price / unit).to_integral_value(ROUND_CEILING) * unit
        return side, price, max(quantity, rules.min_quantity or _ZERO)

    def _write(self, **line: object) -> None:
        line["time_ns"] = time.time_ns()
        os.write(self._file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def on_stop(self) -> None:
        """Close the recording."""
        os.close(self._file)
