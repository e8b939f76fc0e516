//! Binance Spot: the frames of a WebSocket API connection with user data stream.

mod account;
pub(crate) mod control;
mod event;
mod execution;
mod order;
mod predicted;
mod read;
pub(crate) mod receipt;
mod rules;
#[cfg(test)]
mod tests;

use crate::error::{ErrorCode, ParseError};
use crate::fields::{Field, Fields};
use crate::frame;
use crate::model::{ControlType, Report};
use crate::reader::{Read, Reader, Refusal, reread_object};
use crate::scanner::{OpenKeys, TokenKind, unescape};
use crate::venue::{Config, VenueParser};
use order::EventType;
use receipt::{Context, Receipt};

/// Bytes kept from one event for the next: no single monster may hold memory for good.
const MAX_SPARE_BYTES: usize = 1 << 16;
/// Characters that an error may repeat of a symbol.
const MAX_SYMBOL_BYTES: usize = 64;

const EVENT: Field = Field::new("event", "event");
const SUBSCRIPTION_ID: Field = Field::new("subscriptionId", "subscription id");
const STREAM: Field = Field::new("stream", "stream");
const DATA: Field = Field::new("data", "event");
const ID: Field = Field::new("id", "request id");
const STATUS: Field = Field::new("status", "response status");
const TYPE: Field = Field::new("e", "event type");
const SYMBOL: Field = Field::new("s", "symbol");
const ORDER_ID: Field = Field::new("i", "order id");

/// Parser for the frames of one Binance Spot connection.
pub struct SpotParser {
    context: Context,
    outer: Fields,
    inner: Fields,
    keys: OpenKeys,
    spare: Vec<u8>,
}

impl SpotParser {
    /// A parser; nothing of one frame is kept for the next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            context: Context::new(config),
            outer: Fields::default(),
            inner: Fields::default(),
            keys: OpenKeys::default(),
            spare: Vec::new(),
        }
    }

    /// Returns what the frame says: every frame of this venue says one thing.
    ///
    /// # Errors
    ///
    /// As `parse`.
    pub fn parse_one(&mut self, frame: &[u8], received_time_ns: i64) -> Read<Report> {
        frame::check_size(frame)?;
        let receipt = Receipt { context: &self.context, received_time_ns, subscription_id: None };
        match predicted::execution_report(frame, receipt, &mut self.spare) {
            Some(report) => Ok(Report::Execution(report)),
            None => self.parse_any(frame::decode(frame)?, received_time_ns),
        }
    }

    fn parse_any(&mut self, text: &str, received_time_ns: i64) -> Result<Report, Box<ParseError>> {
        self.outer.clear();
        self.inner.clear();
        let scanned = frame::scan(text, &mut self.outer, &mut self.inner, &mut self.keys);
        let read = scanned.and_then(|()| self.interpret(text, received_time_ns));
        read.map_err(|error| self.name_order(text, error))
    }

    fn interpret(&mut self, text: &str, received_time_ns: i64) -> Read<Report> {
        let envelope = Reader::new(text, &self.outer, "frame");
        let wrapper = if self.outer.get(&EVENT).is_some() {
            Some(&EVENT)
        } else if self.outer.get(&DATA).is_some() && self.outer.get(&STREAM).is_some() {
            envelope.text(&STREAM)?;
            Some(&DATA)
        } else {
            None
        };
        let subscription_id = envelope.optional_integer(&SUBSCRIPTION_ID)?.map(|id| id.value);
        let receipt = Receipt { context: &self.context, received_time_ns, subscription_id };
        let Some(wrapper) = wrapper else {
            let is_response = self.outer.get(&ID).is_some() && self.outer.get(&STATUS).is_some();
            if is_response && self.outer.get(&TYPE).is_none() {
                return account::response(&envelope);
            }
            return read_event(envelope, receipt, &mut self.keys);
        };
        match self.outer.get(wrapper) {
            Some(token) if token.kind == TokenKind::Object => {
                // The scan read the first wrapped object it met; with both wrappers present that may be the other.
                if self.inner.start() != token.offset() {
                    reread_object(text, token, &mut self.inner, &mut self.keys);
                }
            }
            _ => {
                return Err(envelope.refuse(Refusal {
                    code: ErrorCode::NotAnObject,
                    field: wrapper,
                    says: "is no object",
                    expected: "expected an object".into(),
                }));
            }
        }
        let report = read_event(Reader::new(text, &self.inner, "event"), receipt, &mut self.keys)?;
        envelope.refuse_absurd()?;
        Ok(report)
    }

    /// Adds to an error which order it is about, as far as that can be read.
    #[cold]
    fn name_order(&self, text: &str, mut error: Box<ParseError>) -> Box<ParseError> {
        let fields = if self.inner.is_used() { &self.inner } else { &self.outer };
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

impl VenueParser for SpotParser {
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

fn read_event(mut reader: Reader<'_>, receipt: Receipt<'_>, keys: &mut OpenKeys) -> Read<Report> {
    let event = EventType::of(&reader.text(&TYPE)?.value()).ok_or_else(|| {
        reader.refuse(Refusal {
            code: ErrorCode::UnknownEvent,
            field: &TYPE,
            says: "unknown",
            expected: EventType::EXPECTED.into(),
        })
    })?;
    reader.rename(event.verbatim());
    match event {
        EventType::Execution => read::execution_report(&reader, receipt),
        EventType::Position => account::position(&reader, receipt, keys),
        EventType::Balance => account::delta(ControlType::Balance, &reader, receipt),
        EventType::ExternalLock => account::delta(ControlType::ExternalLock, &reader, receipt),
        EventType::ListStatus => account::list_status(&reader, receipt, keys),
        EventType::StreamTerminated => account::notice(ControlType::StreamTerminated, &reader, receipt),
        EventType::ServerShutdown => account::notice(ControlType::ServerShutdown, &reader, receipt),
        EventType::ListenKeyExpired => account::notice(ControlType::ListenKeyExpired, &reader, receipt),
    }
}
