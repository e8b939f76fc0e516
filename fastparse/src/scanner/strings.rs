//! Strings: where they end, whether their escapes are sound, and what they say.

use std::borrow::Cow;

use super::{Scan, Scanner, Token, TokenKind, short};
use crate::decimal::eight_bytes;

impl Scanner<'_> {
    /// Reads the string whose opening quote is at the current position.
    #[inline]
    pub(super) fn read_string(&mut self) -> Scan<Token> {
        let start = self.position + 1;
        let end = plain_end::<false>(self.bytes, start);
        self.position = end;
        if self.peek() == Some(b'"') {
            self.position += 1;
            return Some(Token { kind: TokenKind::String, start: short(start), end: short(end) });
        }
        self.read_escaped(start)
    }

    /// Reads on a string that holds more than plain characters.
    fn read_escaped(&mut self, start: usize) -> Scan<Token> {
        loop {
            match self.peek() {
                Some(b'"') => {
                    let token = self.token(TokenKind::Escaped, start);
                    self.position += 1;
                    return Some(token);
                }
                Some(b'\\') => self.read_escape()?,
                Some(_) => return self.invalid("no control character in a string"),
                None => return self.invalid("a closing quote"),
            }
            self.position = plain_end::<false>(self.bytes, self.position);
        }
    }

    fn read_escape(&mut self) -> Scan<()> {
        self.position += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.position += 1;
                Some(())
            }
            Some(b'u') => {
                let start = self.position - 1;
                self.position += 1;
                self.read_unicode(start)
            }
            _ => self.invalid("an escape of JSON"),
        }
    }

    /// Reads the hex digits of the escape that began at `start`, and its second half where it has one.
    fn read_unicode(&mut self, start: usize) -> Scan<()> {
        let unit = self.read_hex()?;
        if (0xD800..=0xDBFF).contains(&unit) {
            let after = self.position;
            if self.bytes.get(after..after + 2) == Some(b"\\u") {
                self.position += 2;
                if (0xDC00..=0xDFFF).contains(&self.read_hex()?) {
                    return Some(());
                }
            }
        }
        if (0xD800..=0xDFFF).contains(&unit) {
            self.surrogate.get_or_insert(start);
        }
        Some(())
    }

    fn read_hex(&mut self) -> Scan<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|byte| char::from(byte).to_digit(16)) else {
                return self.invalid("four hex digits");
            };
            unit = unit << 4 | digit;
            self.position += 1;
        }
        Some(unit)
    }
}

/// Returns where the plain characters from `start` on end: at a quote, a backslash, a control character or the end;
/// with `ASCII`, at any other character, too.
#[inline]
#[must_use]
pub fn plain_end<const ASCII: bool>(bytes: &[u8], start: usize) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let mut position = start;
    // Eight bytes at a time: the high bit of a byte in `found` marks it, and no false mark precedes a true one.
    while let Some(word) = eight_bytes(bytes, position) {
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5C);
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        let found = (if ASCII { found | word } else { found }) & HIGHS;
        if found != 0 {
            return position + (found.trailing_zeros() / 8) as usize;
        }
        position += 8;
    }
    while let Some(&byte) = bytes.get(position) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 || (ASCII && byte > 0x7F) {
            break;
        }
        position += 1;
    }
    position
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
