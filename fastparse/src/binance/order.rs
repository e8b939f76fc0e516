//! The closed sets of values: events, and what an order can be.

use crate::closed_set::closed_set;

closed_set! {
    /// Event of the user data stream (`e`).
    EventType {
        Execution "executionReport" "order";
        Position "outboundAccountPosition" "account";
        Balance "balanceUpdate" "balance";
        ExternalLock "externalLockUpdate" "external_lock";
        ListStatus "listStatus" "list_status";
        StreamTerminated "eventStreamTerminated" "stream_terminated";
        ServerShutdown "serverShutdown" "server_shutdown";
        ListenKeyExpired "listenKeyExpired" "listen_key_expired";
    }
}

closed_set! {
    /// What happened (`x`). Our word is the lower-case one of fallback identities.
    ExecutionType {
        New "NEW" "new";
        Canceled "CANCELED" "canceled";
        Replaced "REPLACED" "replaced";
        Rejected "REJECTED" "rejected";
        Trade "TRADE" "trade";
        Expired "EXPIRED" "expired";
        TradePrevention "TRADE_PREVENTION" "trade_prevention";
    }
}

closed_set! {
    /// Where the order stands (`X`). Our word is the lower-case one of fallback identities.
    Status {
        New "NEW" "new";
        PendingNew "PENDING_NEW" "pending_new";
        PartiallyFilled "PARTIALLY_FILLED" "partially_filled";
        Filled "FILLED" "filled";
        Canceled "CANCELED" "canceled";
        PendingCancel "PENDING_CANCEL" "pending_cancel";
        Rejected "REJECTED" "rejected";
        Expired "EXPIRED" "expired";
        ExpiredInMatch "EXPIRED_IN_MATCH" "expired_in_match";
    }
}

closed_set! {
    /// Direction (`S`).
    Side {
        Buy "BUY" "buy";
        Sell "SELL" "sell";
    }
}

closed_set! {
    /// Order type (`o`).
    OrderType {
        Limit "LIMIT" "limit";
        Market "MARKET" "market";
        StopLoss "STOP_LOSS" "stop_loss";
        StopLossLimit "STOP_LOSS_LIMIT" "stop_loss_limit";
        TakeProfit "TAKE_PROFIT" "take_profit";
        TakeProfitLimit "TAKE_PROFIT_LIMIT" "take_profit_limit";
        LimitMaker "LIMIT_MAKER" "limit_maker";
    }
}

closed_set! {
    /// Time in force (`f`).
    TimeInForce {
        Gtc "GTC" "gtc";
        Ioc "IOC" "ioc";
        Fok "FOK" "fok";
    }
}

impl ExecutionType {
    /// Whether the venue's rules let this lead to `status`.
    pub const fn may_lead_to(self, status: Status) -> bool {
        match self {
            Self::New => matches!(status, Status::New | Status::PendingNew),
            Self::Trade => matches!(status, Status::PartiallyFilled | Status::Filled),
            Self::Canceled => matches!(status, Status::Canceled),
            Self::Expired => matches!(status, Status::Expired),
            Self::Rejected => matches!(status, Status::Rejected),
            Self::Replaced => matches!(status, Status::New | Status::PartiallyFilled | Status::PendingNew),
            Self::TradePrevention => matches!(
                status,
                Status::ExpiredInMatch | Status::Expired | Status::New | Status::PartiallyFilled
            ),
        }
    }
}

impl OrderType {
    /// Whether the order waits for a trigger before it goes on the book.
    pub const fn has_trigger(self) -> bool {
        matches!(self, Self::StopLoss | Self::StopLossLimit | Self::TakeProfit | Self::TakeProfitLimit)
    }
}
