//! `executionReport`: reading its fields and refusing what contradicts the venue's rules.

use std::borrow::Cow;

use super::order::{ExecutionType, OrderType, Side, Status, TimeInForce};
use super::{ORDER_ID, Receipt, SYMBOL, event};
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::model::{Kind, Report};
use crate::reader::{Integer, Read, Reader};

const EVENT_TIME: Field = Field::new("E", "event time");
const CLIENT_ID: Field = Field::new("c", "client order id");
const SIDE: Field = Field::new("S", "side");
const ORDER_TYPE: Field = Field::new("o", "order type");
const TIME_IN_FORCE: Field = Field::new("f", "time in force");
const QUANTITY: Field = Field::new("q", "quantity");
const PRICE: Field = Field::new("p", "price");
const STOP_PRICE: Field = Field::new("P", "stop price");
const ICEBERG: Field = Field::new("F", "iceberg quantity");
const LIST_ID: Field = Field::new("g", "order list id");
const ORIGINAL_ID: Field = Field::new("C", "original client order id");
const EXECUTION_TYPE: Field = Field::new("x", "execution type");
const STATUS: Field = Field::new("X", "order status");
const REJECT_REASON: Field = Field::new("r", "reject reason");
const LAST_QUANTITY: Field = Field::new("l", "last quantity");
const CUMULATIVE: Field = Field::new("z", "cumulative quantity");
const LAST_PRICE: Field = Field::new("L", "last price");
const COMMISSION: Field = Field::new("n", "commission");
const COMMISSION_ASSET: Field = Field::new("N", "commission asset");
const TRANSACTION_TIME: Field = Field::new("T", "transaction time");
const TRADE_ID: Field = Field::new("t", "trade id");
const EXECUTION_ID: Field = Field::new("I", "execution id");
const IS_WORKING: Field = Field::new("w", "is working");
const IS_MAKER: Field = Field::new("m", "is maker");
const CUMULATIVE_QUOTE: Field = Field::new("Z", "cumulative quote");
const LAST_QUOTE: Field = Field::new("Y", "last quote");
const QUOTE_QUANTITY: Field = Field::new("Q", "quote quantity");
const PREVENTED: Field = Field::new("A", "prevented quantity");
const PREVENTED_MATCH_ID: Field = Field::new("v", "prevented match id");
const ALLOCATION_ID: Field = Field::new("a", "allocation id");
const EXPIRY_REASON: Field = Field::new("eR", "expiry reason");

/// Fields of which only the type is checked: nothing is published of them.
const OTHER_INTEGERS: [Field; 9] = [
    Field::new("O", "creation time"),
    Field::new("W", "working time"),
    Field::new("d", "trailing delta"),
    Field::new("D", "trailing time"),
    Field::new("j", "strategy id"),
    Field::new("J", "strategy type"),
    Field::new("u", "trade group id"),
    Field::new("U", "counter order id"),
    Field::new("gOV", "peg offset value"),
];
const OTHER_BOOLEANS: [Field; 2] = [Field::new("M", "best match"), Field::new("uS", "used SOR")];
const OTHER_TEXTS: [Field; 7] = [
    Field::new("V", "self-trade prevention mode"),
    Field::new("Cs", "counter symbol"),
    Field::new("b", "match type"),
    Field::new("k", "working floor"),
    Field::new("y", "order capacity"),
    Field::new("gP", "peg price type"),
    Field::new("gOT", "peg offset type"),
];
const OTHER_AMOUNTS: [Field; 6] = [
    ICEBERG,
    Field::new("B", "last prevented quantity"),
    Field::new("pl", "prevented execution quantity"),
    Field::new("pL", "prevented execution price"),
    Field::new("pY", "prevented execution quote"),
    Field::new("gp", "pegged price"),
];

/// The fields of an `executionReport`, each of the right type.
pub struct Execution<'a> {
    pub symbol: Cow<'a, str>,
    pub pair: Cow<'a, str>,
    pub client_id: Cow<'a, str>,
    pub original_id: Option<Cow<'a, str>>,
    pub list_id: Option<Integer<'a>>,
    pub side: Side,
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
    pub execution_type: ExecutionType,
    pub status: Status,
    pub reject_reason: Option<Cow<'a, str>>,
    pub expiry_reason: Option<Cow<'a, str>>,
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
    pub commission_asset: Option<Cow<'a, str>>,
    pub cumulative_quote: Option<Decimal<'a>>,
    pub last_quote: Option<Decimal<'a>>,
    pub quote_quantity: Option<Decimal<'a>>,
    pub prevented: Option<Decimal<'a>>,
    pub is_working: Option<bool>,
    pub is_maker: Option<bool>,
    pub event_time_ns: i64,
    /// In the venue's unit, for fallback identities.
    pub transaction_time: Integer<'a>,
    pub transaction_time_ns: i64,
}

/// Reads an `executionReport`.
///
/// What cannot be decoded is reported before unknown values, and these before contradictions; within each of the
/// three the order of the checks is fixed, so that a frame always has the same error.
pub fn read(reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Report> {
    let event_time_ns = receipt.time_ns(reader, &EVENT_TIME)?;
    let symbol = reader.text(&SYMBOL)?;
    let client_id = reader.text(&CLIENT_ID)?;
    let side = reader.text(&SIDE)?;
    let order_type = reader.text(&ORDER_TYPE)?;
    let time_in_force = reader.text(&TIME_IN_FORCE)?;
    let quantity = reader.amount(&QUANTITY)?;
    let price = reader.amount(&PRICE)?;
    let stop_price = reader.optional_amount(&STOP_PRICE)?;
    let list_id = reader.optional_integer(&LIST_ID)?;
    let original_id = reader.optional_text(&ORIGINAL_ID)?;
    let execution_type = reader.text(&EXECUTION_TYPE)?;
    let status = reader.text(&STATUS)?;
    let reject_reason = reader.optional_text(&REJECT_REASON)?;
    let order_id = reader.integer(&ORDER_ID)?;
    let last_quantity = reader.amount(&LAST_QUANTITY)?;
    let cumulative = reader.amount(&CUMULATIVE)?;
    let last_price = reader.amount(&LAST_PRICE)?;
    let commission = reader.amount(&COMMISSION)?;
    let commission_asset = reader.optional_text(&COMMISSION_ASSET)?;
    let transaction_time = reader.integer(&TRANSACTION_TIME)?;
    let trade_id = reader.integer(&TRADE_ID)?;
    let execution_id = reader.optional_integer(&EXECUTION_ID)?;
    let is_working = reader.optional_boolean(&IS_WORKING)?;
    let is_maker = reader.optional_boolean(&IS_MAKER)?;
    let cumulative_quote = reader.optional_amount(&CUMULATIVE_QUOTE)?;
    let last_quote = reader.optional_amount(&LAST_QUOTE)?;
    let quote_quantity = reader.optional_amount(&QUOTE_QUANTITY)?;
    let prevented = reader.optional_amount(&PREVENTED)?;
    let prevented_match_id = reader.optional_integer(&PREVENTED_MATCH_ID)?;
    let allocation_id = reader.optional_integer(&ALLOCATION_ID)?;
    let expiry_reason = reader.optional_text(&EXPIRY_REASON)?;
    let negative_other = read_others(reader)?;
    if execution_type == "TRADE" {
        check_commission_asset(reader, &commission, commission_asset.as_deref())?;
    }

    let execution_type = ExecutionType::of(&execution_type).ok_or_else(|| {
        reader.refuse(ErrorCode::UnknownExecutionType, &EXECUTION_TYPE, "unknown", ExecutionType::EXPECTED)
    })?;
    let status = Status::of(&status)
        .ok_or_else(|| reader.refuse(ErrorCode::UnknownStatus, &STATUS, "unknown", Status::EXPECTED))?;
    let side = Side::of(&side)
        .ok_or_else(|| reader.refuse(ErrorCode::UnknownSide, &SIDE, "unknown", Side::EXPECTED))?;
    let order_type = OrderType::of(&order_type).ok_or_else(|| {
        reader.refuse(ErrorCode::UnknownOrderType, &ORDER_TYPE, "unknown", OrderType::EXPECTED)
    })?;
    let pair = receipt.context.symbols.pair(&symbol).ok_or_else(|| {
        reader.refuse(
            ErrorCode::UnknownSymbol,
            &SYMBOL,
            "unknown",
            "expected a symbol of the exchange's list",
        )
    })?;

    reader.refuse_absurd()?;
    let transaction_time_ns = transaction_time.value.saturating_mul(receipt.context.unit_ns);
    receipt.check_time(reader, &EVENT_TIME, event_time_ns)?;
    receipt.check_time(reader, &TRANSACTION_TIME, transaction_time_ns)?;
    let time_in_force_word = time_in_force;
    // A word outside the set is reported last: whatever else is wrong says more about the frame.
    let time_in_force = TimeInForce::of(&time_in_force_word);
    let execution = Execution {
        symbol,
        pair,
        client_id,
        original_id,
        list_id,
        side,
        order_type,
        time_in_force: time_in_force.unwrap_or(TimeInForce::Gtc),
        execution_type,
        status,
        reject_reason,
        expiry_reason,
        order_id,
        trade_id,
        allocation_id,
        execution_id,
        prevented_match_id,
        quantity,
        price,
        stop_price,
        last_quantity,
        cumulative,
        last_price,
        commission,
        commission_asset,
        cumulative_quote,
        last_quote,
        quote_quantity,
        prevented,
        is_working,
        is_maker,
        event_time_ns,
        transaction_time,
        transaction_time_ns,
    };
    check_ids(reader, &execution)?;
    check_signs(reader, &execution, negative_other)?;
    check_last_fill(reader, &execution)?;
    check_totals(reader, &execution)?;
    let report = event::write(&execution, receipt).ok_or_else(|| {
        reader.refuse(
            ErrorCode::AbsurdMagnitude,
            &CUMULATIVE_QUOTE,
            "is absurd",
            "expected an average price below 10^18",
        )
    })?;
    if time_in_force.is_none() {
        return Err(reader.refuse(
            ErrorCode::UnknownTimeInForce,
            &TIME_IN_FORCE,
            "unknown",
            TimeInForce::EXPECTED,
        ));
    }
    Ok(Report::Execution(report))
}

/// Checks the types of the fields that are not published; returns the first amount among them that is negative.
fn read_others(reader: &Reader<'_>) -> Read<Option<Field>> {
    for field in &OTHER_INTEGERS {
        reader.optional_integer(field)?;
    }
    for field in &OTHER_BOOLEANS {
        reader.optional_boolean(field)?;
    }
    for field in &OTHER_TEXTS {
        reader.optional_text(field)?;
    }
    let mut negative = None;
    for field in &OTHER_AMOUNTS {
        if reader.optional_amount(field)?.is_some_and(|amount| amount.is_negative()) && negative.is_none() {
            negative = Some(*field);
        }
    }
    Ok(negative)
}

/// A trade names the asset of its commission; only a commission of 0 may leave it null.
fn check_commission_asset(reader: &Reader<'_>, commission: &Decimal<'_>, asset: Option<&str>) -> Read<()> {
    let may_be_null = commission.is_zero() && reader.is_null(&COMMISSION_ASSET);
    if asset.is_none() && !may_be_null {
        return Err(reader.missing(&COMMISSION_ASSET, "a string"));
    }
    Ok(())
}

fn check_ids(reader: &Reader<'_>, execution: &Execution<'_>) -> Read<()> {
    let refuse = |field, expected| Err(reader.refuse(ErrorCode::NegativeId, field, "negative", expected));
    if execution.order_id.value < 0 {
        return refuse(&ORDER_ID, "expected 0 or more");
    }
    if execution.list_id.is_some_and(|id| id.value < -1) {
        return refuse(&LIST_ID, "expected -1 or more");
    }
    if execution.trade_id.value < -1 {
        return refuse(&TRADE_ID, "expected -1 or more");
    }
    if execution.execution_id.is_some_and(|id| id.value < 0) {
        return refuse(&EXECUTION_ID, "expected 0 or more");
    }
    Ok(())
}

fn check_signs(reader: &Reader<'_>, execution: &Execution<'_>, negative_other: Option<Field>) -> Read<()> {
    // The cumulative quote is missing here: the venue says by a negative one that it does not know it.
    let amounts = [
        (&QUANTITY, Some(&execution.quantity)),
        (&PRICE, Some(&execution.price)),
        (&STOP_PRICE, execution.stop_price.as_ref()),
        (&LAST_QUANTITY, Some(&execution.last_quantity)),
        (&CUMULATIVE, Some(&execution.cumulative)),
        (&LAST_PRICE, Some(&execution.last_price)),
        (&COMMISSION, Some(&execution.commission)),
        (&LAST_QUOTE, execution.last_quote.as_ref()),
        (&QUOTE_QUANTITY, execution.quote_quantity.as_ref()),
        (&PREVENTED, execution.prevented.as_ref()),
    ];
    let negative = amounts.iter().find(|(_, amount)| amount.is_some_and(Decimal::is_negative));
    match negative.map(|(field, _)| **field).or(negative_other) {
        Some(field) => {
            Err(reader.refuse(ErrorCode::NegativeAmount, &field, "negative", "expected 0 or more"))
        }
        None => Ok(()),
    }
}

/// A trade has a last fill, and nothing else has.
fn check_last_fill(reader: &Reader<'_>, execution: &Execution<'_>) -> Read<()> {
    if !execution.execution_type.may_lead_to(execution.status) {
        let expected = format!("expected a status to which {} leads", execution.execution_type.verbatim());
        return Err(reader.refuse(ErrorCode::IllegalStatus, &STATUS, "illegal", &expected));
    }
    let refuse = |code, field, says, expected| Err(reader.refuse(code, field, says, expected));
    if execution.execution_type == ExecutionType::Trade {
        if execution.last_quantity.is_zero() {
            return refuse(
                ErrorCode::FillWithoutQuantity,
                &LAST_QUANTITY,
                "zero on a trade",
                "expected more than 0",
            );
        }
        if execution.last_price.is_zero() {
            return refuse(
                ErrorCode::FillWithoutPrice,
                &LAST_PRICE,
                "zero on a trade",
                "expected more than 0",
            );
        }
        if execution.trade_id.value < 0 && execution.allocation_id.is_none_or(|id| id.value < 0) {
            let expected = "expected 0 or more, or an allocation id";
            return refuse(ErrorCode::FillWithoutTradeId, &TRADE_ID, "missing on a trade", expected);
        }
        return Ok(());
    }
    let code = ErrorCode::FillOutsideTrade;
    if !execution.last_quantity.is_zero() {
        return refuse(code, &LAST_QUANTITY, "set outside a trade", "expected 0");
    }
    if !execution.last_price.is_zero() {
        return refuse(code, &LAST_PRICE, "set outside a trade", "expected 0");
    }
    if execution.trade_id.value != -1 {
        return refuse(code, &TRADE_ID, "set outside a trade", "expected -1");
    }
    Ok(())
}

fn check_totals(reader: &Reader<'_>, execution: &Execution<'_>) -> Read<()> {
    let Execution { quantity, cumulative, last_quantity, .. } = execution;
    if last_quantity.cmp_magnitude(cumulative).is_gt() {
        let expected = "expected no more than the cumulative quantity z";
        return Err(reader.refuse(ErrorCode::LastExceedsCumulative, &LAST_QUANTITY, "too large", expected));
    }
    // An order placed by quote amount gets its base quantity from the venue's estimate.
    let by_quote = execution.quote_quantity.is_some_and(|amount| !amount.is_zero());
    if !by_quote && cumulative.cmp_magnitude(quantity).is_gt() {
        let expected = "expected no more than the quantity q";
        return Err(reader.refuse(ErrorCode::CumulativeExceedsQuantity, &CUMULATIVE, "too large", expected));
    }
    let prevented = execution.prevented.unwrap_or(Decimal::ZERO);
    if execution.status == Status::Filled && cumulative.sum_is_less(&prevented, quantity) {
        let expected = "expected the quantity q of an order that is FILLED";
        return Err(reader.refuse(ErrorCode::FilledShort, &CUMULATIVE, "too small", expected));
    }
    let Some(last_quote) = &execution.last_quote else { return Ok(()) };
    if !last_quote.is_product(&execution.last_price, last_quantity) {
        let expected = "expected last price L times last quantity l";
        return Err(reader.refuse(ErrorCode::QuoteMismatch, &LAST_QUOTE, "wrong", expected));
    }
    let known = execution.cumulative_quote.filter(|amount| !amount.is_negative());
    if known.is_some_and(|total| last_quote.cmp_magnitude(&total).is_gt()) {
        let expected = "expected no more than the cumulative quote Z";
        return Err(reader.refuse(ErrorCode::LastExceedsCumulativeQuote, &LAST_QUOTE, "too large", expected));
    }
    Ok(())
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
    pub fn previous_id(&self) -> Option<&Cow<'_, str>> {
        let names_it = matches!(self.execution_type, ExecutionType::Canceled | ExecutionType::Replaced);
        self.original_id.as_ref().filter(|id| names_it && !matches!(id.as_ref(), "" | "null"))
    }

    /// Why the order was rejected or expired.
    #[must_use]
    pub fn reason(&self) -> Option<&Cow<'_, str>> {
        let said = |reason: &&Cow<'_, str>| reason.as_ref() != "NONE";
        self.reject_reason.as_ref().filter(said).or_else(|| self.expiry_reason.as_ref().filter(said))
    }
}
