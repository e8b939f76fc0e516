"""Every class of fault, in the order of the ledger."""

from fillwire.cli.chaos.fault import Fault
from fillwire.cli.chaos.faults.access import ClockJump, LoginRefused
from fillwire.cli.chaos.faults.brokers import BrokerRestart, LeaderKill
from fillwire.cli.chaos.faults.frames import (
    FramesCorrupted,
    FramesDelayed,
    FramesDoubled,
    FramesDropped,
    FramesReordered,
)
from fillwire.cli.chaos.faults.gateways import GatewayKill, LongDowntime, OwnerKill, TwoOwners
from fillwire.cli.chaos.faults.orders import (
    OrderAnswered,
    OrderBotKilled,
    OrderBrokerRestart,
    OrderNoted,
    OrderResponseLost,
    OrderSent,
    OrderUnnoted,
)
from fillwire.cli.chaos.faults.records import RestError, RestLag, RestThrottled
from fillwire.cli.chaos.faults.sockets import (
    Rotation,
    ShutdownNotice,
    SilentStall,
    SocketCut,
    StreamTerminated,
)
from fillwire.cli.chaos.faults.strategies import SlowStrategy, StrategyCrash

FAULTS: dict[str, type[Fault]] = {
    fault.name: fault
    for fault in (
        SocketCut,
        SilentStall,
        Rotation,
        ShutdownNotice,
        StreamTerminated,
        FramesDropped,
        FramesDoubled,
        FramesReordered,
        FramesDelayed,
        FramesCorrupted,
        RestLag,
        RestError,
        RestThrottled,
        LoginRefused,
        ClockJump,
        GatewayKill,
        LongDowntime,
        OwnerKill,
        TwoOwners,
        BrokerRestart,
        StrategyCrash,
        SlowStrategy,
        OrderBotKilled,
        OrderUnnoted,
        OrderNoted,
        OrderSent,
        OrderAnswered,
        OrderResponseLost,
        OrderBrokerRestart,
        LeaderKill,
    )
}
