//! The closed sets of values: events, and what an order can be.

use crate::closed_set::closed_set;

closed_set! {
    /// Event of the user data stream (`e`).
    EventType {
        Order "ORDER_TRADE_UPDATE" "order";
        TradeLite "TRADE_LITE" "fill_announced";
        Account "ACCOUNT_UPDATE" "account";
        Algo "ALGO_UPDATE" "conditional_order";
        TriggerReject "CONDITIONAL_ORDER_TRIGGER_REJECT" "conditional_order_rejected";
        MarginCall "MARGIN_CALL" "margin_call";
        AccountConfig "ACCOUNT_CONFIG_UPDATE" "account_config";
        Strategy "STRATEGY_UPDATE" "other";
        Grid "GRID_UPDATE" "other";
        ListenKeyExpired "listenKeyExpired" "listen_key_expired";
    }
}

closed_set! {
    /// What happened (`x`). Our word is the lower-case one of identities.
    ExecutionType {
        New "NEW" "new";
        Canceled "CANCELED" "canceled";
        Calculated "CALCULATED" "calculated";
        Expired "EXPIRED" "expired";
        Trade "TRADE" "trade";
        Amendment "AMENDMENT" "amendment";
    }
}

closed_set! {
    /// Where the order stands (`X`). Our word is the lower-case one of identities.
    Status {
        New "NEW" "new";
        PartiallyFilled "PARTIALLY_FILLED" "partially_filled";
        Filled "FILLED" "filled";
        Canceled "CANCELED" "canceled";
        Expired "EXPIRED" "expired";
        ExpiredInMatch "EXPIRED_IN_MATCH" "expired_in_match";
        NewInsurance "NEW_INSURANCE" "new_insurance";
        NewAdl "NEW_ADL" "new_adl";
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
    /// Order type (`o`). The venue's `STOP` and `TAKE_PROFIT` have a limit, as their namesakes on Spot have not.
    OrderType {
        Limit "LIMIT" "limit";
        Market "MARKET" "market";
        Stop "STOP" "stop_loss_limit";
        StopMarket "STOP_MARKET" "stop_loss";
        TakeProfit "TAKE_PROFIT" "take_profit_limit";
        TakeProfitMarket "TAKE_PROFIT_MARKET" "take_profit";
        TrailingStopMarket "TRAILING_STOP_MARKET" "trailing_stop";
        Liquidation "LIQUIDATION" "liquidation";
    }
}

closed_set! {
    /// Time in force (`f`).
    TimeInForce {
        Gtc "GTC" "gtc";
        Ioc "IOC" "ioc";
        Fok "FOK" "fok";
        Gtx "GTX" "gtx";
        Gtd "GTD" "gtd";
        Rpi "RPI" "rpi";
    }
}

closed_set! {
    /// Where a conditional order stands before there is an order of the book (`X` of `ALGO_UPDATE`).
    AlgoStatus {
        New "NEW" "new";
        Canceled "CANCELED" "canceled";
        Triggering "TRIGGERING" "triggering";
        Triggered "TRIGGERED" "triggered";
        Finished "FINISHED" "finished";
        Rejected "REJECTED" "rejected";
        Expired "EXPIRED" "expired";
    }
}

impl ExecutionType {
    /// Whether the venue's rules let this lead to `status`.
    pub const fn may_lead_to(self, status: Status) -> bool {
        match self {
            Self::New => matches!(status, Status::New | Status::NewInsurance | Status::NewAdl),
            Self::Trade => matches!(status, Status::PartiallyFilled | Status::Filled),
            Self::Calculated => matches!(
                status,
                Status::New
                    | Status::NewInsurance
                    | Status::NewAdl
                    | Status::PartiallyFilled
                    | Status::Filled
            ),
            Self::Canceled => matches!(status, Status::Canceled),
            Self::Expired => matches!(status, Status::Expired | Status::ExpiredInMatch),
            Self::Amendment => matches!(status, Status::New | Status::PartiallyFilled),
        }
    }
}
