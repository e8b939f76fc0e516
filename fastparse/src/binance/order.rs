//! The closed sets of values: events, and what an order can be.

use crate::cursor::Cursor;

/// Declares an enum of the venue's words with our word for each.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident {
        $first:ident $first_venue:literal $first_ours:literal;
        $($variant:ident $venue:literal $ours:literal;)+
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $first, $($variant,)+ }

        impl $name {
            /// The venue's words, for messages.
            pub const EXPECTED: &'static str = concat!("expected one of ", $first_venue, $(", ", $venue,)+);

            /// Reads the venue's word.
            pub fn of(venue: &str) -> Option<Self> {
                match venue {
                    $first_venue => Some(Self::$first),
                    $($venue => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Passes one of the venue's words and the quote behind it.
            #[allow(dead_code)] // asked of the sets of an order report only
            #[inline]
            pub fn scan(cursor: &mut Cursor<'_>) -> Option<Self> {
                if cursor.pass(concat!($first_venue, "\"")).is_some() {
                    return Some(Self::$first);
                }
                $(if cursor.pass(concat!($venue, "\"")).is_some() {
                    return Some(Self::$variant);
                })+
                None
            }

            /// The venue's word.
            #[allow(dead_code)] // asked of some of the sets only
            pub const fn verbatim(self) -> &'static str {
                match self { Self::$first => $first_venue, $(Self::$variant => $venue,)+ }
            }

            /// Our word.
            #[allow(dead_code)] // as above
            pub const fn as_str(self) -> &'static str {
                match self { Self::$first => $first_ours, $(Self::$variant => $ours,)+ }
            }
        }
    };
}

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
