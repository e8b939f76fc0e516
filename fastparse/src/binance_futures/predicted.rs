//! Reading an `ORDER_TRADE_UPDATE` at a gallop: its keys are expected in the order in which recordings have them.
//!
//! Whatever is not as expected gives `None`, and the frame is read again the general way, which alone knows what is
//! wrong with a frame. A property test holds that both ways read the same.

use super::execution::Execution;
use super::order::{ExecutionType, OrderType, Side, Status, TimeInForce};
use super::rules;
use crate::binance::receipt::Receipt;
use crate::cursor::Cursor;
use crate::model::ExecutionReport;
use crate::text::Text;

/// Reads the frame, if it is all as expected.
pub fn order_update(frame: &[u8], receipt: Receipt<'_>, spare: &mut Vec<u8>) -> Option<ExecutionReport> {
    let mut cursor = Cursor::new(frame);
    let is_wrapped = cursor.pass("{\"stream\":\"").is_some();
    if is_wrapped {
        cursor.text()?;
        cursor.pass(",\"data\":")?;
    }
    cursor.pass("{\"e\":\"ORDER_TRADE_UPDATE\",\"T\":")?;
    let execution = fields(&mut cursor, receipt)?;
    if is_wrapped {
        cursor.pass("}")?;
    }
    if !cursor.is_at_end() {
        return None;
    }
    rules::check_times(&execution, receipt).ok()?;
    rules::check(&execution, receipt).ok()?;
    if execution.is_empty_fill() {
        return None;
    }
    execution.write(receipt, std::mem::take(spare))
}

/// Reads from the transaction time to the closing braces.
#[inline]
fn fields<'a>(cursor: &mut Cursor<'a>, receipt: Receipt<'a>) -> Option<Execution<'a>> {
    let transaction_time = cursor.integer()?;
    cursor.pass(",\"E\":")?;
    let event_time = cursor.integer()?;
    cursor.pass(",\"o\":{\"s\":\"")?;
    let symbol = cursor.text()?;
    let pair = receipt.context.symbols.pair(symbol)?;
    cursor.pass(",\"c\":\"")?;
    let client_id = cursor.text()?;
    cursor.pass(",\"S\":\"")?;
    let side = Side::scan(cursor)?;
    cursor.pass(",\"o\":\"")?;
    let order_type = OrderType::scan(cursor)?;
    cursor.pass(",\"f\":\"")?;
    let time_in_force = TimeInForce::scan(cursor)?;
    cursor.pass(",\"q\":\"")?;
    let quantity = cursor.amount()?;
    cursor.pass(",\"p\":\"")?;
    let price = cursor.amount()?;
    cursor.pass(",\"ap\":\"")?;
    let average_price = Some(cursor.amount()?);
    cursor.pass(",\"sp\":\"")?;
    let stop_price = Some(cursor.amount()?);
    cursor.pass(",\"x\":\"")?;
    let execution_type = ExecutionType::scan(cursor)?;
    cursor.pass(",\"X\":\"")?;
    let status = Status::scan(cursor)?;
    cursor.pass(",\"i\":")?;
    let order_id = cursor.integer()?;
    cursor.pass(",\"l\":\"")?;
    let last_quantity = cursor.amount()?;
    cursor.pass(",\"z\":\"")?;
    let cumulative = cursor.amount()?;
    cursor.pass(",\"L\":\"")?;
    let last_price = cursor.amount()?;
    cursor.pass(",\"n\":\"")?;
    let commission = Some(cursor.amount()?);
    cursor.pass(",\"N\":\"")?;
    let commission_asset = Some(cursor.text()?);
    cursor.pass(",\"T\":")?;
    let order_time = cursor.integer()?;
    cursor.pass(",\"t\":")?;
    let trade_id = cursor.integer()?;
    let (is_maker, original_type, closes_position, expiry_reason) = rest(cursor)?;
    Some(Execution {
        symbol,
        pair,
        client_id,
        side,
        order_type,
        original_type: Some(original_type),
        time_in_force,
        execution_type,
        status,
        expiry_reason: Some(expiry_reason),
        modify_id: None,
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
        is_maker: Some(is_maker),
        closes_position,
        negative_other: None,
        event_time,
        event_time_ns: receipt.to_ns(event_time.value),
        transaction_time,
        transaction_time_ns: receipt.to_ns(transaction_time.value),
        order_time_ns: receipt.to_ns(order_time.value),
    })
}

/// Reads what follows the trade id, most of it for its types alone.
#[inline]
fn rest<'a>(cursor: &mut Cursor<'a>) -> Option<(bool, Text<'a>, bool, Text<'a>)> {
    cursor.pass(",\"b\":\"")?;
    let bids = cursor.amount()?;
    cursor.pass(",\"a\":\"")?;
    let asks = cursor.amount()?;
    if bids.is_negative() || asks.is_negative() {
        return None;
    }
    cursor.pass(",\"m\":")?;
    let is_maker = cursor.boolean()?;
    cursor.pass(",\"R\":")?;
    cursor.boolean()?;
    cursor.pass(",\"wt\":\"")?;
    cursor.text()?;
    cursor.pass(",\"ot\":\"")?;
    let original_type = cursor.text()?;
    cursor.pass(",\"ps\":\"")?;
    cursor.text()?;
    cursor.pass(",\"cp\":")?;
    let closes_position = cursor.boolean()?;
    cursor.pass(",\"rp\":\"")?;
    cursor.amount()?;
    cursor.pass(",\"pP\":")?;
    cursor.boolean()?;
    cursor.pass(",\"si\":")?;
    cursor.integer()?;
    cursor.pass(",\"ss\":")?;
    cursor.integer()?;
    if cursor.pass(",\"st\":\"").is_some() {
        cursor.text()?;
    }
    cursor.pass(",\"V\":\"")?;
    cursor.text()?;
    cursor.pass(",\"pm\":\"")?;
    cursor.text()?;
    cursor.pass(",\"gtd\":")?;
    cursor.integer()?;
    cursor.pass(",\"er\":\"")?;
    let expiry_reason = cursor.text()?;
    cursor.pass("}}")?;
    Some((is_maker, original_type, closes_position, expiry_reason))
}
