//! What the venue's rules say about an `ORDER_TRADE_UPDATE`: one that contradicts them is suspicious.

use super::execution::{
    AVERAGE_PRICE, COMMISSION_ASSET, CUMULATIVE, EVENT_TIME, Execution, LAST_PRICE, LAST_QUANTITY, ORDER_ID,
    PRICE, QUANTITY, STATUS, STOP_PRICE, TRADE_ID, TRANSACTION_TIME,
};
use super::order::{ExecutionType, Status};
use crate::binance::receipt::Receipt;
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::fields::Field;
use crate::reader::Refusal;

type Checked = Result<(), Refusal>;

/// Checks the times of the update as a whole.
pub fn check_times(execution: &Execution<'_>, receipt: Receipt<'_>) -> Checked {
    receipt.check_time(&EVENT_TIME, execution.event_time_ns)?;
    receipt.check_time(&TRANSACTION_TIME, execution.transaction_time_ns)
}

/// Checks the order in it, in a fixed order.
pub fn check(execution: &Execution<'_>, receipt: Receipt<'_>) -> Checked {
    receipt.check_time(&TRANSACTION_TIME, execution.order_time_ns)?;
    check_ids(execution)?;
    check_signs(execution)?;
    if !execution.execution_type.may_lead_to(execution.status) {
        return Err(Refusal {
            code: ErrorCode::IllegalStatus,
            field: &STATUS,
            says: "illegal",
            expected: format!("expected a status to which {} leads", execution.execution_type.verbatim())
                .into(),
        });
    }
    check_last_fill(execution)?;
    check_totals(execution)
}

/// What is wrong with an execution whose amount no market has.
pub fn absurd_amount() -> Refusal {
    Refusal {
        code: ErrorCode::AbsurdMagnitude,
        field: &LAST_PRICE,
        says: "is absurd",
        expected: "expected an amount below 10^18 with at most 18 decimals".into(),
    }
}

#[cold]
fn refuse(code: ErrorCode, field: &'static Field, says: &'static str, expected: &'static str) -> Checked {
    Err(Refusal { code, field, says, expected: expected.into() })
}

fn check_ids(execution: &Execution<'_>) -> Checked {
    for (field, id) in [(&ORDER_ID, &execution.order_id), (&TRADE_ID, &execution.trade_id)] {
        if id.value < 0 {
            return refuse(ErrorCode::NegativeId, field, "negative", "expected 0 or more");
        }
    }
    Ok(())
}

/// Not the commission: a maker may be paid one.
fn check_signs(execution: &Execution<'_>) -> Checked {
    let negative = |amount: &Option<Decimal<'_>>| amount.is_some_and(|amount| amount.is_negative());
    let field = if execution.quantity.is_negative() {
        &QUANTITY
    } else if execution.price.is_negative() {
        &PRICE
    } else if negative(&execution.average_price) {
        &AVERAGE_PRICE
    } else if negative(&execution.stop_price) {
        &STOP_PRICE
    } else if execution.last_quantity.is_negative() {
        &LAST_QUANTITY
    } else if execution.cumulative.is_negative() {
        &CUMULATIVE
    } else if execution.last_price.is_negative() {
        &LAST_PRICE
    } else if let Some(field) = execution.negative_other {
        field
    } else {
        return Ok(());
    };
    refuse(ErrorCode::NegativeAmount, field, "negative", "expected 0 or more")
}

/// A trade has a last fill, and nothing else has; a liquidation may have one.
fn check_last_fill(execution: &Execution<'_>) -> Checked {
    let Execution { last_quantity, last_price, trade_id, .. } = execution;
    if execution.is_fill() {
        if last_quantity.is_zero() {
            let code = ErrorCode::FillWithoutQuantity;
            return refuse(code, &LAST_QUANTITY, "zero on a trade", "expected more than 0");
        }
        if last_price.is_zero() {
            return refuse(
                ErrorCode::FillWithoutPrice,
                &LAST_PRICE,
                "zero on a trade",
                "expected more than 0",
            );
        }
        if trade_id.value == 0 {
            return refuse(
                ErrorCode::FillWithoutTradeId,
                &TRADE_ID,
                "missing on a trade",
                "expected more than 0",
            );
        }
        if !matches!(execution.status, Status::PartiallyFilled | Status::Filled) {
            let expected = "expected PARTIALLY_FILLED or FILLED of an execution";
            return refuse(ErrorCode::IllegalStatus, &STATUS, "illegal", expected);
        }
        if execution.commission.is_some_and(|amount| !amount.is_zero())
            && execution.commission_asset.is_none()
        {
            let expected = "expected the asset of the commission n";
            return refuse(ErrorCode::MissingField, &COMMISSION_ASSET, "missing", expected);
        }
        return Ok(());
    }
    let outside =
        |field, expected| refuse(ErrorCode::FillOutsideTrade, field, "set outside a trade", expected);
    if !last_quantity.is_zero() {
        return outside(&LAST_QUANTITY, "expected 0");
    }
    if !last_price.is_zero() {
        return outside(&LAST_PRICE, "expected 0");
    }
    // A liquidation of nothing has the id of a trade that it is not.
    if trade_id.value != 0 && execution.execution_type != ExecutionType::Calculated {
        return outside(&TRADE_ID, "expected 0");
    }
    Ok(())
}

fn check_totals(execution: &Execution<'_>) -> Checked {
    let Execution { quantity, cumulative, last_quantity, .. } = execution;
    if last_quantity.cmp_magnitude(cumulative).is_gt() {
        let expected = "expected no more than the cumulative quantity z";
        return refuse(ErrorCode::LastExceedsCumulative, &LAST_QUANTITY, "too large", expected);
    }
    // An order that closes a position names no quantity.
    let is_unbounded = execution.closes_position && quantity.is_zero();
    if !is_unbounded && cumulative.cmp_magnitude(quantity).is_gt() {
        let expected = "expected no more than the quantity q";
        return refuse(ErrorCode::CumulativeExceedsQuantity, &CUMULATIVE, "too large", expected);
    }
    if execution.status == Status::Filled && cumulative.cmp_magnitude(quantity).is_lt() {
        let expected = "expected the quantity q of an order that is FILLED";
        return refuse(ErrorCode::FilledShort, &CUMULATIVE, "too small", expected);
    }
    Ok(())
}
