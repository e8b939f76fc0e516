"""Until when a venue wants nothing: the longest wait that anybody was told, by whom it concerns."""

import pytest

from fillwire.domain.enums import Reach
from fillwire.domain.errors import Throttled
from fillwire.gateway.ban import Ban


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return now."""
        return self.now_s


def _told(seconds: float, reach: Reach = Reach.MACHINE) -> Throttled:
    return Throttled("binance", "Too much", seconds, reach)


def test_the_longest_wait_holds_and_ends() -> None:
    """A shorter one told later changes nothing; when the time has passed, everything may be asked."""
    clock = Clock()
    ban = Ban("binance", clock)
    ban.check()
    ban.note(_told(10))
    ban.note(_told(1))
    clock.now_s += 9
    assert (ban.quiet_s, ban.connects_in_s) == (1.0, 1.0)
    with pytest.raises(Throttled, match="binance: Too much; retry after 1 s"):
        ban.check()
    clock.now_s += 1
    ban.check()
    assert (ban.quiet_s, ban.connects_in_s) == (0.0, 0.0)


def test_too_many_connections_keep_nobody_from_asking() -> None:
    """Where the venue counts connections, only dialling waits."""
    ban = Ban("binance", Clock())
    ban.note(_told(10, Reach.CONNECTING))
    assert (ban.quiet_s, ban.connects_in_s) == (0.0, 10.0)


@pytest.mark.parametrize("reach", [Reach.ACCOUNT, Reach.REQUEST])
def test_what_concerns_one_account_or_request_bans_nobody(reach: Reach) -> None:
    """Order counts and an overloaded server are no matter of the machine."""
    ban = Ban("binance", Clock())
    ban.note(_told(10, reach))
    assert ban.connects_in_s == 0.0


def test_connections_are_told_when_they_have_to_keep_quiet_for_longer() -> None:
    """Once for each wait that is longer than the one that holds."""
    told: list[float] = []
    ban = Ban("binance", Clock())
    ban.on_quiet.append(told.append)
    ban.note(_told(5))
    ban.note(_told(5))
    ban.note(_told(3))
    ban.note(_told(9, Reach.CONNECTING))
    ban.note(_told(8))
    assert told == [5, 8]
