//! The canonical order event, byte for byte what `fillwire.wire.codec.encode_order` writes, whatever venue it is from.

use crate::decimal::{Decimal, Parts};
use crate::identity::{put_token, write_token};
use crate::json::write_string;
use crate::model::{ExecutionReport, Kind, Span};
use crate::pen::Pen;
use crate::piece::Piece;
use crate::symbols::Pair;
use crate::text::Text;
use crate::time::Time;
use crate::venue::Config;

/// Room for an event: a fill has about 900 bytes, and its pieces are copied in chunks that reach beyond their ends. What
/// needs more is written again, with twice the room.
const USUAL_BYTES: usize = 1_280;

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
    pub exchange_time: Time<'a>,
    pub transaction_time: Time<'a>,
    pub received_time_ns: i64,
}

/// What is computed of an event before anything is written.
struct Computed {
    average: Option<Parts>,
    /// The amount of the execution.
    product: Option<Parts>,
}

/// Where in the JSON the fields stand that are asked for singly.
struct Spans {
    event_id: Span,
    pair: Span,
    symbol: Span,
    order_id: Span,
    client_order_id: Option<Span>,
    quantity: Option<Span>,
    cumulative_quantity: Span,
    last_fill: Option<(Span, Span)>,
}

/// Writes the event into `out`; `None` if its average price or the amount of its execution is absurd.
#[inline(always)] // an event is large: what makes it writes its fields at once
#[allow(clippy::inline_always)]
#[must_use]
pub fn write(event: &Event<'_>, owner: &Owner, mut out: Vec<u8>) -> Option<ExecutionReport> {
    let computed = Computed::of(event)?;
    let mut size = USUAL_BYTES;
    let spans = loop {
        out.resize(size, 0);
        if let Some((spans, left)) = write_members(event, owner, &computed, &mut out) {
            out.truncate(size - left);
            break spans;
        }
        size *= 2; // an event is finite, so that one of these is enough
    };
    Some(ExecutionReport {
        json: out,
        kind: event.kind,
        event_id: spans.event_id,
        pair: spans.pair,
        symbol: spans.symbol,
        order_id: spans.order_id,
        client_order_id: spans.client_order_id,
        quantity: spans.quantity,
        cumulative_quantity: spans.cumulative_quantity,
        last_fill: spans.last_fill,
        exchange_time_ns: event.exchange_time.ns,
        transaction_time_ns: event.transaction_time.ns,
        received_time_ns: event.received_time_ns,
    })
}

impl Computed {
    /// `None` if something is absurd.
    #[inline]
    fn of(event: &Event<'_>) -> Option<Self> {
        let average = match (event.average, event.cumulative_quote) {
            (Average::Quotient, Some(quote)) if !event.cumulative.is_zero() => {
                Some(quote.average(event.cumulative)?)
            }
            _ => None,
        };
        let product = match &event.fill {
            Some(Fill { quote: Quote::Product, price, quantity, .. }) => Some(price.product(quantity)?),
            _ => None,
        };
        Some(Self { average, product })
    }
}

/// Writes all members; returns the room left in `out`, too. `None` if it is too small.
#[inline(always)]
#[allow(clippy::inline_always)] // one of each per venue
fn write_members(
    event: &Event<'_>,
    owner: &Owner,
    computed: &Computed,
    out: &mut [u8],
) -> Option<(Spans, usize)> {
    let place = Place(out.len());
    let pen = Pen::new(out).put(b"{\"v\":1,\"event_id\":\"")?;
    let start = place.of(&pen);
    let pen = put_event_id(event, owner, pen)?;
    let event_id = place.since(start, &pen);
    let pen = pen.put(b"\",\"kind\":\"")?.put_word(event.kind.as_str().as_bytes())?.put(b"\"")?;
    let pen = pen.put_slice(&owner.account)?.put(b",\"pair\":\"")?;
    let start = place.of(&pen);
    let pen = event.pair.put(pen)?;
    let pair = place.since(start, &pen);
    let pen = pen.put(b"\",\"symbol\":\"")?;
    let start = place.of(&pen);
    let pen = event.symbol.put_inside(pen)?;
    let symbol = place.since(start, &pen);
    let pen = pen.put(b"\",\"order_id\":\"")?;
    let start = place.of(&pen);
    let pen = event.order_id.put_inside(pen)?;
    let order_id = place.since(start, &pen);
    let pen = pen.put(b"\",\"client_order_id\":")?;
    let start = place.of(&pen);
    let pen = put_text(event.client_order_id.as_ref(), pen)?;
    let client_order_id = event.client_order_id.map(|_| place.inside(start, &pen));
    let pen = pen.put(b",\"new_client_order_id\":")?;
    let pen = put_text(event.new_client_order_id.as_ref(), pen)?.put(b",\"order_list_id\":")?;
    let pen = put_digits(event.order_list_id, pen)?.put(b",\"side\":\"")?;
    let pen = pen.put_word(event.side.as_bytes())?.put(b"\",\"type\":\"")?;
    let pen = pen.put_word(event.order_type.as_bytes())?;
    let pen = match event.time_in_force {
        Some(word) => {
            pen.put(b"\",\"time_in_force\":\"")?.put_word(word.as_bytes())?.put(b"\",\"price\":")?
        }
        None => pen.put(b"\",\"time_in_force\":null,\"price\":")?,
    };
    let pen = put_amount(event.price, pen)?.put(b",\"stop_price\":")?;
    let pen = put_amount(event.stop_price, pen)?.put(b",\"quantity\":")?;
    let start = place.of(&pen);
    let pen = put_amount(event.quantity, pen)?;
    let quantity = event.quantity.map(|_| place.inside(start, &pen));
    let pen = pen.put(b",\"quote_quantity\":")?;
    let pen = put_amount(event.quote_quantity, pen)?.put(b",\"cumulative_quantity\":")?;
    let start = place.of(&pen);
    let pen = put_amount(Some(event.cumulative), pen)?;
    let cumulative_quantity = place.inside(start, &pen);
    let pen = pen.put(b",\"cumulative_quote\":")?;
    let pen = put_amount(event.cumulative_quote, pen)?.put(b",\"average_price\":")?;
    let pen = match event.average {
        Average::Said(price) => put_amount(Some(price), pen)?,
        _ => put_parts(computed.average.as_ref(), pen)?,
    };
    let pen = put_amount(event.prevented, pen.put(b",\"prevented_quantity\":")?)?;
    let pen = match event.is_working {
        Some(true) => pen.put(b",\"is_working\":true,\"venue_status\":\"")?,
        Some(false) => pen.put(b",\"is_working\":false,\"venue_status\":\"")?,
        None => pen.put(b",\"is_working\":null,\"venue_status\":\"")?,
    };
    let pen = pen.put_word(event.venue_status.as_bytes())?;
    let (last_fill, pen) = match &event.fill {
        Some(fill) => put_fill(fill, computed, place, pen)?,
        None => (None, pen.put(b"\",\"last_fill\":null,\"reject_reason\":")?),
    };
    let pen = put_text(event.reject_reason.as_ref(), pen)?.put(b",\"execution_id\":")?;
    let pen = put_digits(event.execution_id, pen)?.put(b",\"exchange_time_ns\":")?;
    let pen = event.exchange_time.put(pen)?.put(b",\"transaction_time_ns\":")?;
    let pen = event.transaction_time.put(pen)?.put(b",\"received_time_ns\":")?;
    let pen = pen.put_integer(event.received_time_ns)?.put(b",\"source\":\"stream\"}")?;
    let spans =
        Spans { event_id, pair, symbol, order_id, client_order_id, quantity, cumulative_quantity, last_fill };
    Some((spans, pen.left()))
}

/// Places in a buffer of this size.
#[derive(Clone, Copy)]
struct Place(usize);

impl Place {
    /// Where the pen is.
    #[inline]
    const fn of(self, pen: &Pen<'_>) -> usize {
        self.0 - pen.left()
    }

    /// What has been written since `start`.
    #[inline]
    fn since(self, start: usize, pen: &Pen<'_>) -> Span {
        Span::new(start, self.of(pen))
    }

    /// The same without the quotes around it.
    #[inline]
    fn inside(self, start: usize, pen: &Pen<'_>) -> Span {
        Span::new(start + 1, self.of(pen).saturating_sub(1))
    }
}

/// Trade id and quantity of the execution, where it is one, and the room behind it.
type Filled<'b> = (Option<(Span, Span)>, Pen<'b>);

/// Writes the execution, and the key that follows it.
#[inline(always)]
#[allow(clippy::inline_always)] // one of each per venue
fn put_fill<'b>(fill: &Fill<'_>, computed: &Computed, place: Place, pen: Pen<'b>) -> Option<Filled<'b>> {
    let pen = pen.put(b"\",\"last_fill\":{\"trade_id\":\"")?;
    let start = place.of(&pen);
    let pen = if fill.trade_prefix.is_empty() { pen } else { pen.put_word(fill.trade_prefix.as_bytes())? };
    let pen = fill.trade_id.put_inside(pen)?;
    let trade_id = place.since(start, &pen);
    let pen = put_amount(Some(fill.price), pen.put(b"\",\"price\":")?)?.put(b",\"quantity\":")?;
    let start = place.of(&pen);
    let pen = put_amount(Some(fill.quantity), pen)?;
    let quantity = place.inside(start, &pen);
    let pen = pen.put(b",\"quote\":")?;
    let pen = match fill.quote {
        Quote::Said(amount) => put_amount(Some(amount), pen)?,
        _ => put_parts(computed.product.as_ref(), pen)?,
    };
    let pen = put_amount(fill.fee, pen.put(b",\"fee\":")?)?.put(b",\"fee_currency\":")?;
    let pen = put_text(fill.fee_currency.as_ref(), pen)?;
    let pen = match fill.is_maker {
        Some(true) => pen.put(b",\"liquidity\":\"maker\"},\"reject_reason\":")?,
        Some(false) => pen.put(b",\"liquidity\":\"taker\"},\"reject_reason\":")?,
        None => pen.put(b",\"liquidity\":null},\"reject_reason\":")?,
    };
    Some((Some((trade_id, quantity)), pen))
}

/// Writes the identity of the event: that of the execution, or of the step in the order's life.
#[inline(always)]
#[allow(clippy::inline_always)] // one of each per venue
fn put_event_id<'b>(event: &Event<'_>, owner: &Owner, pen: Pen<'b>) -> Option<Pen<'b>> {
    let pen = event.symbol.put_token(pen.put_slice(&owner.scope)?)?.put(b":")?;
    let pen = event.order_id.put_token(pen)?.put(b":")?;
    if matches!(event.step, Step::Cumulative) {
        let mut quantity = Vec::with_capacity(24);
        event.cumulative.write(&mut quantity);
        return put_token(&quantity, pen);
    }
    if let Some(fill) = &event.fill {
        let prefix = fill.trade_prefix.as_bytes();
        let pen = if prefix.is_empty() { pen } else { put_token(prefix, pen)? };
        return fill.trade_id.put_token(pen);
    }
    put_step(event, pen.put(b"~")?)
}

fn put_step<'b>(event: &Event<'_>, pen: Pen<'b>) -> Option<Pen<'b>> {
    match event.step {
        Step::Once(word) => pen.put_word(word.as_bytes()),
        Step::Counted(word, counter) => pen.put_word(word.as_bytes())?.put(b"-")?.put_piece(counter),
        Step::Dated(what, status, time) => {
            let pen = pen.put_word(what.as_bytes())?.put(b"-")?.put_word(status.as_bytes())?.put(b"-")?;
            event.cumulative.put(pen)?.put(b"-")?.put_piece(time)
        }
        Step::Cumulative => Some(pen), // written where all executions are
    }
}

#[inline(never)]
fn put_text<'b>(text: Option<&Text<'_>>, pen: Pen<'b>) -> Option<Pen<'b>> {
    match text {
        Some(text) => text.put_inside(pen.put(b"\"")?)?.put(b"\""),
        None => pen.put(b"null"),
    }
}

#[inline(never)]
fn put_amount<'b>(value: Option<&Decimal<'_>>, pen: Pen<'b>) -> Option<Pen<'b>> {
    match value {
        Some(value) => value.put(pen.put(b"\"")?)?.put(b"\""),
        None => pen.put(b"null"),
    }
}

#[inline(never)]
fn put_parts<'b>(parts: Option<&Parts>, pen: Pen<'b>) -> Option<Pen<'b>> {
    match parts {
        Some(parts) => parts.put(pen.put(b"\"")?)?.put(b"\""),
        None => pen.put(b"null"),
    }
}

#[inline]
fn put_digits<'b>(digits: Option<Piece<'_>>, pen: Pen<'b>) -> Option<Pen<'b>> {
    match digits {
        Some(digits) => pen.put(b"\"")?.put_piece(digits)?.put(b"\""),
        None => pen.put(b"null"),
    }
}
