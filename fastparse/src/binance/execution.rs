//! `executionReport`: its fields, and what they mean.

use super::order::{ExecutionType, OrderType, Side, Status, TimeInForce};
use crate::decimal::Decimal;
use crate::fields::Field;
use crate::model::Kind;
use crate::piece::Piece;
use crate::reader::Integer;
use crate::symbols::Pair;
use crate::text::Text;

pub const EVENT_TIME: Field = Field::new("E", "event time");
pub const CLIENT_ID: Field = Field::new("c", "client order id");
pub const SIDE: Field = Field::new("S", "side");
pub const ORDER_TYPE: Field = Field::new("o", "order type");
pub const TIME_IN_FORCE: Field = Field::new("f", "time in force");
pub const QUANTITY: Field = Field::new("q", "quantity");
pub const PRICE: Field = Field::new("p", "price");
pub const STOP_PRICE: Field = Field::new("P", "stop price");
pub const ICEBERG: Field = Field::new("F", "iceberg quantity");
pub const LIST_ID: Field = Field::new("g", "order list id");
pub const ORIGINAL_ID: Field = Field::new("C", "original client order id");
pub const EXECUTION_TYPE: Field = Field::new("x", "execution type");
pub const STATUS: Field = Field::new("X", "order status");
pub const REJECT_REASON: Field = Field::new("r", "reject reason");
pub const LAST_QUANTITY: Field = Field::new("l", "last quantity");
pub const CUMULATIVE: Field = Field::new("z", "cumulative quantity");
pub const LAST_PRICE: Field = Field::new("L", "last price");
pub const COMMISSION: Field = Field::new("n", "commission");
pub const COMMISSION_ASSET: Field = Field::new("N", "commission asset");
pub const TRANSACTION_TIME: Field = Field::new("T", "transaction time");
pub const TRADE_ID: Field = Field::new("t", "trade id");
pub const EXECUTION_ID: Field = Field::new("I", "execution id");
pub const IS_WORKING: Field = Field::new("w", "is working");
pub const IS_MAKER: Field = Field::new("m", "is maker");
pub const CUMULATIVE_QUOTE: Field = Field::new("Z", "cumulative quote");
pub const LAST_QUOTE: Field = Field::new("Y", "last quote");
pub const QUOTE_QUANTITY: Field = Field::new("Q", "quote quantity");
pub const PREVENTED: Field = Field::new("A", "prevented quantity");
pub const PREVENTED_MATCH_ID: Field = Field::new("v", "prevented match id");
pub const ALLOCATION_ID: Field = Field::new("a", "allocation id");
pub const EXPIRY_REASON: Field = Field::new("eR", "expiry reason");

/// The fields of an `executionReport`, each of the right type.
#[allow(clippy::struct_field_names)] // these are the words of the trade
pub struct Execution<'a> {
    pub symbol: Text<'a>,
    pub pair: Pair<'a>,
    pub client_id: Text<'a>,
    pub original_id: Option<Text<'a>>,
    pub list_id: Option<Integer<'a>>,
    pub side: Side,
    pub order_type: OrderType,
    /// `None` for a word outside the set, which the rules refuse.
    pub time_in_force: Option<TimeInForce>,
    pub execution_type: ExecutionType,
    pub status: Status,
    pub reject_reason: Option<Text<'a>>,
    pub expiry_reason: Option<Text<'a>>,
    pub order_id: Integer<'a>,
    pub trade_id: Integer<'a>,
    pub allocation_id: Option<Integer<'a>>,
    pub execution_id: Option<Integer<'a>>,
    pub prevented_match_id: Option<Integer<'a>>,
    pub quantity: Decimal<'a>,
    pub price: Decimal<'a>,
    pub stop_price: Option<Decimal<'a>>,
    pub last_quantity: Decimal<'a>,
    pub cumulative: Decimal<'a>,
    pub last_price: Decimal<'a>,
    pub commission: Decimal<'a>,
    pub commission_asset: Option<Text<'a>>,
    pub cumulative_quote: Option<Decimal<'a>>,
    pub last_quote: Option<Decimal<'a>>,
    pub quote_quantity: Option<Decimal<'a>>,
    pub prevented: Option<Decimal<'a>>,
    pub is_working: Option<bool>,
    pub is_maker: Option<bool>,
    /// An amount among those not published that is negative, which the rules refuse.
    pub negative_other: Option<&'static Field>,
    /// In the venue's unit.
    pub event_time: Integer<'a>,
    pub event_time_ns: i64,
    /// In the venue's unit.
    pub transaction_time: Integer<'a>,
    pub transaction_time_ns: i64,
}

impl Execution<'static> {
    /// A report of nothing, to be filled in.
    pub const EMPTY: Self = Self {
        symbol: Text::new(Piece::EMPTY, false),
        pair: Pair::Known(""),
        client_id: Text::new(Piece::EMPTY, false),
        original_id: None,
        list_id: None,
        side: Side::Buy,
        order_type: OrderType::Limit,
        time_in_force: None,
        execution_type: ExecutionType::New,
        status: Status::New,
        reject_reason: None,
        expiry_reason: None,
        order_id: Integer::ZERO,
        trade_id: Integer::ZERO,
        allocation_id: None,
        execution_id: None,
        prevented_match_id: None,
        quantity: Decimal::ZERO,
        price: Decimal::ZERO,
        stop_price: None,
        last_quantity: Decimal::ZERO,
        cumulative: Decimal::ZERO,
        last_price: Decimal::ZERO,
        commission: Decimal::ZERO,
        commission_asset: None,
        cumulative_quote: None,
        last_quote: None,
        quote_quantity: None,
        prevented: None,
        is_working: None,
        is_maker: None,
        negative_other: None,
        event_time: Integer::ZERO,
        event_time_ns: 0,
        transaction_time: Integer::ZERO,
        transaction_time_ns: 0,
    };
}

impl Execution<'_> {
    /// What happened to the order, in our words; the check of the status has left no other combination.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match (self.execution_type, self.status) {
            (ExecutionType::Trade, Status::Filled) => Kind::Filled,
            (ExecutionType::Trade, _) => Kind::PartiallyFilled,
            (ExecutionType::New, _) => Kind::New,
            (ExecutionType::Canceled, _) => Kind::Cancelled,
            (ExecutionType::Rejected, _) => Kind::Rejected,
            (ExecutionType::Expired, _)
            | (ExecutionType::TradePrevention, Status::Expired | Status::ExpiredInMatch) => Kind::Expired,
            (ExecutionType::Replaced | ExecutionType::TradePrevention, _) => Kind::Replaced,
        }
    }

    /// The order's id before the request that caused this event, where the venue says it usably.
    #[must_use]
    pub fn previous_id(&self) -> Option<&Text<'_>> {
        let names_it = matches!(self.execution_type, ExecutionType::Canceled | ExecutionType::Replaced);
        self.original_id.as_ref().filter(|id| names_it && !(id.is("") || id.is("null")))
    }

    /// Why the order was rejected or expired.
    #[must_use]
    pub fn reason(&self) -> Option<&Text<'_>> {
        let said = |reason: &&Text<'_>| !reason.is("NONE");
        self.reject_reason.as_ref().filter(said).or_else(|| self.expiry_reason.as_ref().filter(said))
    }
}
