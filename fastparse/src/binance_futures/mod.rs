//! Binance USD-M Futures: the frames of a private stream, bare or wrapped as a combined stream wraps them.

mod account;
mod execution;
mod order;
mod predicted;
mod read;
mod rules;
#[cfg(test)]
mod tests;

use crate::binance::receipt::{Context, Receipt};
use crate::error::{ErrorCode, ParseError};
use crate::fields::{Field, Fields};
use crate::frame;
use crate::model::Report;
use crate::reader::{Read, Reader, Refusal};
use crate::scanner::{OpenKeys, TokenKind, unescape};
use crate::venue::{Config, VenueParser};
use execution::{ORDER_ID, SYMBOL};
use order::EventType;

/// Bytes kept from one event for the next: no single monster may hold memory for good.
const MAX_SPARE_BYTES: usize = 1 << 16;
/// Characters that an error may repeat of a symbol.
const MAX_SYMBOL_BYTES: usize = 64;

const STREAM: Field = Field::new("stream", "stream");
const DATA: Field = Field::new("data", "event");
const TYPE: Field = Field::new("e", "event type");
const ORDER: Field = Field::new("o", "order");

/// Parser for the frames of one connection to Binance USD-M Futures.
pub struct FuturesParser {
    context: Context,
    outer: Fields,
    inner: Fields,
    /// The object within the event that the event is about.
    subject: Fields,
    keys: OpenKeys,
    spare: Vec<u8>,
}

impl FuturesParser {
    /// A parser; nothing of one frame is kept for the next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            context: Context::new(config),
            outer: Fields::default(),
            inner: Fields::default(),
            subject: Fields::default(),
            keys: OpenKeys::default(),
            spare: Vec::new(),
        }
    }

    /// Returns what the frame says: every frame of this venue says one thing.
    ///
    /// # Errors
    ///
    /// As `parse_into`.
    pub fn parse_one(&mut self, frame: &[u8], received_time_ns: i64) -> Read<Report> {
        frame::check_size(frame)?;
        let receipt = Receipt { context: &self.context, received_time_ns, subscription_id: None };
        match predicted::order_update(frame, receipt, &mut self.spare) {
            Some(report) => Ok(Report::Execution(report)),
            None => self.parse_any(frame::decode(frame)?, received_time_ns),
        }
    }

    fn parse_any(&mut self, text: &str, received_time_ns: i64) -> Read<Report> {
        self.outer.clear();
        self.inner.clear();
        self.subject.clear();
        let scanned = frame::scan(text, &mut self.outer, &mut self.inner, &mut self.keys);
        let read = scanned.and_then(|()| self.interpret(text, received_time_ns));
        read.map_err(|error| self.name_order(text, error))
    }

    fn interpret(&mut self, text: &str, received_time_ns: i64) -> Read<Report> {
        let receipt = Receipt { context: &self.context, received_time_ns, subscription_id: None };
        let envelope = Reader::new(text, &self.outer, "frame");
        let is_wrapped = self.outer.get(&DATA).is_some() && self.outer.get(&STREAM).is_some();
        let event = if is_wrapped {
            envelope.text(&STREAM)?;
            if envelope.token(&DATA).is_none_or(|token| token.kind != TokenKind::Object) {
                return Err(envelope.refuse(Refusal {
                    code: ErrorCode::NotAnObject,
                    field: &DATA,
                    says: "is no object",
                    expected: "expected an object".into(),
                }));
            }
            if let Some(token) = envelope.token(&DATA) {
                // The scan reads the first object under any key that wraps an event, whichever the venue.
                if self.inner.start() != token.offset() {
                    crate::reader::reread_object(text, token, &mut self.inner, &mut self.keys);
                }
            }
            Reader::new(text, &self.inner, "event")
        } else {
            envelope
        };
        read_event(event, receipt, &mut self.subject, &mut self.keys, &mut self.spare)
    }

    /// Adds to an error which order it is about, as far as that can be read.
    #[cold]
    fn name_order(&self, text: &str, mut error: Box<ParseError>) -> Box<ParseError> {
        let fields = [&self.subject, &self.inner, &self.outer];
        let Some(fields) = fields.into_iter().find(|fields| fields.is_used()) else { return error };
        let reader = Reader::new(text, fields, "frame");
        if let Some(token) = reader.token(&SYMBOL) {
            if matches!(token.kind, TokenKind::String | TokenKind::Escaped) {
                let symbol = unescape(reader.raw(token));
                error.symbol = (symbol.len() <= MAX_SYMBOL_BYTES).then(|| symbol.into_owned());
            }
        }
        if let Ok(Some(id)) = reader.optional_integer(&ORDER_ID) {
            error.order_id = reader.refuse_absurd().ok().map(|()| id.digits.as_str().to_owned());
        }
        error
    }
}

impl VenueParser for FuturesParser {
    fn parse_into(&mut self, frame: &[u8], received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        out.push(self.parse_one(frame, received_time_ns)?);
        Ok(())
    }

    fn use_clock(&mut self, offset_ns: i64) {
        self.context.clock_offset_ns = offset_ns;
    }

    fn recycle(&mut self, json: Vec<u8>) {
        if json.capacity() <= MAX_SPARE_BYTES {
            self.spare = json;
        }
    }
}

fn read_event(
    mut reader: Reader<'_>,
    receipt: Receipt<'_>,
    subject: &mut Fields,
    keys: &mut OpenKeys,
    spare: &mut Vec<u8>,
) -> Read<Report> {
    let event = EventType::of(&reader.text(&TYPE)?.value())
        .ok_or_else(|| read::unknown(&reader, ErrorCode::UnknownEvent, &TYPE, EventType::EXPECTED))?;
    reader.rename(event.verbatim());
    match event {
        EventType::Order => {
            read::object(&reader, &ORDER, subject, keys)?;
            let order = Reader::new(reader.source(), subject, event.verbatim());
            read::order_update(&reader, &order, receipt, std::mem::take(spare))
        }
        EventType::TradeLite => account::fill_announced(&reader, receipt),
        EventType::Account => account::account_update(&reader, receipt, subject, keys),
        EventType::Algo => account::conditional_order(&reader, receipt, subject, keys),
        EventType::TriggerReject => account::conditional_order_rejected(&reader, receipt, subject, keys),
        EventType::MarginCall => account::margin_call(&reader, receipt, keys),
        EventType::AccountConfig => account::account_config(&reader, receipt, subject, keys),
        EventType::Strategy | EventType::Grid => account::other(event, &reader, receipt),
        EventType::ListenKeyExpired => account::listen_key_expired(&reader, receipt),
    }
}
