"""The simulator's MessagePack and the format's own library read each other."""

import msgpack
from hypothesis import given
from hypothesis import strategies as st

from fillwire.simulator.alpaca.message_pack import pack, unpack

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20),
    max_leaves=40,
)


@given(DOCUMENTS)
def test_message_pack_is_what_others_read_and_write(document: object) -> None:
    """The two codecs read each other."""
    assert msgpack.unpackb(pack(document)) == document
    assert unpack(msgpack.packb(document)) == document


@given(st.binary(max_size=60))
def test_what_is_no_message_pack_is_refused(data: bytes) -> None:
    """Any bytes are one value or a ValueError."""
    try:
        unpack(data)
    except ValueError:
        return
    msgpack.unpackb(data, strict_map_key=False, raw=True)
