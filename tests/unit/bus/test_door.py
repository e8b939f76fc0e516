"""Which requests for consumers the door hands on."""

from typing import Any

import orjson
import pytest

from fillwire.bus.door import Refused, checked_request

CONFIG: dict[str, Any] = {
    "name": "bot",
    "durable_name": "bot",
    "ack_policy": "all",
    "max_ack_pending": 256,
    "filter_subjects": ["orders.alice.binance.live.BTC-USDT.*", "orders.alice.binance.live.ETH-USDT.*"],
    "metadata": {"fillwire-claim": "x", "_nats.ver": "2.15.1"},
}


def _request(**fields: Any) -> bytes:
    return orjson.dumps({"stream_name": "ORDERS", "config": CONFIG | fields})


def test_the_tenants_own_stream_stands_in_the_place_of_the_named_one() -> None:
    """Whatever stream a tenant names, it is theirs; the rest goes through as it was said."""
    sent = orjson.loads(checked_request("ORDERS-alice", _request()))
    assert sent == {"stream_name": "ORDERS-alice", "config": CONFIG}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"deliver_subject": "orders.bob.x"},
            "deliver_subject of a consumer: expected none of it from a tenant",
        ),
        ({"deliver_group": "g"}, "deliver_group of a consumer: expected none of it from a tenant"),
        (
            {"flow_control": True, "idle_heartbeat": 1},
            "flow_control, idle_heartbeat of a consumer: expected none",
        ),
        ({"max_ack_pending": 1025}, "max_ack_pending of a consumer: expected 0 to 1024, found 1025"),
        ({"max_ack_pending": -1}, "max_ack_pending of a consumer: expected 0 to 1024, found -1"),
        ({"max_ack_pending": "9"}, "max_ack_pending of a consumer: expected 0 to 1024, found '9'"),
        ({"num_replicas": 6}, "num_replicas of a consumer: expected 0 to 5, found 6"),
        ({"metadata": {"x": "y" * 5000}}, "metadata of a consumer: expected at most 4096 bytes"),
    ],
)
def test_what_would_harm_others_is_refused_in_a_sentence(fields: dict[str, Any], sentence: str) -> None:
    """Above all a subject to deliver on, which the broker would publish on with everybody's rights."""
    with pytest.raises(Refused, match=sentence):
        checked_request("ORDERS-alice", _request(**fields))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"1", b'{"config":null}', b'{"config":[]}', b'{"stream_name":"ORDERS"}']
)
def test_what_is_no_request_is_refused(body: bytes) -> None:
    """Anything can be sent there."""
    with pytest.raises(Refused, match="expected a request to make a consumer, found something else"):
        checked_request("ORDERS-alice", body)


def test_what_is_nested_without_end_is_refused() -> None:
    """It is read, and could not be written again."""
    deep = b'{"config":{"metadata":' + b'{"a":' * 500 + b"1" + b"}" * 502
    with pytest.raises(Refused, match="found one that is nested too deeply"):
        checked_request("ORDERS-alice", deep)


def test_fields_beside_the_configuration_are_refused() -> None:
    """A newer broker may give them a meaning."""
    with pytest.raises(Refused, match="pedantic of a consumer"):
        checked_request("ORDERS-alice", orjson.dumps({"config": CONFIG, "pedantic": True}))
