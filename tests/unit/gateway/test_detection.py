"""When live detection counts as lost, what a person is told of it, and when REST is asked instead."""

from fillwire.domain.errors import AuthRejected, ConnectionLost
from fillwire.domain.identifiers import Account
from fillwire.gateway.detection import Detection
from fillwire.gateway.polling import Poller
from support.eventually import eventually

ACCOUNT = Account("alice", "binance", "live")


class Polled:
    """A venue's records that are asked, and a person who is told."""

    def __init__(self, lost_after_s: float = 60.0, interval_s: float = 0.001, *, polls: bool = True) -> None:
        self.polls = 0
        self.fails_with: Exception | None = None
        self.told: list[str] = []
        self.is_polling: list[bool] = []
        self.poller = Poller(
            ACCOUNT, interval_s, self._poll, lambda since_ns: self.is_polling.append(since_ns is not None)
        )
        self.detection = Detection(
            lost_after_s,
            self.told.append,
            lambda reason: self.told.append(f"key: {reason}"),
            self.poller if polls else None,
        )

    async def _poll(self) -> None:
        self.polls += 1
        if self.fails_with is not None:
            raise self.fails_with

    async def polled_again(self) -> None:
        """Wait for another poll."""
        before = self.polls
        await eventually(lambda: self.polls > before, what="a poll")


async def test_a_moment_without_stream_is_nobodys_business() -> None:
    """Interrupted and restored: nothing told, nothing asked, and no timer left behind."""
    it, witness = Polled(lost_after_s=0.05), Polled(lost_after_s=0.05)
    it.detection.interrupted("cut")
    it.detection.restored()
    witness.detection.interrupted("cut")
    await witness.polled_again()  # by then it would have been lost, too
    assert (it.told, it.polls, it.is_polling) == ([], 0, [])
    witness.detection.stop()


async def test_an_interruption_that_lasts_is_told_with_its_last_reason() -> None:
    """Once, when the time has passed, and polled from then on until it is restored; the next time it is told again."""
    it = Polled(lost_after_s=0.05)
    for _ in range(2):
        it.told.clear()
        it.detection.interrupted("cut")
        it.detection.interrupted("refused")
        await it.polled_again()
        it.detection.interrupted("refused once more")
        it.detection.lost("gave up")
        assert it.told == ["not receiving for 0.05 s: refused; REST is asked every 0.001 s instead"]
        it.detection.restored()
        it.detection.proven()
    await it.poller.stop()
    assert it.is_polling == [True, False, True, False]


async def test_a_stream_that_catches_up_is_not_polled_beside() -> None:
    """Catching up takes longer than the time that counts as lost: told, but not polled, until it is interrupted again."""
    it = Polled(lost_after_s=0.01)
    it.detection.interrupted("cut")
    it.detection.returning()
    await eventually(lambda: it.told, what="the alert")
    assert it.is_polling == []
    it.detection.interrupted("cut again")
    await it.polled_again()
    await it.poller.stop()


async def test_a_stream_that_comes_and_goes_is_one_trouble() -> None:
    """Restored for a moment and lost again, polled again: told once, until it has proven itself."""
    it = Polled()
    for _ in range(3):
        it.detection.lost("gave up")
        await it.polled_again()
        it.detection.restored()
    assert len(it.told) == 1
    it.detection.proven()
    it.detection.lost("gave up")
    assert len(it.told) == 2
    it.detection.stop()
    await it.poller.stop()


async def test_without_polling_a_loss_is_told_and_that_is_all() -> None:
    """The reason as it is."""
    it = Polled(polls=False)
    it.detection.lost("gave up")
    it.detection.lost("gave up again")
    assert (it.told, it.polls) == (["gave up"], 0)


async def test_a_refused_key_is_told_though_the_loss_was_and_ends_polling() -> None:
    """Another thing for a person to do; REST would refuse the key as well."""
    it = Polled()
    it.detection.lost("gave up")
    await it.polled_again()
    it.detection.refused("bad key")
    it.detection.refused("bad key")
    await it.poller.stop()
    asked = it.polls
    assert it.told == ["gave up; REST is asked every 0.001 s instead", "key: bad key"]
    assert it.is_polling == [True, False]
    it.detection.interrupted("another key, no connection yet")
    assert (it.polls, it.is_polling) == (asked, [True, False])
    it.detection.stop()


async def test_a_stream_that_fails_while_it_catches_up_is_polled_again() -> None:
    """Polls make room for it, and come back when it did not come to anything."""
    it = Polled()
    it.detection.lost("gave up")
    await it.polled_again()
    it.detection.returning()
    it.detection.interrupted("lost again")
    await it.polled_again()
    it.detection.stop()
    await it.poller.stop()
    assert it.is_polling == [True, False, True, False]


async def test_polls_that_fail_are_repeated_and_those_that_are_refused_are_not() -> None:
    """A venue that does not answer may answer the next time; one that refuses the key will not."""
    it = Polled()
    it.fails_with = ConnectionLost("binance", "no answer")
    it.detection.lost("gave up")
    await it.polled_again()
    await it.polled_again()
    it.fails_with = RuntimeError("a mistake of ours")
    await it.polled_again()
    await it.polled_again()
    it.fails_with = AuthRejected("binance", "Invalid API-key")
    await eventually(lambda: it.is_polling == [True, False], what="the end")
    it.fails_with = None
    it.detection.interrupted("the next attempt may show another key")
    await it.polled_again()
    await it.poller.stop()
