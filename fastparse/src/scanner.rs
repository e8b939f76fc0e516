//! A strict JSON scanner: checks the whole frame in one pass and keeps where the values of an object stand.
//!
//! Nothing is copied or converted here. What is wrong with the text itself ends the scan; half characters and
//! double keys are only noted, so that the most basic defect of a frame is the one reported.

use std::borrow::Cow;

use crate::error::ErrorCode;
use crate::fields::{Fields, slot_of};

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
    /// The JSON type.
    pub kind: TokenKind,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Token {
    /// Fills a slot that holds nothing.
    pub const NOTHING: Self = Self { kind: TokenKind::Null, start: 0, end: 0 };

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
#[derive(Debug)]
pub struct Defect {
    /// Which defect.
    pub code: ErrorCode,
    /// Where.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

type Scan<T> = Result<T, Defect>;

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
    /// Offset of the first half of a character.
    pub surrogate: Option<usize>,
    /// Offset and text of the first key that its object already held.
    pub duplicate: Option<(usize, Cow<'a, str>)>,
}

impl<'a> Scanner<'a> {
    /// A scan of `text` from byte `position` on. Frames are limited to less than 4 GiB by the caller.
    pub fn new(text: &'a str, position: usize, keys: &'a mut OpenKeys) -> Self {
        keys.0.clear();
        Self { text, bytes: text.as_bytes(), position, keys: &mut keys.0, surrogate: None, duplicate: None }
    }

    /// Reads the object at the current position, which must be a `{`, into `fields`.
    ///
    /// The value of the first key for which `nested` is given goes, if it is an object, into those fields.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or too deep.
    pub fn read_object(
        &mut self,
        fields: &mut Fields,
        depth: u32,
        mut nested: Option<&mut Fields>,
    ) -> Scan<()> {
        let start = self.position;
        fields.begin(start);
        let base = self.keys.len();
        self.position += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.position += 1;
        } else {
            loop {
                let (key, slot) = self.read_key()?;
                let value = match (&mut nested, slot) {
                    (Some(inner), Some(slot))
                        if Fields::is_wrapper(slot) && self.peek() == Some(b'{') && !inner.is_used() =>
                    {
                        let start = self.position;
                        self.read_object(inner, depth + 1, None)?;
                        self.token(TokenKind::Object, start)
                    }
                    _ => self.read_value(depth + 1)?,
                };
                match slot {
                    Some(slot) => {
                        if !fields.set(slot, value) {
                            self.note_duplicate(key);
                        }
                    }
                    None => self.keys.push(key),
                }
                if self.ends(b'}', "a comma or }")? {
                    break;
                }
                if self.peek() != Some(b'"') {
                    return Err(self.invalid("a key in double quotes"));
                }
            }
        }
        self.close_keys(base);
        fields.finish(self.position);
        Ok(())
    }

    /// Returns the elements of the array at the current position, which must be a `[`.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or too deep.
    pub fn read_array(&mut self) -> Scan<Vec<Token>> {
        let mut elements = Vec::new();
        self.position += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            return Ok(elements);
        }
        loop {
            elements.push(self.read_value(1)?);
            if self.ends(b']', "a comma or ]")? {
                return Ok(elements);
            }
        }
    }

    /// Skips white space.
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

    /// A defect of syntax at the current position.
    #[must_use]
    pub fn invalid(&self, expected: &'static str) -> Defect {
        Defect { code: ErrorCode::InvalidJson, offset: self.position, expected }
    }

    #[inline]
    fn token(&self, kind: TokenKind, start: usize) -> Token {
        Token { kind, start: short(start), end: short(self.position) }
    }

    /// Passes the separator after an element; returns whether the container ended instead.
    #[inline]
    fn ends(&mut self, close: u8, expected: &'static str) -> Scan<bool> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.position += 1;
                self.skip_space();
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.position += 1;
                Ok(true)
            }
            _ => Err(self.invalid(expected)),
        }
    }

    /// Reads a key and the colon, and stops at the value. Returns the key and the slot that it has.
    #[inline]
    fn read_key(&mut self) -> Scan<(Key, Option<u8>)> {
        // Nearly all keys of an order event are one letter without white space around.
        if let Some([b'"', letter, b'"', b':', after]) = self.bytes.get(self.position..self.position + 5) {
            if letter.is_ascii_alphabetic() && !after.is_ascii_whitespace() {
                let start = short(self.position + 1);
                self.position += 4;
                return Ok((Key { start, end: start + 1, escaped: false }, slot_of(&[*letter])));
            }
        }
        if self.peek() != Some(b'"') {
            return Err(self.invalid("a key in double quotes"));
        }
        let token = self.read_string()?;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.invalid("a colon"));
        }
        self.position += 1;
        self.skip_space();
        let escaped = token.kind == TokenKind::Escaped;
        let raw = self.text.get(token.start as usize..token.end as usize).unwrap_or_default();
        let slot = if escaped { slot_of(unescape(raw).as_bytes()) } else { slot_of(raw.as_bytes()) };
        Ok((Key { start: token.start, end: token.end, escaped }, slot))
    }

    #[inline]
    fn read_value(&mut self, depth: u32) -> Scan<Token> {
        let start = self.position;
        match self.peek() {
            Some(b'"') => self.read_string(),
            Some(b'-' | b'0'..=b'9') => self.read_number(),
            Some(b't') => self.read_word(b"true", TokenKind::True),
            Some(b'f') => self.read_word(b"false", TokenKind::False),
            Some(b'n') => self.read_word(b"null", TokenKind::Null),
            Some(b'{' | b'[') => {
                self.skip_container(depth)?;
                let kind =
                    if self.bytes.get(start) == Some(&b'{') { TokenKind::Object } else { TokenKind::Array };
                Ok(self.token(kind, start))
            }
            _ => Err(self.invalid("a value")),
        }
    }

    fn skip_container(&mut self, depth: u32) -> Scan<()> {
        if depth > MAX_DEPTH {
            return Err(Defect {
                code: ErrorCode::NestingTooDeep,
                offset: self.position,
                expected: "at most 32 levels",
            });
        }
        let is_object = self.peek() == Some(b'{');
        let (close, expected) = if is_object { (b'}', "a comma or }") } else { (b']', "a comma or ]") };
        let base = self.keys.len();
        self.position += 1;
        self.skip_space();
        if self.peek() == Some(close) {
            self.position += 1;
            return Ok(());
        }
        loop {
            if is_object {
                let (key, _) = self.read_key()?;
                self.keys.push(key);
            }
            self.read_value(depth + 1)?;
            if self.ends(close, expected)? {
                break;
            }
        }
        self.close_keys(base);
        Ok(())
    }

    fn read_word(&mut self, word: &'static [u8], kind: TokenKind) -> Scan<Token> {
        let start = self.position;
        if self.bytes.get(start..start + word.len()) != Some(word) {
            return Err(self.invalid("a value"));
        }
        self.position += word.len();
        Ok(self.token(kind, start))
    }

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
        let mut kind = TokenKind::Integer;
        if self.peek() == Some(b'.') {
            self.position += 1;
            self.read_digits()?;
            kind = TokenKind::Number;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.position += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.position += 1;
            }
            self.read_digits()?;
            kind = TokenKind::Number;
        }
        Ok(self.token(kind, start))
    }

    #[inline]
    fn read_digits(&mut self) -> Scan<()> {
        let start = self.position;
        while let Some(b'0'..=b'9') = self.peek() {
            self.position += 1;
        }
        if self.position == start { Err(self.invalid("a digit")) } else { Ok(()) }
    }

    /// Reads the string whose opening quote is at the current position.
    #[inline]
    fn read_string(&mut self) -> Scan<Token> {
        self.position += 1;
        let start = self.position;
        let mut kind = TokenKind::String;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    let token = self.token(kind, start);
                    self.position += 1;
                    return Ok(token);
                }
                Some(b'\\') => {
                    kind = TokenKind::Escaped;
                    self.read_escape()?;
                }
                Some(_) => return Err(self.invalid("no control character in a string")),
                None => return Err(self.invalid("a closing quote")),
            }
        }
    }

    /// Advances to the next byte that a string cannot hold plainly: a quote, a backslash, a control character.
    #[inline]
    fn skip_plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGHS: u64 = 0x8080_8080_8080_8080;
        // Eight bytes at a time; a byte's high bit in `found` marks it, and no false mark precedes a true one.
        while let Some(chunk) = self.bytes.get(self.position..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            let quote = word ^ (ONES * b'"' as u64);
            let backslash = word ^ (ONES * b'\\' as u64);
            let found = (quote.wrapping_sub(ONES) & !quote)
                | (backslash.wrapping_sub(ONES) & !backslash)
                | (word.wrapping_sub(ONES * 0x20) & !word);
            let found = found & HIGHS;
            if found != 0 {
                self.position += (found.trailing_zeros() / 8) as usize;
                return;
            }
            self.position += 8;
        }
        while let Some(byte) = self.peek() {
            if byte == b'"' || byte == b'\\' || byte < 0x20 {
                return;
            }
            self.position += 1;
        }
    }

    fn read_escape(&mut self) -> Scan<()> {
        self.position += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.position += 1;
                Ok(())
            }
            Some(b'u') => {
                let start = self.position - 1;
                self.position += 1;
                let unit = self.read_hex()?;
                match unit {
                    0xD800..=0xDBFF => {
                        let after = self.position;
                        let low = if self.bytes.get(after..after + 2) == Some(b"\\u") {
                            self.position += 2;
                            Some(self.read_hex()?)
                        } else {
                            None
                        };
                        if !matches!(low, Some(0xDC00..=0xDFFF)) {
                            self.position = after; // the second escape, if any, is looked at on its own
                            self.surrogate.get_or_insert(start);
                        }
                    }
                    0xDC00..=0xDFFF => {
                        self.surrogate.get_or_insert(start);
                    }
                    _ => {}
                }
                Ok(())
            }
            _ => Err(self.invalid("an escape of JSON")),
        }
    }

    fn read_hex(&mut self) -> Scan<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.invalid("four hex digits")) };
            unit = unit << 4 | digit;
            self.position += 1;
        }
        Ok(unit)
    }

    fn key_text(&self, key: Key) -> Cow<'a, str> {
        let raw = self.text.get(key.start as usize..key.end as usize).unwrap_or_default();
        if key.escaped { unescape(raw) } else { Cow::Borrowed(raw) }
    }

    fn note_duplicate(&mut self, key: Key) {
        if self.duplicate.is_none() {
            self.duplicate = Some(((key.start as usize).saturating_sub(1), self.key_text(key)));
        }
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
        if self.duplicate.is_some() {
            return;
        }
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
            self.note_duplicate(key);
        }
    }
}

/// Frames are limited to far less than 4 GiB, so that positions fit 32 bits.
#[inline]
fn short(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Returns the text of a string whose escapes the scanner has checked; half characters become U+FFFD.
#[must_use]
pub fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut characters = escape.chars();
        match characters.next() {
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                rest = push_unicode(characters.as_str(), &mut text);
                continue;
            }
            Some(itself) => text.push(itself),
            None => {}
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Appends the character of the escape whose hex digits `digits` begins with; returns what follows.
fn push_unicode<'a>(digits: &'a str, text: &mut String) -> &'a str {
    let unit_of = |digits: &str| digits.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let unit = unit_of(digits).unwrap_or(0xFFFD);
    let rest = digits.get(4..).unwrap_or_default();
    if (0xD800..0xDC00).contains(&unit) {
        let low_digits = rest.strip_prefix("\\u");
        if let Some(low @ 0xDC00..=0xDFFF) = low_digits.and_then(unit_of) {
            let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            return rest.get(6..).unwrap_or_default();
        }
    }
    text.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
    rest
}
