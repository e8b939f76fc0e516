//! `ORDER_TRADE_UPDATE`: its fields, and what they mean.

use super::order::{ExecutionType, OrderType, Side, Status, TimeInForce};
use crate::binance::receipt::Receipt;
use crate::decimal::Decimal;
use crate::event::{self, Average, Event, Fill, Quote, Step};
use crate::fields::Field;
use crate::model::{ExecutionReport, Kind};
use crate::piece::Piece;
use crate::reader::Integer;
use crate::symbols::Pair;
use crate::text::Text;

pub const EVENT_TIME: Field = Field::new("E", "event time");
pub const TRANSACTION_TIME: Field = Field::new("T", "transaction time");
pub const SYMBOL: Field = Field::new("s", "symbol");
pub const ORDER_ID: Field = Field::new("i", "order id");
pub const CLIENT_ID: Field = Field::new("c", "client order id");
pub const SIDE: Field = Field::new("S", "side");
pub const ORDER_TYPE: Field = Field::new("o", "order type");
pub const TIME_IN_FORCE: Field = Field::new("f", "time in force");
pub const QUANTITY: Field = Field::new("q", "quantity");
pub const PRICE: Field = Field::new("p", "price");
pub const AVERAGE_PRICE: Field = Field::new("ap", "average price");
pub const STOP_PRICE: Field = Field::new("sp", "stop price");
pub const EXECUTION_TYPE: Field = Field::new("x", "execution type");
pub const STATUS: Field = Field::new("X", "order status");
pub const LAST_QUANTITY: Field = Field::new("l", "last quantity");
pub const CUMULATIVE: Field = Field::new("z", "cumulative quantity");
pub const LAST_PRICE: Field = Field::new("L", "last price");
pub const COMMISSION: Field = Field::new("n", "commission");
pub const COMMISSION_ASSET: Field = Field::new("N", "commission asset");
pub const TRADE_ID: Field = Field::new("t", "trade id");
pub const IS_MAKER: Field = Field::new("m", "is maker");
pub const CLOSES_POSITION: Field = Field::new("cp", "closes position");
pub const ORIGINAL_TYPE: Field = Field::new("ot", "original order type");
pub const EXPIRY_REASON: Field = Field::new("er", "expiry reason");
pub const MODIFY_ID: Field = Field::new("M", "modify id");

/// The fields of an order update, each of the right type.
#[allow(clippy::struct_field_names)] // these are the words of the trade
pub struct Execution<'a> {
    pub symbol: Text<'a>,
    pub pair: Pair<'a>,
    pub client_id: Text<'a>,
    pub side: Side,
    pub order_type: OrderType,
    pub original_type: Option<Text<'a>>,
    pub time_in_force: TimeInForce,
    pub execution_type: ExecutionType,
    pub status: Status,
    pub expiry_reason: Option<Text<'a>>,
    pub modify_id: Option<Text<'a>>,
    pub order_id: Integer<'a>,
    pub trade_id: Integer<'a>,
    pub quantity: Decimal<'a>,
    pub price: Decimal<'a>,
    pub average_price: Option<Decimal<'a>>,
    pub stop_price: Option<Decimal<'a>>,
    pub last_quantity: Decimal<'a>,
    pub cumulative: Decimal<'a>,
    pub last_price: Decimal<'a>,
    pub commission: Option<Decimal<'a>>,
    pub commission_asset: Option<Text<'a>>,
    pub is_maker: Option<bool>,
    pub closes_position: bool,
    /// An amount among those not published that is negative, which the rules refuse.
    pub negative_other: Option<&'static Field>,
    pub event_time: Integer<'a>,
    pub event_time_ns: i64,
    pub transaction_time: Integer<'a>,
    pub transaction_time_ns: i64,
    /// The same time once more, within the order.
    pub order_time_ns: i64,
}

impl<'a> Execution<'a> {
    /// Whether something was executed. A liquidation is, if it says so by quantity and trade id.
    pub const fn is_fill(&self) -> bool {
        match self.execution_type {
            ExecutionType::Trade => true,
            ExecutionType::Calculated => !self.last_quantity.is_zero(),
            _ => false,
        }
    }

    /// Whether the update claims an execution without showing one: a liquidation of nothing.
    pub const fn is_empty_fill(&self) -> bool {
        matches!(self.execution_type, ExecutionType::Calculated)
            && matches!(self.status, Status::PartiallyFilled | Status::Filled)
            && self.last_quantity.is_zero()
    }

    const fn kind(&self) -> Kind {
        match (self.execution_type, self.status) {
            (ExecutionType::Trade | ExecutionType::Calculated, Status::Filled) => Kind::Filled,
            (ExecutionType::Trade | ExecutionType::Calculated, Status::PartiallyFilled) => {
                Kind::PartiallyFilled
            }
            (ExecutionType::Canceled, _) => Kind::Cancelled,
            (ExecutionType::Expired, _) => Kind::Expired,
            (ExecutionType::Amendment, _) => Kind::Replaced,
            _ => Kind::New,
        }
    }

    /// A trailing stop shows no stop price that means anything.
    fn trails(&self) -> bool {
        self.order_type == OrderType::TrailingStopMarket
            || self.original_type.is_some_and(|word| word.is("TRAILING_STOP_MARKET"))
    }

    /// Writes the event into `out`; `None` if the amount of the execution is absurd.
    pub fn write(&self, receipt: Receipt<'_>, out: Vec<u8>) -> Option<ExecutionReport> {
        let kind = self.kind();
        let said = |amount: &&Decimal<'_>| !amount.is_zero();
        let event = Event {
            kind,
            step: self.step(kind),
            pair: self.pair,
            symbol: self.symbol,
            order_id: Text::digits(self.order_id.digits),
            client_order_id: Some(self.client_id),
            new_client_order_id: None,
            order_list_id: None,
            side: self.side.as_str(),
            order_type: self.order_type.as_str(),
            time_in_force: Some(self.time_in_force.as_str()),
            price: Some(&self.price).filter(said),
            stop_price: self.stop_price.as_ref().filter(said).filter(|_| !self.trails()),
            quantity: Some(&self.quantity),
            quote_quantity: None,
            cumulative: &self.cumulative,
            cumulative_quote: None,
            average: self.average_price.as_ref().filter(said).map_or(Average::Unsaid, Average::Said),
            prevented: None,
            is_working: None,
            venue_status: self.status.verbatim(),
            fill: self.is_fill().then(|| self.fill()),
            reject_reason: self.expiry_reason.filter(|reason| !reason.is("0") && !reason.is("")),
            execution_id: None,
            exchange_time: receipt.time(self.event_time),
            transaction_time: receipt.time(self.transaction_time),
            received_time_ns: receipt.received_time_ns,
        };
        event::write(&event, &receipt.context.owner, out)
    }

    fn fill(&self) -> Fill<'_> {
        Fill {
            trade_prefix: "",
            trade_id: Text::digits(self.trade_id.digits),
            price: &self.last_price,
            quantity: &self.last_quantity,
            quote: Quote::Product, // one contract is one unit of the base asset
            fee: self.commission.as_ref(),
            fee_currency: self.commission_asset,
            is_maker: self.is_maker,
        }
    }

    /// An amendment can repeat, and carries the venue's counter since it has one.
    fn step(&self, kind: Kind) -> Step<'a> {
        if kind != Kind::Replaced {
            return Step::Once(kind.as_str());
        }
        let counter = self.modify_id.map(|id| id.raw_bytes());
        match counter.filter(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit)) {
            Some(id) => Step::Counted("replaced", Piece::new(id, 0, id.len())),
            None => {
                Step::Dated(self.execution_type.as_str(), self.status.as_str(), self.transaction_time.digits)
            }
        }
    }
}
