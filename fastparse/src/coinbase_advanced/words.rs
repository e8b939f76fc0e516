//! The venue's words: channels, and what an order can be.

use std::borrow::Cow;

use crate::closed_set::closed_set;
use crate::model::Kind;

closed_set! {
    /// What a frame of a channel holds: the account's orders, a sign of life each second, what is subscribed now.
    Channel {
        User "user" "user";
        Heartbeats "heartbeats" "heartbeat";
        Subscriptions "subscriptions" "subscriptions";
    }
}

/// What the orders of an event are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// The open orders as they are, not what happened to them. Later parts of it are not always labelled so.
    Snapshot,
    /// Orders to which something happened.
    Update,
}

impl Batch {
    /// The types, for messages.
    pub const EXPECTED: &'static str = "expected one of snapshot, update, patch";

    /// Reads the venue's word.
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "snapshot" => Self::Snapshot,
            "update" | "patch" => Self::Update,
            _ => return None,
        })
    }
}

closed_set! {
    /// Where an order stands. Our word is that of the event it means, empty where it means none by itself.
    Status {
        Pending "PENDING" "new";
        Queued "QUEUED" "new";
        Open "OPEN" "new";
        CancelQueued "CANCEL_QUEUED" "";
        EditQueued "EDIT_QUEUED" "";
        Filled "FILLED" "filled";
        Cancelled "CANCELLED" "cancelled";
        Expired "EXPIRED" "expired";
        Failed "FAILED" "rejected";
        Unknown "UNKNOWN_ORDER_STATUS" "";
    }
}

impl Status {
    /// How the order ended, if it has.
    pub const fn ending(self) -> Option<Kind> {
        match self {
            Self::Filled => Some(Kind::Filled),
            Self::Cancelled => Some(Kind::Cancelled),
            Self::Expired => Some(Kind::Expired),
            Self::Failed => Some(Kind::Rejected),
            _ => None,
        }
    }

    /// Whether such an order was accepted and nobody has asked to change or end it since.
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Pending | Self::Queued | Self::Open)
    }
}

closed_set! {
    /// Direction.
    Side {
        Buy "BUY" "buy";
        Sell "SELL" "sell";
    }
}

closed_set! {
    /// How long an order works.
    TimeInForce {
        Gtc "GOOD_UNTIL_CANCELLED" "gtc";
        Gtd "GOOD_UNTIL_DATE_TIME" "gtd";
        Ioc "IMMEDIATE_OR_CANCEL" "ioc";
        Fok "FILL_OR_KILL" "fok";
        Unknown "UNKNOWN_TIME_IN_FORCE" "";
    }
}

/// The order types, for messages.
pub const ORDER_TYPES: &str =
    "expected one of LIMIT, MARKET, STOP_LIMIT, STOP, BRACKET, TWAP, SCALED, LIQUIDATION";

/// Returns our word for an order type. The venue writes one type in several ways: `Stop Limit`, `STOP_LIMIT`,
/// `STOP_LIMIT_ORDER_TYPE`.
pub fn order_type(word: &str) -> Option<&'static str> {
    let word: Cow<'_, str> = if word.bytes().any(|byte| byte.is_ascii_lowercase() || byte == b' ') {
        word.to_ascii_uppercase().replace(' ', "_").into()
    } else {
        word.into()
    };
    Some(match word.strip_suffix("_ORDER_TYPE").unwrap_or(&word) {
        "LIMIT" => "limit",
        "MARKET" => "market",
        "STOP_LIMIT" => "stop_loss_limit",
        "STOP" => "stop_loss",
        "BRACKET" => "bracket",
        "TWAP" => "twap",
        "SCALED" => "scaled",
        "LIQUIDATION" => "liquidation",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_type_is_known_however_it_is_written() {
        for word in ["STOP_LIMIT", "Stop Limit", "stop_limit", "STOP_LIMIT_ORDER_TYPE"] {
            assert_eq!(order_type(word), Some("stop_loss_limit"), "{word}");
        }
        assert_eq!(order_type("Limit"), Some("limit"));
        for word in ["", "_ORDER_TYPE", "UNKNOWN_ORDER_TYPE", "LIMITED", "ROLL_OPEN"] {
            assert_eq!(order_type(word), None, "{word}");
        }
    }
}
