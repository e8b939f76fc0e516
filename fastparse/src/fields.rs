//! The fields of one object: a fixed slot per key that some venue frame uses, so that reading one is a look-up.

use crate::scanner::Token;

const SLOTS: usize = 72;
const EVENT: u8 = 62;
const DATA: u8 = 65;

/// Returns the slot of a key, `None` for a key that no frame we read has.
#[inline]
#[must_use]
pub const fn slot_of(key: &[u8]) -> Option<u8> {
    Some(match key {
        [letter @ b'A'..=b'Z'] => *letter - b'A',
        [letter @ b'a'..=b'z'] => *letter - b'a' + 26,
        b"Cs" => 52,
        b"pl" => 53,
        b"pL" => 54,
        b"pY" => 55,
        b"uS" => 56,
        b"gP" => 57,
        b"gOT" => 58,
        b"gOV" => 59,
        b"gp" => 60,
        b"eR" => 61,
        b"event" => EVENT,
        b"subscriptionId" => 63,
        b"stream" => 64,
        b"data" => DATA,
        b"id" => 66,
        b"status" => 67,
        b"result" => 68,
        b"error" => 69,
        b"rateLimits" => 70,
        b"listenKey" => 71,
        _ => return None,
    })
}

/// A field that a frame may have.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The venue's key.
    pub key: &'static str,
    /// What the key means, in the words of the trade.
    pub noun: &'static str,
    slot: u8,
}

impl Field {
    /// A field; its key must have a slot, which the compiler checks where the field is a constant.
    #[must_use]
    pub const fn new(key: &'static str, noun: &'static str) -> Self {
        let slot = slot_of(key.as_bytes());
        assert!(slot.is_some(), "give the key a slot");
        Self { key, noun, slot: if let Some(slot) = slot { slot } else { 0 } }
    }
}

/// Where the values of one object stand. Kept between frames; only the marks of presence are cleared.
pub struct Fields {
    tokens: [Token; SLOTS],
    present: u128,
    start: usize,
    end: usize,
}

impl Default for Fields {
    fn default() -> Self {
        Self { tokens: [Token::NOTHING; SLOTS], present: 0, start: 0, end: 0 }
    }
}

impl Fields {
    /// Whether the slot is that of `event` or `data`, whose object is read along with the outer one.
    #[must_use]
    pub const fn is_wrapper(slot: u8) -> bool {
        slot == EVENT || slot == DATA
    }

    /// Forgets the object of the frame before.
    pub fn clear(&mut self) {
        self.present = 0;
        self.start = 0;
        self.end = 0;
    }

    /// Notes where the object begins.
    pub fn begin(&mut self, start: usize) {
        self.present = 0;
        self.start = start;
        self.end = start + 1;
    }

    /// Notes where the object ended.
    pub fn finish(&mut self, end: usize) {
        self.end = end;
    }

    /// Whether an object has been read since the last `clear`.
    #[must_use]
    pub const fn is_used(&self) -> bool {
        self.end != 0
    }

    /// Offset of the object's opening brace.
    #[must_use]
    pub const fn start(&self) -> usize {
        self.start
    }

    /// Offset of the object's closing brace: where one knows that a field is missing.
    #[must_use]
    pub const fn closing(&self) -> usize {
        self.end.saturating_sub(1)
    }

    /// Keeps a value; returns whether the slot was free.
    #[inline]
    pub fn set(&mut self, slot: u8, token: Token) -> bool {
        let mark = 1u128 << slot;
        if self.present & mark != 0 {
            return false;
        }
        self.present |= mark;
        if let Some(place) = self.tokens.get_mut(slot as usize) {
            *place = token;
        }
        true
    }

    /// The value of a field, `None` if the object has none; `null` counts as a value here.
    #[inline]
    #[must_use]
    pub fn get(&self, field: &Field) -> Option<Token> {
        if self.present >> field.slot & 1 == 0 {
            return None;
        }
        self.tokens.get(field.slot as usize).copied()
    }
}
