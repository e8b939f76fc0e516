//! Coinbase Exchange: the frames of a connection with the channels `user`, `heartbeat` and perhaps `full`.
//!
//! No message tells all of an order: a match says neither how much was ordered nor how much is executed, and a `done` not
//! what the order was. So the parser remembers the account's own orders, from frame to frame; see `memory` and `life`.

mod control;
mod life;
mod memory;
mod message;
mod sequences;
mod skim;
#[cfg(test)]
mod tests;
mod words;

use crate::error::{ErrorClass, ErrorCode, ParseError};
use crate::event::Owner;
use crate::fields::{Field, Fields};
use crate::frame;
use crate::model::{Control, Report};
use crate::reader::{Read, Reader, Refusal};
use crate::scanner::{OpenKeys, unescape};
use crate::symbols::{Pair, Symbols};
use crate::text::Text;
use crate::venue::{Config, OrderFacts, VenueParser};
use life::Desk;
use memory::Orders;
use message::{MAKER_ORDER_ID, MAKER_USER_ID, PROFILE_ID, SEQUENCE, TAKER_ORDER_ID, TAKER_USER_ID, USER_ID};
use sequences::Sequences;
use words::MessageType;

/// 2014-01-01, before which the venue did not exist.
const VENUE_EPOCH_NS: i64 = 1_388_534_400_000_000_000;
/// How far ahead of the venue's clock, as we know it, a time may be.
const MAX_AHEAD_NS: i64 = 60_000_000_000;
/// Bytes kept from one event for the next: no single monster may hold memory for good.
const MAX_SPARE_BYTES: usize = 1 << 16;
/// Characters that an error may repeat of a symbol or an id.
const MAX_NAME_BYTES: usize = 64;

const TYPE: Field = Field::new("type", "message type");
const PRODUCT: Field = Field::new("product_id", "product");
const ORDER_ID: Field = Field::new("order_id", "order id");
const CHANNELS: Field = Field::new("channels", "channels");

/// The venue's products, which are spelt as our pairs.
enum Products {
    Listed(Symbols),
    /// No list is at hand: fit for inspection.
    Any,
}

impl Products {
    fn pair<'a>(&'a self, product: Text<'a>) -> Option<Pair<'a>> {
        match self {
            Self::Listed(symbols) => symbols.pair(product),
            Self::Any => (!product.is_escaped() && !product.is("")).then(|| Pair::Known(product.raw())),
        }
    }
}

/// What is fixed for a connection.
struct Context {
    owner: Owner,
    products: Products,
}

/// One frame's circumstances.
#[derive(Clone, Copy)]
struct Receipt {
    /// Now by the venue's clock, as we know it.
    venue_now_ns: i64,
}

impl Receipt {
    /// Refuses a time before the venue began or more than a minute ahead of the venue's clock.
    fn check_time(self, field: &'static Field, time_ns: i64) -> Result<(), Refusal> {
        // The last instant of the range stands for all that is beyond it, and so is out of range always.
        let latest = self.venue_now_ns.saturating_add(MAX_AHEAD_NS).min(i64::MAX - 1);
        if (VENUE_EPOCH_NS..=latest).contains(&time_ns) {
            return Ok(());
        }
        let expected = "expected a time between 2014 and a minute after receipt".into();
        Err(Refusal { code: ErrorCode::TimeOutOfRange, field, says: "out of range", expected })
    }
}

/// Parser for the frames of one connection, which remembers the account's orders.
pub struct ExchangeParser {
    context: Context,
    clock_offset_ns: i64,
    orders: Orders,
    sequences: Sequences,
    fields: Fields,
    unused: Fields,
    keys: OpenKeys,
    spare: Vec<u8>,
}

impl ExchangeParser {
    /// A parser for a new connection.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let owner = Owner::new(&config);
        let products =
            config.symbols.map_or(Products::Any, |table| Products::Listed(Symbols::new(Some(table))));
        Self {
            context: Context { owner, products },
            clock_offset_ns: 0,
            orders: Orders::default(),
            sequences: Sequences::default(),
            fields: Fields::default(),
            unused: Fields::default(),
            keys: OpenKeys::default(),
            spare: Vec::new(),
        }
    }

    fn read(&mut self, text: &str, received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        let mut reader = Reader::new(text, &self.fields, "frame");
        let receipt = Receipt { venue_now_ns: received_time_ns.saturating_add(self.clock_offset_ns) };
        let kind = MessageType::of(&reader.text(&TYPE)?.value()).ok_or_else(|| {
            let expected = MessageType::EXPECTED.into();
            reader.refuse(Refusal { code: ErrorCode::UnknownEvent, field: &TYPE, says: "unknown", expected })
        })?;
        reader.rename(kind.verbatim());
        match kind {
            MessageType::Heartbeat => {
                let (report, sequence) = control::heartbeat(&reader, receipt)?;
                out.push(report);
                let product = reader.text(&PRODUCT)?;
                if self.sequences.heartbeat(product.value().as_bytes(), sequence) {
                    gap(product.value().as_bytes(), &mut self.orders, out);
                }
            }
            MessageType::Error => out.push(control::error(&reader)?),
            MessageType::Balance => out.push(control::balance(&reader, receipt)?),
            MessageType::Subscriptions => {
                let (report, full, user) = control::subscriptions(&reader, &mut self.keys)?;
                out.push(report);
                self.sequences.follow(&full, &user);
            }
            _ if kind.as_str() == "public" => {}
            _ if !is_own(&reader) => {
                let (product, sequence) = (reader.text(&PRODUCT)?, reader.optional_integer(&SEQUENCE)?);
                reader.refuse_absurd()?;
                let product = product.value();
                let sequence = sequence.map_or(-1, |number| number.value);
                if sequence >= 0 && self.sequences.public(product.as_bytes(), sequence) {
                    gap(product.as_bytes(), &mut self.orders, out);
                }
            }
            _ => {
                let message = message::read(kind, &reader, &self.context, receipt)?;
                let product = message.symbol.value();
                if message.sequence >= 0 && self.sequences.own(product.as_bytes(), message.sequence) {
                    gap(product.as_bytes(), &mut self.orders, out);
                }
                let owner = &self.context.owner;
                let mut desk = Desk { owner, spare: &mut self.spare, out, received_time_ns };
                life::apply(&message, &mut self.orders, &mut desk)
                    .map_err(|refusal| reader.refuse(refusal))?;
            }
        }
        Ok(())
    }

    /// Adds to an error which order it is about, and doubts what the frame may have told about.
    #[cold]
    fn name_order(&mut self, text: &str, mut error: Box<ParseError>) -> Box<ParseError> {
        let reader = Reader::new(text, &self.fields, "frame");
        let name = |field: &Field| {
            let text = reader.optional_text(field).ok().flatten()?;
            let name = unescape(text.raw()).into_owned();
            (!name.is_empty() && name.len() <= MAX_NAME_BYTES).then_some(name)
        };
        error.symbol = name(&PRODUCT);
        error.order_id = name(&ORDER_ID).or_else(|| {
            let is_maker = reader.token(&MAKER_USER_ID).is_some();
            name(if is_maker { &MAKER_ORDER_ID } else { &TAKER_ORDER_ID }).filter(|_| is_own(&reader))
        });
        match &error.order_id {
            Some(id) if error.code.class() != ErrorClass::Malformed => self.orders.doubt(id),
            // The venue may add messages of other kinds, which say nothing of our orders.
            None if error.code == ErrorCode::UnknownEvent && !is_own(&reader) => {}
            _ => {
                self.orders.doubt_all(None); // it may have been a message of any of them
            }
        }
        error
    }
}

/// Whether the message is about an order of ours: only then does it name us.
fn is_own(reader: &Reader<'_>) -> bool {
    [&USER_ID, &PROFILE_ID, &MAKER_USER_ID, &TAKER_USER_ID].iter().any(|field| reader.token(field).is_some())
}

/// Messages of a product were lost: each of our orders there may have had one.
#[cold]
fn gap(product: &[u8], orders: &mut Orders, out: &mut Vec<Report>) {
    out.push(control::sequence_gap(product));
    for (symbol, id) in orders.doubt_all(Some(product)) {
        out.push(Report::Control(Control::order_doubted(&symbol, &id)));
    }
}

impl VenueParser for ExchangeParser {
    fn parse_into(&mut self, frame: &[u8], received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        self.orders.hear(received_time_ns);
        if let Some(public) = skim::public(frame) {
            if self.sequences.public(public.product, public.sequence) {
                gap(public.product, &mut self.orders, out);
            }
            return Ok(());
        }
        self.fields.clear();
        self.unused.clear();
        let decoded = frame::check_size(frame).and_then(|()| frame::decode(frame));
        let text = decoded.map_err(|error| self.name_order("", error))?;
        frame::scan(text, &mut self.fields, &mut self.unused, &mut self.keys)
            .and_then(|()| self.read(text, received_time_ns, out))
            .map_err(|error| self.name_order(text, error))
    }

    fn use_clock(&mut self, offset_ns: i64) {
        self.clock_offset_ns = offset_ns;
    }

    fn recycle(&mut self, json: Vec<u8>) {
        if json.capacity() <= MAX_SPARE_BYTES {
            self.spare = json;
        }
    }

    fn note_order(&mut self, order: &OrderFacts) -> Read<()> {
        self.orders.note(order)
    }

    fn name_client(&mut self, id: &str, ours: &str) {
        self.orders.name(id, ours);
    }

    fn is_doubted(&self, _symbol: &str, order_id: &str) -> bool {
        self.orders.is_behind(order_id)
    }

    fn use_symbols(&mut self, symbols: std::collections::HashMap<String, String>) -> bool {
        self.context.products = Products::Listed(Symbols::new(Some(symbols)));
        true
    }

    fn forgotten_count(&self) -> u64 {
        self.orders.forgotten
    }
}
