"""The `fillwire` command as a process: pipes, exit statuses, what it says."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fillwire.venues.parsing import EXCHANGES

FILLWIRE = [sys.executable, "-m", "fillwire"]
DATA = Path(__file__).parents[1] / "data" / "binance"
DEADLINE_S = 30


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command to its end."""
    return subprocess.run(  # noqa: S603 - our own command
        [*FILLWIRE, *arguments], input=stdin, capture_output=True, timeout=DEADLINE_S, check=False
    )


@pytest.fixture
def parser() -> Iterator[subprocess.Popen[bytes]]:
    """A running `fillwire parse`."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [*FILLWIRE, "parse", "--exchange", "binance"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(DEADLINE_S) == 0


def test_parse_answers_each_frame_in_order() -> None:
    """One line in is one line out, whatever the frames; the exit status is 0."""
    raws = [
        json.loads(line)["raw"]
        for name in ("frames", "refused")
        for line in (DATA / f"{name}.jsonl").read_text().splitlines()
    ]
    frames = [raw.replace("\n", " ").encode("utf-8", "surrogatepass") for raw in raws]
    done = run("parse", "--exchange", "binance", stdin=b"\n".join([*frames, b"", b"\xff"]) + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(frames) + 2
    assert {key for answer in answers for key in answer} == {"events", "control", "error"}
    assert answers[-2]["error"]["code"] == "empty_frame"
    assert answers[-1]["error"]["code"] == "invalid_utf8"


def test_parse_answers_while_its_input_stays_open(parser: subprocess.Popen[bytes]) -> None:
    """A frame is answered at once, so that the command can stand in a pipe."""
    assert parser.stdin is not None
    assert parser.stdout is not None
    for _ in range(3):
        parser.stdin.write(b'{"e":"serverShutdown","E":1773000000000}\n')
        parser.stdin.flush()
        assert json.loads(parser.stdout.readline())["control"]["type"] == "server_shutdown"


def test_parse_takes_the_account_and_the_symbols(tmp_path: Path) -> None:
    """Options name the account, the table and the unit of times."""
    table = tmp_path / "exchange_info.json"
    table.write_text('{"symbols":[{"symbol":"LTCBNB","baseAsset":"LT","quoteAsset":"CBNB"}]}')
    (frame, *_) = (DATA / "frames.jsonl").read_text().splitlines()
    raw = json.loads(frame)["raw"].encode()
    options = ("--exchange", "binance", "--user", "bob", "--environment", "test", "--symbols", str(table))
    (event,) = json.loads(run("parse", *options, stdin=raw).stdout)["events"]
    assert (event["user"], event["environment"], event["pair"]) == ("bob", "test", "LT-CBNB")
    error = json.loads(run("parse", *options, "--microseconds", stdin=raw).stdout)["error"]
    assert error["code"] == "time_out_of_range"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--exchange", "kraken"),
            f"fillwire: unknown exchange 'kraken': expected one of {', '.join(EXCHANGES)}\n",
        ),
        (
            ("--exchange", "binance", "--symbols", "/none.json"),
            "fillwire: cannot read symbols from /none.json: No such file or directory\n",
        ),
    ],
)
def test_a_wrong_option_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    """What the command line says wrong is one line on standard error and exit status 2."""
    done = run("parse", *arguments)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", sentence)


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "recording", "--param", "path=recorded", "--user", "alice"),
        ("host",),
        ("manager",),
        ("recorder",),
        ("trades", "list"),
        ("bots", "list"),
    ],
    ids=" ".join,
)
def test_wrong_settings_end_each_command_alike(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Whether settings are read before the loop runs or in it, the status is the one that scripts are told of: 2."""
    config = tmp_path / "wrong.json"
    config.write_text('{"natz": {}}')
    done = run(*arguments, "--config", str(config))
    assert (done.returncode, done.stdout) == (2, b"")
    assert "natz: unknown key" in done.stderr.decode()


def test_help_lists_the_commands_without_importing_them() -> None:
    """The list of commands comes from a table, so that help and every command start fast."""
    code = (
        "import sys; from fillwire.cli import COMMANDS, main; main(['--help'], standalone_mode=False);"
        "print([name for name in COMMANDS if COMMANDS[name][0].split(':')[0] in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], capture_output=True, timeout=DEADLINE_S, check=True, text=True
    )
    assert "parse" in done.stdout
    assert done.stdout.endswith("[]\n")


def test_every_command_can_be_imported() -> None:
    """Each entry of the table names a command that exists; `--help` of it shows its options."""
    code = (
        "from fillwire.cli import COMMANDS, main\n"
        "for name in COMMANDS: main([name, '--help'], standalone_mode=False)"
    )
    arguments = [sys.executable, "-c", code]
    subprocess.run(arguments, capture_output=True, timeout=DEADLINE_S, check=True)  # noqa: S603 - our own code
