//! What the venue's rules say about a trade update: one that contradicts them is suspicious.

use super::Receipt;
use super::order::{AVERAGE, FILLED, Order, STATUS};
use super::update::{EVENT, EXECUTION_ID, Execution, Head, PRICE, QUANTITY};
use super::words::{EventType, Meaning, Status};
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::reader::{Read, Reader, Refusal};

/// 2015-01-01, before which the venue did not exist.
const VENUE_EPOCH_NS: i64 = 1_420_070_400_000_000_000;
/// How far ahead of the venue's clock, as we know it, a time may be.
const MAX_AHEAD_NS: i64 = 60_000_000_000;

/// Why an update is refused that takes back or changes what was told.
pub fn anomaly(code: ErrorCode) -> Refusal {
    let expected = "expected an event that takes nothing back: compare the order with the venue's records";
    Refusal { code, field: &EVENT, says: "changes the past", expected: expected.into() }
}

/// What is wrong with an order whose cumulative quote no market has.
pub fn absurd_quote() -> Refusal {
    Refusal {
        code: ErrorCode::AbsurdMagnitude,
        field: &AVERAGE,
        says: "is absurd",
        expected: "expected a price at which less than 10^18 was paid".into(),
    }
}

/// Checks a time.
pub fn check_time(
    reader: &Reader<'_>,
    field: &'static Field,
    time_ns: i64,
    receipt: Receipt<'_>,
) -> Read<()> {
    // The last instant of the range stands for all that is beyond it, and so is out of range always.
    let venue_now_ns = receipt.received_time_ns.saturating_add(receipt.context.clock_offset_ns);
    let latest_ns = venue_now_ns.saturating_add(MAX_AHEAD_NS).min(i64::MAX - 1);
    if (VENUE_EPOCH_NS..=latest_ns).contains(&time_ns) {
        return Ok(());
    }
    let expected = "expected a time between 2015 and a minute after receipt";
    refuse(reader, ErrorCode::TimeOutOfRange, field, "out of range", expected)
}

/// Checks that the event can be one of an order of this status.
pub fn check_status(order: &Reader<'_>, event: EventType, status: Status) -> Read<()> {
    if event.allows(status) {
        return Ok(());
    }
    Err(order.refuse(Refusal {
        code: ErrorCode::IllegalStatus,
        field: &STATUS,
        says: "illegal",
        expected: format!("expected a status that an order can have at {}", event.verbatim()).into(),
    }))
}

/// Checks the amounts of an order, and of the execution if the event is one.
pub fn check_amounts(
    data: &Reader<'_>,
    head: &Head<'_>,
    reader: &Reader<'_>,
    order: &Order<'_>,
    event: EventType,
) -> Read<()> {
    check_order(reader, order)?;
    if let Meaning::Fill(is_complete) = event.meaning() {
        let (Some(price), Some(quantity)) = (head.price, head.quantity) else { return Ok(()) };
        let Some(id) = head.execution_id else {
            let expected = "expected the id of the execution";
            return refuse(data, ErrorCode::FillWithoutTradeId, &EXECUTION_ID, "missing", expected);
        };
        check_execution(data, reader, order, Execution { id, price, quantity })?;
        check_completeness(reader, order, is_complete)?;
    }
    Ok(())
}

/// Checks what the order says of itself.
pub fn check_order(reader: &Reader<'_>, order: &Order<'_>) -> Read<()> {
    if let Some(field) = order.negative() {
        return refuse(reader, ErrorCode::NegativeAmount, field, "negative", "expected 0 or more");
    }
    let Some(quantity) = &order.quantity else { return Ok(()) };
    if order.filled.cmp_magnitude(quantity).is_gt() {
        let expected = "expected no more than the quantity";
        return refuse(reader, ErrorCode::CumulativeExceedsQuantity, &FILLED, "too large", expected);
    }
    if order.status == Status::Filled && order.filled.cmp_magnitude(quantity).is_lt() {
        let expected = "expected the quantity of an order that is filled";
        return refuse(reader, ErrorCode::FilledShort, &FILLED, "too small", expected);
    }
    Ok(())
}

/// Checks an execution against its order.
pub fn check_execution(
    data: &Reader<'_>,
    reader: &Reader<'_>,
    order: &Order<'_>,
    execution: Execution<'_>,
) -> Read<()> {
    let Execution { price, quantity, .. } = execution;
    for (field, amount) in [(&PRICE, &price), (&QUANTITY, &quantity)] {
        if amount.is_negative() {
            return refuse(data, ErrorCode::NegativeAmount, field, "negative", "expected more than 0");
        }
    }
    if quantity.is_zero() {
        return refuse(data, ErrorCode::FillWithoutQuantity, &QUANTITY, "zero", "expected more than 0");
    }
    if price.is_zero() {
        return refuse(data, ErrorCode::FillWithoutPrice, &PRICE, "zero", "expected more than 0");
    }
    if is_greater(&quantity, &order.filled) {
        let expected = "expected at least the quantity of the execution";
        return refuse(reader, ErrorCode::LastExceedsCumulative, &FILLED, "too small", expected);
    }
    Ok(())
}

fn check_completeness(reader: &Reader<'_>, order: &Order<'_>, is_complete: bool) -> Read<()> {
    let left = order.quantity.as_ref().is_none_or(|quantity| is_greater(quantity, &order.filled));
    if !is_complete && !left {
        let expected = "expected less than the quantity after a partial fill";
        return refuse(reader, ErrorCode::PartialFillComplete, &FILLED, "complete", expected);
    }
    Ok(())
}

fn is_greater(left: &Decimal<'_>, right: &Decimal<'_>) -> bool {
    left.cmp_magnitude(right).is_gt()
}

#[cold]
fn refuse(
    reader: &Reader<'_>,
    code: ErrorCode,
    field: &'static Field,
    says: &'static str,
    expected: &'static str,
) -> Read<()> {
    Err(reader.refuse(Refusal { code, field, says, expected: expected.into() }))
}
