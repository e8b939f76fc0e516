"""Tells the world what connections are doing: each change as an event, the last state in a bucket, losses as alerts."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Protocol

from fillwire.bus.buckets import Bucket
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.alert_names import DETECTION_LOST
from fillwire.domain.errors import BrokerError, PublishError
from fillwire.domain.events import Alert, ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import Supervisor, cancel
from fillwire.wire.codec import encode_alert, encode_connection
from fillwire.wire.subjects import account_tokens, alert_subject, connection_subject

_log = get_log(__name__)

STATUS_TTL_S = 30.0
REFRESH_S = 10.0
_RETRY_S = 1.0

Snapshot = Callable[[], ConnectionEvent]
"""Returns the state of a connection as it is now, as a refresh: `previous_state` equals `state`."""


class Reports(Protocol):
    """Who is told of one account's connection; see `Reporter`."""

    def add(self, account: Account, snapshot: Snapshot) -> None:
        """Keep the account's state fresh."""

    def remove(self, account: Account) -> None:
        """Refresh the account no longer."""

    def refresh(self, account: Account) -> None:
        """Write the account's state soon."""

    def report(self, event: ConnectionEvent) -> None:
        """Tell of a change."""

    def alert_detection_lost(self, account: Account, reason: str) -> None:
        """Tell that fills of the account are not detected live."""

    def alert(self, account: Account, name: str, reason: str) -> None:
        """Tell something about the account that a person should know."""


class Reporter:
    """Reports the connections of one process.

    A change is published at once and in order; the bucket is written by a task of its own, the newest state of each
    account only, and again every `refresh_s`, so that an entry outlives its gateway by no more than its lifetime. What
    is found to be missing then is published as well: a successor begins there.

    Args:
        publisher: publishes changes and alerts.
        bucket: keeps last states.
        refresh_s: time between two writes of an unchanged state, in seconds.
    """

    def __init__(self, publisher: OrderedPublisher, bucket: Bucket, *, refresh_s: float = REFRESH_S) -> None:
        self._publisher = publisher
        self._bucket = bucket
        self._refresh_s = refresh_s
        self._snapshots: dict[Account, Snapshot] = {}
        self._unwritten: dict[Account, ConnectionEvent] = {}
        self._missing: dict[
            Account, int
        ] = {}  # since when, as published last; accounts that miss nothing are not here
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin to write."""
        self._task = supervisor.spawn(self._run(), "status")

    async def stop(self, deadline_s: float = 2.0) -> None:
        """Write what has not been written yet, for `deadline_s` seconds at most, and stop."""
        await cancel(self._task)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await self._write()

    def add(self, account: Account, snapshot: Snapshot) -> None:
        """Keep the account's state fresh, as `snapshot` returns it."""
        self._snapshots[account] = snapshot

    def remove(self, account: Account) -> None:
        """Refresh the account no longer; its last state expires."""
        self._snapshots.pop(account, None)
        self._missing.pop(account, None)

    def refresh(self, account: Account) -> None:
        """Write the account's state soon, though the connection did not change."""
        snapshot = self._snapshots.get(account)
        if snapshot is not None:
            self._unwritten[account] = snapshot()
            self._wake.set()

    def report(self, event: ConnectionEvent) -> None:
        """Publish a change."""
        subject = connection_subject(event.account)
        message_id = f"{event.gateway}:{subject}:{event.time_ns}"
        if self._submit(subject, encode_connection(event), message_id):
            self._note_missing(event)
        self._unwritten[event.account] = event
        self._wake.set()

    def alert_detection_lost(self, account: Account, reason: str) -> None:
        """Publish that fills of the account are not detected live and why; a person should know."""
        self.alert(account, DETECTION_LOST, reason)

    def alert(self, account: Account, name: str, reason: str) -> None:
        """Publish something about the account that a person should know."""
        _log.error(name, account=str(account), reason=reason)
        self._alert(account, name, reason)

    def alert_all(self, name: str, reason: str, environment: str | None = None) -> bool:
        """Publish the same alert for each account that is reported of; it is in the log of this process already.

        Args:
            name: which alert.
            reason: one sentence why.
            environment: only for accounts of this one; None for all.

        Returns:
            Whether there is one.
        """
        told = [account for account in self._snapshots if environment in {None, account.environment}]
        for account in told:
            self._alert(account, name, reason)
        return bool(told)

    def _alert(self, account: Account, name: str, reason: str) -> None:
        subject = alert_subject(account, name)
        time_ns = time.time_ns()
        alert = Alert(
            alert=name,
            user=account.user,
            exchange=account.exchange,
            environment=account.environment,
            reason=reason,
            time_ns=time_ns,
        )
        self._submit(subject, encode_alert(alert), f"{subject}:{time_ns}")

    def _submit(self, subject: str, body: bytes, message_id: str) -> bool:
        try:
            self._publisher.submit(subject, subject, body, message_id)
        except PublishError as error:
            _log.error("connection_event_not_published", subject=subject, error=error)
            return False
        return True

    def _note_missing(self, event: ConnectionEvent) -> None:
        if event.missing_since_ns is None:
            self._missing.pop(event.account, None)
        else:
            self._missing[event.account] = event.missing_since_ns

    def _is_news(self, event: ConnectionEvent) -> bool:
        """Whether more is missing than was published, or nothing any more; less is not worth an event."""
        told_ns, now_ns = self._missing.get(event.account), event.missing_since_ns
        if told_ns is None or now_ns is None:
            return told_ns != now_ns
        return now_ns < told_ns

    def _refresh_all(self) -> None:
        for account, snapshot in self._snapshots.items():
            event = snapshot()
            if self._is_news(event):
                self.report(event)
            else:
                self._unwritten.setdefault(account, event)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        refresh_at = loop.time() + self._refresh_s
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(refresh_at):
                    await self._wake.wait()
            self._wake.clear()
            if loop.time() >= refresh_at:
                refresh_at = loop.time() + self._refresh_s
                self._refresh_all()
            if not await self._write():
                await asyncio.sleep(_RETRY_S)
                self._wake.set()

    async def _write(self) -> bool:
        """Write all unwritten states; return False if the broker took one of them not."""
        while self._unwritten:
            account = next(iter(self._unwritten))
            event = self._unwritten[account]
            try:
                await self._bucket.put(account_tokens(account), encode_connection(event), ttl_s=STATUS_TTL_S)
            except BrokerError as error:
                _log.warning("status_not_written", account=str(account), error=error)
                return False
            if self._unwritten.get(account) is event:  # else it changed while it was being written
                del self._unwritten[account]
        return True
