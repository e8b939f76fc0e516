"""Alerts to a webhook: a real broker, a real HTTP server, and everything that may go wrong between them."""

import asyncio
import io
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import aiohttp
import pytest
from aiohttp import web

from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.errors import ConfigError
from fillwire.domain.events import Alert
from fillwire.domain.identifiers import Account
from fillwire.notify.service import Notifier, NotifyPolicy
from fillwire.notify.webhook import Webhook
from fillwire.runtime.metrics import Measures
from fillwire.runtime.ports import free_ports
from fillwire.runtime.settings import load_settings
from fillwire.wire.codec import encode_alert
from fillwire.wire.subjects import alert_subject
from support.broker import ConnectBus
from support.eventually import eventually
from support.logged import logged
from support.webhook_receiver import SECRET, Receiver, receiver

__all__ = ["logged"]

QUICK = NotifyPolicy(quiet_s=0.2, deadline_s=5.0, retry_first_s=0.02, retry_max_s=0.05)


async def _raise(
    bus: Bus, name: str = "detection_lost", user: str = "alice", reason: str = "gave up"
) -> None:
    account = Account(user, "binance", "live")
    alert = Alert(
        alert=name, user=user, exchange="binance", environment="live", reason=reason, time_ns=time.time_ns()
    )
    subject = alert_subject(account, name)
    async with OrderedPublisher(bus) as publisher:
        publisher.submit(subject, subject, encode_alert(alert), f"{subject}:{alert.time_ns}")
        await publisher.flush(5.0)


@asynccontextmanager
async def _notifying(
    bus: Bus, url: str, policy: NotifyPolicy = QUICK, timeout_s: float = 2.0
) -> AsyncIterator[Notifier]:
    async with (
        aiohttp.ClientSession() as http,
        Notifier(bus, Webhook(http, url, lambda: SECRET, timeout_s), policy, Random(7)) as notifier,
    ):
        yield notifier


def _counts(notifier: Notifier) -> dict[str, object]:
    measures = Measures()
    notifier.measure(measures)
    return {
        labels[0]: value
        for labels, value in measures.families["fillwire.notify.notifications"].points.items()
    }


@pytest.fixture
async def hook() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    async with receiver() as found:
        yield found


async def test_an_alert_is_told_signed_and_whole(bus: Bus, hook: Receiver) -> None:
    """Within a moment, with all that is known of it."""
    async with _notifying(bus, hook.url) as notifier:
        await _raise(bus)
        await eventually(lambda: hook.taken)
        (told,) = hook.taken
        assert {
            key: told[key] for key in ("v", "alert", "user", "exchange", "environment", "reason", "count")
        } == {
            "v": 1,
            "alert": "detection_lost",
            "user": "alice",
            "exchange": "binance",
            "environment": "live",
            "reason": "gave up",
            "count": 1,
        }
        assert hook.forged == 0
        assert told["id"] == hook.attempts[0]
        await eventually(lambda: _counts(notifier) == {"taken": 1, "failed": 0, "dead": 0})


@pytest.mark.parametrize("status", [500, 503, 429, 404, 401])
async def test_it_is_sent_until_it_is_taken(bus: Bus, hook: Receiver, status: int) -> None:
    """Whatever the receiver says against it, for a person may mend that; it is known by the same id each time."""
    hook.answers = [web.Response(status=status) for _ in range(3)]
    async with _notifying(bus, hook.url) as notifier:
        await _raise(bus)
        await eventually(lambda: hook.taken)
        assert len(set(hook.attempts)) == 1
        await eventually(lambda: _counts(notifier) == {"taken": 1, "failed": 3, "dead": 0})


async def test_a_receiver_that_asks_for_a_pause_is_given_it(bus: Bus, hook: Receiver) -> None:
    """`Retry-After` counts where it is longer than our own wait."""
    hook.answers = [web.Response(status=429, headers={"Retry-After": "1"})]
    async with _notifying(bus, hook.url):
        await _raise(bus)
        await eventually(lambda: hook.attempts)
        began_s = asyncio.get_running_loop().time()
        await eventually(lambda: hook.taken)
        assert asyncio.get_running_loop().time() - began_s > 0.9


async def test_a_receiver_that_is_away_or_hangs_is_waited_for(bus: Bus) -> None:
    """Nobody listens at first; then somebody does."""
    (port,) = free_ports(1)
    async with _notifying(bus, f"http://127.0.0.1:{port}/hook", timeout_s=0.2) as notifier:
        await _raise(bus)
        await eventually(lambda: notifier.failed_count >= 2)
        with socket.socket() as silent:  # it is connected to, and never answers
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            silent.bind(("127.0.0.1", port))
            silent.listen()
            failed = notifier.failed_count
            await eventually(lambda: notifier.failed_count > failed + 1)
        async with receiver(port) as hook:
            await eventually(lambda: hook.taken)


async def test_a_flood_is_told_in_two_notifications(bus: Bus, hook: Receiver) -> None:
    """The first at once; what follows in the quiet time as one, with the newest reason. Another account is not held up."""
    async with _notifying(bus, hook.url):
        await _raise(bus, reason="first")
        await eventually(lambda: hook.taken)
        for number in range(20):
            await _raise(bus, reason=f"more {number}")
        await _raise(bus, user="bob")
        await eventually(lambda: sum(told["count"] for told in hook.taken) == 22)
        of_alice = [told for told in hook.taken if told["user"] == "alice"]
        assert of_alice[0]["reason"] == "first"
        assert of_alice[-1]["reason"] == "more 19"
        assert len(hook.taken) < 8


async def test_what_nobody_takes_is_given_up_with_a_log(
    bus: Bus, hook: Receiver, logged: io.StringIO
) -> None:
    """After the deadline; the log says what was not told, and not where the address leads, for its path may be secret."""
    hook.answers = [web.Response(status=500) for _ in range(1000)]
    policy = NotifyPolicy(quiet_s=0.1, deadline_s=0.3, retry_first_s=0.02, retry_max_s=0.05)
    async with _notifying(bus, hook.url, policy) as notifier:
        await _raise(bus, reason="nobody hears this")
        await eventually(lambda: notifier.dead_count == 1)
        assert notifier.waiting_count == 0
        hook.answers.clear()
        await _raise(bus, reason="but this")
        await eventually(lambda: hook.taken)
        assert hook.taken[0]["reason"] == "but this"
    assert '"event":"notification_dead"' in logged.getvalue()
    assert "nobody hears this" in logged.getvalue()
    assert "with-a-secret-path" not in logged.getvalue()
    assert SECRET not in logged.getvalue()


@pytest.mark.parametrize(
    "leads_to",
    ["http://localhost:{port}/hook", "http://127.0.0.1:1/hook", "//[", "", "https://127.0.0.1:{port}/"],
)
async def test_no_redirect_leads_elsewhere(bus: Bus, hook: Receiver, leads_to: str) -> None:
    """Not to another name, port or scheme: the alert is for nobody else."""
    hook.answers = [web.Response(status=307, headers={"Location": leads_to.format(port=hook.port)})]
    async with _notifying(bus, hook.url) as notifier:
        await _raise(bus)
        await eventually(lambda: hook.taken)
        assert (notifier.failed_count, len(hook.attempts)) == (1, 2)


async def test_a_redirect_within_the_same_place_is_followed(bus: Bus, hook: Receiver) -> None:
    """And with the same body; a loop of them ends."""
    hook.answers = [web.Response(status=308, headers={"Location": "/elsewhere"})]
    async with _notifying(bus, hook.url) as notifier:
        await _raise(bus)
        await eventually(lambda: hook.taken)
        assert (notifier.failed_count, len(hook.attempts)) == (0, 2)
        hook.answers = [web.Response(status=307, headers={"Location": "/again"}) for _ in range(4)]
        await _raise(bus, user="bob")
        await eventually(lambda: len(hook.taken) == 2)
        assert notifier.failed_count == 1


async def test_303_is_no_redirect_that_keeps_the_alert(bus: Bus, hook: Receiver) -> None:
    """A GET without the body would be answered with 200, and nobody told."""
    hook.answers = [web.Response(status=303, headers={"Location": "/elsewhere"})]
    async with _notifying(bus, hook.url) as notifier:
        await _raise(bus)
        await eventually(lambda: hook.taken)
        assert notifier.failed_count == 1


async def test_nothing_is_lost_with_the_process(connect_bus: ConnectBus, bus: Bus) -> None:
    """What was not taken is told by the next start, and what was raised in between; what was taken is not told again."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/hook"
    async with _notifying(await connect_bus(), url) as notifier:
        await _raise(bus, reason="before")
        await eventually(lambda: notifier.failed_count)
    await _raise(bus, user="bob", reason="between")
    async with receiver(port) as hook:
        async with _notifying(await connect_bus(), url):
            await eventually(lambda: len(hook.taken) == 2)
        assert {told["reason"] for told in hook.taken} == {"before", "between"}
        async with _notifying(await connect_bus(), url):
            await _raise(bus, user="carol", reason="after")
            await eventually(lambda: len(hook.taken) == 3)
        assert hook.taken[2]["reason"] == "after"


async def test_a_full_outbox_leaves_alerts_in_the_stream(bus: Bus) -> None:
    """No more wait here than may, and all are told when the receiver is there."""
    (port,) = free_ports(1)
    policy = NotifyPolicy(quiet_s=0.1, deadline_s=60.0, retry_first_s=0.02, retry_max_s=0.05, capacity=3)
    async with _notifying(bus, f"http://127.0.0.1:{port}/hook", policy) as notifier:
        for number in range(10):
            await _raise(bus, user=f"user{number}")
        await eventually(lambda: notifier.waiting_count == 3)
        async with receiver(port) as hook:
            await eventually(lambda: len(hook.taken) == 10)
            assert {told["user"] for told in hook.taken} == {f"user{number}" for number in range(10)}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"URL": "http://hooks.example.com/x"}, "expected https://"),
        ({"URL": "ftp://127.0.0.1/x"}, "expected an address that begins with"),
        ({"URL": "https://user:hunter2@hooks.example.com/x"}, "without user and password"),
        ({"URL": "https://hooks.example.com/x"}, "expected url and secret together"),
        ({"URL": "https://hooks.example.com/x", "SECRET": "short"}, "at least 16"),
        ({"SECRET": "long-enough-to-be-a-secret"}, "expected url and secret together"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_start(variables: dict[str, str], sentence: str) -> None:
    """Only encrypted, except to this machine; and signed."""
    with pytest.raises(ConfigError, match=sentence) as caught:
        load_settings(environ={f"FILLWIRE_NOTIFY__{name}": value for name, value in variables.items()})
    assert "hunter2" not in str(caught.value)
