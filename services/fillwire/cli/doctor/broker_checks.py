"""What the broker knows: whether it is there, which gateways run, what was last told of the account."""

import asyncio
import time

from fillwire.bus import api
from fillwire.bus.buckets import DESIRED, STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused, NoResponder
from fillwire.bus.messages import Message
from fillwire.cli.broker import connect
from fillwire.cli.doctor.case import Case, known
from fillwire.cli.doctor.findings import CheckName, Verdict, failed, ok, warning
from fillwire.cli.showing import time_text
from fillwire.cli.status import duration_text, state_text
from fillwire.domain.enums import ConnectionState
from fillwire.domain.errors import BrokerError, ConfigError, DecodeError
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account, escape_token
from fillwire.gateway.desired import Desired
from fillwire.gateway.peers import Beat
from fillwire.gateway.presence import PEERS
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import account_tokens

_CONNECT_DEADLINE_S = 3.0
_BEATS = 3  # of each gateway, one of which may come late
_NS = 1_000_000_000


async def check_broker(case: Case) -> Verdict:
    """Look for the broker, for gateways, and for what they told of the account."""
    settings = known(case.settings, CheckName.CONFIGURATION)
    url = settings.nats.url
    try:
        bus = await connect(settings, name="doctor", inbox="doctor", deadline_s=_CONNECT_DEADLINE_S)
        await case.stack.enter_async_context(bus)
    except (BrokerError, ConfigError) as error:
        return failed(
            str(error),
            "start a NATS server there or name another by nats.url or --nats; where it asks for a login, check nats.user and "
            "nats.password, or nats.credentialsFile",
        )
    try:
        has_state = await _has_state(bus)
        event = await told_of(bus, case.account) if has_state else None
        case.wanted = await _wanted(bus, case.account) if has_state else frozenset()
        gateways = await _heard(bus, case.account.exchange, _BEATS * settings.gateway.beat_ms / 1e3)
    except NoResponder:
        return failed(
            f"the broker at {url} has no JetStream",
            "start nats-server with -js, or with a jetstream block in its configuration, and for our login's account",
        )
    except (BrokerError, DecodeError) as error:
        return failed(
            f"the broker at {url} does not do what it is asked: {error}",
            "see in its log whether its cluster has a leader, and whether our login may use the subjects that are named",
        )
    case.bus = bus
    return _verdict(case.account, url, event, gateways, case.wanted)


async def _has_state(bus: Bus) -> bool:
    """Return whether a gateway or a bot has ever run here; raises `NoResponder` without JetStream."""
    try:
        for bucket in (STATUS, DESIRED):
            await api.call(bus, f"STREAM.INFO.{bucket.stream}")
    except ApiRefused as error:
        if error.error_code != api.STREAM_NOT_FOUND:
            raise
        return False
    return True


async def told_of(bus: Bus, account: Account) -> ConnectionEvent | None:
    """Return what a gateway last told of the account, None if none holds it, or none has ever run."""
    try:
        entry = await Bucket(bus, STATUS).get(account_tokens(account))
    except NoResponder:  # the bucket does not exist
        return None
    return None if entry is None or entry.value is None else decode_connection(entry.value)


async def _wanted(bus: Bus, account: Account) -> frozenset[str]:
    desired = Desired(Bucket(bus, DESIRED), account.exchange)
    await desired.start(lambda _: None)
    await desired.stop()
    return desired.pairs(account) or frozenset()


async def _heard(bus: Bus, exchange: str, seconds: float) -> list[Beat]:
    """Return the last word of each gateway of the exchange that says one within `seconds`."""
    beats: dict[str, Beat] = {}

    def hear(message: Message) -> None:
        try:
            beat = Beat.decode(message.data)
        except DecodeError:  # of another version: it is there, and no more can be said of it
            return
        beats[beat.instance] = beat

    subscription = await bus.subscribe(f"{PEERS}.{escape_token(exchange)}", hear)
    await asyncio.sleep(seconds)
    await subscription.unsubscribe()
    return [beat for beat in beats.values() if not beat.is_gone]


def receiving_text(event: ConnectionEvent) -> str:
    """Return who receives and since when: `gateway-a receives since 2026-01-31 08:00:00 UTC (5 min)`."""
    if event.connected_since_ns is None:
        return f"{event.gateway} receives"
    since = time_text(event.connected_since_ns)
    return f"{event.gateway} receives since {since} UTC ({duration_text(event.uptime_s(time.time_ns()))})"


def _told_text(event: ConnectionEvent | None) -> str:
    if event is None:
        return "none holds this account"
    if event.is_connected:
        return receiving_text(event)
    ago = duration_text((time.time_ns() - event.time_ns) / _NS)
    return f"{event.gateway} said {ago} ago: {state_text(event)}" + (
        f", {event.reason}" if event.reason else ""
    )


def _verdict(
    account: Account, url: str, event: ConnectionEvent | None, gateways: list[Beat], wanted: frozenset[str]
) -> Verdict:
    names = ", ".join(sorted(beat.gateway for beat in gateways))
    heard = f"gateways of {account.exchange}: {names or 'none heard'}"
    found = f"{url} with JetStream; {heard}; {_told_text(event)}"
    if event is not None and event.is_connected:
        return ok(found)
    if not gateways:
        return warning(
            found, f"start `fillwire gateway --exchange {account.exchange}`: without one no fill is detected"
        )
    if not any(account in beat.accounts for beat in gateways):
        return warning(
            found,
            "give a gateway these settings: none that runs has a key for this account",
        )
    if not wanted:
        return ok(f"{found}, for no bot listens to it")
    if event is not None and event.state is ConnectionState.AUTH_FAILED:
        return warning(
            found, "see the checks of the key below; the gateway tries again when the key has changed"
        )
    return warning(found, "see the checks below for the reason; the gateway goes on trying by itself")
