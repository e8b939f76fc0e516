"""`fillwire quarantine` against a real broker, gateway and venue: what was refused is listed, shown, read again, discarded."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from fillwire.bus import api
from fillwire.bus.buckets import DECISIONS
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.identifiers import Account
from fillwire.domain.readings import FrameReading, ReadingOutcome, ReadingRequest
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.venues.symbols import SymbolTable
from fillwire.wire.commands import READ_AGAIN, decode_frame_reading, encode_command
from fillwire.wire.refused_frames import RefusedFrame, refused_frame_id
from fillwire.wire.subjects import quarantine_subject
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, Rig, rig
from support.processes import python

# The records are not compared meanwhile: what is published comes from the frames.
SELDOM = ReconcilePolicy(audit_interval_s=3600, sweep_interval_s=3600, follow_up_s=(3600,))


async def quarantine(it: Rig, *arguments: str, status: int = 0) -> tuple[list[str], list[str]]:
    """Run the command to its end and return what it said on both streams."""
    async with python("-m", "fillwire", "quarantine", *arguments, "--nats", it.broker.url) as process:
        assert await process.ended() == status, process.errors
        return process.lines, process.errors


async def documents(it: Rig, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    """Return what the command says as JSON."""
    lines, _ = await quarantine(it, *arguments, "--json", status=status)
    found: list[dict[str, Any]] = orjson.loads("\n".join(lines))
    return found


async def kept(it: Rig, frame: bytes, account: Account = ACCOUNT, reason: str = "not understood") -> None:
    """Put a frame into quarantine as a gateway does."""
    said = RefusedFrame(
        reason=reason,
        code="unknown_event",
        field="e",
        offset=5,
        symbol=None,
        order_id=None,
        received_time_ns=1_773_000_000_000_000_000,
        gateway="gateway-old",
    )
    async with OrderedPublisher(it.bus) as publisher:
        subject = quarantine_subject(account, "unknown")
        publisher.submit(subject, subject, frame, refused_frame_id(account, frame), said.headers())


async def ask(it: Rig, sequence: int) -> FrameReading:
    """Ask the demo account's gateway to read a frame again."""
    return decode_frame_reading(
        await it.ask(READ_AGAIN, encode_command(ReadingRequest(sequence=sequence)), 30.0)
    )


@pytest.mark.timeout(120)
async def test_frames_are_read_again_by_a_new_symbol_table_and_published_once(tmp_path: Path) -> None:
    """Fills of a symbol that was not known are published from quarantine, in order, however often they are replayed."""
    async with rig(tmp_path, reconciling=SELDOM) as it:
        await it.wish("*")
        await it.receiving()
        reference = it.gateway._environments[ACCOUNT.environment].reference
        for use in reference.on_symbols:  # a connection that was opened before the symbol was listed
            use(SymbolTable.of([("ETHUSDT", "ETH-USDT")]))
        reference._symbols_due_s = 0.0
        await it.control(
            "faults", {"kind": "request_error", "method": "exchangeInfo", "api": "rest", "next": 1}
        )
        await it.emit(20, symbols=["BTCUSDT"], orders=2)
        executions = await it.executions()

        async def are_kept() -> bool:
            return len(await documents(it, "list")) == len(executions) + 2  # and that each order was accepted

        await eventually(are_kept, 30.0, "all frames in quarantine")
        assert it.fills == []
        frames = await documents(it, "list", "--user", ACCOUNT.user, "--code", "unknown_symbol")
        assert len(frames) == len(executions) + 2
        assert {(frame["class"], frame["field"], frame["symbol"]) for frame in frames} == {
            ("unknown", "s", "BTCUSDT")
        }
        assert await documents(it, "list", "--user", "somebody") == []
        lines, errors = await quarantine(it, "list", "--limit", "3")
        assert len(lines) == 4
        assert errors[-1] == f"{len(frames)} refused frames waiting for a decision, the newest 3 shown"

        results = await documents(it, "replay", "--code", "unknown_symbol", "--yes")
        assert {result["outcome"] for result in results} == {"done"}
        assert all("1 published" in result["reason"] for result in results)
        await eventually(lambda: len(it.fills) == len(executions), what="all fills published")
        assert by_order(it.fills) == by_order(executions)

        again = await documents(it, "replay", *(str(frame["number"]) for frame in frames))
        assert {result["outcome"] for result in again} == {"decided_before"}
        # Without the memory of the decisions and of the gateway.
        await api.call(it.bus, f"STREAM.DELETE.{DECISIONS.stream}")
        await it.stop()
        await it.start()
        await it.receiving()
        results = await documents(it, "replay", "--code", "unknown_symbol", "--yes")
        assert {result["outcome"] for result in results} == {"done"}
        assert all("1 known already" in result["reason"] for result in results)
        assert len(await it.logged()) == len(frames)


def by_order(event_ids: list[str]) -> dict[str, list[str]]:
    """Return event ids by order, in their order."""
    orders: dict[str, list[str]] = {}
    for event_id in event_ids:
        orders.setdefault(event_id.rpartition(":")[0], []).append(event_id)
    return orders


async def test_a_frame_that_is_refused_again_waits_on_until_somebody_discards_it(tmp_path: Path) -> None:
    """The reason is told, nothing is kept twice, and the decision says who made it and why."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "corrupt", "how": "truncated", "next": 1})
        await it.emit(5)

        async def is_kept() -> bool:
            return len(await documents(it, "list")) == 1

        await eventually(is_kept, 20.0, "a frame in quarantine")
        (result,) = await documents(it, "replay", "1", status=3)
        assert result["outcome"] == "not_done"
        assert result["reason"].startswith("refused: malformed frame from binance: ")
        assert [frame["number"] for frame in await documents(it, "list", "--all")] == [1]
        await quarantine(it, "discard", "1", status=2)  # nobody is there to be asked
        _, errors = await quarantine(it, "discard", "1", "--yes", "--reason", "seen at the venue")
        (line,) = [orjson.loads(line) for line in errors if line.startswith("{")]
        assert (line["event"], line["frame"], line["reason"]) == ("frame_discarded", 1, "seen at the venue")
        assert await documents(it, "list") == []
        (frame,) = await documents(it, "list", "--all")
        assert frame["decision"]["verdict"] == "discarded"


async def test_a_frame_is_shown_without_harm_and_written_as_it_came(tmp_path: Path) -> None:
    """Neither control codes nor keys reach the terminal; the file has every byte."""
    async with rig(tmp_path) as it:
        body = b'{"e":"\x1b]0;owned\x07","listenKey":"pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1","x":"\xff\xfe"}'
        await kept(it, body, reason="the event \x1b[2J is unknown")
        copy = tmp_path / "frame.bin"
        lines, _ = await quarantine(it, "show", "1", "--output", str(copy))
        shown = "\n".join(lines)
        assert "\x1b" not in shown
        assert "\\x1b]0;owned\\x07" in shown
        assert "\\xff\\xfe" in shown
        assert "pqia91ma19a5s61" not in shown
        assert "unknown_event" in shown
        assert "2026-03-08" in shown
        assert copy.read_bytes() == body
        lines, _ = await quarantine(it, "list")
        assert "\x1b" not in "\n".join(lines)


async def test_a_gateway_reads_frames_of_its_own_account_only(tmp_path: Path) -> None:
    """What another's stream of frames holds, what is none, and what there is not, is not read; nor without connection."""
    async with rig(tmp_path) as it:
        await kept(it, b'{"e":"executionReport"}', Account("bob", "binance", "simulated"))
        await kept(it, b'{"e":"executionReport"}')
        await it.wish("BTC-USDT")
        await it.receiving()
        reading = await ask(it, 1)
        assert reading.outcome is ReadingOutcome.FAILED
        assert reading.reason is not None
        assert "expected one of demo@binance/simulated, was one of bob@binance/simulated" in reading.reason
        assert (await ask(it, 2)).outcome is ReadingOutcome.REFUSED
        assert (await ask(it, 99)).reason == (
            "not read: cannot decode refused frame 99 at /: expected one that is kept, found none"
        )
        (result,) = await documents(it, "replay", "1", status=3)
        assert "no gateway holds bob@binance/simulated" in result["reason"]
        assert it.orders == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("replay",), "no refused frame is chosen: expected numbers as `list` shows them, or a filter"),
        (("show", "7"), "no refused frame 7: expected a number as `list --all` shows it"),
        (("list", "--since", "yesterday"), "--since is 'yesterday': expected a time with its zone"),
    ],
)
async def test_a_wrong_option_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """What is wrong is said, and nothing is decided."""
    async with (
        rig(tmp_path) as it,
        python("-m", "fillwire", "quarantine", *arguments, "--nats", it.broker.url) as process,
    ):
        assert await process.ended() in {1, 2}
        assert len(process.errors) == 1
        assert sentence in process.errors[0]
