//! Reading an `executionReport` whatever the order of its keys, and saying what is wrong with it.

use super::execution::{
    ALLOCATION_ID, CLIENT_ID, COMMISSION, COMMISSION_ASSET, CUMULATIVE, CUMULATIVE_QUOTE, EVENT_TIME,
    EXECUTION_ID, EXECUTION_TYPE, EXPIRY_REASON, Execution, ICEBERG, IS_MAKER, IS_WORKING, LAST_PRICE,
    LAST_QUANTITY, LAST_QUOTE, LIST_ID, ORDER_TYPE, ORIGINAL_ID, PREVENTED, PREVENTED_MATCH_ID, PRICE,
    QUANTITY, QUOTE_QUANTITY, REJECT_REASON, SIDE, STATUS, STOP_PRICE, TIME_IN_FORCE, TRADE_ID,
    TRANSACTION_TIME,
};
use super::order::{ExecutionType, OrderType, Side, Status, TimeInForce};
use super::receipt::Receipt;
use super::{ORDER_ID, SYMBOL, event, rules};
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::model::Report;
use crate::reader::{Expected, Read, Reader, Refusal};
use crate::text::Text;

/// Fields of which only the type is checked: nothing is published of them.
const OTHERS: [(Field, Expected); 18] = [
    (Field::new("O", "creation time"), Expected::Integer),
    (Field::new("W", "working time"), Expected::Integer),
    (Field::new("d", "trailing delta"), Expected::Integer),
    (Field::new("D", "trailing time"), Expected::Integer),
    (Field::new("j", "strategy id"), Expected::Integer),
    (Field::new("J", "strategy type"), Expected::Integer),
    (Field::new("u", "trade group id"), Expected::Integer),
    (Field::new("U", "counter order id"), Expected::Integer),
    (Field::new("gOV", "peg offset value"), Expected::Integer),
    (Field::new("M", "best match"), Expected::Boolean),
    (Field::new("uS", "used SOR"), Expected::Boolean),
    (Field::new("V", "self-trade prevention mode"), Expected::Text),
    (Field::new("Cs", "counter symbol"), Expected::Text),
    (Field::new("b", "match type"), Expected::Text),
    (Field::new("k", "working floor"), Expected::Text),
    (Field::new("y", "order capacity"), Expected::Text),
    (Field::new("gP", "peg price type"), Expected::Text),
    (Field::new("gOT", "peg offset type"), Expected::Text),
];
const OTHER_AMOUNTS: [Field; 6] = [
    ICEBERG,
    Field::new("B", "last prevented quantity"),
    Field::new("pl", "prevented execution quantity"),
    Field::new("pL", "prevented execution price"),
    Field::new("pY", "prevented execution quote"),
    Field::new("gp", "pegged price"),
];

/// Reads an `executionReport`.
///
/// What cannot be decoded is reported before unknown values, and these before contradictions; within each of the
/// three the order of the checks is fixed, so that a frame always has the same error.
pub fn execution_report(reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Report> {
    let execution = fields(reader, receipt)?;
    reader.refuse_absurd()?;
    rules::check(&execution, receipt).map_err(|refusal| reader.refuse(refusal))?;
    match event::write(&execution, receipt, Vec::new()) {
        Some(report) => Ok(Report::Execution(report)),
        None => Err(reader.refuse(rules::absurd_average())),
    }
}

fn fields<'a>(reader: &Reader<'a>, receipt: Receipt<'a>) -> Read<Execution<'a>> {
    let event_time = reader.integer(&EVENT_TIME)?;
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
    if execution_type.is("TRADE") {
        check_commission_asset(reader, &commission, commission_asset)?;
    }

    let unknown = |code, field, expected: &'static str| {
        reader.refuse(Refusal { code, field, says: "unknown", expected: expected.into() })
    };
    let execution_type = ExecutionType::of(&execution_type.value())
        .ok_or_else(|| unknown(ErrorCode::UnknownExecutionType, &EXECUTION_TYPE, ExecutionType::EXPECTED))?;
    let status = Status::of(&status.value())
        .ok_or_else(|| unknown(ErrorCode::UnknownStatus, &STATUS, Status::EXPECTED))?;
    let side =
        Side::of(&side.value()).ok_or_else(|| unknown(ErrorCode::UnknownSide, &SIDE, Side::EXPECTED))?;
    let order_type = OrderType::of(&order_type.value())
        .ok_or_else(|| unknown(ErrorCode::UnknownOrderType, &ORDER_TYPE, OrderType::EXPECTED))?;
    let pair = receipt.context.symbols.pair(symbol).ok_or_else(|| {
        unknown(ErrorCode::UnknownSymbol, &SYMBOL, "expected a symbol of the exchange's list")
    })?;
    Ok(Execution {
        symbol,
        pair,
        client_id,
        original_id,
        list_id,
        side,
        order_type,
        time_in_force: TimeInForce::of(&time_in_force.value()),
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
        negative_other,
        event_time,
        event_time_ns: receipt.to_ns(event_time.value),
        transaction_time,
        transaction_time_ns: receipt.to_ns(transaction_time.value),
    })
}

/// Checks the types of the fields that are not published; returns the first amount among them that is negative.
fn read_others(reader: &Reader<'_>) -> Read<Option<&'static Field>> {
    for (field, expected) in &OTHERS {
        reader.check_type(field, *expected)?;
    }
    let mut negative = None;
    for field in &OTHER_AMOUNTS {
        if reader.optional_amount(field)?.is_some_and(|amount| amount.is_negative()) && negative.is_none() {
            negative = Some(field);
        }
    }
    Ok(negative)
}

/// A trade names the asset of its commission; only a commission of 0 may leave it null.
fn check_commission_asset(
    reader: &Reader<'_>,
    commission: &Decimal<'_>,
    asset: Option<Text<'_>>,
) -> Read<()> {
    let may_be_null = commission.is_zero() && reader.is_null(&COMMISSION_ASSET);
    if asset.is_none() && !may_be_null {
        return Err(reader.missing(&COMMISSION_ASSET, "a string"));
    }
    Ok(())
}
