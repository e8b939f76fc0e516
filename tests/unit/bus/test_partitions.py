"""Into how many partitions a log can be divided."""

import pytest

from fillwire.bus.partitions import MOST, Partitions, partitions_of
from fillwire.domain.errors import ConfigError
from fillwire.sdk.orders import Orders


@pytest.mark.parametrize("count", [-1, 0, MOST + 1, 10**9])
def test_a_number_that_there_cannot_be_is_refused(count: int) -> None:
    """Instead of a log without streams, or of more than anybody has."""
    with pytest.raises(ConfigError, match=rf"^partitions is {count}: expected 1 to {MOST}$"):
        Partitions(count)


async def test_a_program_that_says_such_a_number_is_told_so() -> None:
    """Before it connects."""
    orders = Orders("nats://127.0.0.1:1", user="alice", exchange="binance", partitions=0)
    with pytest.raises(ConfigError, match="partitions is 0: expected 1"):
        await orders.__aenter__()


@pytest.mark.parametrize("count", [1, 2, MOST])
def test_what_a_stream_takes_says_how_many_there_are(count: int) -> None:
    """Of each partition alike."""
    partitions = Partitions(count)
    assert len(partitions.streams) == count
    for number in (0, count - 1):
        assert partitions_of(list(partitions.subjects(number))) == partitions
