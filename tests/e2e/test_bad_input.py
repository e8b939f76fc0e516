"""Every mistake on the command line is answered by one clear sentence and an exit code, never by a traceback alone."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(90)

SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP"  # as somebody would paste it into the file
BOT = 'from fillwire import Strategy\n\n\nclass Bot(Strategy):\n    pairs = ["{pair}"]\n'


def fillwire(directory: Path, *arguments: str) -> tuple[int, str, str]:
    """Run the command and return its exit code, its output and what it said on standard error."""
    result = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "fillwire", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return result.returncode, result.stdout, result.stderr


CASES = {
    "exchange of a gateway": (
        ("gateway", "--exchange", "kraken"),
        ("'kraken'", "expected alpaca or binance or "),
    ),
    "exchange of a simulator": (("simulate", "--exchange", "kraken"), ("'kraken'", "expected binance")),
    "exchange of a parser": (
        ("parse", "--exchange", "kraken"),
        ("'kraken'", "expected one of alpaca, binance,"),
    ),
    "broker of a gateway": (
        ("gateway", "--exchange", "binance", "--nats", "nats://127.0.0.1:1"),
        ("no broker answers at nats://127.0.0.1:1", "expected a NATS server"),
    ),
    "broker of a bot": (
        ("run", "bot.py", "--user", "alice", "--nats", "nats://127.0.0.1:1"),
        ("no broker answers at nats://127.0.0.1:1", "expected a NATS server"),
    ),
    "broker of the status": (
        ("status", "--nats", "nats://127.0.0.1:1"),
        ("no broker answers at nats://127.0.0.1:1", "expected a NATS server"),
    ),
    "key of the configuration": (
        ("gateway", "--exchange", "binance", "--config", "misspelt.json"),
        ("misspelt.json: websokcet: unknown key, did you mean websocket",),
    ),
    "secret in the configuration": (
        ("gateway", "--exchange", "binance", "--config", "secret.json"),
        ("accounts[0].secret: expected env:NAME or file:/path, found the secret itself",),
    ),
    "no encryption": (
        ("gateway", "--exchange", "binance", "--config", "plain.json"),
        ("exchanges.binance.websocketUrl", "ws://"),
    ),
    "absent bot": (("run", "absent.py", "--user", "alice"), ("absent.py does not exist",)),
    "bot that does not import": (
        ("run", "import.py", "--user", "alice"),
        ("import.py, line 1: ModuleNotFoundError",),
    ),
    "bot that raises": (("run", "raise.py", "--user", "alice"), ("raise.py, line 2: ZeroDivisionError",)),
    "file without a bot": (("run", "empty.py", "--user", "alice"), ("empty.py defines no strategy",)),
    "pair of a bot": (("run", "pair.py", "--user", "alice"), ("'BTCUSDT'", "expected BASE-QUOTE")),
    "symbols of a parser": (
        ("parse", "--exchange", "binance", "--symbols", "absent.json"),
        ("absent.json",),
    ),
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the cases name."""
    folder = tmp_path_factory.mktemp("bad")
    account = f'{{"user": "a", "exchange": "binance", "apiKey": "env:KEY", "secret": "{SECRET}"}}'
    for name, text in {
        "misspelt.json": '{"websokcet": {}}',
        "secret.json": f'{{"accounts": [{account}]}}',
        "plain.json": '{"exchanges": {"binance": {"websocketUrl": "ws://example.com/ws-api/v3"}}}',
        "bot.py": BOT.format(pair="BTC-USDT"),
        "pair.py": BOT.format(pair="BTCUSDT"),
        "import.py": "import fillwire_of_another_world\n",
        "raise.py": "one = 1\none / 0\n",
        "empty.py": "one = 1\n",
    }.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_mistake_is_answered_by_a_sentence(directory: Path, case: str) -> None:
    """The command ends with an exit code of its own and names what was found and what was expected."""
    arguments, expected = CASES[case]
    code, output, said = fillwire(directory, *arguments)
    assert code in {1, 2}, said
    assert all(words in said for words in expected), said
    assert "Traceback" not in said
    assert SECRET not in said + output


def test_taken_port_is_named(directory: Path) -> None:
    """A simulator whose port is taken says which, and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, said = fillwire(directory, "simulate", "--exchange", "binance", "--port", str(port))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}: address already in use" in said
    assert "Traceback" not in said
