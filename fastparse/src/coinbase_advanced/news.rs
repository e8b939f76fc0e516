//! From what a frame shows of an order to what is new in it: events, and doubts that the venue's records settle.
//!
//! The stream has no executions. That more was executed than was known is a doubt, and so is an end to which executions
//! belong that have not been published: the records publish both, in order.

use super::Receipt;
use super::event;
use super::memory::{Ending, Known, Memory};
use super::order::{EXECUTED, Order};
use super::words::Status;
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::json::write_string;
use crate::model::{Control, ControlType, Kind, Report};
use crate::reader::Refusal;

/// How a frame is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It tells what happened.
    News,
    /// It tells how things are, or were: an order that nobody knows is new all the same, anything else a doubt.
    State,
}

/// Appends what is new of an order, and remembers it.
pub fn tell(
    order: &Order<'_>,
    reading: Reading,
    memory: &mut Memory,
    receipt: Receipt<'_>,
    out: &mut Vec<Report>,
) {
    let order_id = order.id.value();
    let before = memory.get(&order_id);
    let mut known = before.cloned().unwrap_or_default();
    let is_unknown = before.is_none();
    let is_more = known.executed().cmp_magnitude(&order.executed).is_lt();
    match order.status.ending() {
        Some(kind) => tell_ending(order, kind, &mut known, reading, receipt, out),
        None if is_more || is_doubtful(order, is_unknown, reading) => out.push(doubt(order)),
        None => {}
    }
    if known.ending.is_none() && order.status.is_accepted() {
        if is_unknown {
            if order.executed.is_zero() {
                event::write(order, &known, Kind::New, receipt, out);
            } // else it was executed at once: the records tell of both
        } else if reading == Reading::News && is_changed(order, &known, is_more) {
            event::write(order, &known, Kind::Replaced, receipt, out);
        }
    }
    known.show(&order.executed);
    if let Some(price) = order.price {
        known.price = Some(price.without_text());
    }
    if let Some(quantity) = order.quantity {
        known.quantity = Some(quantity.without_text());
    }
    memory.set(&order_id, known);
}

/// Refuses an order of which less was executed than a frame before has shown.
pub fn refuse_less(order: &Order<'_>, memory: &Memory) -> Result<(), Refusal> {
    let shown = memory.get(&order.id.value()).and_then(|known| known.shown);
    if shown.is_none_or(|shown| shown.cmp_magnitude(&order.executed).is_le()) {
        return Ok(());
    }
    Err(Refusal {
        code: ErrorCode::CumulativeDecreased,
        field: &EXECUTED,
        says: "too small",
        expected: "expected no less than in the frames before".into(),
    })
}

/// Whether an open order of which no more was executed must be looked up all the same.
fn is_doubtful(order: &Order<'_>, is_unknown: bool, reading: Reading) -> bool {
    let is_met_midway = is_unknown && reading == Reading::News && !order.status.is_accepted();
    order.status == Status::Unknown || is_met_midway
}

fn tell_ending(
    order: &Order<'_>,
    kind: Kind,
    known: &mut Known,
    reading: Reading,
    receipt: Receipt<'_>,
    out: &mut Vec<Report>,
) {
    let published = known.recorded.unwrap_or(Decimal::ZERO);
    let is_more = known.executed().cmp_magnitude(&order.executed).is_lt();
    if known.ending.is_some() && !is_more {
        return; // told before, or a word later than the records
    }
    // Of a filled order the last execution says that it is: only the records know whether it has.
    let is_execution = kind == Kind::Filled;
    if reading == Reading::News && !is_execution && published.cmp_magnitude(&order.executed).is_eq() {
        event::write(order, known, kind, receipt, out);
    } else {
        out.push(doubt(order));
    }
    known.ending = Some(Ending::Shown(kind));
}

/// Whether an edit has changed the order that rests on the book.
fn is_changed(order: &Order<'_>, known: &Known, is_more: bool) -> bool {
    let differs = |now: Option<Decimal<'_>>, before: Option<Decimal<'_>>| match (now, before) {
        (Some(now), Some(before)) => now.cmp_magnitude(&before).is_ne(),
        _ => false,
    };
    // What is left of an order that was placed by quote amount is one, too: only by an edit does it change alone.
    order.status == Status::Open
        && (differs(order.price, known.price) || (!is_more && differs(order.quantity, known.quantity)))
}

/// The records must tell of the order, at least as much as the frame shows.
fn doubt(order: &Order<'_>) -> Report {
    let mut json = b"{\"type\":\"order_doubted\",\"symbol\":".to_vec();
    write_string(&order.product.value(), &mut json);
    json.extend_from_slice(b",\"order_id\":");
    write_string(&order.id.value(), &mut json);
    json.extend_from_slice(b",\"executed\":\"");
    order.executed.write(&mut json);
    json.extend_from_slice(b"\",\"has_ended\":");
    json.extend_from_slice(if order.status.ending().is_some() { b"true" } else { b"false" });
    json.push(b'}');
    Report::Control(Control { kind: ControlType::OrderDoubted, json })
}
