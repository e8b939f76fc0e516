//! The order event that an `executionReport` means.

use super::execution::Execution;
use super::order::{ExecutionType, Status, TimeInForce};
use super::receipt::Receipt;
use crate::event::{self, Average, Event, Fill, Quote, Step};
use crate::model::{ExecutionReport, Kind};
use crate::text::Text;

/// Writes the event into `out`; `None` if the average price is absurd.
#[inline]
pub fn write(execution: &Execution<'_>, receipt: Receipt<'_>, out: Vec<u8>) -> Option<ExecutionReport> {
    let kind = execution.kind();
    let previous_id = execution.previous_id();
    let is_replaced = previous_id.is_some() && execution.execution_type == ExecutionType::Replaced;
    let event = Event {
        kind,
        step: step(execution, kind),
        pair: execution.pair,
        symbol: execution.symbol,
        order_id: Text::digits(execution.order_id.digits),
        client_order_id: Some(previous_id.copied().unwrap_or(execution.client_id)),
        new_client_order_id: is_replaced.then_some(execution.client_id),
        order_list_id: execution.list_id.filter(|id| id.value >= 0).map(|id| id.digits),
        side: execution.side.as_str(),
        order_type: execution.order_type.as_str(),
        time_in_force: execution.time_in_force.map(TimeInForce::as_str),
        price: Some(&execution.price).filter(|price| !price.is_zero()),
        stop_price: execution.stop_price.as_ref().filter(|price| !price.is_zero()),
        quantity: Some(&execution.quantity),
        quote_quantity: execution.quote_quantity.as_ref().filter(|amount| !amount.is_zero()),
        cumulative: &execution.cumulative,
        cumulative_quote: execution.cumulative_quote.as_ref().filter(|amount| !amount.is_negative()),
        average: Average::Quotient,
        prevented: execution.prevented.as_ref(),
        is_working: execution.is_working,
        venue_status: execution.status.verbatim(),
        fill: (execution.execution_type == ExecutionType::Trade).then(|| fill(execution)),
        reject_reason: execution.reason().copied(),
        execution_id: execution.execution_id.map(|id| id.digits),
        exchange_time: receipt.time(execution.event_time),
        transaction_time: receipt.time(execution.transaction_time),
        received_time_ns: receipt.received_time_ns,
    };
    event::write(&event, &receipt.context.owner, out)
}

/// The execution; its id is that of the trade, or of the allocation by which the venue's order router filled the order.
fn fill<'a>(execution: &'a Execution<'a>) -> Fill<'a> {
    let (trade_prefix, id) = match execution.allocation_id {
        Some(allocation) if execution.trade_id.value < 0 => ("alloc:", allocation),
        _ => ("", execution.trade_id),
    };
    Fill {
        trade_prefix,
        trade_id: Text::digits(id.digits),
        price: &execution.last_price,
        quantity: &execution.last_quantity,
        quote: execution.last_quote.as_ref().map_or(Quote::Unsaid, Quote::Said),
        fee: Some(&execution.commission),
        fee_currency: execution.commission_asset,
        is_maker: execution.is_maker,
    }
}

fn step<'a>(execution: &Execution<'a>, kind: Kind) -> Step<'a> {
    match kind {
        Kind::New => Step::Once(match execution.status {
            Status::PendingNew => "pending",
            // A stop order is accepted first and goes on the book later: two steps.
            _ if execution.is_working == Some(true) && execution.order_type.has_trigger() => "working",
            _ => "new",
        }),
        Kind::Replaced => {
            // Both can repeat, and so carry a counter of the venue; old captures have none.
            let (word, counter) = match execution.execution_type {
                ExecutionType::TradePrevention => {
                    ("prevented", execution.prevented_match_id.or(execution.execution_id))
                }
                _ => ("replaced", execution.execution_id),
            };
            match counter {
                Some(counter) => Step::Counted(word, counter.digits),
                None => Step::Dated(
                    execution.execution_type.as_str(),
                    execution.status.as_str(),
                    execution.transaction_time.digits,
                ),
            }
        }
        _ => Step::Once(kind.as_str()),
    }
}
