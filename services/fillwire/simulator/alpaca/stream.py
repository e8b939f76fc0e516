"""The account stream: authenticate, listen, and nothing else. The client speaks first."""

from typing import Any

import orjson

from fillwire.simulator.alpaca.connections import TRADE_UPDATES, AlpacaConnection, TradeUpdates
from fillwire.simulator.alpaca.core import AlpacaCore
from fillwire.simulator.alpaca.message_pack import unpack
from fillwire.simulator.exchange.accounts import Account

_DEPRECATED = (
    "this authentication format is being deprecated. Please use the format: "
    '{"action": "auth", "key": "x", "secret": "x"}'
)
_REFUSED = "access key verification failed"
_TAKEN = "your connection is rejected while another connection is open under the same account"


class Stream:
    """The messages of one connection, handled one after the other as they arrive."""

    def __init__(self, core: AlpacaCore, connection: AlpacaConnection) -> None:
        self._core = core
        self._connection = connection

    def receive(self, data: str | bytes) -> None:
        """Act on a message: JSON in a text or binary frame, or MessagePack."""
        try:
            is_packed = isinstance(data, bytes) and data[:1] not in {b"{", b" ", b"\n", b"\t", b"\r"}
            message = unpack(bytes(data)) if is_packed else orjson.loads(data)  # type: ignore[arg-type] # a str is not packed
        except ValueError:
            message = None
        action = message.get("action") if isinstance(message, dict) else None
        fields = message.get("data") if isinstance(message, dict) else None
        if action == "auth":
            self._authenticate(message.get("key"), message.get("secret"))
        elif action == "authenticate" and isinstance(fields, dict):
            self._authenticate(fields.get("key_id"), fields.get("secret_key"), is_old=True)
        elif action == "listen" and isinstance(fields, dict):
            self._listen(fields.get("streams"))
        else:
            self.fail("invalid message")

    def end(self) -> None:
        """Do nothing: no message waits."""

    def fail(self, reason: str) -> None:
        """Say what is wrong, and close."""
        self._connection.say({"action": "error", "data": {"error_message": reason}})
        self._connection.close(1000)

    def _authorization(self, **data: Any) -> None:
        self._connection.say({"stream": "authorization", "data": data}, account=self._connection.account)

    def _find(self, api_key: Any, secret: Any) -> Account | None:
        key = self._core.venue.keys.get(str(api_key))
        if key is None or key.is_revoked or key.settings.secret != secret:
            return None
        if self._core.faults.strike("login_refused", key.account) is not None:
            return None
        return key.account

    def _authenticate(self, api_key: Any, secret: Any, *, is_old: bool = False) -> None:
        account = self._find(api_key, secret)
        if account is None:
            self._authorization(action="authenticate", message=_REFUSED, status="unauthorized")
            self._connection.close(1000)
            return
        core = self._core
        other = core.streams.get(account)
        if other is not self._connection and core.is_taken(account):
            if other is None or not core.venue.manners.displaces:
                self.fail(_TAKEN)
                return
            other.close(1000)
        core.streams[account] = self._connection
        self._connection.account = account
        if is_old:
            self._authorization(action="authenticate", message=_DEPRECATED, status="authorized")
        else:
            self._authorization(status="authorized", action="authenticate")

    def _listen(self, streams: Any) -> None:
        """Deliver exactly the streams that are named and exist."""
        connection = self._connection
        account = connection.account
        if account is None:
            self._authorization(status="unauthorized", action="listen")
            return
        if not isinstance(streams, list):
            self.fail("invalid message")
            return
        wanted = TRADE_UPDATES in streams
        if wanted and not connection.subscriptions:
            connection.subscribe(TradeUpdates(self._core, connection, account))
        elif not wanted:
            for subscription in list(connection.subscriptions.values()):
                connection.unsubscribe(subscription)
        connection.say(
            {"stream": "listening", "data": {"streams": [TRADE_UPDATES] if wanted else []}}, account=account
        )
