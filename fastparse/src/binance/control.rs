//! Writing a control of Binance, whatever the product: what it says, and the first contradiction met on the way.

use super::receipt::Receipt;
use crate::decimal::Decimal;
use crate::error::ParseError;
use crate::fields::{Field, Fields};
use crate::json::{write_compact, write_integer};
use crate::model::{Control, ControlType, Report};
use crate::piece::Piece;
use crate::reader::{Read, Reader, reread_object};
use crate::scanner::{OpenKeys, TokenKind};
use crate::symbols::Pair;
use crate::text::Text;

const EVENT_TIME: Field = Field::new("E", "event time");

/// The JSON of a control, being written.
pub struct Writer {
    kind: ControlType,
    json: Vec<u8>,
    /// The first contradiction met: reported at the end, since being undecodable weighs more.
    doubt: Option<Box<ParseError>>,
}

impl Writer {
    pub fn new(kind: ControlType) -> Self {
        let mut json = Vec::with_capacity(256);
        json.extend_from_slice(b"{\"type\":\"");
        json.extend_from_slice(kind.as_str().as_bytes());
        json.push(b'"');
        Self { kind, json, doubt: None }
    }

    pub fn name(&mut self, name: &str) {
        self.json.extend_from_slice(b",\"");
        self.json.extend_from_slice(name.as_bytes());
        self.json.extend_from_slice(b"\":");
    }

    pub fn integer(&mut self, name: &str, value: i64) {
        self.name(name);
        write_integer(value, &mut self.json);
    }

    pub fn text(&mut self, name: &str, value: &Text<'_>) {
        self.name(name);
        value.write(&mut self.json);
    }

    pub fn digits(&mut self, name: &str, digits: Piece<'_>) {
        self.text(name, &Text::new(digits, false));
    }

    pub fn amount(&mut self, name: &str, value: &Decimal<'_>) {
        self.name(name);
        self.json.push(b'"');
        value.write(&mut self.json);
        self.json.push(b'"');
    }

    pub fn raw(&mut self, name: &str, json: Option<&str>) {
        self.name(name);
        write_compact(json.unwrap_or("null"), &mut self.json);
    }

    /// Appends a string that may be missing.
    pub fn optional_text(&mut self, name: &str, value: Option<&Text<'_>>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, None),
        }
    }

    /// Appends a word of ours, which needs no escapes, or null.
    pub fn word(&mut self, name: &str, word: Option<&str>) {
        self.name(name);
        match word {
            Some(word) => {
                self.json.push(b'"');
                self.json.extend_from_slice(word.as_bytes());
                self.json.push(b'"');
            }
            None => self.json.extend_from_slice(b"null"),
        }
    }

    pub fn pair(&mut self, name: &str, pair: Pair<'_>) {
        self.name(name);
        self.json.push(b'"');
        pair.write(&mut self.json);
        self.json.push(b'"');
    }

    pub fn doubt(&mut self, checked: Read<()>) {
        if let (Err(error), None) = (checked, &self.doubt) {
            self.doubt = Some(error);
        }
    }

    /// Writes the objects of an array; `write` begins each member with a comma, which the first one loses.
    pub fn objects(
        &mut self,
        name: &str,
        reader: &Reader<'_>,
        (field, element_name): (&Field, &'static str),
        keys: &mut OpenKeys,
        write: impl Fn(&mut Self, &Reader<'_>) -> Read<()>,
    ) -> Read<()> {
        self.name(name);
        self.json.push(b'[');
        let mut fields = Fields::default();
        for (index, token) in reader.elements(field, keys)?.into_iter().enumerate() {
            if token.kind != TokenKind::Object {
                return Err(reader.wrong_type(field, token, "an array of objects"));
            }
            reread_object(reader.source(), token, &mut fields, keys);
            let element = Reader::new(reader.source(), &fields, element_name);
            if index > 0 {
                self.json.push(b',');
            }
            let start = self.json.len();
            write(self, &element)?;
            if let Some(comma) = self.json.get_mut(start) {
                *comma = b'{';
            }
            self.json.push(b'}');
            self.doubt(element.refuse_absurd());
        }
        self.json.push(b']');
        Ok(())
    }

    /// As `objects`, of an array that may be missing.
    pub fn optional_objects(
        &mut self,
        name: &str,
        reader: &Reader<'_>,
        (field, element_name): (&Field, &'static str),
        keys: &mut OpenKeys,
        write: impl Fn(&mut Self, &Reader<'_>) -> Read<()>,
    ) -> Read<()> {
        if reader.token(field).is_some() {
            return self.objects(name, reader, (field, element_name), keys, write);
        }
        self.name(name);
        self.json.extend_from_slice(b"[]");
        Ok(())
    }

    pub fn finish(mut self) -> Read<Report> {
        self.json.push(b'}');
        match self.doubt {
            Some(error) => Err(error),
            None => Ok(Report::Control(Control { kind: self.kind, json: self.json })),
        }
    }
}

/// Begins a control of an event with what all events have.
pub fn begin(kind: ControlType, reader: &Reader<'_>, receipt: Receipt<'_>) -> Read<Writer> {
    let mut writer = Writer::new(kind);
    writer.name("subscription_id");
    match receipt.subscription_id {
        Some(id) => write_integer(id, &mut writer.json),
        None => writer.json.extend_from_slice(b"null"),
    }
    time(&mut writer, "exchange_time_ns", reader, receipt, &EVENT_TIME)?;
    Ok(writer)
}

pub fn time(
    writer: &mut Writer,
    name: &str,
    reader: &Reader<'_>,
    receipt: Receipt<'_>,
    field: &'static Field,
) -> Read<()> {
    let time_ns = receipt.time_ns(reader, field)?;
    writer.integer(name, time_ns);
    writer.doubt(reader.refuse_absurd());
    writer.doubt(receipt.check_time(field, time_ns).map_err(|refusal| reader.refuse(refusal)));
    Ok(())
}
