"""Two tenants at one broker: what one can try against the other, and against the system, comes to nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from fillwire.bus import api
from fillwire.bus.buckets import BOOKS, BOTS, DESIRED, LEASES, STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.durables import create_consumer, ensure_consumer
from fillwire.bus.errors import ApiRefused, NoResponder, RequestTimedOut
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import newest_message, stored_message
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.bus.tenants import API_PREFIX, TenantLimits
from fillwire.cli.users.registry import Kind
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.metric_names import DOOR_REQUESTS
from fillwire.runtime.metrics import Metrics
from support.eventually import eventually
from support.tenancy import Tenancy, tenancy

_KIB = 1 << 10
_SUBJECT = "orders.{}.binance.live.BTC-USDT.filled"
_TIGHT = TenantLimits(
    connections=3,
    subscriptions=40,
    payload_bytes=16 * _KIB,
    consumers=5,
    ack_pending=10,
    log_bytes=64 * _KIB,
    state_bytes=32 * _KIB,
    letters_bytes=32 * _KIB,
)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Tenancy]:
    """Mallory, whose limits are tight, and bob, of whom the log has an event."""
    kinds = {"mallory": Kind.TENANT, "bob": Kind.TENANT}
    async with tenancy(tmp_path, kinds, {"mallory": _TIGHT}) as made:
        control = await made.connect("control")
        for user in ("bob", "mallory"):
            await control.request(_SUBJECT.format(user), user.encode())
            own = await made.connect(user)
            await eventually(lambda own=own, user=user: _has(own, user.encode()))
            await own.close()
        yield made


async def _read(bus: Bus, subject: str) -> list[bytes]:
    found: list[bytes] = []
    await read_stream(bus, "ORDERS", subject, "all", lambda message: found.append(message.data), deadline_s=5)
    return found


async def _is_refused(bus: Bus, subject: str, body: bytes = b"") -> bool:
    try:
        answer = await bus.request(subject, body, 0.5)
    except NoResponder:
        return True
    except RequestTimedOut:  # where JetStream is not, a broker does not answer to all that it knows
        return subject.startswith("$JS.API.CONSUMER.")
    return b'"error"' in answer and b"JetStream not enabled" in answer


async def test_a_tenant_reads_their_own_events_under_the_sequences_of_the_log(two: Tenancy) -> None:
    """What is read back, looked up and delivered is their part of the log, as the log numbers it."""
    mallory, control = await two.connect("mallory"), await two.connect("control")
    live: list[Message] = []
    await mallory.subscribe("orders.mallory.>", live.append)
    assert await mallory.is_healthy()
    assert await _read(mallory, "orders.mallory.>") == [b"mallory"]
    newest = await newest_message(control, "ORDERS", "orders.mallory.>")
    own = await newest_message(mallory, "ORDERS", "orders.mallory.>")
    assert newest is not None
    assert own is not None
    assert (own.sequence, own.stored_time_ns) == (newest.sequence, newest.stored_time_ns)
    assert await stored_message(mallory, "ORDERS", own.sequence) is not None
    await control.request(_SUBJECT.format("mallory"), b"more")
    await eventually(lambda: [message.data for message in live] == [b"more"])


async def _has(bus: Bus, data: bytes) -> bool:
    newest = await newest_message(bus, "ORDERS", "orders.>")
    return newest is not None and newest.data == data


async def test_a_tenant_reads_nothing_of_another(two: Tenancy) -> None:
    """Neither from the log nor live, nor what is kept by key, under whatever name it is asked for."""
    mallory, control = await two.connect("mallory"), await two.connect("control")
    await Bucket(control, STATUS).put("bob.binance.live", b"connected")
    heard: list[Message] = []
    ears = [
        await mallory.subscribe(subject, heard.append)
        for subject in (
            "orders.bob.>",
            "orders.>",
            "connections.>",
            "commands.>",
            ">",
            "tenants.bob.>",
            "$KV.>",
        )
    ]
    assert await mallory.is_healthy()
    bob = await two.connect("bob")
    await Bucket(bob, DESIRED).put("bob.binance.live.h", b"{}")
    await Bucket(bob, BOOKS).put("bob.binance.live.grid", b"state")
    await control.request(_SUBJECT.format("bob"), b"again")
    await control.publish("connections.bob.binance.live", b"{}")
    await control.is_healthy()
    await mallory.is_healthy()
    assert heard == []
    for ear in ears:  # else it is mallory who hears what mallory asks
        await ear.unsubscribe()
    # The stream that stands for the log holds nothing of bob's, by any filter or number.
    assert await _read(mallory, "orders.bob.>") == []
    number = await newest_message(control, "ORDERS", "orders.bob.>")
    assert number is not None
    assert await stored_message(mallory, "ORDERS", number.sequence) is None
    for stream in (
        "ORDERS-bob",
        "KV_BOOKS-bob",
        "KV_STATUS",
        "DLQ",
        "QUARANTINE",
        "CONNECTIONS",
        "ALERTS",
        "KV_BOTS",
    ):
        for operation in (
            "STREAM.INFO",
            "STREAM.MSG.GET",
            "DIRECT.GET",
            "CONSUMER.LIST",
            "STREAM.DELETE",
            "STREAM.PURGE",
        ):
            for prefix in (API_PREFIX, "$JS.API", "$JS.hub.API"):
                assert await _is_refused(mallory, f"{prefix}.{operation}.{stream}"), (
                    prefix,
                    operation,
                    stream,
                )
    for definition in (STATUS, BOOKS, DESIRED, LEASES, BOTS):
        with pytest.raises(BrokerError):
            await Bucket(mallory, definition).look("bob.binance.live")
    assert await Bucket(mallory, STATUS).snapshot("bob.>") == {}


async def test_a_tenant_consumes_nothing_of_another(two: Tenancy) -> None:
    """A consumer of the same name is another one; bob's is neither seen, pulled, acknowledged, moved nor deleted."""
    mallory, bob = await two.connect("mallory"), await two.connect("bob")
    for bus, user in ((bob, "bob"), (mallory, "mallory")):
        await ensure_consumer(
            bus, "ORDERS", "bob=2Egrid", [f"orders.{user}.>"], deliver="all", max_ack_pending=10
        )
    before = await api.call(bob, "CONSUMER.INFO.ORDERS.bob=2Egrid")
    for operation in (
        "CONSUMER.MSG.NEXT",
        "CONSUMER.DELETE",
        "CONSUMER.RESET",
        "CONSUMER.INFO",
        "CONSUMER.PAUSE",
    ):
        for stream in ("ORDERS-bob", "KV_STATUS-bob"):
            for prefix in (API_PREFIX, "$JS.API"):
                assert await _is_refused(mallory, f"{prefix}.{operation}.{stream}.bob=2Egrid"), (
                    prefix,
                    operation,
                )
    await mallory.publish("$JS.ACK.ORDERS-bob.bob=2Egrid.1.1.1.1.0")
    await mallory.publish("$JS.ACK.ORDERS-bob.bob=2Egrid.1.1.1.1.0", b"+TERM")
    # Their own of the same name they do what they like with.
    got: list[Message] = []
    await mallory.subscribe("_INBOX_mallory.own", got.append)
    mallory.write(
        f"PUB {API_PREFIX}.CONSUMER.MSG.NEXT.ORDERS.bob=2Egrid _INBOX_mallory.own 1\r\n1\r\n".encode()
    )
    await eventually(lambda: [message.data for message in got] == [b"mallory"])
    await api.call(mallory, "CONSUMER.DELETE.ORDERS.bob=2Egrid")
    after = await api.call(bob, "CONSUMER.INFO.ORDERS.bob=2Egrid")
    assert [after[key] for key in ("num_pending", "ack_floor", "delivered")] == [
        before[key] for key in ("num_pending", "ack_floor", "delivered")
    ]


async def test_a_tenant_publishes_nothing_as_another_or_as_the_system(two: Tenancy) -> None:
    """Not even events of their own: those only a gateway tells. What the account does not import goes nowhere."""
    mallory, control = await two.connect("mallory"), await two.connect("control")
    heard: list[Message] = []
    await control.subscribe(">", heard.append)
    assert await control.is_healthy()
    for subject in (
        _SUBJECT.format("bob"),
        _SUBJECT.format("mallory"),
        "commands.bob.binance.live.place_order",
        "bots.bob.stop",
        "dlq.bob.grid",
        "alerts.bob.binance.live.bot_lags",
        "connections.mallory.binance.live",
        "quarantine.binance.live.mallory.unknown",
        "gateways.binance",
        "hosts.signs",
        "tenants.bob.desired.binance.live.h",
        "tenants.mallory.desired.binance.live.h",
        "$KV.DESIRED.bob.binance.live.h",
        "$KV.LEASES.mallory.binance.live",
        "$KV.BOTS.mallory.grid",
        "$SYS.REQ.SERVER.PING",
    ):
        assert await _is_refused(mallory, subject, b"forged"), subject
        await mallory.publish(subject, b"forged")
    await mallory.is_healthy()
    # What they may say comes behind all of that, and alone.
    await mallory.publish("commands.mallory.binance.live.status", b"own")
    await eventually(lambda: any(message.data == b"own" for message in heard))
    assert not [message for message in heard if message.data == b"forged"]


async def test_a_reply_subject_injects_nothing(two: Tenancy) -> None:
    """The broker's and a gateway's answers go to the asker's account, whatever subject was named for them."""
    mallory, control = await two.connect("mallory"), await two.connect("control")
    target = _SUBJECT.format("bob")
    answered: list[str] = []

    async def answer(message: Message) -> bytes:
        answered.append(message.reply)
        return b"forged"

    responder = await Responder.start(control, "commands.mallory.binance.live.*", answer)
    own: list[Message] = []
    await mallory.subscribe("orders.bob.>", own.append)
    await mallory.is_healthy()
    body = b'{"batch":1,"no_wait":true}'
    await ensure_consumer(mallory, "ORDERS", "m", ["orders.mallory.>"], deliver="all", max_ack_pending=10)
    for subject, payload in (
        ("commands.mallory.binance.live.status", b""),
        (f"{API_PREFIX}.STREAM.INFO.ORDERS", b""),
        (f"{API_PREFIX}.CONSUMER.MSG.NEXT.ORDERS.m", body),
        ("dlq.mallory.bot", b"letter"),
    ):
        mallory.write(b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), target.encode(), len(payload), payload))
    await eventually(lambda: len(own) >= 4)
    assert answered[0].startswith("_R_.")
    await responder.stop()
    newest = await newest_message(control, "ORDERS", "orders.bob.>")
    assert newest is not None
    assert newest.data == b"bob"


async def test_a_consumer_that_delivers_to_a_subject_of_choice_is_not_to_be_had(two: Tenancy) -> None:
    """It would publish as the system: the door refuses it, and there is no way past the door."""
    mallory, control = await two.connect("mallory"), await two.connect("control")
    config = {"name": "p", "ack_policy": "none", "filter_subject": "orders.mallory.>"}
    for field in (
        {"deliver_subject": _SUBJECT.format("bob")},
        {"max_ack_pending": 10**6},
        {"priority_policy": "x"},
    ):
        with pytest.raises(ApiRefused, match=next(iter(field))):
            await create_consumer(mallory, "ORDERS", "p", config | field)
    push = orjson.dumps(
        {"stream_name": "ORDERS-bob", "config": config | {"deliver_subject": _SUBJECT.format("bob")}}
    )
    for subject in (
        "$JS.API.CONSUMER.CREATE.ORDERS-mallory.p.orders.mallory.>",
        "$JS.API.CONSUMER.DURABLE.CREATE.ORDERS-mallory.p",
        f"{API_PREFIX}.CONSUMER.DURABLE.CREATE.ORDERS.p",
        f"{API_PREFIX}.CONSUMER.CREATE.ORDERS-bob.p.orders.bob.>",
    ):
        assert await _is_refused(mallory, subject, push), subject
    # A name that holds more tokens reaches no other stream either.
    with pytest.raises(ApiRefused):
        await api.call(mallory, "CONSUMER.CREATE.ORDERS.ORDERS-bob.p.orders.bob.>", {"config": config})
    consumers = (await api.call(control, "STREAM.INFO.ORDERS-bob"))["state"]["consumer_count"]
    assert consumers == 0


# ---- limits


async def test_connections_and_subscriptions_and_payloads_are_limited(two: Tenancy) -> None:
    """One tenant who takes all that is theirs is refused more, and bob goes on."""
    buses = [await two.connect("mallory") for _ in range(_TIGHT.connections)]
    with pytest.raises(BrokerError):
        await two.connect("mallory", deadline_s=1.0)
    bob = await two.connect("bob")
    with pytest.raises(BrokerError):
        await buses[0].request("dlq.mallory.bot", b"x" * (_TIGHT.payload_bytes + 1))
    await eventually(lambda: "maximum payload exceeded" in two.broker.log_path.read_text())
    assert await bob.request("dlq.bob.bot", b"x" * (_TIGHT.payload_bytes + 1))
    for number in range(_TIGHT.subscriptions + 5):
        buses[1].write(b"SUB flood.%d %d\r\n" % (number, 1000 + number))
    await eventually(lambda: "maximum subscriptions exceeded" in two.broker.log_path.read_text())
    assert await bob.is_healthy()


async def test_consumers_and_what_is_on_the_way_to_them_are_limited(two: Tenancy) -> None:
    """The broker itself counts them, at the tenant's own stream."""
    mallory, bob, control = (
        await two.connect("mallory"),
        await two.connect("bob"),
        await two.connect("control"),
    )
    for number in range(_TIGHT.consumers):
        await ensure_consumer(mallory, "ORDERS", f"c{number}", ["orders.mallory.>"], max_ack_pending=10)
    with pytest.raises(ConfigError, match="maximum consumers"):
        await ensure_consumer(mallory, "ORDERS", "one-more", ["orders.mallory.>"], max_ack_pending=10)
    await ensure_consumer(bob, "ORDERS", "bobs", ["orders.bob.>"])
    with pytest.raises(ConfigError, match="max ack pending"):
        await ensure_consumer(mallory, "ORDERS", "c0", ["orders.mallory.>"], max_ack_pending=11)
    for number in range(30):
        await control.request(_SUBJECT.format("mallory"), b"%d" % number)
    await eventually(lambda: _has(mallory, b"29"))
    got: list[Message] = []
    await mallory.subscribe("_INBOX_mallory.flood", got.append)
    mallory.write(f"PUB {API_PREFIX}.CONSUMER.MSG.NEXT.ORDERS.c0 _INBOX_mallory.flood 2\r\n30\r\n".encode())
    await eventually(lambda: len(got) >= _TIGHT.ack_pending)
    assert (await api.call(mallory, "CONSUMER.INFO.ORDERS.c0"))["num_ack_pending"] == _TIGHT.ack_pending


async def test_the_door_counts_what_became_of_what_it_was_asked_for(two: Tenancy) -> None:
    """What the broker refuses in the end was not made."""
    mallory = await two.connect("mallory")
    for number in range(_TIGHT.consumers):
        await ensure_consumer(mallory, "ORDERS", f"c{number}", ["orders.mallory.>"], max_ack_pending=10)
    with pytest.raises(ConfigError, match="maximum consumers"):
        await ensure_consumer(mallory, "ORDERS", "one-more", ["orders.mallory.>"], max_ack_pending=10)
    with pytest.raises(ApiRefused, match="expected a request to make a consumer"):
        await api.call(mallory, "CONSUMER.CREATE.ORDERS.other.orders.mallory.>", {})
    assert two.door is not None
    (counted,) = Metrics(two.door.measure).collect()
    assert counted.metric is DOOR_REQUESTS
    found = {answer: count for (answer,), count in counted.points.items()}
    assert found == {"made": _TIGHT.consumers, "refused": 2, "busy": 0, "unanswered": 0}


async def test_a_tenant_fills_only_what_is_theirs(two: Tenancy) -> None:
    """Dead letters, alerts, wishes and states beyond the bounds are refused; bob's are taken, and none of his is lost."""
    mallory, bob, control = (
        await two.connect("mallory"),
        await two.connect("bob"),
        await two.connect("control"),
    )
    await bob.request("dlq.bob.grid", b"letter of bob")
    await bob.request("alerts.bob.binance.live.bot_lags", b"alert of bob")
    for subject, size in (
        ("dlq.mallory.bot{}", 4 * _KIB),
        ("alerts.mallory.binance.live.a{}", 4 * _KIB),
        ("$KV.DESIRED.mallory.binance.live.h{}", 4 * _KIB),
        ("$KV.BOOKS.mallory.binance.live.b{}", 4 * _KIB),
    ):
        answers = [await mallory.request(subject.format(number), b"x" * size) for number in range(80)]
        assert b"maximum bytes exceeded" in answers[-1], (subject, answers[-1])
        assert b"error" not in answers[0]
    assert await Bucket(bob, DESIRED).put("bob.binance.live.h", b"{}")
    assert await Bucket(bob, BOOKS).put("bob.binance.live.grid", b"state")
    assert await bob.request("dlq.bob.grid", b"second")
    held = await Bucket(control, DESIRED).snapshot()
    assert (
        sum(len(entry.value or b"") for key, entry in held.items() if key.startswith("mallory."))
        <= 256 * _KIB
    )
    await eventually(lambda: _is_newest(control, "DLQ", "dlq.bob.>", b"second"))
    await eventually(lambda: _is_newest(control, "ALERTS", "alerts.bob.>", b"alert of bob"))
    await eventually(lambda: _is_wanted(control, "bob.binance.live.h"))


async def _is_newest(bus: Bus, stream: str, subject: str, data: bytes) -> bool:
    newest = await newest_message(bus, stream, subject)
    return newest is not None and newest.data == data


async def _is_wanted(bus: Bus, key: str) -> bool:
    return await Bucket(bus, DESIRED).get(key) is not None


async def test_a_flood_of_own_events_pushes_out_only_own_events(two: Tenancy) -> None:
    """The mirror is bounded; the log keeps bob's."""
    mallory, bob, control = (
        await two.connect("mallory"),
        await two.connect("bob"),
        await two.connect("control"),
    )
    await asyncio.gather(*(control.request(_SUBJECT.format("mallory"), b"x" * 4096, 10.0) for _ in range(60)))
    await eventually(lambda: _has(mallory, b"x" * 4096))
    assert (await api.call(mallory, "STREAM.INFO.ORDERS"))["state"]["bytes"] <= _TIGHT.log_bytes
    assert await _read(bob, "orders.bob.>") == [b"bob"]


async def test_the_door_answers_others_while_one_tenant_floods_it(
    two: Tenancy, caplog: pytest.LogCaptureFixture
) -> None:
    """A tenant has a few requests at a time; those beyond are refused at once, and bob's consumer is made.

    Nor can the flood fill the disk with what is said of it.
    """
    mallory, bob = await two.connect("mallory"), await two.connect("bob")
    flood = [
        asyncio.ensure_future(mallory.request(f"{API_PREFIX}.CONSUMER.CREATE.ORDERS.f{number}", b"{}", 10.0))
        for number in range(500)
    ]
    state = await ensure_consumer(bob, "ORDERS", "bobs", ["orders.bob.>"])
    assert state.was_created
    answers = await asyncio.gather(*flood)
    assert all(b'"error"' in answer for answer in answers)
    assert sum(b"expected a request to make a consumer" in answer for answer in answers) > 1
    with pytest.raises(ApiRefused, match="expected a request to make a consumer"):
        await api.call(bob, "CONSUMER.CREATE.ORDERS.other.orders.bob.>", {})
    assert [record.message for record in caplog.records].count("consumer_refused") == 2  # one of each tenant
