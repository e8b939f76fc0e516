//! Spans as the bytes of an OTLP export request: tags are field number << 3 | wire type of its `Span`.

use crate::fill::ids::FillIds;

/// What a span is to its neighbours, as OTLP numbers it.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the names say it
pub enum Kind {
    Internal = 1,
    Producer = 4,
    Consumer = 5,
}

const SPAN: u8 = 0x12;
const TRACE_ID: &[u8] = b"\x0a\x10";
const SPAN_ID: &[u8] = b"\x12\x08";
const PARENT_ID: &[u8] = b"\x22\x08";
const NAME: u8 = 0x2a;
const KIND: u8 = 0x30;
const ATTRIBUTE: u8 = 0x4a;
const LINK: u8 = 0x6a;
const LINK_ATTRIBUTE: u8 = 0x22;
const START: u8 = 0x39;
const END: u8 = 0x41;
const KEY: u8 = 0x0a;
const VALUE: u8 = 0x12;
const STRING: u8 = 0x0a;
const INT: u8 = 0x18;
/// Flags: the trace is kept, it is known whether the parent is remote, and whether it is.
const LOCAL: &[u8] = b"\x85\x01\x01\x01\x00\x00";
const REMOTE: &[u8] = b"\x85\x01\x01\x03\x00\x00";
const LINK_FLAGS: &[u8] = b"\x35\x01\x03\x00\x00";

/// Where a span stands: in which trace, which it is, below which, and whether another process made that.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The trace.
    pub trace_id: &'a [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// The one above it; `None` for the root.
    pub parent_id: Option<[u8; 8]>,
    /// Whether another process made that.
    pub is_parent_remote: bool,
}

/// Spans, one behind the other.
#[derive(Debug, Default)]
pub struct Spans {
    /// What has been written.
    pub bytes: Vec<u8>,
    /// How many that are.
    pub count: usize,
    body: Vec<u8>,
}

impl Spans {
    /// Begins a span; what it says comes next, and then `end`.
    pub fn begin(&mut self, name: &[&str], kind: Kind) -> &mut Self {
        self.body.clear();
        self.body.push(NAME);
        varint(&mut self.body, name.iter().map(|part| part.len()).sum::<usize>() as u64);
        for part in name {
            self.body.extend_from_slice(part.as_bytes());
        }
        self.body.extend_from_slice(&[KIND, kind as u8]);
        self
    }

    /// Adds a text.
    pub fn text(&mut self, key: &str, value: &str) -> &mut Self {
        pair(&mut self.body, ATTRIBUTE, key, STRING, value.len() as u64, value.as_bytes());
        self
    }

    /// Adds a text where there is one.
    pub fn some_text(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds a number.
    #[allow(clippy::cast_sign_loss)] // the protocol writes negative numbers so
    pub fn number(&mut self, key: &str, value: i64) -> &mut Self {
        pair(&mut self.body, ATTRIBUTE, key, INT, value as u64, b"");
        self
    }

    /// Adds a number where there is one.
    pub fn some_number(&mut self, key: &str, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self,
        }
    }

    /// Adds a link to the first span of an event's trace, which says the event.
    pub fn link(&mut self, key: &str, event_id: &str) -> &mut Self {
        let ids = FillIds::of(event_id);
        let said = pair_len(key, event_id.len() as u64, event_id.len());
        let size =
            TRACE_ID.len() + 16 + SPAN_ID.len() + 8 + 1 + varint_len(said as u64) + said + LINK_FLAGS.len();
        self.body.push(LINK);
        varint(&mut self.body, size as u64);
        self.body.extend_from_slice(TRACE_ID);
        self.body.extend_from_slice(&ids.trace);
        self.body.extend_from_slice(SPAN_ID);
        self.body.extend_from_slice(&ids.emit);
        pair(&mut self.body, LINK_ATTRIBUTE, key, STRING, event_id.len() as u64, event_id.as_bytes());
        self.body.extend_from_slice(LINK_FLAGS);
        self
    }

    /// Adds parts that are encoded already.
    pub fn encoded(&mut self, parts: &[u8]) -> &mut Self {
        self.body.extend_from_slice(parts);
        self
    }

    /// Ends the span. Stamps may be any number: they are brought into the protocol's range, and the end is not before the
    /// start, as the clocks of two machines may cross.
    pub fn end(&mut self, place: Place<'_>, start_ns: i64, end_ns: i64) {
        let body = &mut self.body;
        body.extend_from_slice(TRACE_ID);
        body.extend_from_slice(place.trace_id);
        body.extend_from_slice(SPAN_ID);
        body.extend_from_slice(&place.span_id);
        if let Some(parent_id) = place.parent_id {
            body.extend_from_slice(PARENT_ID);
            body.extend_from_slice(&parent_id);
        }
        body.extend_from_slice(if place.is_parent_remote { REMOTE } else { LOCAL });
        let start_ns = start_ns.max(0);
        body.push(START);
        body.extend_from_slice(&start_ns.to_le_bytes());
        body.push(END);
        body.extend_from_slice(&end_ns.max(start_ns).to_le_bytes());
        self.bytes.push(SPAN);
        varint(&mut self.bytes, self.body.len() as u64);
        self.bytes.extend_from_slice(&self.body);
        self.count += 1;
    }
}

/// Writes key and value: `number` is the value, or the length of the `text` that follows it.
fn pair(out: &mut Vec<u8>, tag: u8, key: &str, kind: u8, number: u64, text: &[u8]) {
    out.push(tag);
    varint(out, pair_len(key, number, text.len()) as u64);
    out.push(KEY);
    varint(out, key.len() as u64);
    out.extend_from_slice(key.as_bytes());
    out.push(VALUE);
    varint(out, (1 + varint_len(number) + text.len()) as u64);
    out.push(kind);
    varint(out, number);
    out.extend_from_slice(text);
}

fn pair_len(key: &str, number: u64, text_len: usize) -> usize {
    let value = 1 + varint_len(number) + text_len;
    1 + varint_len(key.len() as u64) + key.len() + 1 + varint_len(value as u64) + value
}

const fn varint_len(number: u64) -> usize {
    // Seven bits a byte; of zero there is one, too.
    (63 - (number | 1).leading_zeros() as usize) / 7 + 1
}

#[allow(clippy::cast_possible_truncation)] // seven bits of it
fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_numbers_are_those_that_are_written() {
        for bits in 0..64 {
            for number in [1_u64 << bits, (1 << bits) - 1, u64::MAX >> bits] {
                let mut out = Vec::new();
                varint(&mut out, number);
                assert_eq!(out.len(), varint_len(number), "{number}");
            }
        }
    }
}
