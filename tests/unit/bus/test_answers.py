"""What follows from what a stream answers, in the server's own bytes."""

import pytest

from fillwire.bus.answers import Answer, Verdict, read_answer


def _refusal(code: int, error_code: int, description: str) -> bytes:
    return b'{"error":{"code":%d,"err_code":%d,"description":"%b"},"stream":"ORDERS","seq":0}' % (
        code,
        error_code,
        description.encode(),
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"stream":"ORDERS","seq":7}', Answer(Verdict.STORED, 7)),
        (b'{"stream":"ORDERS","seq":7,"duplicate":true}', Answer(Verdict.STORED, 7, is_duplicate=True)),
        (
            _refusal(400, 10077, "maximum messages per subject exceeded"),
            Answer(Verdict.STORED, is_duplicate=True),
        ),
        (_refusal(503, 10077, "maximum bytes exceeded"), Answer(Verdict.ASK_AGAIN)),
        (_refusal(503, 10008, "system temporarily unavailable"), Answer(Verdict.ASK_AGAIN)),
        (_refusal(429, 10167, "too many requests"), Answer(Verdict.ASK_AGAIN)),
        (_refusal(409, 10158, "duplicate message id is in process"), Answer(Verdict.ASK_AGAIN)),
        (
            _refusal(400, 10054, "message size exceeds maximum allowed"),
            Answer(Verdict.REFUSED, reason="message size exceeds maximum allowed (code 400, error 10054)"),
        ),
    ],
)
def test_an_answer_is_read_as_the_server_means_it(data: bytes, expected: Answer) -> None:
    """Stored, stored before, not now, never."""
    assert read_answer(data, b"") == expected


@pytest.mark.parametrize(
    "data", [b"", b"+OK", b"[]", b"7", b"{}", b'{"error":7}', b'{"error":{}}', b'{"seq"']
)
def test_what_is_no_acknowledgement_is_asked_again(data: bytes) -> None:
    """Somebody else answered on the inbox: nothing is known of the message."""
    assert read_answer(data, b"").verdict is Verdict.ASK_AGAIN


def test_no_stream_at_the_moment_is_asked_again() -> None:
    """503 without a body: nobody takes the subject while a leader is elected."""
    assert read_answer(b"", b"NATS/1.0 503\r\n\r\n").verdict is Verdict.ASK_AGAIN
