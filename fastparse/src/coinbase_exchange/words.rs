//! The closed sets of values: messages, and what an order can be.

use crate::closed_set::closed_set;

closed_set! {
    /// Message of the feed (`type`).
    MessageType {
        Received "received" "received";
        Open "open" "open";
        Match "match" "match";
        Done "done" "done";
        Change "change" "change";
        Activate "activate" "activate";
        Subscriptions "subscriptions" "subscriptions";
        Heartbeat "heartbeat" "heartbeat";
        Balance "balance" "balance";
        Error "error" "error";
        LastMatch "last_match" "public";
        Auction "auction" "public";
        RfqMatch "rfq_match" "public";
        Ticker "ticker" "public";
        Snapshot "snapshot" "public";
        Level2 "l2update" "public";
        Status "status" "public";
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
    /// Order type (`order_type`).
    OrderType {
        Limit "limit" "limit";
        Market "market" "market";
    }
}

closed_set! {
    /// Why an order is done (`reason`).
    DoneReason {
        Filled "filled" "filled";
        Canceled "canceled" "cancelled";
    }
}

closed_set! {
    /// Why an order has changed (`reason`).
    ChangeReason {
        Modified "modify_order" "replaced";
        Prevented "STP" "prevented";
    }
}

closed_set! {
    /// On which side of the market a stop order waits (`stop_type`).
    StopType {
        Loss "loss" "loss";
        Entry "entry" "entry";
    }
}

impl Side {
    /// The other side.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

impl StopType {
    /// What a stop order of this side is: the venue has only those that become limit orders.
    pub const fn order_type(self, side: Side) -> &'static str {
        match (self, side) {
            (Self::Loss, Side::Sell) | (Self::Entry, Side::Buy) => "stop_loss_limit",
            (Self::Loss, Side::Buy) | (Self::Entry, Side::Sell) => "take_profit_limit",
        }
    }
}

/// Our words for the types that the venue's records show.
const ORDER_TYPES: [&str; 7] =
    ["limit", "market", "stop_loss", "stop_loss_limit", "take_profit", "take_profit_limit", "limit_maker"];
/// Our words for the times in force that they show.
const TIMES_IN_FORCE: [&str; 6] = ["gtc", "gtd", "gtt", "ioc", "fok", "day"];

/// Our word for an order type, kept for good.
pub fn order_type(word: &str) -> Option<&'static str> {
    ORDER_TYPES.into_iter().find(|known| *known == word)
}

/// Our word for a time in force, kept for good.
pub fn time_in_force(word: &str) -> Option<&'static str> {
    TIMES_IN_FORCE.into_iter().find(|known| *known == word)
}
