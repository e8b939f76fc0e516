"""The bot that writes down every execution."""

import os
from pathlib import Path

import orjson
import pytest

from fillwire.bots.shipped.recording import RecordingBot
from fillwire.domain.enums import Kind
from fillwire.domain.errors import ConfigError
from support.order_events import order_event


def test_each_execution_is_one_line_at_once_doubles_included(tmp_path: Path) -> None:
    """What a bot is told is on file before the callback returns, in order, and nothing is filtered."""
    path = tmp_path / "recording.jsonl"
    bot = RecordingBot(path)
    bot.on_start()
    partial = order_event(kind=Kind.PARTIALLY_FILLED, cumulative="0.2", trade=7)
    for event in (partial, order_event(trade=8), order_event(trade=8)):
        bot.on_fill(event)
    lines = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert [line["event_id"] for line in lines] == [partial.event_id, *[order_event(trade=8).event_id] * 2]
    assert lines[0] | {"called_time_ns": 0} == {
        "event_id": partial.event_id,
        "order": "BTCUSDT:1",
        "pair": "BTC-USDT",
        "kind": "partially_filled",
        "side": "buy",
        "trade_id": "7",
        "quantity": "0.2",
        "price": "64000",
        "exchange_time_ns": partial.exchange_time_ns,
        "received_time_ns": partial.received_time_ns,
        "called_time_ns": 0,
    }
    assert bot.recorded_count == 3
    bot.on_stop()
    with pytest.raises(RuntimeError, match="before on_start"):
        bot.on_fill(partial)


def test_a_restarted_bot_appends(tmp_path: Path) -> None:
    """What was recorded before stays."""
    path = tmp_path / "recording.jsonl"
    for _ in range(2):
        bot = RecordingBot(path)
        bot.on_start()
        bot.on_fill(order_event())
        bot.on_stop()
    assert len(path.read_bytes().splitlines()) == 2


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """The bot does not start without its file."""
    with pytest.raises(ConfigError, match=r"recording .*missing/x\.jsonl cannot be written: No such file"):
        RecordingBot(tmp_path / "missing" / "x.jsonl").on_start()


def test_a_line_that_was_cut_short_is_written_again_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk takes a part only, the callback fails, and its retry begins on a line of its own."""
    path = tmp_path / "recording.jsonl"
    bot = RecordingBot(path)
    bot.on_start()
    whole = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda file, data: whole(file, data[:20] if len(data) > 1 else data))
        with pytest.raises(OSError, match="20 of "):
            bot.on_fill(order_event())
    bot.on_fill(order_event())
    lines = path.read_bytes().splitlines()
    assert len(lines) == 2
    assert orjson.loads(lines[1])["event_id"] == order_event().event_id
    bot.on_stop()
