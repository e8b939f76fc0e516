"""How an account's log is kept in step with the venue's own records."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcilePolicy:
    """How the log is kept in step; all in seconds.

    Attributes:
        overlap_s: how far before the last event known to compare anew: longer than the venue's records lag, than a
            silent connection goes unnoticed, and than a gap stays unreported.
        deadline_s: so long an account catches up before it goes live regardless, and something missing is asked for
            before a person is told.
        grace_s: so long a gap may close by itself, for frames change places.
        audit_interval_s: between two questions for the open orders.
        sweep_interval_s: between two questions for everything.
        follow_up_s: after going live everything is asked for again, for the venue's records lag.
        retry_first_s: wait before the first repetition of a question.
        retry_max_s: longest wait between two.
    """

    overlap_s: float = 120.0
    deadline_s: float = 10.0
    grace_s: float = 0.1
    audit_interval_s: float = 15.0
    sweep_interval_s: float = 60.0
    follow_up_s: tuple[float, ...] = (5.0, 30.0)
    retry_first_s: float = 0.25
    retry_max_s: float = 15.0
