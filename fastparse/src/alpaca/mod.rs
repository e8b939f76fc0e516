//! Alpaca: the frames of the trading stream, JSON or MessagePack, and the bare updates of its replay.

mod instrument;
mod legs;
mod order;
mod rules;
#[cfg(test)]
mod tests;
mod update;
mod words;

use std::collections::HashMap;

use crate::error::{ErrorCode, ParseError};
use crate::event::Owner;
use crate::fields::{Field, Fields};
use crate::frame;
use crate::json::write_string;
use crate::message_pack;
use crate::model::{Control, ControlType, Report};
use crate::reader::{Read, Reader, Refusal, reread_object};
use crate::scanner::{OpenKeys, Scanner, TokenKind, unescape};
use crate::text::Text;
use crate::venue::{Config, VenueParser};
use instrument::instrument;
use order::{CLASS, ID, SYMBOL};
use update::ORDER;

/// Bytes kept from one event for the next: no single monster may hold memory for good.
const MAX_SPARE_BYTES: usize = 1 << 16;
/// Characters that an error may repeat of a symbol or an order's id.
const MAX_NAME_BYTES: usize = 64;

const STREAM: Field = Field::new("stream", "stream");
const DATA: Field = Field::new("data", "data");
const ACTION: Field = Field::new("action", "action");
const STATUS: Field = Field::new("status", "status");
const MESSAGE: Field = Field::new("message", "message");
const ERROR_MESSAGE: Field = Field::new("error_message", "error message");
const STREAMS: Field = Field::new("streams", "streams");

/// What reading needs beside the frame.
struct Context {
    owner: Owner,
    symbols: Option<HashMap<String, String>>,
    /// The venue's clock minus ours, as last measured.
    clock_offset_ns: i64,
}

/// One frame's circumstances.
#[derive(Clone, Copy)]
struct Receipt<'a> {
    context: &'a Context,
    received_time_ns: i64,
}

/// Parser for the frames of one connection to the trading stream; nothing of one frame is kept for the next.
pub struct AlpacaParser {
    context: Context,
    outer: Fields,
    inner: Fields,
    order: Fields,
    keys: OpenKeys,
    spare: Vec<u8>,
    transcript: Vec<u8>,
}

impl AlpacaParser {
    /// A parser.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let owner = Owner::new(&config);
        Self {
            context: Context { owner, symbols: config.symbols, clock_offset_ns: 0 },
            outer: Fields::default(),
            inner: Fields::default(),
            order: Fields::default(),
            keys: OpenKeys::default(),
            spare: Vec::new(),
            transcript: Vec::new(),
        }
    }

    fn parse_transcript(&mut self, frame: &[u8], received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        let mut transcript = std::mem::take(&mut self.transcript);
        let parsed = message_pack::to_json(frame, &mut transcript).and_then(|()| {
            let parsed = self.parse_text(frame::decode(&transcript)?, received_time_ns, out);
            parsed.map_err(|mut error| {
                error.message.insert_str(0, "in the JSON of a MessagePack frame, ");
                error.offset = error.offset.min(frame.len());
                error
            })
        });
        if transcript.capacity() <= MAX_SPARE_BYTES {
            self.transcript = transcript;
        }
        parsed
    }

    fn parse_text(&mut self, text: &str, received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        self.outer.clear();
        self.inner.clear();
        self.order.clear();
        let mut inner = [&mut self.inner, &mut self.order];
        if let Err(error) = frame::scan_nested(text, &mut self.outer, &mut inner, &mut self.keys) {
            return Err(if error.code == ErrorCode::NotAnObject {
                self.other_protocol(text, error)
            } else {
                error
            });
        }
        self.interpret(text, received_time_ns, out).map_err(|error| self.name_order(text, error))
    }

    fn interpret(&mut self, text: &str, received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        let envelope = Reader::new(text, &self.outer, "frame");
        let receipt = Receipt { context: &self.context, received_time_ns };
        if self.outer.get(&STREAM).is_none() {
            if self.outer.get(&ORDER).is_some() {
                return update::read(
                    &envelope,
                    receipt,
                    &mut self.order,
                    &mut self.keys,
                    &mut self.spare,
                    out,
                );
            }
            if envelope.optional_text(&ACTION)?.is_some_and(|action| action.is("error")) {
                let data = data_of(&envelope, &mut self.inner, &mut self.keys)?;
                out.push(error_control(&data)?);
                return Ok(());
            }
        }
        let stream = envelope.text(&STREAM)?;
        match stream.value().as_ref() {
            "trade_updates" => {
                let data = data_of(&envelope, &mut self.inner, &mut self.keys)?;
                update::read(&data, receipt, &mut self.order, &mut self.keys, &mut self.spare, out)
            }
            "authorization" => {
                let data = data_of(&envelope, &mut self.inner, &mut self.keys)?;
                out.push(authorization(&data)?);
                Ok(())
            }
            "listening" => {
                let data = data_of(&envelope, &mut self.inner, &mut self.keys)?;
                out.push(listening(&data, &mut self.keys)?);
                Ok(())
            }
            _ => Err(envelope.refuse(Refusal {
                code: ErrorCode::UnknownEvent,
                field: &STREAM,
                says: "unknown",
                expected: "expected one of authorization, listening, trade_updates".into(),
            })),
        }
    }

    /// What an array is instead of a frame: the market data stream sends arrays of objects with a key `T`.
    #[cold]
    fn other_protocol(&mut self, text: &str, error: Box<ParseError>) -> Box<ParseError> {
        let offset = error.offset;
        if !text.get(offset..).is_some_and(|rest| rest.starts_with('[')) {
            return error;
        }
        let first =
            Scanner::new(text, offset, &mut self.keys).read_array().and_then(|all| all.first().copied());
        let Some(first) = first.filter(|first| first.kind == TokenKind::Object) else { return error };
        reread_object(text, first, &mut self.inner, &mut self.keys);
        if self.inner.get(&Field::new("T", "message type")).is_none() {
            return error;
        }
        let message = format!(
            "frame at offset {offset} is one of the market data stream: expected one of the trading stream, \
             which has another address"
        );
        ParseError::of_frame(ErrorCode::UnknownEvent, offset, message)
    }

    /// Adds to an error which order it is about, as far as that can be read.
    #[cold]
    fn name_order(&self, text: &str, mut error: Box<ParseError>) -> Box<ParseError> {
        if !self.order.is_used() {
            return error;
        }
        let reader = Reader::new(text, &self.order, "order");
        let short = |field: &Field| {
            let text = reader.optional_text(field).ok().flatten()?;
            let value = text.value();
            (value.len() <= MAX_NAME_BYTES && !value.is_empty()).then_some(text)
        };
        error.order_id = short(&ID).map(|id| id.value().into_owned());
        error.symbol = short(&SYMBOL).map(|symbol| {
            // As events spell it, so that the order is found by it.
            let found = instrument(symbol, short(&CLASS), self.context.symbols.as_ref());
            found.map_or_else(|| symbol.value().into_owned(), |found| found.symbol.into_owned())
        });
        error
    }
}

impl VenueParser for AlpacaParser {
    fn parse_into(&mut self, frame: &[u8], received_time_ns: i64, out: &mut Vec<Report>) -> Read<()> {
        frame::check_size(frame)?;
        if message_pack::is_map(frame) {
            return self.parse_transcript(frame, received_time_ns, out);
        }
        self.parse_text(frame::decode(frame)?, received_time_ns, out)
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

/// The object in `data`.
fn data_of<'a>(envelope: &Reader<'a>, inner: &'a mut Fields, keys: &mut OpenKeys) -> Read<Reader<'a>> {
    let Some(token) = envelope.token(&DATA) else { return Err(envelope.missing(&DATA, "an object")) };
    if token.kind != TokenKind::Object {
        return Err(envelope.wrong_type(&DATA, token, "an object"));
    }
    // The scan read the first wrapped object it met, which may stand under another key.
    if inner.start() != token.offset() {
        reread_object(envelope.source(), token, inner, keys);
    }
    Ok(Reader::new(envelope.source(), inner, "data"))
}

fn authorization(data: &Reader<'_>) -> Read<Report> {
    let status = data.text(&STATUS)?;
    let action = data.optional_text(&ACTION)?;
    let message = data.optional_text(&MESSAGE)?;
    let authorized = match status.value().as_ref() {
        "authorized" => b"true".as_slice(),
        "unauthorized" => b"false",
        _ => {
            return Err(data.refuse(Refusal {
                code: ErrorCode::UnknownEvent,
                field: &STATUS,
                says: "unknown",
                expected: "expected one of authorized, unauthorized".into(),
            }));
        }
    };
    let mut json = b"{\"type\":\"authorization\",\"authorized\":".to_vec();
    json.extend_from_slice(authorized);
    json.extend_from_slice(b",\"action\":");
    text_or_null(action.as_ref(), &mut json);
    json.extend_from_slice(b",\"message\":");
    text_or_null(message.as_ref(), &mut json);
    json.push(b'}');
    Ok(Report::Control(Control { kind: ControlType::Authorization, json }))
}

fn listening(data: &Reader<'_>, keys: &mut OpenKeys) -> Read<Report> {
    let mut json = b"{\"type\":\"listening\",\"streams\":[".to_vec();
    for (index, token) in data.elements(&STREAMS, keys)?.into_iter().enumerate() {
        if !matches!(token.kind, TokenKind::String | TokenKind::Escaped) {
            return Err(data.wrong_type(&STREAMS, token, "an array of strings"));
        }
        if index > 0 {
            json.push(b',');
        }
        write_string(&unescape(data.raw(token)), &mut json);
    }
    json.extend_from_slice(b"]}");
    Ok(Report::Control(Control { kind: ControlType::Listening, json }))
}

fn error_control(data: &Reader<'_>) -> Read<Report> {
    let message = data.optional_text(&ERROR_MESSAGE)?;
    let mut json = b"{\"type\":\"error\",\"message\":".to_vec();
    text_or_null(message.as_ref(), &mut json);
    json.extend_from_slice(b",\"reason\":null}");
    Ok(Report::Control(Control { kind: ControlType::Error, json }))
}

fn text_or_null(text: Option<&Text<'_>>, out: &mut Vec<u8>) {
    match text {
        Some(text) => text.write(out),
        None => out.extend_from_slice(b"null"),
    }
}
