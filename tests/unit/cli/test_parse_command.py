"""`fillwire parse`: frames from bytes, one line each, and the table of symbols."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from fillwire.cli.parse import batches, read_symbols, result_line
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import Parser

NOW_NS = 1_795_000_000 * 10**9
PARSER = Parser(Account("alice", "binance", "live"), {"SOLUSDT": "SOL-USDT"})
NEW = {
    "e": "executionReport",
    "E": 1773000000123,
    "s": "SOLUSDT",
    "c": "a",
    "S": "BUY",
    "o": "LIMIT",
    "f": "GTC",
    "q": "10",
    "p": "150",
    "x": "NEW",
    "X": "NEW",
    "i": 7,
    "l": "0",
    "z": "0",
    "L": "0",
    "n": "0",
    "N": None,
    "T": 1773000000122,
    "t": -1,
}


class Trickle:
    """A source that gives its pieces one by one."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, size: int, /) -> bytes:
        """Return the next piece."""
        assert all(len(piece) <= size for piece in self._pieces)
        return self._pieces.pop(0) if self._pieces else b""


def lines_of(source: Trickle, limit: int = 100) -> list[bytes]:
    """Return all lines of a source."""
    return [line for lines in batches(source, limit) for line in lines]


def answer(frame: bytes) -> Any:
    """Return the parsed answer to a frame, which must be one line."""
    line = result_line(PARSER, frame, NOW_NS)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line)


def test_lines_do_not_depend_on_how_they_arrive() -> None:
    """Pieces that end in the middle of lines give the same lines; the last one needs no line end."""
    text = b"one\n\ntwo\r\n\xff\nlast"
    expected = [b"one", b"", b"two\r", b"\xff", b"last"]
    assert lines_of(Trickle(text)) == expected
    assert lines_of(Trickle(*(bytes([byte]) for byte in text))) == expected
    assert lines_of(Trickle(b"a\n")) == [b"a"]
    assert lines_of(Trickle()) == []


def test_lines_are_given_as_they_arrive() -> None:
    """A complete line is not held back until the next one comes."""
    source = Trickle(b"one\nt", b"wo\n")
    arriving = batches(source)
    assert next(arriving) == [b"one"]
    assert next(arriving) == [b"two"]


def test_an_endless_line_is_cut() -> None:
    """A line takes no more memory than the longest frame, and the next line is read as usual."""
    assert lines_of(Trickle(b"x" * 60, b"x" * 60, b"x" * 60 + b"\nnext\n")) == [b"x" * 101, b"next"]
    assert lines_of(Trickle(b"x" * 60, b"x" * 60)) == [b"x" * 101]
    assert lines_of(Trickle(b"x" * 100 + b"\n")) == [b"x" * 100]


def test_an_order_event_is_an_event() -> None:
    """The canonical event stands in a list."""
    (event,) = answer(json.dumps(NEW).encode())["events"]
    assert (event["event_id"], event["received_time_ns"]) == ("binance:live:alice:SOLUSDT:7:~new", NOW_NS)


def test_anything_else_is_a_control() -> None:
    """A frame that is no order event stands alone."""
    assert answer(b'{"e":"serverShutdown","E":1773000000000}') == {
        "control": {
            "type": "server_shutdown",
            "subscription_id": None,
            "exchange_time_ns": 1773000000000 * 10**6,
        }
    }


@pytest.mark.parametrize("frame", [b"", b" \r", b"\xff\xfe", b"x" * (4 << 20) + b"y", b'{"e":null}'])
def test_a_bad_frame_is_an_error(frame: bytes) -> None:
    """What is wrong is said in the same form for blank, undecodable, endless and broken lines."""
    error = answer(frame)["error"]
    assert list(error) == ["class", "code", "field", "offset", "message"]
    assert error["class"] == "malformed"


def test_symbols_come_from_exchange_info(tmp_path: Path) -> None:
    """The venue's own list says which pair a symbol is."""
    path = tmp_path / "exchange_info.json"
    rows = [{"symbol": "SOLUSDT", "baseAsset": "SOL", "quoteAsset": "USDT", "status": "TRADING"}]
    path.write_text(json.dumps({"timezone": "UTC", "symbols": rows}))
    assert read_symbols("binance", path) == {"SOLUSDT": "SOL-USDT"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "5",
        '{"symbols":{}}',
        '{"symbols":[]}',
        '{"symbols":[1]}',
        '{"symbols":[{"symbol":"A"}]}',
        '{"symbols":[{"symbol":1,"baseAsset":"A","quoteAsset":"B"}]}',
    ],
)
def test_a_file_that_is_no_exchange_info_is_refused(tmp_path: Path, content: str) -> None:
    """The error names the file and what was expected."""
    path = tmp_path / "exchange_info.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"cannot read symbols from .*exchange_info.json: expected"):
        read_symbols("binance", path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The error says that there is none."""
    with pytest.raises(ConfigError, match="No such file"):
        read_symbols("binance", tmp_path / "none.json")
    with pytest.raises(ConfigError, match="Is a directory"):
        read_symbols("binance", tmp_path)


def test_standard_input_is_such_a_source() -> None:
    """A buffered binary stream gives its lines."""
    assert [line for lines in batches(io.BufferedReader(io.BytesIO(b"a\nb"))) for line in lines] == [
        b"a",
        b"b",
    ]
