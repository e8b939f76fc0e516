//! The order in a trade update: its fields, and what they mean.

use super::Context;
use super::instrument::{Instrument, instrument};
use super::words::{OrderType, Side, Status, TimeInForce};
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::reader::{Read, Reader, Refusal};
use crate::text::Text;

pub const ID: Field = Field::new("id", "order id");
pub const SYMBOL: Field = Field::new("symbol", "symbol");
pub const STATUS: Field = Field::new("status", "order status");
pub const QUANTITY: Field = Field::new("qty", "quantity");
pub const FILLED: Field = Field::new("filled_qty", "filled quantity");
pub const AVERAGE: Field = Field::new("filled_avg_price", "average price");
pub const LEGS: Field = Field::new("legs", "legs");
const CLIENT_ID: Field = Field::new("client_order_id", "client order id");
pub const CLASS: Field = Field::new("asset_class", "asset class");
const ORDER_CLASS: Field = Field::new("order_class", "order class");
const SIDE: Field = Field::new("side", "side");
const TYPE: Field = Field::new("type", "order type");
const OLD_TYPE: Field = Field::new("order_type", "order type");
const TIME_IN_FORCE: Field = Field::new("time_in_force", "time in force");
const NOTIONAL: Field = Field::new("notional", "notional amount");
const LIMIT_PRICE: Field = Field::new("limit_price", "limit price");
const STOP_PRICE: Field = Field::new("stop_price", "stop price");
const UPDATED_AT: Field = Field::new("updated_at", "update time");

/// The times of the state that an event leads to.
const STATE_TIMES: [(&str, Field); 7] = [
    ("fill", Field::new("filled_at", "fill time")),
    ("partial_fill", Field::new("filled_at", "fill time")),
    ("partially_filled", Field::new("filled_at", "fill time")),
    ("canceled", Field::new("canceled_at", "cancel time")),
    ("expired", Field::new("expired_at", "expiry time")),
    ("rejected", Field::new("failed_at", "failure time")),
    ("replaced", Field::new("replaced_at", "replacement time")),
];

/// The fields of an order, each of the right type; words as they stand.
pub struct RawOrder<'a> {
    pub id: Text<'a>,
    pub client_id: Option<Text<'a>>,
    pub symbol: Option<Text<'a>>,
    class: Option<Text<'a>>,
    side: Option<Text<'a>>,
    order_type: Option<Text<'a>>,
    time_in_force: Option<Text<'a>>,
    pub quantity: Option<Decimal<'a>>,
    notional: Option<Decimal<'a>>,
    pub filled: Decimal<'a>,
    average: Option<Decimal<'a>>,
    limit_price: Option<Decimal<'a>>,
    stop_price: Option<Decimal<'a>>,
    status: Text<'a>,
}

impl<'a> RawOrder<'a> {
    /// Reads the fields.
    pub fn read(reader: &Reader<'a>) -> Read<Self> {
        let said = |field: &Field| -> Read<Option<Text<'a>>> {
            Ok(reader.optional_text(field)?.filter(|text| !text.is("")))
        };
        let id = said(&ID)?.ok_or_else(|| lacking(reader, &ID))?;
        let client_id = said(&CLIENT_ID)?;
        let symbol = said(&SYMBOL)?;
        let class = said(&CLASS)?;
        let is_multi_leg = said(&ORDER_CLASS)?.is_some_and(|class| class.is("mleg"));
        let side = said(&SIDE)?;
        let order_type = said(&TYPE)?;
        let old_type = said(&OLD_TYPE)?;
        let time_in_force = said(&TIME_IN_FORCE)?;
        let quantity = reader.optional_amount(&QUANTITY)?;
        let notional = reader.optional_amount(&NOTIONAL)?;
        let filled = reader.amount(&FILLED)?;
        let average = reader.optional_amount(&AVERAGE)?;
        let limit_price = reader.optional_amount(&LIMIT_PRICE)?;
        let stop_price = reader.optional_amount(&STOP_PRICE)?;
        let status = reader.text(&STATUS)?;
        let order_type = order_type.or(old_type);
        if symbol.is_some() || !is_multi_leg {
            symbol.ok_or_else(|| lacking(reader, &SYMBOL))?;
            side.ok_or_else(|| lacking(reader, &SIDE))?;
            if !is_multi_leg {
                order_type.ok_or_else(|| lacking(reader, &TYPE))?;
            }
        }
        Ok(Self {
            id,
            client_id,
            symbol,
            class,
            side,
            order_type,
            time_in_force,
            quantity,
            notional,
            filled,
            average,
            limit_price,
            stop_price,
            status,
        })
    }

    /// When the order came into the state that `event` tells of, as the order itself says it.
    pub fn state_time_ns(reader: &Reader<'a>, event: &Text<'_>) -> Read<Option<i64>> {
        for (word, field) in &STATE_TIMES {
            if event.is(word) {
                if let Some(time_ns) = reader.optional_instant(field)? {
                    return Ok(Some(time_ns));
                }
            }
        }
        reader.optional_instant(&UPDATED_AT)
    }

    /// The order's status.
    pub fn status(&self, reader: &Reader<'_>) -> Read<Status> {
        Status::of(&self.status.value())
            .ok_or_else(|| unknown(reader, ErrorCode::UnknownStatus, &STATUS, Status::EXPECTED))
    }

    /// Replaces the venue's words by ours; `None` for the parent of a multi-leg order, which has no symbol.
    pub fn resolve(self, reader: &Reader<'a>, context: &Context) -> Read<(Status, Option<Order<'a>>)> {
        let status = self.status(reader)?;
        let (Some(symbol), Some(side)) = (self.symbol, self.side) else { return Ok((status, None)) };
        let side = Side::of(&side.value())
            .ok_or_else(|| unknown(reader, ErrorCode::UnknownSide, &SIDE, Side::EXPECTED))?;
        let order_type = match self.order_type {
            Some(word) => OrderType::of(&word.value())
                .ok_or_else(|| unknown(reader, ErrorCode::UnknownOrderType, &TYPE, OrderType::EXPECTED))?,
            // A leg has no type: it executes with its parent, at a price that no limit of its own bounds.
            None => OrderType::Market,
        };
        let time_in_force = match self.time_in_force {
            Some(word) => Some(TimeInForce::of(&word.value()).ok_or_else(|| {
                unknown(reader, ErrorCode::UnknownTimeInForce, &TIME_IN_FORCE, TimeInForce::EXPECTED)
            })?),
            None => None,
        };
        let instrument = instrument(symbol, self.class, context.symbols.as_ref()).ok_or_else(|| {
            unknown(
                reader,
                ErrorCode::UnknownSymbol,
                &SYMBOL,
                "expected a symbol of a stock, an option or a crypto pair",
            )
        })?;
        let order = Order {
            id: self.id,
            client_id: self.client_id,
            instrument,
            side,
            order_type,
            time_in_force,
            quantity: self.quantity,
            notional: self.notional,
            filled: self.filled,
            average: self.average,
            limit_price: self.limit_price,
            stop_price: self.stop_price,
            status,
        };
        Ok((status, Some(order)))
    }
}

/// An order in our words.
#[allow(clippy::struct_field_names)] // these are the words of the trade
pub struct Order<'a> {
    pub id: Text<'a>,
    pub client_id: Option<Text<'a>>,
    pub instrument: Instrument<'a>,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: Option<TimeInForce>,
    /// `None` for an order placed by amount.
    pub quantity: Option<Decimal<'a>>,
    pub notional: Option<Decimal<'a>>,
    pub filled: Decimal<'a>,
    pub average: Option<Decimal<'a>>,
    pub limit_price: Option<Decimal<'a>>,
    pub stop_price: Option<Decimal<'a>>,
    pub status: Status,
}

impl Order<'_> {
    /// The first amount that is negative and must not be.
    pub fn negative(&self) -> Option<&'static Field> {
        let negative = |amount: &Option<Decimal<'_>>| amount.is_some_and(|amount| amount.is_negative());
        if negative(&self.quantity) {
            Some(&QUANTITY)
        } else if negative(&self.notional) {
            Some(&NOTIONAL)
        } else if self.filled.is_negative() {
            Some(&FILLED)
        } else if negative(&self.average) {
            Some(&AVERAGE)
        } else if negative(&self.limit_price) {
            Some(&LIMIT_PRICE)
        } else if negative(&self.stop_price) {
            Some(&STOP_PRICE)
        } else {
            None
        }
    }
}

#[cold]
fn lacking(reader: &Reader<'_>, field: &'static Field) -> Box<crate::error::ParseError> {
    match reader.token(field) {
        None => reader.missing(field, "a string"),
        Some(_) => reader.refuse(Refusal {
            code: ErrorCode::MissingField,
            field,
            says: "is empty",
            expected: "expected a string with characters".into(),
        }),
    }
}

#[cold]
fn unknown(
    reader: &Reader<'_>,
    code: ErrorCode,
    field: &'static Field,
    expected: &'static str,
) -> Box<crate::error::ParseError> {
    reader.refuse(Refusal { code, field, says: "unknown", expected: expected.into() })
}
