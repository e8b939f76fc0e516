"""Names and starting points of consumers, as the broker wants them."""

import pytest

from fillwire.bus.durables import StartAtSequence, StartAtTime, deliver_fields, require_consumer_name
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import escape_token


@pytest.mark.parametrize("name", ["bot", "grid-1", "a_b", escape_token("alice.grid/BTC*"), escape_token("")])
def test_escaped_tokens_are_names(name: str) -> None:
    """Whatever a user calls a bot, its escaped name serves."""
    assert require_consumer_name(name) == name


@pytest.mark.parametrize("name", ["", "a.b", "a b", "a/b", "a*", ">", "ä", "a\n"])
def test_anything_else_is_refused(name: str) -> None:
    """Such a name would become several tokens of a subject, or a wildcard in a permission."""
    with pytest.raises(ConfigError, match="expected characters of"):
        require_consumer_name(name)


def test_start_time_keeps_its_nanoseconds() -> None:
    """An event stored one nanosecond earlier is not delivered, so none may be rounded away."""
    assert deliver_fields(StartAtTime(1_700_000_000_000_000_001)) == {
        "deliver_policy": "by_start_time",
        "opt_start_time": "2023-11-14T22:13:20.000000001Z",
    }


def test_other_starts_are_the_brokers_policies() -> None:
    """A sequence, and the policies by name."""
    assert deliver_fields(StartAtSequence(7)) == {"deliver_policy": "by_start_sequence", "opt_start_seq": 7}
    assert deliver_fields("new") == {"deliver_policy": "new"}
    assert deliver_fields("last_per_subject") == {"deliver_policy": "last_per_subject"}
