"""Leads the bots of one host: which it takes, hands over and drops, as it and all others can tell from what they see."""

import asyncio
import contextlib
from collections.abc import Iterable
from functools import partial

from fillwire.bots.peers import HostPeers, alive_subject
from fillwire.bots.placing import Situation, Step, step_in
from fillwire.bots.post import Post, Surroundings
from fillwire.bus.connection import Bus
from fillwire.bus.errors import NoResponder
from fillwire.bus.leases import elapsed_s
from fillwire.domain.bots import BotSpec, Desired
from fillwire.domain.errors import BrokerError
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import Supervisor, cancel
from fillwire.sdk.bot import Bot

_log = get_log(__name__)

_LOOK_EVERY_S = 0.5
_RETAKE_S = 0.5  # after a bot could not be taken
_EVICT_EVERY_S = 1.0
_ALIVE_DEADLINE_S = 2.0


class Leader:
    """Compares what is wanted with what there is, and acts on the difference.

    Args:
        bus: the connection.
        around: what the bots of the host share.
        peers: the other hosts.
    """

    def __init__(self, bus: Bus, around: Surroundings, peers: HostPeers) -> None:
        self._bus = bus
        self._around = around
        self._holdings = around.holdings
        self._policy = around.policy
        self._peers = peers
        self._specs: dict[str, tuple[BotSpec, int]] = {}
        self._posts: dict[str, Post] = {}
        self._giving: dict[str, float] = {}  # handed over at this time, and not yet taken
        self._not_before: dict[str, float] = {}
        self._fence: int | None = None
        self._cut_s: float | None = None  # since when it is not certain that our session is ours
        self._is_leaving = False
        self._begins_s = 0.0
        self._evicted_s = 0.0
        self._evicting: asyncio.Task[None] | None = None
        self._releasing: asyncio.Task[None] | None = None
        self._names: list[str] = []
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin to lead, once the others had the time to show themselves."""
        self._begins_s = elapsed_s() + 2 * self._policy.beat_s
        self._task = supervisor.spawn(self._run(), "bots")

    async def stop(self) -> None:
        """Stop what is left."""
        await cancel(self._task, self._evicting, self._releasing)
        posts = list(self._posts.values())
        for post in posts:
            post.leave(is_final=False)
        await asyncio.gather(*(post.ended() for post in posts))

    def wake(self) -> None:
        """Look at once."""
        self._woken.set()

    # ---- what it hears

    def note_spec(self, key: str, spec: BotSpec | None, revision: int) -> None:
        """Take what a bot is to be and do; None if it was removed."""
        if spec is None:
            self._specs.pop(key, None)
        else:
            self._specs[key] = spec, revision
            post = self._posts.get(key)
            if post is not None and spec.desired is not Desired.STOPPED:
                post.update(spec, revision)
        self.wake()

    def note_end(self, bot: Bot, error: BaseException) -> None:
        """Take that a bot has ended by itself."""
        for post in self._posts.values():
            if post.runs(bot):
                post.note_failure(error)

    def note_cut(self) -> None:
        """Take that the broker is away: nobody knows whose the bots are until it has confirmed our session again."""
        if self._cut_s is None:
            self._cut_s = elapsed_s()
        self._trust(False)

    def note_reconnected(self) -> None:
        """Take that the broker is back."""
        if self._cut_s is not None:
            self._cut_s = elapsed_s()
        self._holdings.session.nudge()
        self.wake()

    @property
    def is_cut(self) -> bool:
        """Whether it is not certain that our session is ours: the broker has been away since it was last confirmed."""
        return self._cut_s is not None

    @property
    def has_room(self) -> bool:
        """Whether one more bot may be taken."""
        return len(self._posts) < self._policy.limit

    async def waiting_count(self, key: str) -> int | None:
        """Return how many events a bot has not handled yet; None if that is not known."""
        post = self._posts.get(key)
        return None if post is None else await post.waiting_count()

    async def hand_over(self) -> None:
        """Hand the bots over to other hosts, some at a time; return when all are gone or the time is up."""
        self._is_leaving = True
        self._peers.leave(elapsed_s())
        self.wake()
        end_s = elapsed_s() + self._policy.hand_over_s
        while self._posts and elapsed_s() < end_s and self._has_heirs():
            waits = [asyncio.ensure_future(post.ended()) for post in self._posts.values()]
            await asyncio.wait(waits, timeout=_LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    def _has_heirs(self) -> bool:
        return any(sign.instance != self._peers.instance for sign in self._peers.staying)

    # ---- what it does

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._woken.wait()

    def _look(self) -> None:
        now_s = elapsed_s()
        self._peers.update(now_s)
        if self._peers.names != self._names:
            self._names = self._peers.names
            _log.info("bot_hosts_present", host=self._around.name, hosts=self._names)
        self._check_session(now_s)
        if self._fence is None:
            return
        self._evict_silent(now_s)
        self._release_left()
        for key, begun_s in list(self._giving.items()):
            holder = self._holdings.holder_of(key)  # for a moment still ourselves
            is_taken = key not in self._posts and holder not in {None, self._holdings.holder}
            if is_taken or now_s - begun_s > self._policy.move_deadline_s:
                del self._giving[key]
        for key in self._keys():
            self._act(key, now_s)

    def _keys(self) -> Iterable[str]:
        return list(self._specs.keys() | self._posts.keys())

    def _check_session(self, now_s: float) -> None:
        """Stop all bots if our session was lost, be it for a moment; trust it again once it was renewed after a cut."""
        fence = self._holdings.session.fence
        if fence != self._fence:
            if self._fence is not None:
                _log.error("bots_lost", host=self._around.name, bots=len(self._posts))
                for post in self._posts.values():
                    post.abandon()
                self._giving.clear()
            self._fence = fence
        if self._cut_s is None or not self._bus.is_connected:
            return
        # Renewed since the broker is back, it ends later than it would have.
        if self._holdings.session.lasts(self._policy.lease_s - (now_s - self._cut_s)):
            self._cut_s = None
            self._trust(True)

    def _trust(self, is_trusted: bool) -> None:
        for post in self._posts.values():
            post.trust(is_trusted)

    def _act(self, key: str, now_s: float) -> None:
        post = self._posts.get(key)
        spec, revision = self._specs.get(key, (None, 0))
        if post is not None and post.is_leaving:
            return
        if post is not None and not post.has_it:
            _log.warning("bot_taken_by_another", key=key)
            post.abandon()
            return
        if post is not None:
            post.heed_hold()
        first = self._peers.first(key, has_it=post is not None)
        holder = self._holdings.holder_of(key)
        step = step_in(
            Situation(
                is_wanted=spec is not None and spec.desired is not Desired.STOPPED,
                has_it=post is not None,
                is_free=holder is None or holder == self._holdings.holder,
                is_first=first == self._peers.instance and not self._is_leaving,
                has_room=self.has_room,
                may_give=self._may_give(now_s),
                has_heir=first is not None and first != self._peers.instance,
            )
        )
        if step is Step.TAKE and spec is not None:
            self._take(key, spec, revision, now_s)
        elif post is not None and step is Step.GIVE:
            self._giving[key] = now_s
            post.leave(is_final=False, is_moving=True)
        elif post is not None and step is Step.DROP:
            if spec is not None:
                post.update(spec, revision)
            post.leave(is_final=True)

    def _may_give(self, now_s: float) -> bool:
        is_calm = self._is_leaving or now_s - self._peers.changed_s >= self._policy.settle_s
        return is_calm and len(self._giving) < self._policy.moves

    def _take(self, key: str, spec: BotSpec, revision: int, now_s: float) -> None:
        if now_s < max(self._begins_s, self._not_before.get(key, 0.0)) or self._cut_s is not None:
            return
        unsettled = sum(not post.is_settled for post in self._posts.values())
        if unsettled >= 2 * self._policy.starts:
            return
        self._not_before[key] = now_s + _RETAKE_S
        post = self._posts[key] = Post(self._around, spec, revision)
        post.start(self._note_left)

    def _note_left(self, post: Post) -> None:
        if self._posts.get(post.key) is post:
            del self._posts[post.key]
        if post.key not in self._specs:
            self._not_before.pop(post.key, None)
        self.wake()

    # ---- what is left behind

    def _release_left(self) -> None:
        """Let others have bots that name us though we do not have them: an answer of the broker was lost."""
        left = [key for key in self._holdings.ours if key not in self._posts]
        if left and self._releasing is None and self._cut_s is None:
            self._releasing = asyncio.get_running_loop().create_task(self._release(left), name="release bots")

    async def _release(self, keys: list[str]) -> None:
        try:
            for key in keys:
                await self._holdings.release(key, partial(self._is_left, key))
        except BrokerError as error:
            _log.warning("bots_not_released", error=error)
        finally:
            self._releasing = None

    def _is_left(self, key: str) -> bool:
        return key not in self._posts

    def _evict_silent(self, now_s: float) -> None:
        """End the sessions of hosts that are silent and that the broker cannot reach: their bots need not wait."""
        if self._cut_s is not None or now_s - self._evicted_s < _EVICT_EVERY_S or self._evicting is not None:
            return
        silent = [
            holder.session
            for holder in self._holdings.living
            if holder.kind == self._holdings.holder.kind
            and holder.session != self._holdings.holder.session
            and self._peers.is_silent(holder.session, now_s)
        ]
        if silent:
            self._evicted_s = now_s
            self._evicting = asyncio.get_running_loop().create_task(self._evict(silent), name="evict hosts")

    async def _evict(self, sessions: list[str]) -> None:
        try:
            for session in sessions:
                if await self._holdings.evict(session, partial(self._is_out_of_reach, session)):
                    _log.warning("bot_host_evicted", session=session)
        except BrokerError as error:
            _log.warning("bot_host_not_evicted", error=error)
        finally:
            self._evicting = None
            self.wake()

    async def _is_out_of_reach(self, session: str) -> bool:
        try:
            await self._bus.request(alive_subject(session), b"", _ALIVE_DEADLINE_S)
        except NoResponder:
            return True
        except BrokerError:
            return False
        return False
