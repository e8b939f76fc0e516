"""`fillwire host`: runs bots as their desired states say, sharing them with the other hosts."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from random import Random, SystemRandom
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.leading import Leader
from fillwire.bots.loader import Loader
from fillwire.bots.peers import SIGNS, HostPeers, HostSign, alive_subject
from fillwire.bots.policy import HostPolicy
from fillwire.bots.post import Surroundings
from fillwire.bus.buckets import BOT_LEASES, BOT_STATUS, BOTS, Bucket, Entry, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.holdings import Holder, Holdings
from fillwire.bus.leases import elapsed_s
from fillwire.bus.messages import Message
from fillwire.bus.presence import Presence
from fillwire.bus.responder import Responder
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import DecodeError
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import Supervisor
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.sdk.bot import Bot
from fillwire.sdk.host import Host
from fillwire.sdk.positions import Positions
from fillwire.sdk.reports import Reports
from fillwire.sdk.slots import Slots
from fillwire.wire.bots import decode_bot_spec

if TYPE_CHECKING:
    from fillwire.bus.watching import Watch
    from fillwire.domain.bots import BotSpec

_log = get_log(__name__)

HOST = "host"
"""Kind of a host among those that hold bots."""


class BotHost:
    """Runs its share of all bots: `async with BotHost(bus, …) as host: await host.failed()`.

    Leaving the context hands the bots over to other hosts, if there are any, and stops them.

    Args:
        bus: the connection.
        catalogue: which strategies it runs.
        policy: how it shares with others.
        name: of this host, in the ranking and in what is observed.
        telemetry: counts and traces every fill.
        replicas: of streams and buckets, should this process be the first to need them.
        fast_lane: see `sdk.host.Host`.
        positions: likewise.
    """

    def __init__(  # noqa: PLR0913 - all but the first four have a default
        self,
        bus: Bus,
        catalogue: Catalogue,
        policy: HostPolicy,
        *,
        name: str,
        telemetry: FillTelemetry | None = None,
        replicas: int = 1,
        fast_lane: bool = False,
        positions: Positions = "durable",
        random: Random | None = None,
    ) -> None:
        self.name = name
        self.session = uuid4().hex
        self._bus = bus
        self._replicas = replicas
        self._stack = AsyncExitStack()
        self._supervisor = Supervisor()
        self._host = Host(
            bus,
            telemetry=telemetry,
            subscriber=f"{name}-{self.session[:6]}",
            replicas=replicas,
            fast_lane=fast_lane,
            positions=positions,
            on_end=self._note_end,
            may_act=self._is_ours,
            is_managed=True,
            starts=policy.starts,
            slot_s=policy.slot_s,
        )
        random = random or SystemRandom()
        self._holdings = Holdings(
            Bucket(bus, BOT_LEASES),
            Holder(kind=HOST, name=name, session=self.session),
            ttl_s=policy.lease_s,
            random=random,
            on_change=self._wake,
        )
        self._reports = Reports(Bucket(bus, BOT_STATUS), policy.report_s, self._waiting_count)
        around = Surroundings(
            host=self._host,
            name=name,
            holdings=self._holdings,
            catalogue=catalogue,
            policy=policy,
            reports=self._reports,
            random=random,
            loader=Loader(limit=2 * policy.limit),
            loading=Slots(policy.starts, policy.slot_s),
        )
        peers = HostPeers(self.session, policy.doubt_s, policy.beat_s, elapsed_s())
        self._leader = Leader(bus, around, peers)
        self._presence = Presence(
            bus,
            SIGNS,
            peers,
            HostSign(host=name, instance=self.session),
            beat_s=policy.beat_s,
            fresh=lambda sign: replace(sign, has_room=self._leader.has_room),
            on_heard=self._note_sign,
        )
        self._watch: Watch | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await ensure_streams(self._bus, self._replicas)
            await ensure_buckets(self._bus, self._replicas)
            await stack.enter_async_context(self._host)
            stack.callback(self._supervisor.close)
            self._reports.start(self._supervisor)
            stack.push_async_callback(self._reports.stop)
            await self._holdings.start()
            stack.push_async_callback(self._holdings.stop)
            alive = await Responder.start(self._bus, alive_subject(self.session), _say_alive)
            stack.push_async_callback(alive.stop)
            await self._presence.start(self._supervisor)
            stack.push_async_callback(self._presence.stop)
            self._bus.on_disconnected(self._handle_disconnected)
            stack.callback(self._bus.off_disconnected, self._handle_disconnected)
            self._bus.on_reconnected(self._handle_reconnected)
            stack.callback(self._bus.off_reconnected, self._handle_reconnected)
            self._watch = await Bucket(self._bus, BOTS).watch(">", self._note_spec)
            stack.push_async_callback(self._watch.stop)
            self._leader.start(self._supervisor)
            stack.push_async_callback(self._leader.stop)
            stack.push_async_callback(self._hand_over)
            self._stack = stack.pop_all()
        _log.info("bot_host_started", host=self.name, session=self.session)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def bots_obstacle(self) -> str | None:
        """Return how many bots have not begun yet, None if all have: what keeps the host from being ready."""
        return self._host.bots_obstacle()

    def obstacle(self) -> str | None:
        """Return what keeps the host from running bots, None if nothing does."""
        return None if self._is_ours() else "the broker does not confirm that this host lives"

    async def failed(self) -> None:
        """Wait for ever, unless a part of the host ends that must not.

        Raises:
            PartFailed: that happened; a person must look at the chained error.
        """
        await asyncio.shield(self._supervisor.failed)

    async def _hand_over(self) -> None:
        self._presence.say(replace(self._presence.sign, is_leaving=True))
        await self._leader.hand_over()

    # ---- what it hears

    def _wake(self) -> None:
        self._leader.wake()

    def _note_sign(self, _sign: HostSign, is_change: bool) -> None:
        if is_change:
            self._leader.wake()

    async def _note_spec(self, entry: Entry) -> None:
        spec: BotSpec | None = None
        if entry.value is not None:
            try:
                spec = decode_bot_spec(entry.value)
            except DecodeError as error:  # of a later version, or by another hand: it is left as it is
                _log.error("bot_spec_not_readable", key=entry.key, error=error)
                return
        self._leader.note_spec(entry.key, spec, entry.revision)

    def _note_end(self, bot: Bot, error: BaseException) -> None:
        self._leader.note_end(bot, error)

    def _handle_disconnected(self) -> None:
        self._leader.note_cut()

    async def _handle_reconnected(self) -> None:
        self._leader.note_reconnected()

    def _is_ours(self) -> bool:
        # By the clock: a process that stood still finds events waiting before anything else has told it of the time.
        return self._holdings.session.is_held and not self._leader.is_cut

    async def _waiting_count(self, key: str) -> int | None:
        return await self._leader.waiting_count(key)


async def _say_alive(_: Message) -> bytes:
    return b"{}"
