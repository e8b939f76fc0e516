"""What is asked and answered about bots, as JSON bytes on `bots.<user>.<verb>`, and what the buckets of bots hold."""

from fillwire.domain.bots import BotAnswer, BotCreation, BotOrder, BotRequest, BotSpec, BotStatus
from fillwire.wire.reader import Reader
from fillwire.wire.writer import write

CREATE = "create"
START = "start"
PAUSE = "pause"
RESUME = "resume"
STOP = "stop"
REMOVE = "remove"
CHANGE = "change"
SHOW = "show"
LIST = "list"
EXECUTE_ORDER = "execute_order"
VERBS = (CREATE, START, PAUSE, RESUME, STOP, REMOVE, CHANGE, SHOW, LIST, EXECUTE_ORDER)

_creation_reader = Reader(BotCreation, "bot creation")
_request_reader = Reader(BotRequest, "bot request")
_order_reader = Reader(BotOrder, "bot order")
_answer_reader = Reader(BotAnswer, "bot answer")
_spec_reader = Reader(BotSpec, "bot's desired state")
_status_reader = Reader(BotStatus, "bot's observed state")


def encode_bot(value: BotCreation | BotRequest | BotOrder | BotAnswer | BotSpec | BotStatus) -> bytes:
    """Return the canonical JSON bytes of a request, an answer, or what a bucket holds."""
    return write(value)


def decode_bot_creation(data: bytes) -> BotCreation:
    """Return the request to create a bot in `data`.

    Raises:
        DecodeError: `data` is none; `pointer` names the first field that is wrong.
    """
    return _creation_reader.read(data)


def decode_bot_request(data: bytes) -> BotRequest:
    """Return the request about a bot in `data`.

    Raises:
        DecodeError: as `decode_bot_creation`.
    """
    return _request_reader.read(data)


def decode_bot_order(data: bytes) -> BotOrder:
    """Return the request to place an order for a bot in `data`.

    Raises:
        DecodeError: as `decode_bot_creation`.
    """
    return _order_reader.read(data)


def decode_bot_answer(data: bytes) -> BotAnswer:
    """Return the manager's answer in `data`.

    Raises:
        DecodeError: as `decode_bot_creation`.
    """
    return _answer_reader.read(data)


def decode_bot_spec(data: bytes) -> BotSpec:
    """Return the desired state of a bot in `data`.

    Raises:
        DecodeError: as `decode_bot_creation`.
    """
    return _spec_reader.read(data)


def decode_bot_status(data: bytes) -> BotStatus:
    """Return the observed state of a bot in `data`.

    Raises:
        DecodeError: as `decode_bot_creation`.
    """
    return _status_reader.read(data)
