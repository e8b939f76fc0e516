//! The canonical order event of an `executionReport`.

use super::Receipt;
use super::execution::Execution;
use super::order::{ExecutionType, Status, TimeInForce};
use crate::decimal::Decimal;
use crate::identity::write_token;
use crate::json::write_integer;
use crate::model::{ExecutionReport, Kind, Span};
use crate::piece::Piece;
use crate::text::Text;

/// Bytes reserved for an event: a fill has about 900. More than 1032 would be beyond the allocator's fast lists.
const USUAL_BYTES: usize = 1_024;

/// Writes the event into `out`; `None` if the average price is absurd.
pub fn write(execution: &Execution<'_>, receipt: Receipt<'_>, mut out: Vec<u8>) -> Option<ExecutionReport> {
    out.clear();
    out.reserve(USUAL_BYTES);
    let kind = execution.kind();
    out.extend_from_slice(b"{\"v\":1,\"event_id\":\"");
    let start = out.len();
    write_event_id(execution, kind, receipt, &mut out);
    let event_id = Span::since(start, &out);
    out.extend_from_slice(b"\",\"kind\":\"");
    out.extend_from_slice(kind.as_str().as_bytes());
    out.push(b'"');
    out.extend_from_slice(&receipt.context.account);
    out.extend_from_slice(b",\"pair\":\"");
    let start = out.len();
    execution.pair.write(&mut out);
    let pair = Span::since(start, &out);
    out.extend_from_slice(b"\",\"symbol\":");
    let symbol = string(&execution.symbol, &mut out);
    out.extend_from_slice(b",\"order_id\":\"");
    let start = out.len();
    execution.order_id.digits.write(&mut out);
    let order_id = Span::since(start, &out);
    out.extend_from_slice(b"\",\"client_order_id\":");
    let previous_id = execution.previous_id();
    let client_order_id = string(previous_id.unwrap_or(&execution.client_id), &mut out);
    out.extend_from_slice(b",\"new_client_order_id\":");
    if previous_id.is_some() && execution.execution_type == ExecutionType::Replaced {
        execution.client_id.write(&mut out);
    } else {
        out.extend_from_slice(b"null");
    }
    out.extend_from_slice(b",\"order_list_id\":");
    quoted_or_null(execution.list_id.filter(|id| id.value >= 0).map(|id| id.digits), &mut out);
    out.extend_from_slice(b",\"side\":\"");
    out.extend_from_slice(execution.side.as_str().as_bytes());
    out.extend_from_slice(b"\",\"type\":\"");
    out.extend_from_slice(execution.order_type.as_str().as_bytes());
    out.extend_from_slice(b"\",\"time_in_force\":\"");
    out.extend_from_slice(execution.time_in_force.map_or("", TimeInForce::as_str).as_bytes());
    let (quantity, cumulative_quantity) = write_amounts(execution, &mut out)?;
    out.extend_from_slice(match execution.is_working {
        Some(true) => b",\"is_working\":true,\"venue_status\":\"".as_slice(),
        Some(false) => b",\"is_working\":false,\"venue_status\":\"",
        None => b",\"is_working\":null,\"venue_status\":\"",
    });
    out.extend_from_slice(execution.status.verbatim().as_bytes());
    out.extend_from_slice(b"\",\"last_fill\":");
    let last_fill = write_last_fill(execution, &mut out);
    out.extend_from_slice(b",\"reject_reason\":");
    match execution.reason() {
        Some(reason) => reason.write(&mut out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"execution_id\":");
    quoted_or_null(execution.execution_id.map(|id| id.digits), &mut out);
    out.extend_from_slice(b",\"exchange_time_ns\":");
    // The rules have seen to it that times are positive: to nanoseconds it takes only zeros.
    execution.event_time.digits.write(&mut out);
    out.extend_from_slice(receipt.context.unit_zeros);
    out.extend_from_slice(b",\"transaction_time_ns\":");
    execution.transaction_time.digits.write(&mut out);
    out.extend_from_slice(receipt.context.unit_zeros);
    out.extend_from_slice(b",\"received_time_ns\":");
    write_integer(receipt.received_time_ns, &mut out);
    out.extend_from_slice(b",\"source\":\"stream\"}");
    Some(ExecutionReport {
        json: out,
        kind,
        event_id,
        pair,
        symbol,
        order_id,
        client_order_id: Some(client_order_id),
        quantity: Some(quantity),
        cumulative_quantity,
        last_fill,
        exchange_time_ns: execution.event_time_ns,
        transaction_time_ns: execution.transaction_time_ns,
        received_time_ns: receipt.received_time_ns,
    })
}

/// Appends price, quantities and quotes; returns where quantity and cumulative quantity stand.
///
/// `None`: the average price is absurd.
fn write_amounts(execution: &Execution<'_>, out: &mut Vec<u8>) -> Option<(Span, Span)> {
    out.extend_from_slice(b"\",\"price\":");
    amount_or_null(Some(&execution.price).filter(|price| !price.is_zero()), out);
    out.extend_from_slice(b",\"stop_price\":");
    amount_or_null(execution.stop_price.as_ref().filter(|price| !price.is_zero()), out);
    out.extend_from_slice(b",\"quantity\":\"");
    let quantity = digits(&execution.quantity, out);
    out.extend_from_slice(b"\",\"quote_quantity\":");
    amount_or_null(execution.quote_quantity.as_ref().filter(|amount| !amount.is_zero()), out);
    out.extend_from_slice(b",\"cumulative_quantity\":\"");
    let cumulative_quantity = digits(&execution.cumulative, out);
    let cumulative_quote = execution.cumulative_quote.as_ref().filter(|amount| !amount.is_negative());
    out.extend_from_slice(b"\",\"cumulative_quote\":");
    amount_or_null(cumulative_quote, out);
    out.extend_from_slice(b",\"average_price\":");
    match cumulative_quote.filter(|_| !execution.cumulative.is_zero()) {
        Some(quote) => {
            out.push(b'"');
            if !quote.write_average(&execution.cumulative, out) {
                return None;
            }
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"prevented_quantity\":");
    amount_or_null(execution.prevented.as_ref(), out);
    Some((quantity, cumulative_quantity))
}

/// Appends the last fill, or null; returns where its trade id and quantity stand.
fn write_last_fill(execution: &Execution<'_>, out: &mut Vec<u8>) -> Option<(Span, Span)> {
    if execution.execution_type != ExecutionType::Trade {
        out.extend_from_slice(b"null");
        return None;
    }
    out.extend_from_slice(b"{\"trade_id\":\"");
    let start = out.len();
    write_trade_id(execution, out);
    let trade_id = Span::since(start, out);
    out.extend_from_slice(b"\",\"price\":\"");
    digits(&execution.last_price, out);
    out.extend_from_slice(b"\",\"quantity\":\"");
    let quantity = digits(&execution.last_quantity, out);
    out.extend_from_slice(b"\",\"quote\":");
    amount_or_null(execution.last_quote.as_ref(), out);
    out.extend_from_slice(b",\"fee\":\"");
    digits(&execution.commission, out);
    out.extend_from_slice(b"\",\"fee_currency\":");
    match &execution.commission_asset {
        Some(asset) => asset.write(out),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(match execution.is_maker {
        Some(true) => b",\"liquidity\":\"maker\"}".as_slice(),
        Some(false) => b",\"liquidity\":\"taker\"}",
        None => b",\"liquidity\":null}",
    });
    Some((trade_id, quantity))
}

/// The trade id, or that of the allocation by which the venue's order router filled the order.
fn write_trade_id(execution: &Execution<'_>, out: &mut Vec<u8>) {
    match execution.allocation_id {
        Some(allocation) if execution.trade_id.value < 0 => {
            out.extend_from_slice(b"alloc:");
            allocation.digits.write(out);
        }
        _ => execution.trade_id.digits.write(out),
    }
}

/// Identity of the event: that of the execution, or of the step in the order's life.
fn write_event_id(execution: &Execution<'_>, kind: Kind, receipt: Receipt<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&receipt.context.scope);
    if execution.symbol.is_escaped() {
        write_token(execution.symbol.value().as_bytes(), out);
    } else {
        write_token(execution.symbol.raw_bytes(), out);
    }
    out.push(b':');
    execution.order_id.digits.write(out);
    out.push(b':');
    if execution.execution_type == ExecutionType::Trade {
        match execution.allocation_id {
            Some(allocation) if execution.trade_id.value < 0 => {
                out.extend_from_slice(b"alloc=3A"); // `alloc:` as a token
                allocation.digits.write(out);
            }
            _ => execution.trade_id.digits.write(out),
        }
        return;
    }
    out.push(b'~');
    let counter = execution.execution_id;
    match kind {
        Kind::New => out.extend_from_slice(match execution.status {
            Status::PendingNew => b"pending".as_slice(),
            // A stop order is accepted first and goes on the book later: two steps.
            _ if execution.is_working == Some(true) && execution.order_type.has_trigger() => b"working",
            _ => b"new",
        }),
        Kind::Replaced => {
            // Both can repeat, and so carry a counter of the venue.
            let (word, counter) = match execution.execution_type {
                ExecutionType::TradePrevention => {
                    (b"prevented-".as_slice(), execution.prevented_match_id.or(counter))
                }
                _ => (b"replaced-".as_slice(), counter),
            };
            match counter {
                Some(counter) => {
                    out.extend_from_slice(word);
                    counter.digits.write(out);
                }
                None => write_fallback(execution, out),
            }
        }
        _ => out.extend_from_slice(kind.as_str().as_bytes()),
    }
}

/// `<x>-<X>-<z>-<T>`: what old captures without execution id leave to tell repeated steps apart.
fn write_fallback(execution: &Execution<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(execution.execution_type.as_str().as_bytes());
    out.push(b'-');
    out.extend_from_slice(execution.status.as_str().as_bytes());
    out.push(b'-');
    execution.cumulative.write(out);
    out.push(b'-');
    execution.transaction_time.digits.write(out);
}

fn string(text: &Text<'_>, out: &mut Vec<u8>) -> Span {
    let start = out.len() + 1;
    text.write(out);
    inside(start, out)
}

fn digits(value: &Decimal<'_>, out: &mut Vec<u8>) -> Span {
    let start = out.len();
    value.write(out);
    Span::since(start, out)
}

/// The span from `start` to before the closing quote just written.
fn inside(start: usize, out: &[u8]) -> Span {
    Span::since(start, out.split_last().map_or(out, |(_, before)| before))
}

fn amount_or_null(value: Option<&Decimal<'_>>, out: &mut Vec<u8>) {
    match value {
        Some(value) => {
            out.push(b'"');
            value.write(out);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}

fn quoted_or_null(digits: Option<Piece<'_>>, out: &mut Vec<u8>) {
    match digits {
        Some(digits) => {
            out.push(b'"');
            digits.write(out);
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
}
