"""What the headers of an order event say of its way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.bus.messages import parse_headers
from fillwire.runtime.tracing import is_parent_sampled
from fillwire.wire.headers import STAMPS, TRACEPARENT, Stamps, parse_stamps, read_arrival


def test_stamps_are_three_integers() -> None:
    """The header is clock offset, parsed and published, in nanoseconds, with commas between them."""
    stamps = Stamps(clock_offset_ns=-1_250_000, parsed_ns=1_773_000_009_009_750_000, published_ns=2)
    assert stamps.encode() == "-1250000,1773000009009750000,2"
    assert parse_stamps(stamps.encode()) == stamps


@pytest.mark.parametrize("text", ["", "1,2", "1,2,3,4", "1,2,x", "1,2,3.5", "1,,3", "1;2;3"])
def test_other_text_is_refused(text: str) -> None:
    """A header of another maker is refused, and shown."""
    with pytest.raises(
        ValueError, match="expected clock offset, parsed and published in nanoseconds, was "
    ) as caught:
        parse_stamps(text)
    assert repr(text) in str(caught.value)


_stamps = st.one_of(
    st.builds(Stamps, *[st.integers(-(2**63), 2**63 - 1)] * 3).map(Stamps.encode),
    st.sampled_from(["", "1,2", "1,2,3,4", "1,2,x", "1,,3", f"1,2,{2**63}", "somebody else's"]),
)
_parents = st.one_of(
    st.from_regex(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]", fullmatch=True),
    st.sampled_from(["", "00-short-01"]),
)
_lines = st.lists(
    st.one_of(
        st.tuples(st.just(STAMPS), _stamps),
        st.tuples(st.just(TRACEPARENT), _parents),
        st.tuples(st.sampled_from(["Nats-Msg-Id", f"X-{STAMPS}", "Traceparent"]), st.just("1,2,3")),
    ),
    unique_by=lambda line: line[0],
)


@given(_lines)
def test_a_host_reads_what_the_headers_say_one_by_one(lines: list[tuple[str, str]]) -> None:
    """The extension reads both at once, whichever stand there; numbers that 64 bits cannot hold are left out."""
    block = "".join(("NATS/1.0\r\n", *(f"{name}: {value}\r\n" for name, value in lines), "\r\n")).encode()
    headers = parse_headers(block)
    try:
        stamps: tuple[int | None, ...] = parse_stamps(headers[STAMPS])
    except (KeyError, ValueError):
        stamps = None, None, None
    if any(stamp is not None and not -(2**63) <= stamp < 2**63 for stamp in stamps):
        stamps = None, None, None
    assert read_arrival(block) == (*stamps, is_parent_sampled(headers.get(TRACEPARENT)))


@given(st.binary())
def test_no_block_breaks_the_reading(block: bytes) -> None:
    """A host reads what anybody may have published."""
    read_arrival(block)
    read_arrival(b"NATS/1.0\r\n%b: %b" % (STAMPS.encode(), block))
