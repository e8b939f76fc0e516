//! A trade update: what happened to an order, read whatever the order of its keys.
//!
//! What cannot be decoded is reported before unknown values, and these before contradictions; within each of the three
//! the order of the checks is fixed, so that a frame always has the same error.

use super::order::{Order, RawOrder};
use super::words::{EventType, Meaning, Status, TimeInForce};
use super::{Receipt, legs, rules};
use crate::decimal::Decimal;
use crate::error::ErrorCode;
use crate::event::{self, Average, Event, Fill, Quote, Step};
use crate::fields::{Field, Fields};
use crate::json::{write_integer, write_string};
use crate::model::{Control, ControlType, ExecutionReport, Kind, Report};
use crate::piece::Piece;
use crate::reader::{Read, Reader, Refusal, reread_object};
use crate::scanner::{OpenKeys, TokenKind};
use crate::symbols::Pair;
use crate::text::Text;

pub const EVENT: Field = Field::new("event", "event");
pub const ORDER: Field = Field::new("order", "order");
pub const AT: Field = Field::new("at", "emission time");
pub const TIMESTAMP: Field = Field::new("timestamp", "event time");
pub const EXECUTION_ID: Field = Field::new("execution_id", "execution id");
pub const PRICE: Field = Field::new("price", "price of the execution");
pub const QUANTITY: Field = Field::new("qty", "quantity of the execution");

/// What stands beside the order.
pub struct Head<'a> {
    pub event: Text<'a>,
    pub execution_id: Option<Text<'a>>,
    pub price: Option<Decimal<'a>>,
    pub quantity: Option<Decimal<'a>>,
    /// When the venue sent it.
    pub at_ns: Option<i64>,
    /// When it happened.
    pub timestamp_ns: Option<i64>,
}

impl<'a> Head<'a> {
    fn read(data: &Reader<'a>) -> Read<Self> {
        Ok(Self {
            event: data.text(&EVENT)?,
            at_ns: data.optional_instant(&AT)?,
            timestamp_ns: data.optional_instant(&TIMESTAMP)?,
            execution_id: data.optional_text(&EXECUTION_ID)?.filter(|id| !id.is("")),
            price: data.optional_amount(&PRICE)?,
            quantity: data.optional_amount(&QUANTITY)?,
        })
    }

    /// Whether the event is an execution.
    pub fn is_fill(&self) -> bool {
        EventType::of(&self.event.value()).is_some_and(|event| matches!(event.meaning(), Meaning::Fill(_)))
    }
}

/// The times of an update: each falls back on the next best that the venue says.
#[derive(Clone, Copy)]
pub struct Times {
    pub exchange_ns: i64,
    pub transaction_ns: i64,
}

/// When it happened, how it was received, and of which parent the order is a leg.
#[derive(Clone, Copy)]
pub struct Telling<'a> {
    pub times: Times,
    pub receipt: Receipt<'a>,
    /// As the inside of a JSON string.
    pub parent: Option<Piece<'a>>,
}

/// One execution, all of it said.
#[derive(Clone, Copy)]
pub struct Execution<'a> {
    pub id: Text<'a>,
    pub price: Decimal<'a>,
    pub quantity: Decimal<'a>,
}

/// Reads an update and appends what it says.
pub fn read(
    data: &Reader<'_>,
    receipt: Receipt<'_>,
    order_fields: &mut Fields,
    keys: &mut OpenKeys,
    spare: &mut Vec<u8>,
    out: &mut Vec<Report>,
) -> Read<()> {
    let head = Head::read(data)?;
    let Some(token) = data.token(&ORDER) else { return Err(data.missing(&ORDER, "an object")) };
    if token.kind != TokenKind::Object {
        return Err(data.wrong_type(&ORDER, token, "an object"));
    }
    // The scan read the first order that it met; in a bare update, and where there are several, that is another one.
    if !order_fields.is_used() || order_fields.start() != token.offset() {
        reread_object(data.source(), token, order_fields, keys);
    }
    let reader = Reader::new(data.source(), order_fields, "order");
    let raw = RawOrder::read(&reader)?;
    let times = times(data, &head, &reader)?;
    let (id, client_id, filled) = (raw.id, raw.client_id, raw.filled);
    let is_package = raw.symbol.is_none();
    let places = if is_package { Some(legs::Places::find(data, &reader, keys)?) } else { None };
    let package = match &places {
        Some(places) => Some(legs::RawPackage::read(data, &head, places)?),
        None => None,
    };
    if head.is_fill() && !is_package {
        head.price.ok_or_else(|| data.missing(&PRICE, "a decimal string"))?;
        head.quantity.ok_or_else(|| data.missing(&QUANTITY, "a decimal string"))?;
    }
    let event = EventType::of(&head.event.value()).ok_or_else(|| {
        data.refuse(Refusal {
            code: ErrorCode::UnknownEvent,
            field: &EVENT,
            says: "unknown",
            expected: EventType::EXPECTED.into(),
        })
    })?;
    let (status, order) = raw.resolve(&reader, receipt.context)?;
    let package = match package {
        Some(package) => Some(package.resolve(receipt.context)?),
        None => None,
    };
    data.refuse_absurd()?;
    reader.refuse_absurd()?;
    if let Meaning::Anomaly(code) = event.meaning() {
        return Err(data.refuse(rules::anomaly(code)));
    }
    rules::check_time(data, &AT, times.exchange_ns, receipt)?;
    rules::check_time(data, &TIMESTAMP, times.transaction_ns, receipt)?;
    rules::check_status(&reader, event, status)?;
    if let Some(package) = package {
        let mut parent = Vec::new();
        id.write_inside(&mut parent);
        let parent = Some(Piece::new(&parent, 0, parent.len()));
        package.report(event, Telling { times, receipt, parent }, out)?;
    } else if let Some(order) = &order {
        rules::check_amounts(data, &head, &reader, order, event)?;
        report(&head, &reader, order, event, Telling { times, receipt, parent: None }, spare, out)?;
    }
    if order.is_none() || event.meaning() == Meaning::Note {
        let symbol = order.as_ref().map(|order| order.instrument.symbol.as_ref());
        out.push(note(symbol, &id, client_id.as_ref(), &head.event, status, &filled, times));
    }
    Ok(())
}

fn times(data: &Reader<'_>, head: &Head<'_>, order: &Reader<'_>) -> Read<Times> {
    let transaction_ns = match head.timestamp_ns {
        Some(time_ns) => time_ns,
        None => match RawOrder::state_time_ns(order, &head.event)?.or(head.at_ns) {
            Some(time_ns) => time_ns,
            None => return Err(data.missing(&TIMESTAMP, "a time")),
        },
    };
    Ok(Times { exchange_ns: head.at_ns.unwrap_or(transaction_ns), transaction_ns })
}

fn report(
    head: &Head<'_>,
    reader: &Reader<'_>,
    order: &Order<'_>,
    event: EventType,
    told: Telling<'_>,
    spare: &mut Vec<u8>,
    out: &mut Vec<Report>,
) -> Read<()> {
    match event.meaning() {
        Meaning::Fill(is_complete) => {
            let kind = if is_complete { Kind::Filled } else { Kind::PartiallyFilled };
            let (Some(id), Some(price), Some(quantity)) = (head.execution_id, head.price, head.quantity)
            else {
                return Ok(()); // refused before
            };
            let execution = Execution { id, price, quantity };
            push(fill(order, kind, execution, told, std::mem::take(spare)), reader, out)
        }
        Meaning::Step(kind) => report_step(reader, order, event, kind, told, out),
        Meaning::Note | Meaning::Anomaly(_) => Ok(()),
    }
}

/// Appends a step of an order that is no execution.
pub fn report_step(
    reader: &Reader<'_>,
    order: &Order<'_>,
    event: EventType,
    kind: Kind,
    told: Telling<'_>,
    out: &mut Vec<Report>,
) -> Read<()> {
    push(step(order, kind, event.as_str(), told), reader, out)?;
    if kind == Kind::Replaced {
        // The order goes on under another id; under this one it has ended.
        push(step(order, Kind::Cancelled, EventType::Canceled.as_str(), told), reader, out)?;
    }
    Ok(())
}

/// Appends an event, unless its cumulative quote is absurd.
pub fn push(report: Option<ExecutionReport>, reader: &Reader<'_>, out: &mut Vec<Report>) -> Read<()> {
    match report {
        Some(report) => {
            out.push(Report::Execution(report));
            Ok(())
        }
        None => Err(reader.refuse(rules::absurd_quote())),
    }
}

/// Writes an execution of an order; its identity within the order is the quantity executed after it.
pub fn fill(
    order: &Order<'_>,
    kind: Kind,
    execution: Execution<'_>,
    told: Telling<'_>,
    spare: Vec<u8>,
) -> Option<ExecutionReport> {
    let fill = Fill {
        trade_prefix: "",
        trade_id: execution.id,
        price: &execution.price,
        quantity: &execution.quantity,
        quote: Quote::Unsaid,
        fee: None,
        fee_currency: None,
        is_maker: None,
    };
    write(order, kind, Step::Cumulative, Some(&fill), told, spare)
}

/// Writes a step of an order that is no execution.
fn step(order: &Order<'_>, kind: Kind, word: &'static str, told: Telling<'_>) -> Option<ExecutionReport> {
    write(order, kind, Step::Once(word), None, told, Vec::new())
}

fn write(
    order: &Order<'_>,
    kind: Kind,
    step: Step<'_>,
    fill: Option<&Fill<'_>>,
    told: Telling<'_>,
    spare: Vec<u8>,
) -> Option<ExecutionReport> {
    let average = order.average.as_ref().filter(|_| !order.filled.is_zero());
    let cumulative_quote = match average {
        Some(average) => Some(average.rounded_product(&order.filled, order.instrument.units)?),
        None => Some(Decimal::ZERO).filter(|_| order.filled.is_zero()),
    };
    let event = Event {
        kind,
        step,
        pair: Pair::Known(&order.instrument.pair),
        symbol: order.instrument.text(),
        order_id: order.id,
        client_order_id: order.client_id,
        new_client_order_id: None,
        order_list_id: told.parent,
        side: order.side.as_str(),
        order_type: order.order_type.as_str(),
        time_in_force: order.time_in_force.map(TimeInForce::as_str),
        price: order.limit_price.as_ref(),
        stop_price: order.stop_price.as_ref(),
        quantity: order.quantity.as_ref(),
        quote_quantity: order.notional.as_ref(),
        cumulative: &order.filled,
        cumulative_quote: cumulative_quote.as_ref(),
        average: average.map_or(Average::Unsaid, Average::Said),
        prevented: None,
        is_working: None,
        venue_status: order.status.verbatim(),
        fill: fill.copied(),
        reject_reason: None,
        execution_id: None,
        exchange_time: told.times.exchange_ns.into(),
        transaction_time: told.times.transaction_ns.into(),
        received_time_ns: told.receipt.received_time_ns,
    };
    event::write(&event, &told.receipt.context.owner, spare)
}

/// What happened to an order that is no step of its life as we tell it.
fn note(
    symbol: Option<&str>,
    id: &Text<'_>,
    client_id: Option<&Text<'_>>,
    event: &Text<'_>,
    status: Status,
    filled: &Decimal<'_>,
    times: Times,
) -> Report {
    let mut json = b"{\"type\":\"order_note\",\"symbol\":".to_vec();
    match symbol {
        Some(symbol) => write_string(symbol, &mut json),
        None => json.extend_from_slice(b"null"),
    }
    json.extend_from_slice(b",\"order_id\":");
    id.write(&mut json);
    json.extend_from_slice(b",\"client_order_id\":");
    match client_id {
        Some(id) => id.write(&mut json),
        None => json.extend_from_slice(b"null"),
    }
    json.extend_from_slice(b",\"event\":");
    event.write(&mut json);
    json.extend_from_slice(b",\"venue_status\":\"");
    json.extend_from_slice(status.verbatim().as_bytes());
    json.extend_from_slice(b"\",\"cumulative_quantity\":\"");
    filled.write(&mut json);
    json.extend_from_slice(b"\",\"transaction_time_ns\":");
    write_integer(times.transaction_ns, &mut json);
    json.push(b'}');
    Report::Control(Control { kind: ControlType::OrderNote, json })
}
