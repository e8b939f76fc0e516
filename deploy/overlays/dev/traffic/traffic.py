"""Has a bot trade at each simulated exchange and lets executions come, then looks for each of them.

For every order that was executed here, the log must have all of its executions, and Jaeger the bot's callback for the one
that filled it; the bot has none for the others.
Prints a line of JSON for each exchange; exits with 1 if anything is missing, and names it.
"""

import argparse
import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from decimal import Decimal
from typing import Any, Final

USER: Final = "demo"
ENVIRONMENT: Final = "simulated"
_HOST: Final = "fillwire-host"
_SPREAD_PARTS: Final = 10_000
_REQUEST_S: Final = 30
_PAGE: Final = 50_000
_REFUSED: Final = 3
_PAUSE_S: Final = 0.5


class MissingError(Exception):
    """What should be there is not; the message says what."""


def fillwire(*arguments: str) -> tuple[int, Any]:
    """Run a command that answers in JSON; return its exit status and its answer, None if it gave none."""
    command = [sys.executable, "-m", "fillwire", *arguments, "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)  # noqa: S603 - our own program
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, done.stderr.strip() or None


class Traffic:
    """What is done at one exchange.

    Args:
        exchange: its name.
        address: of its simulator.
        until_s: when to give up, by the monotonic clock.
    """

    def __init__(self, exchange: str, address: str, until_s: float) -> None:
        self._exchange = exchange
        self._address = address
        self._until_s = until_s

    def _ask(self, path: str, body: dict[str, object] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._address}/sim/{path}", data=data)  # noqa: S310 - the address is an argument of whoever starts this
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=_REQUEST_S) as response:  # noqa: S310 - as above
            return json.load(response)

    def _wait(self, what: str) -> None:
        if time.monotonic() > self._until_s:
            raise MissingError(f"{self._exchange}: {what}")
        time.sleep(_PAUSE_S)

    def play(self, count: int, rate: int, jaeger: str | None) -> dict[str, object]:
        """Let `count` executions come at `rate` per second; return what was found of them.

        Raises:
            MissingError: something is not there when the time is over.
        """
        markets = self._await_markets()
        market = next((market for market in markets if market["base"] == "BTC"), markets[0])
        pair = f"{market['base']}-{market['quote']}"
        self._create_bot(pair, Decimal(market["price"]), Decimal(market["tick"]))
        self._await_connection()
        before = self._ask(f"executions?user={USER}&limit=0")["total"]
        orders = max(1, count // 10)
        emission = {
            "user": USER,
            "symbols": [market["symbol"]],
            "rate": rate,
            "count": count,
            "orders": orders,
        }
        job = self._ask("emit", emission)["job"]
        while self._ask(f"emit/{job}")["state"] == "running":
            self._wait(f"the emission of {count} executions has not ended")
        rows = self._ask(f"executions?user={USER}&since={before}&limit={_PAGE}")["rows"]
        wanted = Counter(str(order_id) for _, order_id, *_ in rows)
        told = sum(self._find(order_id, executions, jaeger) for order_id, executions in wanted.items())
        counts = {"orders": len(wanted), "executions": wanted.total(), "callbacks": told}
        return {"exchange": self._exchange, "pair": pair, **counts}

    def _await_markets(self) -> Any:
        """A network that has not heard of this pod yet refuses what its policies let through."""
        while True:
            try:
                return self._ask("symbols")
            except OSError as error:
                self._wait(f"its simulator does not answer: {error}")

    def _create_bot(self, pair: str, price: Decimal, tick: Decimal) -> None:
        spread = max(tick, price / _SPREAD_PARTS // tick * tick)
        command = ("bots", "create", f"{USER}/traffic-{self._exchange}", "--strategy", "ping-pong")
        place = ("--exchange", self._exchange, "--environment", ENVIRONMENT, "--pair", pair)
        while True:
            status, answer = fillwire(
                *command, *place, "--param", f"price={price}", "--param", f"spread={spread}"
            )
            is_there = isinstance(answer, dict) and answer.get("outcome") == "conflict"
            if status == 0 or (status == _REFUSED and is_there):
                return
            self._wait(f"the bot was not created: {answer}")

    def _await_connection(self) -> None:
        while True:
            _, shown = fillwire("status", "--user", USER)
            states = {entry["exchange"]: entry["state"] for entry in shown} if isinstance(shown, list) else {}
            if states.get(self._exchange) == "receiving":
                return
            self._wait(f"its account is not receiving: {states.get(self._exchange, shown)}")

    def _find(self, order_id: str, executions: int, jaeger: str | None) -> int:
        """Wait for the executions of an order, and for the callback if it was filled; return how many of these there are."""
        where = ("--user", USER, "--exchange", self._exchange, "--environment", ENVIRONMENT)
        source = () if jaeger is None else ("--jaeger", jaeger)
        while True:
            status, shown = fillwire("trace", order_id, *where, *source)
            fills = [event for event in shown if event["trade_id"]] if status == 0 else []
            filled = [event for event in fills if event["kind"] == "filled"]
            told = [event for event in filled if any(span["service"] == _HOST for span in event["spans"])]
            # More than were asked for, if the bot's own order went on meanwhile.
            if len(fills) >= executions and (jaeger is None or len(told) == len(filled)):
                return len(told)
            self._wait(
                f"order {order_id}: expected {executions} executions in the log, found {len(fills)}; "
                f"{len(told)} of {len(filled)} that filled it were told to a bot"
            )


def main() -> int:
    """Play at all exchanges, one after the other; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venue", action="append", required=True, metavar="EXCHANGE=URL")
    parser.add_argument(
        "--jaeger", metavar="URL", help="where its queries are answered; without it, only the log is asked"
    )
    parser.add_argument("--count", type=int, default=100, help="executions at each exchange")
    parser.add_argument("--rate", type=int, default=20, help="of them per second")
    parser.add_argument("--deadline", type=float, default=180.0, metavar="SECONDS", help="for each exchange")
    chosen = parser.parse_args()
    for venue in chosen.venue:
        exchange, _, address = venue.partition("=")
        traffic = Traffic(exchange, address, time.monotonic() + chosen.deadline)
        try:
            sys.stdout.write(json.dumps(traffic.play(chosen.count, chosen.rate, chosen.jaeger)) + "\n")
        except (MissingError, OSError) as error:
            sys.stderr.write(f"traffic: {error}\n")
            return 1
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
