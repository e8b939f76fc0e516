//! Reading a frame whose text is expected piece by piece; whatever is not as expected gives `None`.
//!
//! Stricter than JSON: no white space, no escapes, ASCII only. The general way of reading takes what this one does not.

use crate::decimal::{Decimal, eight_bytes, eight_digits};
use crate::piece::Piece;
use crate::reader::Integer;
use crate::scanner::plain_end;
use crate::text::Text;

/// A position in a frame.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    /// The beginning of `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// The position in the frame.
    #[inline]
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Whether nothing is left.
    #[inline]
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Passes `expected`, which is known to the compiler and so compared in a few instructions.
    #[inline(always)] // only so is it known to the compiler
    #[allow(clippy::inline_always)]
    #[must_use]
    pub fn pass(&mut self, expected: &'static str) -> Option<()> {
        if !self.bytes.get(self.position..)?.starts_with(expected.as_bytes()) {
            return None;
        }
        self.position += expected.len();
        Some(())
    }

    /// Reads an integer of at most 18 digits. Whether a separator follows is for the caller to see.
    #[inline]
    pub fn integer(&mut self) -> Option<Integer<'a>> {
        let start = self.position;
        let negative = self.bytes.get(start) == Some(&b'-');
        let first = start + usize::from(negative);
        let mut position = first;
        let mut value = 0u64;
        if let Some(eight) = eight_bytes(self.bytes, position).and_then(eight_digits) {
            value = eight;
            position += 8;
        }
        while let Some(&byte) = self.bytes.get(position) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            position += 1;
        }
        let count = position - first;
        if count == 0 || count > 18 || (count > 1 && self.bytes.get(first) == Some(&b'0')) {
            return None;
        }
        self.position = position;
        let digits = if value == 0 { Piece::ZERO } else { Piece::new(self.bytes, start, position) };
        let value = i64::try_from(value).ok()?; // below 10^18
        Some(Integer { digits, value: if negative { -value } else { value } })
    }

    /// Reads an ASCII string after its opening quote, and passes the closing one.
    #[inline]
    pub fn text(&mut self) -> Option<Text<'a>> {
        let start = self.position;
        let end = plain_end::<true>(self.bytes, start);
        if self.bytes.get(end) != Some(&b'"') {
            return None;
        }
        self.position = end + 1;
        Some(Text::new(Piece::new(self.bytes, start, end), false))
    }

    /// Reads a decimal string after its opening quote, and passes the closing one.
    #[inline]
    pub fn amount(&mut self) -> Option<Decimal<'a>> {
        if self.pass("0.00000000\"").is_some() {
            return Some(Decimal::PADDED_ZERO);
        }
        if let Some((value, end)) = Decimal::scan_padded(self.bytes, self.position) {
            if self.bytes.get(end) == Some(&b'"') {
                self.position = end + 1;
                return Some(value);
            }
        }
        let text = self.text()?;
        Decimal::parse(text.raw().as_bytes()).ok()
    }

    /// Reads a boolean.
    #[inline]
    pub fn boolean(&mut self) -> Option<bool> {
        if self.pass("true").is_some() { Some(true) } else { self.pass("false").map(|()| false) }
    }
}
