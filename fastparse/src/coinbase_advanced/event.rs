//! The canonical order event of what a frame shows of an order. It is never an execution: those are in the records only.

use super::Receipt;
use super::memory::Known;
use super::order::Order;
use super::words::Status;
use crate::decimal::Decimal;
use crate::event::{self, Average, Event, Step};
use crate::model::{Kind, Report};
use crate::piece::Piece;

/// Appends the event of `kind`; what the frame leaves out is taken from `known`.
pub fn write(order: &Order<'_>, known: &Known, kind: Kind, receipt: Receipt<'_>, out: &mut Vec<Report>) {
    let mut buffer = itoa::Buffer::new();
    let sent = buffer.format(receipt.time_ns).as_bytes();
    let step = match kind {
        // It can repeat, back to a price it had before; the venue has no counter, but sends no two frames at once.
        Kind::Replaced => Step::Counted("replaced", Piece::new(sent, 0, sent.len())),
        _ => Step::Once(kind.as_str()),
    };
    let is_executed = !order.executed.is_zero();
    let event = Event {
        kind,
        step,
        pair: order.pair,
        symbol: order.product,
        order_id: order.id,
        client_order_id: order.client_order_id,
        new_client_order_id: None,
        order_list_id: None,
        side: order.side.as_str(),
        order_type: order.kind,
        time_in_force: order.time_in_force,
        price: order.price.as_ref().or(known.price.as_ref()),
        stop_price: order.stop_price.as_ref(),
        quantity: order.quantity.as_ref().or(known.quantity.as_ref()),
        quote_quantity: None,
        cumulative: &order.executed,
        cumulative_quote: order.executed_quote.as_ref().or(if is_executed {
            None
        } else {
            Some(&Decimal::ZERO)
        }),
        average: order.average.as_ref().filter(|_| is_executed).map_or(Average::Unsaid, Average::Said),
        prevented: None,
        is_working: Some(order.status == Status::Open && order.is_triggered),
        venue_status: order.status.verbatim(),
        fill: None,
        reject_reason: order.reason,
        execution_id: None,
        exchange_time: receipt.time_ns.into(),
        // When an order was accepted the frame says; of any other step only when it was told.
        transaction_time: order.created_ns.filter(|_| kind == Kind::New).unwrap_or(receipt.time_ns).into(),
        received_time_ns: receipt.received_time_ns,
    };
    // Absurd can be only what is computed, and here nothing is.
    out.extend(event::write(&event, &receipt.context.owner, Vec::new()).map(Report::Execution));
}
