//! Binance Spot: the frames of a WebSocket API connection with user data stream.

mod account;
mod event;
mod execution;
mod order;
mod predicted;
mod read;
mod rules;
pub mod symbols;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::error::{ErrorCode, ParseError};
use crate::fields::{Field, Fields};
use crate::identity::write_token;
use crate::json::write_string;
use crate::model::Report;
use crate::reader::{Read, Reader, Refusal};
use crate::scanner::{Defect, OpenKeys, Scanner, TokenKind, unescape};
use symbols::Symbols;

/// Bytes that a frame may have. The largest answer we ask for, a full page of orders, has about 1 MB.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// 2017-01-01, before which the venue did not exist.
const VENUE_EPOCH_NS: i64 = 1_483_228_800_000_000_000;
/// How far ahead of our clock the venue's may be.
const MAX_AHEAD_NS: i64 = 60_000_000_000;
/// Characters that an error may repeat of a symbol.
const MAX_SYMBOL_BYTES: usize = 64;
/// Characters that an error may repeat of a key.
const MAX_KEY_CHARS: usize = 32;

const EVENT: Field = Field::new("event", "event");
const SUBSCRIPTION_ID: Field = Field::new("subscriptionId", "subscription id");
const STREAM: Field = Field::new("stream", "stream");
const DATA: Field = Field::new("data", "event");
const ID: Field = Field::new("id", "request id");
const STATUS: Field = Field::new("status", "response status");
const TYPE: Field = Field::new("e", "event type");
const SYMBOL: Field = Field::new("s", "symbol");
const ORDER_ID: Field = Field::new("i", "order id");

/// What the constructor fixes for all frames of a connection.
pub struct Config {
    /// Owner of the account.
    pub user: String,
    /// Such as `live`.
    pub environment: String,
    /// Name of the exchange in events.
    pub exchange: String,
    /// Symbol to pair; `None` to guess pairs by the bundled quote assets.
    pub symbols: Option<HashMap<String, String>>,
    /// Whether times are microseconds instead of milliseconds.
    pub microseconds: bool,
}

/// What reading needs beside the frame.
struct Context {
    /// `exchange:environment:user:`, escaped: the beginning of each event id.
    scope: Vec<u8>,
    /// The members from `exchange` to `user` of the canonical event, with the commas around them.
    account: Vec<u8>,
    symbols: Symbols,
    /// Nanoseconds per unit of the venue's times.
    unit_ns: i64,
}

/// One frame's circumstances.
#[derive(Clone, Copy)]
struct Receipt<'a> {
    context: &'a Context,
    received_time_ns: i64,
    subscription_id: Option<i64>,
}

impl Receipt<'_> {
    /// Reads a mandatory time, in nanoseconds. Its bounds are checked by `check_time`.
    #[inline]
    fn time_ns(self, reader: &Reader<'_>, field: &Field) -> Read<i64> {
        Ok(self.to_ns(reader.integer(field)?.value))
    }

    /// Converts a time of the venue.
    #[inline]
    fn to_ns(self, time: i64) -> i64 {
        time.saturating_mul(self.context.unit_ns)
    }

    /// Refuses a time before the venue began or more than a minute ahead of our clock.
    #[inline]
    fn check_time(self, field: &'static Field, time_ns: i64) -> Result<(), Refusal> {
        let latest = self.received_time_ns.saturating_add(MAX_AHEAD_NS);
        if (VENUE_EPOCH_NS..=latest).contains(&time_ns) {
            return Ok(());
        }
        let unit = if self.context.unit_ns == 1_000 { "microseconds" } else { "milliseconds" };
        let expected = format!("expected {unit} between 2017 and a minute after receipt").into();
        Err(Refusal { code: ErrorCode::TimeOutOfRange, field, says: "out of range", expected })
    }
}

/// Parser for the frames of one Binance Spot connection.
pub struct SpotParser {
    context: Context,
    outer: Fields,
    inner: Fields,
    keys: OpenKeys,
}

impl SpotParser {
    /// A parser; nothing of one frame is kept for the next.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let Config { user, environment, exchange, symbols, microseconds } = config;
        let mut scope = Vec::new();
        let mut account = Vec::new();
        for (name, value) in [("exchange", &exchange), ("environment", &environment), ("user", &user)] {
            write_token(value.as_bytes(), &mut scope);
            scope.push(b':');
            account.extend_from_slice(b",\"");
            account.extend_from_slice(name.as_bytes());
            account.extend_from_slice(b"\":");
            write_string(value, &mut account);
        }
        let unit_ns = if microseconds { 1_000 } else { 1_000_000 };
        let context = Context { scope, account, symbols: Symbols::new(symbols), unit_ns };
        Self { context, outer: Fields::default(), inner: Fields::default(), keys: OpenKeys::default() }
    }

    /// Returns what the frame says; `received_time_ns` is when it arrived, by the local clock.
    ///
    /// # Errors
    ///
    /// The frame is malformed, holds an unknown value or is suspicious.
    pub fn parse(&mut self, frame: &[u8], received_time_ns: i64) -> Result<Vec<Report>, Box<ParseError>> {
        self.parse_one(frame, received_time_ns).map(|report| vec![report])
    }

    /// Returns what the frame says: every frame of this venue says one thing.
    ///
    /// # Errors
    ///
    /// As `parse`.
    pub fn parse_one(&mut self, frame: &[u8], received_time_ns: i64) -> Result<Report, Box<ParseError>> {
        if frame.len() > MAX_FRAME_BYTES {
            return Err(too_large(frame));
        }
        let receipt = Receipt { context: &self.context, received_time_ns, subscription_id: None };
        match predicted::execution_report(frame, receipt) {
            Some(report) => Ok(Report::Execution(report)),
            None => self.parse_any(decode(frame)?, received_time_ns),
        }
    }

    fn parse_any(&mut self, text: &str, received_time_ns: i64) -> Result<Report, Box<ParseError>> {
        self.outer.clear();
        self.inner.clear();
        let read = self.scan(text).and_then(|()| self.interpret(text, received_time_ns));
        read.map_err(|error| self.name_order(text, error))
    }

    fn scan(&mut self, text: &str) -> Read<()> {
        let mut scanner = Scanner::new(text, 0, &mut self.keys);
        scanner.skip_space();
        match scanner.peek() {
            Some(b'{') => {}
            None => {
                return Err(ParseError::of_frame(
                    ErrorCode::EmptyFrame,
                    0,
                    "empty frame: expected an object".to_owned(),
                ));
            }
            Some(_) => {
                let offset = scanner.position();
                let message = format!(
                    "frame is no JSON object: expected {{ at offset {offset}, was {}",
                    found(text, offset)
                );
                return Err(ParseError::of_frame(ErrorCode::NotAnObject, offset, message));
            }
        }
        let read = scanner.read_object(&mut self.outer, 1, Some(&mut self.inner));
        if let (None, Some(defect)) = (read, scanner.defect()) {
            return Err(syntax_error(text, defect));
        }
        scanner.skip_space();
        if scanner.peek().is_some() {
            let offset = scanner.position();
            let found = found(text, offset);
            let message = format!("trailing data at offset {offset}: expected the frame to end, was {found}");
            return Err(ParseError::of_frame(ErrorCode::TrailingData, offset, message));
        }
        if let Some(offset) = scanner.surrogate() {
            let message =
                format!("unpaired surrogate escape at offset {offset}: expected both halves of a character");
            return Err(ParseError::of_frame(ErrorCode::UnpairedSurrogate, offset, message));
        }
        if let Some((offset, key)) = scanner.duplicate() {
            let key: String = key.chars().take(MAX_KEY_CHARS).collect();
            let message =
                format!("key {key:?} repeated at offset {offset}: expected each key of an object once");
            let mut error = ParseError::of_frame(ErrorCode::DuplicateKey, offset, message);
            error.field = Some(Cow::Owned(key));
            return Err(error);
        }
        Ok(())
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
                    Reader::read_object(text, token, &mut self.inner, &mut self.keys);
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

fn read_event(mut reader: Reader<'_>, receipt: Receipt<'_>, keys: &mut OpenKeys) -> Read<Report> {
    let event = reader.text(&TYPE)?;
    match event.value().as_ref() {
        "executionReport" => {
            reader.rename("executionReport");
            read::execution_report(&reader, receipt)
        }
        "outboundAccountPosition" => {
            reader.rename("outboundAccountPosition");
            account::position(&reader, receipt, keys)
        }
        "balanceUpdate" => {
            reader.rename("balanceUpdate");
            account::balance(&reader, receipt)
        }
        "externalLockUpdate" => {
            reader.rename("externalLockUpdate");
            account::external_lock(&reader, receipt)
        }
        "listStatus" => {
            reader.rename("listStatus");
            account::list_status(&reader, receipt, keys)
        }
        "eventStreamTerminated" => {
            reader.rename("eventStreamTerminated");
            account::stream_terminated(&reader, receipt)
        }
        "serverShutdown" => {
            reader.rename("serverShutdown");
            account::server_shutdown(&reader, receipt)
        }
        "listenKeyExpired" => {
            reader.rename("listenKeyExpired");
            account::listen_key_expired(&reader, receipt)
        }
        _ => Err(reader.refuse(Refusal {
            code: ErrorCode::UnknownEvent,
            field: &TYPE,
            says: "unknown",
            expected: "expected an event of the user data stream".into(),
        })),
    }
}

#[cold]
fn too_large(frame: &[u8]) -> Box<ParseError> {
    let message = format!("frame too large: expected at most {MAX_FRAME_BYTES} bytes, was {}", frame.len());
    ParseError::of_frame(ErrorCode::FrameTooLarge, MAX_FRAME_BYTES, message)
}

fn decode(frame: &[u8]) -> Read<&str> {
    std::str::from_utf8(frame).map_err(|error| {
        let offset = error.valid_up_to();
        let byte = frame.get(offset).copied().unwrap_or_default();
        let message =
            format!("invalid UTF-8 at offset {offset}: expected a character, was byte 0x{byte:02x}");
        ParseError::of_frame(ErrorCode::InvalidUtf8, offset, message)
    })
}

#[cold]
fn syntax_error(text: &str, defect: Defect) -> Box<ParseError> {
    let Defect { code, offset, expected } = defect;
    let says = if code == ErrorCode::NestingTooDeep { "nesting too deep" } else { "invalid JSON" };
    let message = format!("{says} at offset {offset}: expected {expected}, was {}", found(text, offset));
    ParseError::of_frame(code, offset, message)
}

/// What stands at `offset`, for a message.
fn found(text: &str, offset: usize) -> String {
    match text.get(offset..).and_then(|rest| rest.chars().next()) {
        Some(character) => format!("{character:?}"),
        None => "the end of the frame".to_owned(),
    }
}
