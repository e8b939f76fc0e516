//! The canonical order event, byte for byte what `fillwire.wire.codec.encode_order` writes, whatever venue it is from.

use crate::decimal::Decimal;
use crate::identity::write_token;
use crate::json::{write_integer, write_string};
use crate::model::{ExecutionReport, Kind, Span};
use crate::piece::Piece;
use crate::symbols::Pair;
use crate::text::Text;
use crate::venue::Config;

/// Bytes reserved for an event: a fill has about 900. More than 1032 would be beyond the allocator's fast lists.
const USUAL_BYTES: usize = 1_024;

/// The account whose events are written: what all of them have in common.
pub struct Owner {
    /// `exchange:environment:user:`, escaped: the beginning of each event id.
    pub scope: Vec<u8>,
    /// The members from `exchange` to `user` of the event, each with a comma before it.
    pub account: Vec<u8>,
}

impl Owner {
    /// The owner that a connection's configuration names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let Config { exchange, environment, user, .. } = config;
        let mut owner = Self { scope: Vec::new(), account: Vec::new() };
        for (name, value) in [("exchange", exchange), ("environment", environment), ("user", user)] {
            write_token(value.as_bytes(), &mut owner.scope);
            owner.scope.push(b':');
            owner.account.extend_from_slice(b",\"");
            owner.account.extend_from_slice(name.as_bytes());
            owner.account.extend_from_slice(b"\":");
            write_string(value, &mut owner.account);
        }
        owner
    }
}

/// Which step in the order's life an event is that is no execution; behind `~` in its identity.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// One that happens once: a fixed word, so that stream and records agree.
    Once(&'static str),
    /// One that can repeat: a word and the venue's counter.
    Counted(&'static str, Piece<'a>),
    /// One that can repeat and for which the venue has no counter: what happened, where the order stands, and when.
    /// The quantity executed so far is added.
    Dated(&'static str, &'static str, Piece<'a>),
    /// An execution that is known by the quantity executed after it: stream and records give it different ids.
    Cumulative,
}

/// Price that the executions of an order average to.
#[derive(Clone, Copy, Debug)]
pub enum Average<'a> {
    /// The venue does not say, or nothing was executed.
    Unsaid,
    /// As the venue says it.
    Said(&'a Decimal<'a>),
    /// The quotient of cumulative quote and cumulative quantity.
    Quotient,
}

/// Amount of one execution.
#[derive(Clone, Copy, Debug)]
pub enum Quote<'a> {
    /// The venue does not say.
    Unsaid,
    /// As the venue says it.
    Said(&'a Decimal<'a>),
    /// The product of price and quantity, which it is by the terms of the contract.
    Product,
}

/// One execution.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the event
pub struct Fill<'a> {
    /// Stands before the trade id, such as `alloc:` where the venue gives no trade id but that of an allocation.
    pub trade_prefix: &'static str,
    pub trade_id: Text<'a>,
    pub price: &'a Decimal<'a>,
    pub quantity: &'a Decimal<'a>,
    pub quote: Quote<'a>,
    pub fee: Option<&'a Decimal<'a>>,
    pub fee_currency: Option<Text<'a>>,
    pub is_maker: Option<bool>,
}

/// An order event, to be written.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the event
pub struct Event<'a> {
    pub kind: Kind,
    /// Of no use on an execution, whose identity is its trade id; but for `Cumulative`.
    pub step: Step<'a>,
    pub pair: Pair<'a>,
    pub symbol: Text<'a>,
    pub order_id: Text<'a>,
    pub client_order_id: Option<Text<'a>>,
    pub new_client_order_id: Option<Text<'a>>,
    pub order_list_id: Option<Piece<'a>>,
    pub side: &'static str,
    pub order_type: &'static str,
    pub time_in_force: Option<&'static str>,
    pub price: Option<&'a Decimal<'a>>,
    pub stop_price: Option<&'a Decimal<'a>>,
    pub quantity: Option<&'a Decimal<'a>>,
    pub quote_quantity: Option<&'a Decimal<'a>>,
    pub cumulative: &'a Decimal<'a>,
    pub cumulative_quote: Option<&'a Decimal<'a>>,
    pub average: Average<'a>,
    pub prevented: Option<&'a Decimal<'a>>,
    pub is_working: Option<bool>,
    /// The venue's word, as the inside of a JSON string.
    pub venue_status: &'a str,
    pub fill: Option<Fill<'a>>,
    pub reject_reason: Option<Text<'a>>,
    pub execution_id: Option<Piece<'a>>,
    pub exchange_time_ns: i64,
    pub transaction_time_ns: i64,
    pub received_time_ns: i64,
}

/// Writes the event into `out`; `None` if its average price or the amount of its execution is absurd.
#[inline] // an event is large: what makes it writes its fields at once
#[must_use]
pub fn write(event: &Event<'_>, owner: &Owner, mut out: Vec<u8>) -> Option<ExecutionReport> {
    out.clear();
    out.reserve(USUAL_BYTES);
    out.extend_from_slice(b"{\"v\":1,\"event_id\":\"");
    let start = out.len();
    write_event_id(event, owner, &mut out);
    let event_id = Span::since(start, &out);
    out.extend_from_slice(b"\",\"kind\":\"");
    out.extend_from_slice(event.kind.as_str().as_bytes());
    out.push(b'"');
    out.extend_from_slice(&owner.account);
    out.extend_from_slice(b",\"pair\":\"");
    let start = out.len();
    event.pair.write(&mut out);
    let pair = Span::since(start, &out);
    out.extend_from_slice(b"\",\"symbol\":");
    let symbol = string(&event.symbol, &mut out);
    out.extend_from_slice(b",\"order_id\":");
    let order_id = string(&event.order_id, &mut out);
    out.extend_from_slice(b",\"client_order_id\":");
    let client_order_id = string_or_null(event.client_order_id.as_ref(), &mut out);
    out.extend_from_slice(b",\"new_client_order_id\":");
    string_or_null(event.new_client_order_id.as_ref(), &mut out);
    out.extend_from_slice(b",\"order_list_id\":");
    quoted_or_null(event.order_list_id, &mut out);
    out.extend_from_slice(b",\"side\":\"");
    out.extend_from_slice(event.side.as_bytes());
    out.extend_from_slice(b"\",\"type\":\"");
    out.extend_from_slice(event.order_type.as_bytes());
    out.extend_from_slice(b"\",\"time_in_force\":");
    match event.time_in_force {
        Some(word) => {
            out.push(b'"');
            out.extend_from_slice(word.as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(b"null"),
    }
    let (quantity, cumulative_quantity) = write_amounts(event, &mut out)?;
    out.extend_from_slice(match event.is_working {
        Some(true) => b",\"is_working\":true,\"venue_status\":\"".as_slice(),
        Some(false) => b",\"is_working\":false,\"venue_status\":\"",
        None => b",\"is_working\":null,\"venue_status\":\"",
    });
    out.extend_from_slice(event.venue_status.as_bytes());
    out.extend_from_slice(b"\",\"last_fill\":");
    let last_fill = if let Some(fill) = &event.fill {
        Some(write_fill(fill, &mut out)?)
    } else {
        out.extend_from_slice(b"null");
        None
    };
    out.extend_from_slice(b",\"reject_reason\":");
    string_or_null(event.reject_reason.as_ref(), &mut out);
    out.extend_from_slice(b",\"execution_id\":");
    quoted_or_null(event.execution_id, &mut out);
    out.extend_from_slice(b",\"exchange_time_ns\":");
    write_integer(event.exchange_time_ns, &mut out);
    out.extend_from_slice(b",\"transaction_time_ns\":");
    write_integer(event.transaction_time_ns, &mut out);
    out.extend_from_slice(b",\"received_time_ns\":");
    write_integer(event.received_time_ns, &mut out);
    out.extend_from_slice(b",\"source\":\"stream\"}");
    Some(ExecutionReport {
        json: out,
        kind: event.kind,
        event_id,
        pair,
        symbol,
        order_id,
        client_order_id,
        quantity,
        cumulative_quantity,
        last_fill,
        exchange_time_ns: event.exchange_time_ns,
        transaction_time_ns: event.transaction_time_ns,
        received_time_ns: event.received_time_ns,
    })
}

/// Appends price, quantities and quotes; returns where quantity and cumulative quantity stand.
fn write_amounts(event: &Event<'_>, out: &mut Vec<u8>) -> Option<(Option<Span>, Span)> {
    out.extend_from_slice(b",\"price\":");
    amount_or_null(event.price, out);
    out.extend_from_slice(b",\"stop_price\":");
    amount_or_null(event.stop_price, out);
    out.extend_from_slice(b",\"quantity\":");
    let quantity = amount_or_null(event.quantity, out);
    out.extend_from_slice(b",\"quote_quantity\":");
    amount_or_null(event.quote_quantity, out);
    out.extend_from_slice(b",\"cumulative_quantity\":\"");
    let cumulative_quantity = digits(event.cumulative, out);
    out.extend_from_slice(b"\",\"cumulative_quote\":");
    amount_or_null(event.cumulative_quote, out);
    out.extend_from_slice(b",\"average_price\":");
    match (event.average, event.cumulative_quote) {
        (Average::Said(price), _) => {
            amount_or_null(Some(price), out);
        }
        (Average::Quotient, Some(quote)) if !event.cumulative.is_zero() => {
            out.push(b'"');
            if !quote.write_average(event.cumulative, out) {
                return None;
            }
            out.push(b'"');
        }
        _ => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"prevented_quantity\":");
    amount_or_null(event.prevented, out);
    Some((quantity, cumulative_quantity))
}

/// Appends the execution; returns where its trade id and quantity stand, `None` if its amount is absurd.
fn write_fill(fill: &Fill<'_>, out: &mut Vec<u8>) -> Option<(Span, Span)> {
    out.extend_from_slice(b"{\"trade_id\":\"");
    let start = out.len();
    out.extend_from_slice(fill.trade_prefix.as_bytes());
    fill.trade_id.write_inside(out);
    let trade_id = Span::since(start, out);
    out.extend_from_slice(b"\",\"price\":\"");
    digits(fill.price, out);
    out.extend_from_slice(b"\",\"quantity\":\"");
    let quantity = digits(fill.quantity, out);
    out.extend_from_slice(b"\",\"quote\":");
    match &fill.quote {
        Quote::Unsaid => out.extend_from_slice(b"null"),
        Quote::Said(amount) => {
            amount_or_null(Some(amount), out);
        }
        Quote::Product => {
            out.push(b'"');
            if !fill.price.write_product(fill.quantity, out) {
                return None;
            }
            out.push(b'"');
        }
    }
    out.extend_from_slice(b",\"fee\":");
    amount_or_null(fill.fee, out);
    out.extend_from_slice(b",\"fee_currency\":");
    string_or_null(fill.fee_currency.as_ref(), out);
    out.extend_from_slice(match fill.is_maker {
        Some(true) => b",\"liquidity\":\"maker\"}".as_slice(),
        Some(false) => b",\"liquidity\":\"taker\"}",
        None => b",\"liquidity\":null}",
    });
    Some((trade_id, quantity))
}

/// Identity of the event: that of the execution, or of the step in the order's life.
fn write_event_id(event: &Event<'_>, owner: &Owner, out: &mut Vec<u8>) {
    out.extend_from_slice(&owner.scope);
    token(&event.symbol, out);
    out.push(b':');
    token(&event.order_id, out);
    out.push(b':');
    if matches!(event.step, Step::Cumulative) {
        let mut quantity = Vec::with_capacity(24);
        event.cumulative.write(&mut quantity);
        write_token(&quantity, out);
        return;
    }
    if let Some(fill) = &event.fill {
        if !fill.trade_prefix.is_empty() {
            write_token(fill.trade_prefix.as_bytes(), out);
        }
        token(&fill.trade_id, out);
        return;
    }
    out.push(b'~');
    match event.step {
        Step::Once(word) => out.extend_from_slice(word.as_bytes()),
        Step::Counted(word, counter) => {
            out.extend_from_slice(word.as_bytes());
            out.push(b'-');
            counter.write(out);
        }
        Step::Dated(what, status, time) => {
            out.extend_from_slice(what.as_bytes());
            out.push(b'-');
            out.extend_from_slice(status.as_bytes());
            out.push(b'-');
            event.cumulative.write(out);
            out.push(b'-');
            time.write(out);
        }
        Step::Cumulative => {} // written above
    }
}

fn token(text: &Text<'_>, out: &mut Vec<u8>) {
    if text.is_escaped() {
        write_token(text.value().as_bytes(), out);
    } else {
        write_token(text.raw_bytes(), out);
    }
}

fn string(text: &Text<'_>, out: &mut Vec<u8>) -> Span {
    let start = out.len() + 1;
    text.write(out);
    inside(start, out)
}

fn string_or_null(text: Option<&Text<'_>>, out: &mut Vec<u8>) -> Option<Span> {
    if let Some(text) = text {
        Some(string(text, out))
    } else {
        out.extend_from_slice(b"null");
        None
    }
}

fn digits(value: &Decimal<'_>, out: &mut Vec<u8>) -> Span {
    let start = out.len();
    value.write(out);
    Span::since(start, out)
}

fn amount_or_null(value: Option<&Decimal<'_>>, out: &mut Vec<u8>) -> Option<Span> {
    let Some(value) = value else {
        out.extend_from_slice(b"null");
        return None;
    };
    out.push(b'"');
    let span = digits(value, out);
    out.push(b'"');
    Some(span)
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

/// The span from `start` to before the closing quote just written.
fn inside(start: usize, out: &[u8]) -> Span {
    Span::since(start, out.split_last().map_or(out, |(_, before)| before))
}
