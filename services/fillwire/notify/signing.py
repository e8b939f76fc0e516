"""How a receiver knows that a notification is ours and new: an HMAC over the time of sending and the body.

Fillwire-Timestamp: 1735689600
Fillwire-Signature: v1=<hex of HMAC-SHA256(secret, "1735689600." + body)>
"""

import hmac
from hashlib import sha256
from typing import Final

TIMESTAMP: Final = "Fillwire-Timestamp"
SIGNATURE: Final = "Fillwire-Signature"
TOLERANCE_S: Final = 300
_VERSION: Final = "v1="


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of the header `Fillwire-Signature` for a body that is sent at `timestamp`, in seconds."""
    digest = hmac.new(secret.encode(), b"%d.%b" % (timestamp, body), sha256).hexdigest()
    return f"{_VERSION}{digest}"


def is_genuine(secret: str, timestamp: str, signed: str, body: bytes, now_s: float) -> bool:
    """Return whether a notification is ours and at most five minutes old, so that it is no repetition of a stranger's.

    Args:
        secret: the shared one.
        timestamp: the header `Fillwire-Timestamp`.
        signed: the header `Fillwire-Signature`.
        body: byte for byte as it came.
        now_s: time in seconds since the epoch.
    """
    if not timestamp.isascii() or not timestamp.isdecimal():
        return False
    is_signed = hmac.compare_digest(signature(secret, int(timestamp), body).encode(), signed.encode())
    return is_signed and abs(now_s - int(timestamp)) <= TOLERANCE_S
