//! Reading a frame whose text is expected piece by piece; whatever is not as expected gives `None`.
//!
//! Stricter than JSON: no white space, no escapes, ASCII only. The general way of reading takes what this one does not.

use crate::decimal::{Decimal, ZEROS, digit_count, digits_sum};
use crate::piece::Piece;
use crate::reader::Integer;
use crate::scanner::plain_end;
use crate::text::Text;

/// What is left of a frame. Its methods are small, so that it stays in registers; what they call takes and gives the
/// rest by value.
pub struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// The beginning of `bytes`.
    #[inline]
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that are left.
    #[inline]
    #[must_use]
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    #[inline]
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Passes `expected`, which is known to the compiler and so compared in a few instructions.
    #[inline(always)] // only so is it known to the compiler
    #[allow(clippy::inline_always)]
    #[must_use]
    pub fn pass(&mut self, expected: &'static str) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected.as_bytes())?;
        Some(())
    }

    /// Reads an integer of at most 18 digits. Whether a separator follows is for the caller to see.
    #[inline(always)] // as are the others: the cursor must not be put into memory for a call
    #[allow(clippy::inline_always)]
    pub fn integer(&mut self) -> Option<Integer<'a>> {
        let mut value = Integer::ZERO;
        self.integer_into(&mut value)?;
        Some(value)
    }

    /// Reads an integer into its place, which saves a copy.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    #[must_use]
    pub fn integer_into(&mut self, place: &mut Integer<'a>) -> Option<()> {
        self.rest = integer(self.rest, place)?;
        Some(())
    }

    /// Reads an ASCII string after its opening quote, and passes the closing one.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub fn text(&mut self) -> Option<Text<'a>> {
        let mut value = Text::EMPTY;
        self.text_into(&mut value)?;
        Some(value)
    }

    /// Reads a string as `text` into its place, which saves a copy.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    #[must_use]
    pub fn text_into(&mut self, place: &mut Text<'a>) -> Option<()> {
        self.rest = text(self.rest, place)?;
        Some(())
    }

    /// Reads a decimal string after its opening quote, and passes the closing one.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub fn amount(&mut self) -> Option<Decimal<'a>> {
        let mut value = Decimal::ZERO;
        self.amount_into(&mut value)?;
        Some(value)
    }

    /// Reads an amount as `amount` into its place, which saves a copy.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    #[must_use]
    pub fn amount_into(&mut self, place: &mut Decimal<'a>) -> Option<()> {
        self.rest = amount(self.rest, place)?;
        Some(())
    }

    /// Reads a boolean.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    pub fn boolean(&mut self) -> Option<bool> {
        if self.pass("true").is_some() { Some(true) } else { self.pass("false").map(|()| false) }
    }
}

#[inline(never)]
fn integer<'a>(rest: &'a [u8], place: &mut Integer<'a>) -> Option<&'a [u8]> {
    const POWERS: [u64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    let Some([first, second, third]) = rest.first_chunk::<24>().map(words) else {
        return any_integer(rest, place);
    };
    let count = digit_count(first);
    let (length, value) = if count < 8 {
        (count, digits_sum(first << (64 - 8 * count.max(1))))
    } else {
        let more = digit_count(second);
        let head = digits_sum(first);
        match POWERS.get(more) {
            Some(power) => (8 + more, head * power + digits_sum((second << (56 - 8 * more)) << 8)),
            None if digit_count(third) == 0 => (16, head * 100_000_000 + digits_sum(second)),
            None => return any_integer(rest, place),
        }
    };
    if length == 0 || (rest.first() == Some(&b'0') && length > 1) {
        return any_integer(rest, place);
    }
    *place = Integer { digits: Piece::first(rest, length), value: i64::try_from(value).ok()? };
    rest.get(length..)
}

/// The words of eight bytes each, in which digits are their values.
#[inline]
fn words(chunk: &[u8; 24]) -> [u64; 3] {
    let mut words = [0; 3];
    for (word, bytes) in words.iter_mut().zip(chunk.chunks_exact(8)) {
        *word = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes)) ^ ZEROS;
    }
    words
}

/// Reads an integer with sign, of more digits than most have, or near to the end of the frame.
#[cold]
#[inline(never)]
fn any_integer<'a>(rest: &'a [u8], place: &mut Integer<'a>) -> Option<&'a [u8]> {
    let negative = rest.first() == Some(&b'-');
    let digits = if negative { rest.get(1..)? } else { rest };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 || count > 18 || (count > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    let value = digits.get(..count)?.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let length = count + usize::from(negative);
    let digits = if value == 0 { Piece::ZERO } else { Piece::first(rest, length) };
    *place = Integer { digits, value: if negative { -value } else { value } };
    rest.get(length..)
}

#[inline(never)]
fn text<'a>(rest: &'a [u8], place: &mut Text<'a>) -> Option<&'a [u8]> {
    let end = plain_end::<true>(rest, 0);
    let after = rest.get(end..)?.strip_prefix(b"\"")?;
    *place = Text::new(Piece::first(rest, end), false);
    Some(after)
}

#[inline(never)]
fn amount<'a>(rest: &'a [u8], place: &mut Decimal<'a>) -> Option<&'a [u8]> {
    if let Some(after) = rest.strip_prefix(b"0.00000000\"") {
        *place = Decimal::PADDED_ZERO;
        return Some(after);
    }
    if let Some(after) = Decimal::scan_padded(rest, place).and_then(|after| after.strip_prefix(b"\"")) {
        return Some(after);
    }
    any_amount(rest, place)
}

/// Reads an amount of another form than that in which the venue pads nearly all.
#[cold]
#[inline(never)]
fn any_amount<'a>(rest: &'a [u8], place: &mut Decimal<'a>) -> Option<&'a [u8]> {
    let mut digits = Text::EMPTY;
    let after = text(rest, &mut digits)?;
    *place = Decimal::parse_any(digits.raw_bytes()).ok()?;
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of `text` and how much of it, followed by enough for the fast way or by nothing; both must agree.
    fn both<T: PartialEq + std::fmt::Debug>(
        text: &str,
        read: impl Fn(&mut Cursor<'_>) -> Option<T>,
    ) -> Option<(T, usize)> {
        let whole = |text: &str| {
            let mut cursor = Cursor::new(text.as_bytes());
            read(&mut cursor).map(|value| (value, text.len() - cursor.left()))
        };
        let long = whole(&format!("{text}{}", ",".repeat(32)));
        assert_eq!(long, whole(text), "{text}");
        long
    }

    #[test]
    fn integers_of_all_lengths_are_read() {
        let integer = |text: &str| {
            both(text, |cursor| cursor.integer().map(|read| (read.value, read.digits.as_str().to_owned())))
        };
        for length in 1..=18 {
            for sign in ["", "-"] {
                let text = format!("{sign}{}", "123456789012345678".get(..length).unwrap());
                assert_eq!(integer(&text), Some(((text.parse().unwrap(), text.clone()), text.len())));
                assert_eq!(integer(&format!("{text}a1")), integer(&text));
            }
        }
        assert_eq!(integer("0"), Some(((0, "0".to_owned()), 1)));
        assert_eq!(integer("-0"), Some(((0, "0".to_owned()), 2)));
        for text in ["", "-", "a", "01", "-01", "00", "1234567890123456789", "--1", "+1", "\u{e9}"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn amounts_end_with_their_quote() {
        let amount = |text: &str| {
            both(text, |cursor| {
                let mut out = Vec::new();
                cursor.amount()?.write(&mut out);
                Some(String::from_utf8(out).unwrap())
            })
        };
        for (text, expected) in [
            ("0.00000000\"", "0"),
            ("1.50000000\"", "1.5"),
            ("9999999.99999999\"", "9999999.99999999"),
            ("10000000.00000001\"", "10000000.00000001"),
            ("-3\"", "-3"),
            ("0.000000000001\"", "0.000000000001"),
        ] {
            assert_eq!(amount(text), Some((expected.to_owned(), text.len())));
        }
        for text in ["1.50000000", "1.5000000a\"", "1.\"", "\"", "a.00000000\"", "1.00000000,\""] {
            assert_eq!(amount(text), None, "{text}");
        }
    }
}
