"""The alerts that are raised on `alerts.…`; docs/operations.md says of each what it means and what to do."""

from typing import Final

# By gateways
DETECTION_LOST: Final = "detection_lost"  # fills of the account are not detected live
KEY_REFUSED: Final = "key_refused"  # the venue refuses the account's key, or there is none
KEY_UNREADABLE: Final = "key_unreadable"  # the account's key cannot be read any more, or is gone
EXECUTIONS_MISSING: Final = "executions_missing"  # log and records could not be compared in time
FRAMES_REFUSED: Final = "frames_refused"  # frames lie in quarantine
EVENT_REFUSED: Final = "event_refused"  # the broker will never store an order event
CLOCK_SKEWED: Final = "clock_skewed"  # the venue's clock and the gateway's differ
BROKER_AWAY: Final = "broker_away"
BROKER_BACK: Final = "broker_back"
JOURNAL_USED: Final = "journal_used"
JOURNAL_PUT_ASIDE: Final = "journal_put_aside"
READING_PAUSED: Final = "reading_paused"
STORE_LOST: Final = "store_lost"  # the broker came back without streams

# By hosts
BOT_LAGS: Final = "bot_lags"  # an event has waited for a bot for too long
DEAD_LETTER_KEPT: Final = "dead_letter_kept"  # a bot could not handle an event

ALL: Final = frozenset(
    {
        DETECTION_LOST,
        KEY_REFUSED,
        KEY_UNREADABLE,
        EXECUTIONS_MISSING,
        FRAMES_REFUSED,
        EVENT_REFUSED,
        CLOCK_SKEWED,
        BROKER_AWAY,
        BROKER_BACK,
        JOURNAL_USED,
        JOURNAL_PUT_ASIDE,
        READING_PAUSED,
        STORE_LOST,
        BOT_LAGS,
        DEAD_LETTER_KEPT,
    }
)
