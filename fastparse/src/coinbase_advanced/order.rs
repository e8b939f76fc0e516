//! One order of the `user` channel, read and checked by itself.
//!
//! Fields of which nothing is read are not looked at: the venue adds and retypes them (`post_only` came as a string and
//! as a boolean), and none of them is worth the loss of a frame.

use super::Receipt;
use super::words::{ORDER_TYPES, Side, Status, TimeInForce, order_type};
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::model::Kind;
use crate::reader::{Read, Reader, Refusal};
use crate::symbols::Pair;
use crate::text::Text;

pub const PRODUCT: Field = Field::new("product_id", "product");
pub const ORDER_ID: Field = Field::new("order_id", "order id");
pub const EXECUTED: Field = Field::new("cumulative_quantity", "cumulative quantity");
const CLIENT_ORDER_ID: Field = Field::new("client_order_id", "client order id");
const SIDE: Field = Field::new("order_side", "side");
const ORDER_TYPE: Field = Field::new("order_type", "order type");
const TIME_IN_FORCE: Field = Field::new("time_in_force", "time in force");
const STATUS: Field = Field::new("status", "order status");
const PRICE: Field = Field::new("limit_price", "limit price");
const STOP_PRICE: Field = Field::new("stop_price", "stop price");
const LEAVES: Field = Field::new("leaves_quantity", "leaves quantity");
const AVERAGE: Field = Field::new("avg_price", "average price");
const QUOTE: Field = Field::new("filled_value", "filled value");
const TRIGGER: Field = Field::new("trigger_status", "trigger status");
const CREATED: Field = Field::new("creation_time", "creation time");
const CANCEL_REASON: Field = Field::new("cancel_reason", "cancel reason");
const REJECT_REASON: Field = Field::new("reject_reason", "reject reason");
/// As the venue's own table of fields spells it, and as it was sent in 2023.
const REJECT_REASON_TOO: Field = Field::new("reject_Reason", "reject reason");

/// What the venue writes where a time does not apply.
const NO_TIME: &str = "0001-01-01T00:00:00Z";
const NO_REASON: &str = "REJECT_REASON_UNSPECIFIED";

/// An order as a frame shows it; amounts are not negative.
pub struct Order<'a> {
    pub product: Text<'a>,
    pub pair: Pair<'a>,
    pub id: Text<'a>,
    pub client_order_id: Option<Text<'a>>,
    pub side: Side,
    /// Our word for its type.
    pub kind: &'static str,
    pub time_in_force: Option<&'static str>,
    pub status: Status,
    /// Prices are `None` where the order has none.
    pub price: Option<Decimal<'a>>,
    pub stop_price: Option<Decimal<'a>>,
    /// Ordered base quantity, where the frame shows it.
    pub quantity: Option<Decimal<'a>>,
    /// Base quantity executed so far.
    pub executed: Decimal<'a>,
    pub executed_quote: Option<Decimal<'a>>,
    pub average: Option<Decimal<'a>>,
    pub is_triggered: bool,
    pub created_ns: Option<i64>,
    /// Why it ended, where the venue says it.
    pub reason: Option<Text<'a>>,
}

/// Reads an order.
///
/// What cannot be decoded is reported before unknown values, and these before contradictions; within each of the three
/// the order of the checks is fixed, so that a frame always has the same error.
pub fn read<'a>(reader: &Reader<'a>, receipt: Receipt<'a>) -> Read<Order<'a>> {
    let id = named(reader, &ORDER_ID)?;
    let product = named(reader, &PRODUCT)?;
    let client_order_id = said(reader, &CLIENT_ORDER_ID)?;
    let side = reader.text(&SIDE)?;
    let type_word = reader.text(&ORDER_TYPE)?;
    let force = said(reader, &TIME_IN_FORCE)?;
    let status = reader.text(&STATUS)?;
    let price = amount_said(reader, &PRICE)?;
    let stop_price = amount_said(reader, &STOP_PRICE)?;
    let executed = reader.amount(&EXECUTED)?;
    let leaves = amount_said(reader, &LEAVES)?;
    let average = amount_said(reader, &AVERAGE)?;
    let executed_quote = amount_said(reader, &QUOTE)?;
    let trigger = reader.optional_text(&TRIGGER)?;
    let created_ns = time_said(reader)?;
    let cancel_reason = said(reader, &CANCEL_REASON)?;
    let reject_reason = said(reader, &REJECT_REASON)?.or(said(reader, &REJECT_REASON_TOO)?);

    let unknown = |code, field, expected: &'static str| {
        reader.refuse(Refusal { code, field, says: "unknown", expected: expected.into() })
    };
    let status = Status::of(&status.value())
        .ok_or_else(|| unknown(ErrorCode::UnknownStatus, &STATUS, Status::EXPECTED))?;
    let side =
        Side::of(&side.value()).ok_or_else(|| unknown(ErrorCode::UnknownSide, &SIDE, Side::EXPECTED))?;
    let kind = order_type(&type_word.value())
        .ok_or_else(|| unknown(ErrorCode::UnknownOrderType, &ORDER_TYPE, ORDER_TYPES))?;
    let time_in_force = match force {
        Some(word) => TimeInForce::of(&word.value())
            .ok_or_else(|| unknown(ErrorCode::UnknownTimeInForce, &TIME_IN_FORCE, TimeInForce::EXPECTED))?,
        None => TimeInForce::Unknown,
    };
    let pair = receipt.context.symbols.pair(product).ok_or_else(|| {
        unknown(ErrorCode::UnknownSymbol, &PRODUCT, "expected a product of the exchange's list")
    })?;
    let ending = status.ending();
    let not_zero = |amount: &Decimal<'_>| !amount.is_zero();
    let order = Order {
        product,
        pair,
        id,
        client_order_id,
        side,
        kind,
        time_in_force: Some(time_in_force.as_str()).filter(|word| !word.is_empty()),
        status,
        price: price.filter(not_zero),
        stop_price: stop_price.filter(not_zero),
        // Of a market order the rest may be a quote amount; of one that ends it is 0, whatever was ordered.
        quantity: leaves
            .filter(|leaves| ending.is_none() && kind != "market" && !leaves.is_zero())
            .and_then(|leaves| executed.checked_sum(&leaves)),
        executed,
        executed_quote,
        average: average.filter(not_zero),
        is_triggered: !trigger.is_some_and(|word| word.is("STOP_PENDING")),
        created_ns,
        reason: match ending {
            Some(Kind::Rejected) => reject_reason.filter(|reason| !reason.is(NO_REASON)).or(cancel_reason),
            Some(Kind::Cancelled | Kind::Expired) => cancel_reason,
            _ => None,
        },
    };
    reader.refuse_absurd()?;
    check(&order, leaves.as_ref(), receipt).map_err(|refusal| reader.refuse(refusal))?;
    Ok(order)
}

fn check(order: &Order<'_>, leaves: Option<&Decimal<'_>>, receipt: Receipt<'_>) -> Result<(), Refusal> {
    let refuse = |code, field, says, expected: &'static str| {
        Err(Refusal { code, field, says, expected: expected.into() })
    };
    if let Some(created_ns) = order.created_ns {
        receipt.check_time(&CREATED, created_ns)?;
    }
    for (amount, field) in [
        (order.price.as_ref(), &PRICE),
        (order.stop_price.as_ref(), &STOP_PRICE),
        (Some(&order.executed), &EXECUTED),
        (leaves, &LEAVES),
        (order.average.as_ref(), &AVERAGE),
        (order.executed_quote.as_ref(), &QUOTE),
    ] {
        if amount.is_some_and(Decimal::is_negative) {
            return refuse(ErrorCode::NegativeAmount, field, "negative", "expected 0 or more");
        }
    }
    if order.executed.is_zero() {
        if order.status == Status::Filled {
            let expected = "expected more than 0 of an order that is FILLED";
            return refuse(ErrorCode::FilledShort, &EXECUTED, "zero", expected);
        }
    } else if order.average.is_none() {
        let expected = "expected more than 0 of an order that was executed";
        return refuse(ErrorCode::FillWithoutPrice, &AVERAGE, "zero or missing", expected);
    }
    Ok(())
}

/// A mandatory text that says something.
fn named<'a>(reader: &Reader<'a>, field: &'static Field) -> Read<Text<'a>> {
    let text = reader.text(field)?;
    if !text.is("") {
        return Ok(text);
    }
    let expected = "expected a text".into();
    Err(reader.refuse(Refusal { code: ErrorCode::MissingField, field, says: "empty", expected }))
}

/// A text, `None` where the venue left it empty or out.
fn said<'a>(reader: &Reader<'a>, field: &Field) -> Read<Option<Text<'a>>> {
    Ok(reader.optional_text(field)?.filter(|text| !text.is("")))
}

/// An amount, `None` where the venue left it empty or out.
fn amount_said<'a>(reader: &Reader<'a>, field: &Field) -> Read<Option<Decimal<'a>>> {
    match said(reader, field)? {
        Some(_) => Ok(Some(reader.amount(field)?)),
        None => Ok(None),
    }
}

/// When the order was created, `None` where the venue does not say.
fn time_said(reader: &Reader<'_>) -> Read<Option<i64>> {
    match said(reader, &CREATED)?.filter(|text| !text.is(NO_TIME)) {
        Some(_) => Ok(Some(reader.instant(&CREATED)?)),
        None => Ok(None),
    }
}
