//! The closed sets of words: events, and what an order can be.

use crate::closed_set::closed_set;
use crate::error::ErrorCode;
use crate::model::Kind;

closed_set! {
    /// What happened (`event`). Our word is that of a step's identity.
    EventType {
        Accepted "accepted" "new";
        PendingNew "pending_new" "new";
        New "new" "new";
        Held "held" "new";
        PartialFill "partial_fill" "";
        PartiallyFilled "partially_filled" "";
        Fill "fill" "";
        Canceled "canceled" "cancelled";
        Expired "expired" "expired";
        Rejected "rejected" "rejected";
        Replaced "replaced" "replaced";
        DoneForDay "done_for_day" "";
        PendingCancel "pending_cancel" "";
        PendingReplace "pending_replace" "";
        PendingReview "pending_review" "";
        CancelRejected "order_cancel_rejected" "";
        ReplaceRejected "order_replace_rejected" "";
        Stopped "stopped" "";
        Suspended "suspended" "";
        Calculated "calculated" "";
        TradeBust "trade_bust" "";
        TradeCorrect "trade_correct" "";
        Restated "restated" "";
    }
}

closed_set! {
    /// Where the order stands (`status`).
    Status {
        New "new" "new";
        PartiallyFilled "partially_filled" "partially_filled";
        Filled "filled" "filled";
        DoneForDay "done_for_day" "done_for_day";
        Canceled "canceled" "canceled";
        Expired "expired" "expired";
        Replaced "replaced" "replaced";
        PendingCancel "pending_cancel" "pending_cancel";
        PendingReplace "pending_replace" "pending_replace";
        PendingReview "pending_review" "pending_review";
        Accepted "accepted" "accepted";
        PendingNew "pending_new" "pending_new";
        AcceptedForBidding "accepted_for_bidding" "accepted_for_bidding";
        Stopped "stopped" "stopped";
        Rejected "rejected" "rejected";
        Suspended "suspended" "suspended";
        Calculated "calculated" "calculated";
        Held "held" "held";
    }
}

closed_set! {
    /// Direction (`side`).
    Side {
        Buy "buy" "buy";
        Sell "sell" "sell";
    }
}

closed_set! {
    /// Order type (`type`).
    OrderType {
        Market "market" "market";
        Limit "limit" "limit";
        Stop "stop" "stop_loss";
        StopLimit "stop_limit" "stop_loss_limit";
        TrailingStop "trailing_stop" "trailing_stop";
    }
}

closed_set! {
    /// Time in force (`time_in_force`).
    TimeInForce {
        Day "day" "day";
        Gtc "gtc" "gtc";
        Opg "opg" "opg";
        Cls "cls" "cls";
        Ioc "ioc" "ioc";
        Fok "fok" "fok";
    }
}

/// What an event is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A step in the order's life that is no execution.
    Step(Kind),
    /// An execution; whether it is the last one.
    Fill(bool),
    /// A state on the way, of which the order's life as we tell it has no step.
    Note,
    /// Something is taken back or changed: never to be told as something ordinary.
    Anomaly(ErrorCode),
}

impl EventType {
    /// What the event is to us.
    pub const fn meaning(self) -> Meaning {
        match self {
            Self::Accepted | Self::PendingNew | Self::New | Self::Held => Meaning::Step(Kind::New),
            Self::PartialFill | Self::PartiallyFilled => Meaning::Fill(false),
            Self::Fill => Meaning::Fill(true),
            Self::Canceled => Meaning::Step(Kind::Cancelled),
            Self::Expired => Meaning::Step(Kind::Expired),
            Self::Rejected => Meaning::Step(Kind::Rejected),
            Self::Replaced => Meaning::Step(Kind::Replaced),
            Self::TradeBust => Meaning::Anomaly(ErrorCode::ExecutionBusted),
            Self::TradeCorrect => Meaning::Anomaly(ErrorCode::ExecutionCorrected),
            Self::Restated => Meaning::Anomaly(ErrorCode::OrderRestated),
            _ => Meaning::Note,
        }
    }

    /// Whether the order can have this status in the event. The order is shown as it is when the event is sent, and
    /// may be ahead of what the event tells; but what has ended stays as it ended.
    pub const fn allows(self, status: Status) -> bool {
        match self {
            Self::PartialFill | Self::PartiallyFilled => !matches!(
                status,
                Status::New
                    | Status::Accepted
                    | Status::PendingNew
                    | Status::AcceptedForBidding
                    | Status::PendingReview
                    | Status::Filled
                    | Status::Rejected
            ),
            Self::Fill => matches!(status, Status::Filled),
            Self::Canceled => matches!(status, Status::Canceled),
            Self::Expired => matches!(status, Status::Expired | Status::Canceled),
            Self::Rejected => matches!(status, Status::Rejected),
            Self::Replaced => matches!(status, Status::Replaced),
            _ => true,
        }
    }
}
