"""How hosts share the bots, in seconds and numbers."""

from dataclasses import dataclass

from fillwire.runtime.settings import BotsSettings
from fillwire.sdk.host import SLOT_S, STARTS


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPolicy:
    """How the hosts share the bots; all times in seconds.

    Attributes:
        limit: most bots of one host.
        lease_s: lifetime of a host's session after each renewal: longer than a leader election of the broker.
        beat_s: between two signs of life.
        doubt_s: silence after which a host may be gone.
        settle_s: so long nobody came or went before bots are moved for the sake of balance.
        moves: of these under way at once from one host.
        starts: bots that one host starts at once.
        slot_s: one that takes longer to start makes room for others, and goes on.
        move_deadline_s: a move that nobody has taken up after so long makes room for others.
        hand_over_s: so long a host that stops hands its bots over one by one, then it stops all that are left.
        stop_s: so long a bot has to finish what it has in hand.
        takeover_s: so long a bot waits for another process that still reads its events.
        retry_s: wait before a bot that failed is started again, at first and at most.
        report_s: between two reports of a bot that does what it did.
    """

    limit: int = 500
    lease_s: float = 12.0
    beat_s: float = 0.5
    doubt_s: float = 2.0
    settle_s: float = 3.0
    moves: int = 4
    starts: int = STARTS
    slot_s: float = SLOT_S
    move_deadline_s: float = 10.0
    hand_over_s: float = 15.0
    stop_s: float = 5.0
    takeover_s: float = 35.0
    retry_s: tuple[float, float] = (1.0, 60.0)
    report_s: float = 20.0

    @classmethod
    def of(cls, settings: BotsSettings) -> "HostPolicy":
        """Return what the settings say."""
        return cls(
            limit=settings.max_per_host,
            lease_s=settings.lease_ms / 1e3,
            beat_s=settings.beat_ms / 1e3,
            doubt_s=settings.doubt_after_ms / 1e3,
            moves=settings.moves,
        )
