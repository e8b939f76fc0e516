//! Reading an `executionReport` at a gallop: its keys are expected in the order in which the venue sends them.
//!
//! Whatever is not as expected (another order, white space, an escape, a character beyond ASCII, a rare field, any
//! defect) gives `None`, and the frame is read again the general way, which alone knows what is wrong with a frame.
//! A property test holds that both ways read the same.

use super::execution::Execution;
use super::order::{ExecutionType, OrderType, Side, Status, TimeInForce};
use super::receipt::Receipt;
use super::{event, rules};
use crate::cursor::Cursor;
use crate::decimal::Decimal;
use crate::model::ExecutionReport;
use crate::reader::Integer;
use crate::text::Text;

/// Reads the frame, if it is all as expected; `subscription` in the receipt is not needed for order events.
pub fn execution_report(frame: &[u8], receipt: Receipt<'_>, spare: &mut Vec<u8>) -> Option<ExecutionReport> {
    let mut cursor = Cursor::new(frame);
    let is_wrapped = cursor.pass("{\"subscriptionId\":").is_some();
    if is_wrapped {
        cursor.integer()?;
        cursor.pass(",\"event\":{\"e\":\"executionReport\",\"E\":")?;
    } else {
        cursor.pass("{\"e\":\"executionReport\",\"E\":")?;
    }
    let mut execution = Execution::EMPTY;
    let mut cursor = fields(cursor, receipt, &mut execution)?;
    if is_wrapped {
        cursor.pass("}")?;
    }
    if !cursor.is_at_end() {
        return None;
    }
    rules::check(&execution, receipt).ok()?;
    event::write(&execution, receipt, std::mem::take(spare))
}

/// Reads from the event time to the closing brace.
fn fields<'a>(mut cursor: Cursor<'a>, receipt: Receipt<'a>, into: &mut Execution<'a>) -> Option<Cursor<'a>> {
    cursor.integer_into(&mut into.event_time)?;
    into.event_time_ns = receipt.to_ns(into.event_time.value);
    cursor.pass(",\"s\":\"")?;
    cursor.text_into(&mut into.symbol)?;
    into.pair = receipt.context.symbols.pair(into.symbol)?;
    cursor.pass(",\"c\":\"")?;
    cursor.text_into(&mut into.client_id)?;
    cursor.pass(",\"S\":\"")?;
    into.side = Side::scan(&mut cursor)?;
    cursor.pass(",\"o\":\"")?;
    into.order_type = OrderType::scan(&mut cursor)?;
    cursor.pass(",\"f\":\"")?;
    into.time_in_force = Some(TimeInForce::scan(&mut cursor)?);
    cursor.pass(",\"q\":\"")?;
    cursor.amount_into(&mut into.quantity)?;
    cursor.pass(",\"p\":\"")?;
    cursor.amount_into(&mut into.price)?;
    cursor.pass(",\"P\":\"")?;
    cursor.amount_into(into.stop_price.insert(Decimal::ZERO))?;
    cursor.pass(",\"F\":\"")?;
    let iceberg = cursor.amount()?;
    // Of most orders these say nothing.
    if cursor.pass(",\"g\":-1,\"C\":\"\",\"x\":\"").is_some() {
        into.list_id = Some(Integer::NONE);
        into.original_id = Some(Text::EMPTY);
    } else {
        cursor.pass(",\"g\":")?;
        cursor.integer_into(into.list_id.insert(Integer::ZERO))?;
        cursor.pass(",\"C\":\"")?;
        cursor.text_into(into.original_id.insert(Text::EMPTY))?;
        cursor.pass(",\"x\":\"")?;
    }
    into.execution_type = ExecutionType::scan(&mut cursor)?;
    cursor.pass(",\"X\":\"")?;
    into.status = Status::scan(&mut cursor)?;
    if cursor.pass(",\"r\":\"NONE\"").is_none() {
        cursor.pass(",\"r\":\"")?;
        cursor.text_into(into.reject_reason.insert(Text::EMPTY))?;
    }
    cursor.pass(",\"i\":")?;
    cursor.integer_into(&mut into.order_id)?;
    cursor.pass(",\"l\":\"")?;
    cursor.amount_into(&mut into.last_quantity)?;
    cursor.pass(",\"z\":\"")?;
    cursor.amount_into(&mut into.cumulative)?;
    cursor.pass(",\"L\":\"")?;
    cursor.amount_into(&mut into.last_price)?;
    cursor.pass(",\"n\":\"")?;
    cursor.amount_into(&mut into.commission)?;
    if cursor.pass(",\"N\":null").is_none() {
        cursor.pass(",\"N\":\"")?;
        cursor.text_into(into.commission_asset.insert(Text::EMPTY))?;
    }
    let is_trade = into.execution_type == ExecutionType::Trade;
    if into.commission_asset.is_none() && is_trade && !into.commission.is_zero() {
        return None;
    }
    cursor.pass(",\"T\":")?;
    cursor.integer_into(&mut into.transaction_time)?;
    into.transaction_time_ns = receipt.to_ns(into.transaction_time.value);
    cursor.pass(",\"t\":")?;
    cursor.integer_into(&mut into.trade_id)?;
    cursor.pass(",\"I\":")?;
    cursor.integer_into(into.execution_id.insert(Integer::ZERO))?;
    cursor.pass(",\"w\":")?;
    into.is_working = Some(cursor.boolean()?);
    cursor.pass(",\"m\":")?;
    into.is_maker = Some(cursor.boolean()?);
    cursor.pass(",\"M\":")?;
    cursor.boolean()?;
    cursor.pass(",\"O\":")?;
    cursor.integer()?;
    cursor.pass(",\"Z\":\"")?;
    cursor.amount_into(into.cumulative_quote.insert(Decimal::ZERO))?;
    cursor.pass(",\"Y\":\"")?;
    cursor.amount_into(into.last_quote.insert(Decimal::ZERO))?;
    cursor.pass(",\"Q\":\"")?;
    cursor.amount_into(into.quote_quantity.insert(Decimal::ZERO))?;
    if cursor.pass(",\"W\":").is_some() {
        cursor.integer()?;
    }
    if cursor.pass(",\"V\":\"").is_some() {
        cursor.text()?;
    }
    into.expiry_reason = if cursor.pass(",\"eR\":\"").is_some() { Some(cursor.text()?) } else { None };
    cursor.pass("}")?;
    if iceberg.is_negative() { None } else { Some(cursor) }
}
