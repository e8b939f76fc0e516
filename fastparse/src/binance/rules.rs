//! What the venue's rules say about an `executionReport`: a report that contradicts them is suspicious.

use super::ORDER_ID;
use super::execution::{
    COMMISSION, CUMULATIVE, CUMULATIVE_QUOTE, EVENT_TIME, EXECUTION_ID, Execution, LAST_PRICE, LAST_QUANTITY,
    LAST_QUOTE, LIST_ID, PREVENTED, PRICE, QUANTITY, QUOTE_QUANTITY, STATUS, STOP_PRICE, TIME_IN_FORCE,
    TRADE_ID, TRANSACTION_TIME,
};
use super::order::{ExecutionType, Status, TimeInForce};
use super::receipt::Receipt;
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::reader::Refusal;

type Checked = Result<(), Refusal>;

/// Checks the rules in a fixed order; a time in force outside its set is told last, as the least of all defects.
pub fn check(execution: &Execution<'_>, receipt: Receipt<'_>) -> Checked {
    receipt.check_time(&EVENT_TIME, execution.event_time_ns)?;
    receipt.check_time(&TRANSACTION_TIME, execution.transaction_time_ns)?;
    check_ids(execution)?;
    check_signs(execution)?;
    check_last_fill(execution)?;
    check_totals(execution)?;
    check_quotes(execution)?;
    match execution.time_in_force {
        Some(_) => Ok(()),
        None => refuse(ErrorCode::UnknownTimeInForce, &TIME_IN_FORCE, "unknown", TimeInForce::EXPECTED),
    }
}

/// What is wrong with a report whose average price no market has.
pub fn absurd_average() -> Refusal {
    Refusal {
        code: ErrorCode::AbsurdMagnitude,
        field: &CUMULATIVE_QUOTE,
        says: "is absurd",
        expected: "expected an average price below 10^18".into(),
    }
}

#[cold]
fn refuse(code: ErrorCode, field: &'static Field, says: &'static str, expected: &'static str) -> Checked {
    Err(Refusal { code, field, says, expected: expected.into() })
}

fn check_ids(execution: &Execution<'_>) -> Checked {
    let negative = |field, expected| refuse(ErrorCode::NegativeId, field, "negative", expected);
    if execution.order_id.value < 0 {
        return negative(&ORDER_ID, "expected 0 or more");
    }
    if execution.list_id.is_some_and(|id| id.value < -1) {
        return negative(&LIST_ID, "expected -1 or more");
    }
    if execution.trade_id.value < -1 {
        return negative(&TRADE_ID, "expected -1 or more");
    }
    if execution.execution_id.is_some_and(|id| id.value < 0) {
        return negative(&EXECUTION_ID, "expected 0 or more");
    }
    Ok(())
}

fn check_signs(execution: &Execution<'_>) -> Checked {
    let negative = |amount: &Option<Decimal<'_>>| amount.is_some_and(|amount| amount.is_negative());
    // Not the cumulative quote: by a negative one the venue says that it does not know it.
    let field = if execution.quantity.is_negative() {
        &QUANTITY
    } else if execution.price.is_negative() {
        &PRICE
    } else if negative(&execution.stop_price) {
        &STOP_PRICE
    } else if execution.last_quantity.is_negative() {
        &LAST_QUANTITY
    } else if execution.cumulative.is_negative() {
        &CUMULATIVE
    } else if execution.last_price.is_negative() {
        &LAST_PRICE
    } else if execution.commission.is_negative() {
        &COMMISSION
    } else if negative(&execution.last_quote) {
        &LAST_QUOTE
    } else if negative(&execution.quote_quantity) {
        &QUOTE_QUANTITY
    } else if negative(&execution.prevented) {
        &PREVENTED
    } else if let Some(field) = execution.negative_other {
        field
    } else {
        return Ok(());
    };
    refuse(ErrorCode::NegativeAmount, field, "negative", "expected 0 or more")
}

/// A trade has a last fill, and nothing else has.
fn check_last_fill(execution: &Execution<'_>) -> Checked {
    if !execution.execution_type.may_lead_to(execution.status) {
        return Err(Refusal {
            code: ErrorCode::IllegalStatus,
            field: &STATUS,
            says: "illegal",
            expected: format!("expected a status to which {} leads", execution.execution_type.verbatim())
                .into(),
        });
    }
    if execution.execution_type == ExecutionType::Trade {
        if execution.last_quantity.is_zero() {
            let code = ErrorCode::FillWithoutQuantity;
            return refuse(code, &LAST_QUANTITY, "zero on a trade", "expected more than 0");
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
    let outside =
        |field, expected| refuse(ErrorCode::FillOutsideTrade, field, "set outside a trade", expected);
    if !execution.last_quantity.is_zero() {
        return outside(&LAST_QUANTITY, "expected 0");
    }
    if !execution.last_price.is_zero() {
        return outside(&LAST_PRICE, "expected 0");
    }
    if execution.trade_id.value != -1 {
        return outside(&TRADE_ID, "expected -1");
    }
    Ok(())
}

fn check_totals(execution: &Execution<'_>) -> Checked {
    let Execution { quantity, cumulative, last_quantity, .. } = execution;
    if last_quantity.cmp_magnitude(cumulative).is_gt() {
        let expected = "expected no more than the cumulative quantity z";
        return refuse(ErrorCode::LastExceedsCumulative, &LAST_QUANTITY, "too large", expected);
    }
    // An order placed by quote amount gets its base quantity from the venue's estimate.
    let by_quote = execution.quote_quantity.is_some_and(|amount| !amount.is_zero());
    if !by_quote && cumulative.cmp_magnitude(quantity).is_gt() {
        let expected = "expected no more than the quantity q";
        return refuse(ErrorCode::CumulativeExceedsQuantity, &CUMULATIVE, "too large", expected);
    }
    let prevented = execution.prevented.unwrap_or(Decimal::ZERO);
    if execution.status == Status::Filled && cumulative.sum_is_less(&prevented, quantity) {
        let expected = "expected the quantity q of an order that is FILLED";
        return refuse(ErrorCode::FilledShort, &CUMULATIVE, "too small", expected);
    }
    Ok(())
}

fn check_quotes(execution: &Execution<'_>) -> Checked {
    let Some(last_quote) = &execution.last_quote else { return Ok(()) };
    if !last_quote.is_product(&execution.last_price, &execution.last_quantity) {
        let expected = "expected last price L times last quantity l";
        return refuse(ErrorCode::QuoteMismatch, &LAST_QUOTE, "wrong", expected);
    }
    let known = execution.cumulative_quote.filter(|amount| !amount.is_negative());
    if known.is_some_and(|total| last_quote.cmp_magnitude(&total).is_gt()) {
        let expected = "expected no more than the cumulative quote Z";
        return refuse(ErrorCode::LastExceedsCumulativeQuote, &LAST_QUOTE, "too large", expected);
    }
    Ok(())
}
