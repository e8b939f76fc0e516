//! A strict JSON scanner: checks the whole frame in one pass and keeps where the values of an object stand.
//!
//! Nothing is copied or converted here. What is wrong with the text itself ends the scan; half characters and
//! double keys are only noted, so that the most basic defect of a frame is the one reported.

mod strings;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::error::ErrorCode;
use crate::fields::{Fields, Slot, Taken};

pub use strings::{plain_end, unescape};

/// Levels of arrays and objects that a frame may have. The venue's deepest documented answer has 6.
pub const MAX_DEPTH: u32 = 32;

/// The JSON type of a value, as far as readers need to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A string without escapes: its text is its bytes.
    String,
    /// A string with escapes, to be unescaped on use.
    Escaped,
    /// A number without fraction and exponent.
    Integer,
    /// Any other number.
    Number,
    /// `true`.
    True,
    /// `false`.
    False,
    /// `null`.
    Null,
    /// An object.
    Object,
    /// An array.
    Array,
}

/// Where a value stands in the frame: strings without their quotes, everything else whole.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// The JSON type.
    pub kind: TokenKind,
}

impl Token {
    /// Fills a slot that holds nothing.
    pub const NOTHING: Self = Self { start: 0, end: 0, kind: TokenKind::Null };

    /// Byte offset of the value in the frame, the quote included.
    #[must_use]
    pub fn offset(&self) -> usize {
        let start = self.start as usize;
        match self.kind {
            TokenKind::String | TokenKind::Escaped => start.saturating_sub(1),
            _ => start,
        }
    }
}

/// What ended the scan.
#[derive(Clone, Copy, Debug)]
pub struct Defect {
    /// Which defect.
    pub code: ErrorCode,
    /// Where.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

/// `None` ends the scan, after its defect has been noted: results stay small enough for registers.
type Scan<T> = Option<T>;

/// A key that has no slot; kept until its object ends, to find double keys.
#[derive(Clone, Copy)]
struct Key {
    start: u32,
    end: u32,
    escaped: bool,
}

/// The keys of the objects that are open, kept between frames to spare the allocation.
#[derive(Default)]
pub struct OpenKeys(Vec<Key>);

/// A scan in progress.
pub struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    position: usize,
    keys: &'a mut Vec<Key>,
    defect: Option<Defect>,
    surrogate: Option<usize>,
    duplicate: Option<Key>,
}

impl<'a> Scanner<'a> {
    /// A scan of `text` from byte `position` on. Frames are limited to less than 4 GiB by the caller.
    pub fn new(text: &'a str, position: usize, keys: &'a mut OpenKeys) -> Self {
        keys.0.clear();
        Self {
            text,
            bytes: text.as_bytes(),
            position,
            keys: &mut keys.0,
            defect: None,
            surrogate: None,
            duplicate: None,
        }
    }

    /// What ended the scan, once a method has returned `None`.
    #[must_use]
    pub const fn defect(&self) -> Option<Defect> {
        self.defect
    }

    /// Offset of the first half of a character.
    #[must_use]
    pub const fn surrogate(&self) -> Option<usize> {
        self.surrogate
    }

    /// Offset and text of the first key that its object already held.
    #[must_use]
    pub fn duplicate(&self) -> Option<(usize, Cow<'a, str>)> {
        self.duplicate.map(|key| ((key.start as usize).saturating_sub(1), self.key_text(key)))
    }

    /// Reads the object at the current position, which must be a `{`, into `fields`; `None` if it is no JSON.
    ///
    /// The first object under a key that wraps another goes into the first of `nested`, and one within it into the next.
    pub fn read_object(&mut self, fields: &mut Fields, depth: u32, nested: &mut [&mut Fields]) -> Scan<()> {
        fields.begin(self.position);
        let base = self.keys.len();
        self.position += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.position += 1;
        } else {
            loop {
                let (key, slot) = self.read_key()?;
                let value = match nested {
                    [inner, deeper @ ..]
                        if Fields::is_wrapper(slot, depth)
                            && self.peek() == Some(b'{')
                            && !inner.is_used() =>
                    {
                        let start = self.position;
                        self.read_object(inner, depth + 1, deeper)?;
                        self.token(TokenKind::Object, start)
                    }
                    _ => self.read_value(depth + 1)?,
                };
                match slot {
                    Some(slot) => {
                        if !fields.set(slot, value) {
                            self.duplicate.get_or_insert(key);
                        }
                    }
                    None => self.keys.push(key),
                }
                if self.ends(b'}', "a comma or }")? {
                    break;
                }
            }
            self.close_keys(base);
        }
        fields.finish(self.position);
        Some(())
    }

    /// Returns the elements of the array at the current position, which must be a `[`; `None` if it is no JSON.
    pub fn read_array(&mut self) -> Scan<Vec<Token>> {
        let mut elements = Vec::new();
        self.position += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            return Some(elements);
        }
        loop {
            elements.push(self.read_value(1)?);
            if self.ends(b']', "a comma or ]")? {
                return Some(elements);
            }
        }
    }

    /// Skips white space.
    #[inline]
    pub fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.position += 1;
        }
    }

    /// The byte at the current position, `None` at the end.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.position).copied()
    }

    /// The current position in the frame.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Notes a defect of syntax at the current position, which ends the scan.
    #[cold]
    fn invalid<T>(&mut self, expected: &'static str) -> Scan<T> {
        self.defect = Some(Defect { code: ErrorCode::InvalidJson, offset: self.position, expected });
        None
    }

    #[inline]
    fn token(&self, kind: TokenKind, start: usize) -> Token {
        Token { kind, start: short(start), end: short(self.position) }
    }

    /// Passes the separator after an element; returns whether the container ended instead.
    #[inline]
    fn ends(&mut self, close: u8, expected: &'static str) -> Scan<bool> {
        if self.peek() == Some(b',') {
            self.position += 1;
            return Some(false);
        }
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.position += 1;
                Some(false)
            }
            Some(byte) if byte == close => {
                self.position += 1;
                Some(true)
            }
            _ => self.invalid(expected),
        }
    }

    /// Reads a key and the colon. Returns the key and the slot that it has.
    #[inline]
    fn read_key(&mut self) -> Scan<(Key, Option<Slot>)> {
        // Nearly all keys of an order event are one letter without white space around.
        if let Some([b'"', letter, b'"', b':']) =
            self.bytes.get(self.position..).and_then(<[u8]>::first_chunk)
        {
            if letter.is_ascii_alphabetic() {
                let start = short(self.position + 1);
                self.position += 4;
                return Some((Key { start, end: start + 1, escaped: false }, Some(Slot::of_letter(*letter))));
            }
        }
        self.read_any_key()
    }

    fn read_any_key(&mut self) -> Scan<(Key, Option<Slot>)> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return self.invalid("a key in double quotes");
        }
        let token = self.read_string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return self.invalid("a colon");
        }
        self.position += 1;
        self.skip_space();
        let escaped = token.kind == TokenKind::Escaped;
        let raw = self.text.get(token.start as usize..token.end as usize).unwrap_or_default();
        let slot = if escaped { Slot::of(unescape(raw).as_bytes()) } else { Slot::of(raw.as_bytes()) };
        Some((Key { start: token.start, end: token.end, escaped }, slot))
    }

    #[inline]
    fn read_value(&mut self, depth: u32) -> Scan<Token> {
        match self.peek() {
            Some(b'"') => self.read_string(),
            Some(b'-' | b'0'..=b'9') => self.read_number(),
            _ => self.read_other_value(depth),
        }
    }

    fn read_other_value(&mut self, depth: u32) -> Scan<Token> {
        self.skip_space();
        let start = self.position;
        match self.peek() {
            Some(b'"') => self.read_string(),
            Some(b'-' | b'0'..=b'9') => self.read_number(),
            Some(b't') => self.read_word(b"true", TokenKind::True),
            Some(b'f') => self.read_word(b"false", TokenKind::False),
            Some(b'n') => self.read_word(b"null", TokenKind::Null),
            Some(b'{') => {
                self.skip_container(depth, b'}')?;
                Some(self.token(TokenKind::Object, start))
            }
            Some(b'[') => {
                self.skip_container(depth, b']')?;
                Some(self.token(TokenKind::Array, start))
            }
            _ => self.invalid("a value"),
        }
    }

    fn skip_container(&mut self, depth: u32, close: u8) -> Scan<()> {
        if depth > MAX_DEPTH {
            let (code, offset) = (ErrorCode::NestingTooDeep, self.position);
            self.defect = Some(Defect { code, offset, expected: "at most 32 levels" });
            return None;
        }
        let is_object = close == b'}';
        let expected = if is_object { "a comma or }" } else { "a comma or ]" };
        let base = self.keys.len();
        let mut taken = Taken::default();
        self.position += 1;
        self.skip_space();
        if self.peek() == Some(close) {
            self.position += 1;
            return Some(());
        }
        loop {
            if is_object {
                let (key, slot) = self.read_any_key()?;
                match slot {
                    Some(slot) if !taken.take(slot) => {
                        self.duplicate.get_or_insert(key);
                    }
                    Some(_) => {}
                    None => self.keys.push(key),
                }
            }
            self.read_value(depth + 1)?;
            if self.ends(close, expected)? {
                break;
            }
        }
        self.close_keys(base);
        Some(())
    }

    fn read_word(&mut self, word: &'static [u8], kind: TokenKind) -> Scan<Token> {
        let start = self.position;
        if !self.bytes.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            return self.invalid("a value");
        }
        self.position += word.len();
        Some(self.token(kind, start))
    }

    #[inline]
    fn read_number(&mut self) -> Scan<Token> {
        let start = self.position;
        if self.peek() == Some(b'-') {
            self.position += 1;
        }
        if self.peek() == Some(b'0') {
            self.position += 1; // no digit may follow: the caller then finds one where a comma belongs
        } else {
            self.read_digits()?;
        }
        match self.peek() {
            Some(b'.' | b'e' | b'E') => self.read_fraction(start),
            _ => Some(self.token(TokenKind::Integer, start)),
        }
    }

    #[cold]
    fn read_fraction(&mut self, start: usize) -> Scan<Token> {
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.read_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.position += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.position += 1;
            }
            self.read_digits()?;
        }
        Some(self.token(TokenKind::Number, start))
    }

    #[inline]
    fn read_digits(&mut self) -> Scan<()> {
        let start = self.position;
        while let Some(b'0'..=b'9') = self.peek() {
            self.position += 1;
        }
        if self.position == start { self.invalid("a digit") } else { Some(()) }
    }

    fn key_text(&self, key: Key) -> Cow<'a, str> {
        let raw = self.text.get(key.start as usize..key.end as usize).unwrap_or_default();
        if key.escaped { unescape(raw) } else { Cow::Borrowed(raw) }
    }

    /// Forgets the keys of the object that ended, having looked for double ones.
    #[inline]
    fn close_keys(&mut self, base: usize) {
        if self.keys.len() > base + 1 {
            self.find_duplicate(base);
        }
        self.keys.truncate(base);
    }

    fn find_duplicate(&mut self, base: usize) {
        let keys = self.keys.get(base..).unwrap_or_default();
        let mut names: Vec<(Cow<'a, str>, Key)> = keys.iter().map(|&key| (self.key_text(key), key)).collect();
        names.sort_unstable_by(|(left, left_key), (right, right_key)| {
            left.cmp(right).then(left_key.start.cmp(&right_key.start))
        });
        let double = names.windows(2).find_map(|pair| match pair {
            [(first, _), (second, key)] if first == second => Some(*key),
            _ => None,
        });
        if let Some(key) = double {
            self.duplicate.get_or_insert(key);
        }
    }
}

/// Frames are limited to far less than 4 GiB, so that positions fit 32 bits.
#[inline]
#[allow(clippy::cast_possible_truncation)]
const fn short(position: usize) -> u32 {
    position as u32
}
