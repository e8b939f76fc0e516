"""Which client order ids have been sent to the venue before, by any gateway, so that asking twice places once.

A venue refuses a client order id only while the earlier order is open. A bot that handles a fill a second time, after a
crash, asks for its counter-order a second time, perhaps long after the first was filled. So each id is written into a
bucket before the order is sent: the write succeeds once. An id that was there already may stand for an order, and the
venue is asked before anything is placed.
"""

from fillwire.bus.buckets import Bucket
from fillwire.bus.errors import RevisionConflict
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.runtime.logs import get_log
from fillwire.wire.subjects import account_tokens

_log = get_log(__name__)

TTL_S = 86_400.0


class Placements:
    """Remembers the client order ids that were sent.

    Args:
        bucket: where they are kept.
        gateway: name of this process, kept with each.
    """

    def __init__(self, bucket: Bucket, gateway: str) -> None:
        self._bucket = bucket
        self._gateway = gateway

    async def may_exist(self, account: Account, client_order_id: str, fence: int | None) -> bool:
        """Return whether an order of this id may have been sent before; from now on it may.

        A bucket that does not answer counts as yes: the venue knows.

        Args:
            account: whose order.
            client_order_id: of the order.
            fence: of the lease under which it is about to be sent, kept for who looks into it later.
        """
        key = f"{account_tokens(account)}.{escape_token(client_order_id)}"
        value = f"{self._gateway} {fence or '-'}".encode()
        try:
            await self._bucket.put(key, value, ttl_s=TTL_S, expected_revision=0)
        except RevisionConflict:
            return True
        except BrokerError as error:
            _log.warning("placement_not_noted", account=str(account), error=error)
            return True
        return False
