"""From a bot's own events in the log to its state, and the checkpoint that keeps that short."""

from collections.abc import Callable

from fillwire.domain.errors import FillwireError
from fillwire.runtime.logs import get_log
from fillwire.sdk.causality import sequence_in_hand, stored_ns_in_hand
from fillwire.sdk.clerk import OwnLog
from fillwire.sdk.strategy import Strategy
from fillwire.strategies.standing import LONGEST_PAUSE_S, S
from fillwire.strategies.state import OrderState, resume
from fillwire.strategies.steps import EPOCHS

_log = get_log(__name__)

_RENEW_AFTER_S = 86_400.0  # the log keeps thirty days
_RENEW_AFTER_EXECUTIONS = 1_000


class Folding:
    """Reads the state of one bot's plan.

    Attributes:
        read_sequence: of the log: what it holds up to there is in the state that `read` returned.

    Args:
        strategy: the bot; it must be running.
        pair: of its orders.
        make: makes the state of the plan as it begins, in an epoch.
    """

    def __init__(self, strategy: Strategy, pair: str, make: Callable[[int], OrderState]) -> None:
        self._strategy = strategy
        self._pair = pair
        self._make = make
        self._saved_ns = 0
        self._saved_executions = 0
        self.read_sequence = 0
        self._read_ns = 0

    async def read(self) -> OrderState:
        """Return the state to go on with; raises as `fold`."""
        state, self.read_sequence = await self.fold()
        self._read_ns = self._strategy.now_ns
        return state

    def has_in_hand(self) -> bool:
        """Return whether the event that a callback is handling was in what was read of the log."""
        sequence = sequence_in_hand()
        if not 0 < sequence <= self.read_sequence:
            return False
        if stored_ns_in_hand() <= self._read_ns:
            return True
        # A log that lost its end, or was made anew, gives sequences a second time: to events stored later.
        self.read_sequence = sequence - 1
        self._saved_ns = 0
        return False

    async def fold(self, settle: Callable[[OrderState], None] | None = None) -> tuple[OrderState, int]:
        """Return the state as checkpoint and log tell it, and the log's sequence up to which they do; renew the checkpoint.

        Args:
            settle: adds to the state what the log does not tell; the checkpoint has it from then on.

        Raises:
            BrokerError: one of them cannot be read, or the checkpoint not be kept.
        """
        bot = self._strategy
        checkpoint = await bot.load_checkpoint()
        clerk, fresh = bot._office(), bot.now_ns // S % EPOCHS  # noqa: SLF001 - a part of the strategy
        if checkpoint is not None:
            is_anew = await clerk.log_end() < checkpoint.sequence
            log = await bot.read_own_log(self._pair, after=0 if is_anew else checkpoint.sequence)
            state = resume(self._make, checkpoint.state, fresh)
        elif clerk.has_run:
            log = await bot.read_own_log(self._pair)
            state = self._make(self._epoch(log, fresh))
        else:
            log = OwnLog((), await clerk.log_end())
            state = self._make(fresh)
        for event in log.events:
            state.take(event)
        if settle is not None:
            settle(state)
        # Before anything is placed: a plan that begins is found again by its epoch.
        await bot.save_checkpoint(log.sequence, state.encode())
        self._saved_ns, self._saved_executions = bot.now_ns, state.books.execution_count
        return state, log.sequence

    def _epoch(self, log: OwnLog, fresh: int) -> int:
        """Return the epoch of the plan's last order in the log, if no other plan came after it."""
        ids = self._make(fresh).ids
        planned = [event for event in log.events if ids.is_planned(event.client_order_id)]
        epoch = ids.epoch_of(planned[-1].client_order_id) if planned else None
        return fresh if epoch is None else epoch

    async def renew(self, execution_count: int) -> float:
        """Renew the checkpoint if it is old, or many executions behind; return how long until it is next to be looked at.

        It is made of the log, and of what the venue alone has said, so that it stands for a sequence whatever the callbacks
        were told ahead of it.

        Args:
            execution_count: what the bot's books count by now.
        """
        age_s = (self._strategy.now_ns - self._saved_ns) / S
        if execution_count - self._saved_executions < _RENEW_AFTER_EXECUTIONS and age_s < _RENEW_AFTER_S:
            return _RENEW_AFTER_S - age_s
        try:
            await self.fold()
        except FillwireError as error:
            _log.warning("checkpoint_not_saved", bot=self._strategy.name, error=error)
            return LONGEST_PAUSE_S
        return _RENEW_AFTER_S
