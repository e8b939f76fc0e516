//! Reading an `ORDER_TRADE_UPDATE`, and saying what is wrong with it.

use super::execution::{
    AVERAGE_PRICE, CLIENT_ID, CLOSES_POSITION, COMMISSION, COMMISSION_ASSET, CUMULATIVE, EVENT_TIME,
    EXECUTION_TYPE, EXPIRY_REASON, Execution, IS_MAKER, LAST_PRICE, LAST_QUANTITY, MODIFY_ID, ORDER_ID,
    ORDER_TYPE, ORIGINAL_TYPE, PRICE, QUANTITY, SIDE, STATUS, STOP_PRICE, SYMBOL, TIME_IN_FORCE, TRADE_ID,
    TRANSACTION_TIME,
};
use super::order::{ExecutionType, OrderType, Side, Status, TimeInForce};
use super::rules;
use crate::binance::receipt::Receipt;
use crate::error::{ErrorCode, ParseError};
use crate::fields::{Field, Fields};
use crate::model::{Control, Report};
use crate::reader::{Expected, Read, Reader, Refusal, reread_object};
use crate::scanner::{OpenKeys, TokenKind};
use crate::symbols::Pair;
use crate::text::Text;

/// Fields of which only the type is checked: nothing is published of them.
const OTHERS: [(Field, Expected); 12] = [
    (Field::new("R", "reduce only"), Expected::Boolean),
    (Field::new("pP", "price protection"), Expected::Boolean),
    (Field::new("wt", "working type"), Expected::Text),
    (Field::new("ps", "position side"), Expected::Text),
    (Field::new("st", "strategy type"), Expected::Text),
    (Field::new("V", "self-trade prevention mode"), Expected::Text),
    (Field::new("pm", "price match"), Expected::Text),
    (Field::new("si", "strategy id"), Expected::Integer),
    (Field::new("ss", "strategy status"), Expected::Integer),
    (Field::new("gtd", "good till date"), Expected::Integer),
    (Field::new("W", "working time"), Expected::Integer),
    (Field::new("ia", "is active"), Expected::Boolean),
];
/// Amounts that are never negative.
const OTHER_AMOUNTS: [Field; 3] = [
    Field::new("b", "bids notional"),
    Field::new("a", "asks notional"),
    Field::new("AP", "activation price"),
];
const CALLBACK_RATE: Field = Field::new("cr", "callback rate");
const REALIZED_PROFIT: Field = Field::new("rp", "realized profit");

/// Scans the object of a field into `fields`.
///
/// # Errors
///
/// The field is missing, null or no object.
pub fn object(reader: &Reader<'_>, field: &Field, fields: &mut Fields, keys: &mut OpenKeys) -> Read<()> {
    let token = reader.token(field).ok_or_else(|| reader.missing(field, "an object"))?;
    if token.kind != TokenKind::Object {
        return Err(reader.wrong_type(field, token, "an object"));
    }
    reread_object(reader.source(), token, fields, keys);
    Ok(())
}

/// The error of a word outside its set.
pub fn unknown(
    reader: &Reader<'_>,
    code: ErrorCode,
    field: &'static Field,
    expected: &'static str,
) -> Box<ParseError> {
    reader.refuse(Refusal { code, field, says: "unknown", expected: expected.into() })
}

/// The pair of a symbol.
pub fn pair<'a>(reader: &Reader<'_>, receipt: Receipt<'a>, symbol: Text<'a>) -> Read<Pair<'a>> {
    let expected = "expected a symbol of the exchange's list";
    let found = receipt.context.symbols.pair(symbol);
    found.ok_or_else(|| unknown(reader, ErrorCode::UnknownSymbol, &SYMBOL, expected))
}

/// Reads an order update: `event` is the whole of it, `order` its object `o`.
///
/// What cannot be decoded is reported before unknown values, and these before contradictions; within each of the
/// three the order of the checks is fixed, so that a frame always has the same error.
pub fn order_update<'a>(
    event: &Reader<'a>,
    order: &Reader<'a>,
    receipt: Receipt<'a>,
    spare: Vec<u8>,
) -> Read<Report> {
    let execution = fields(event, order, receipt)?;
    event.refuse_absurd()?;
    order.refuse_absurd()?;
    rules::check_times(&execution, receipt).map_err(|refusal| event.refuse(refusal))?;
    rules::check(&execution, receipt).map_err(|refusal| order.refuse(refusal))?;
    if execution.is_empty_fill() {
        let symbol = execution.symbol.value();
        let doubt = Control::order_doubted(&symbol, execution.order_id.digits.as_str());
        return Ok(Report::Control(doubt));
    }
    match execution.write(receipt, spare) {
        Some(report) => Ok(Report::Execution(report)),
        None => Err(order.refuse(rules::absurd_amount())),
    }
}

fn fields<'a>(event: &Reader<'a>, order: &Reader<'a>, receipt: Receipt<'a>) -> Read<Execution<'a>> {
    let event_time = event.integer(&EVENT_TIME)?;
    let transaction_time = event.integer(&TRANSACTION_TIME)?;
    let symbol = order.text(&SYMBOL)?;
    let client_id = order.text(&CLIENT_ID)?;
    let side = order.text(&SIDE)?;
    let order_type = order.text(&ORDER_TYPE)?;
    let time_in_force = order.text(&TIME_IN_FORCE)?;
    let quantity = order.amount(&QUANTITY)?;
    let price = order.amount(&PRICE)?;
    let average_price = order.optional_amount(&AVERAGE_PRICE)?;
    let stop_price = order.optional_amount(&STOP_PRICE)?;
    let execution_type = order.text(&EXECUTION_TYPE)?;
    let status = order.text(&STATUS)?;
    let order_id = order.integer(&ORDER_ID)?;
    let last_quantity = order.amount(&LAST_QUANTITY)?;
    let cumulative = order.amount(&CUMULATIVE)?;
    let last_price = order.amount(&LAST_PRICE)?;
    let commission = order.optional_amount(&COMMISSION)?;
    let commission_asset = order.optional_text(&COMMISSION_ASSET)?;
    let order_time = order.integer(&TRANSACTION_TIME)?;
    let trade_id = order.integer(&TRADE_ID)?;
    let is_maker = order.optional_boolean(&IS_MAKER)?;
    let closes_position = order.optional_boolean(&CLOSES_POSITION)? == Some(true);
    let original_type = order.optional_text(&ORIGINAL_TYPE)?;
    let expiry_reason = order.optional_text(&EXPIRY_REASON)?;
    let modify_id = order.optional_text(&MODIFY_ID)?;
    let negative_other = read_others(order)?;

    let execution_type = ExecutionType::of(&execution_type.value()).ok_or_else(|| {
        unknown(order, ErrorCode::UnknownExecutionType, &EXECUTION_TYPE, ExecutionType::EXPECTED)
    })?;
    let status = Status::of(&status.value())
        .ok_or_else(|| unknown(order, ErrorCode::UnknownStatus, &STATUS, Status::EXPECTED))?;
    let side = Side::of(&side.value())
        .ok_or_else(|| unknown(order, ErrorCode::UnknownSide, &SIDE, Side::EXPECTED))?;
    let order_type = OrderType::of(&order_type.value())
        .ok_or_else(|| unknown(order, ErrorCode::UnknownOrderType, &ORDER_TYPE, OrderType::EXPECTED))?;
    let time_in_force = TimeInForce::of(&time_in_force.value()).ok_or_else(|| {
        unknown(order, ErrorCode::UnknownTimeInForce, &TIME_IN_FORCE, TimeInForce::EXPECTED)
    })?;
    Ok(Execution {
        symbol,
        pair: pair(order, receipt, symbol)?,
        client_id,
        side,
        order_type,
        original_type,
        time_in_force,
        execution_type,
        status,
        expiry_reason,
        modify_id,
        order_id,
        trade_id,
        quantity,
        price,
        average_price,
        stop_price,
        last_quantity,
        cumulative,
        last_price,
        commission,
        commission_asset,
        is_maker,
        closes_position,
        negative_other,
        event_time,
        event_time_ns: receipt.to_ns(event_time.value),
        transaction_time,
        transaction_time_ns: receipt.to_ns(transaction_time.value),
        order_time_ns: receipt.to_ns(order_time.value),
    })
}

/// Checks the types of the fields that are not published; returns the first amount among them that is negative.
fn read_others(reader: &Reader<'_>) -> Read<Option<&'static Field>> {
    for (field, expected) in &OTHERS {
        reader.check_type(field, *expected)?;
    }
    reader.optional_amount(&CALLBACK_RATE)?;
    reader.optional_amount(&REALIZED_PROFIT)?; // a loss is negative
    let mut negative = None;
    for field in &OTHER_AMOUNTS {
        if reader.optional_amount(field)?.is_some_and(|amount| amount.is_negative()) && negative.is_none() {
            negative = Some(field);
        }
    }
    Ok(negative)
}
