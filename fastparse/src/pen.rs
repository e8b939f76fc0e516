//! Writing into a buffer of a given size: every text goes there in a few moves of fixed size.
//!
//! A growing buffer has to look after itself at each append. Here room is a slice, and what does not fit gives `None`:
//! whoever writes begins again with a larger buffer.

use crate::decimal::ZEROS;
use crate::piece::Piece;

/// Bytes that a piece is copied in.
const CHUNK: usize = 32;

/// The room that is left in a buffer. It is handed on from text to text, so that it stays in registers.
pub struct Pen<'b> {
    room: &'b mut [u8],
}

impl<'b> Pen<'b> {
    /// Writes from the beginning of `buffer` on.
    #[inline]
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { room: buffer }
    }

    /// Bytes that are left.
    #[inline]
    #[must_use]
    pub const fn left(&self) -> usize {
        self.room.len()
    }

    /// Writes a text whose length is known to the compiler.
    #[inline(always)] // only so is it a few stores
    #[allow(clippy::inline_always)]
    #[must_use]
    pub fn put<const N: usize>(self, text: &[u8; N]) -> Option<Self> {
        let (to, room) = self.room.split_first_chunk_mut()?;
        *to = *text;
        Some(Self { room })
    }

    /// Writes a text of any length.
    #[inline]
    #[must_use]
    pub fn put_slice(self, text: &[u8]) -> Option<Self> {
        let (to, room) = self.room.split_at_mut_checked(text.len())?;
        to.copy_from_slice(text);
        Some(Self { room })
    }

    /// Writes a text that is mostly a short word, without a call of the library.
    #[inline(never)]
    #[must_use]
    pub fn put_word(self, word: &[u8]) -> Option<Self> {
        let (to, room) = self.room.split_at_mut_checked(word.len())?;
        // Two moves that may overlap cover all lengths between one size of a move and its double.
        let is_short = both_ends::<8>(to, word)
            || both_ends::<2>(to, word)
            || both_ends::<4>(to, word)
            || both_ends::<16>(to, word);
        if !is_short {
            to.copy_from_slice(word);
        }
        Some(Self { room })
    }

    /// Writes a piece of a frame.
    #[inline(never)]
    #[must_use]
    pub fn put_piece(self, piece: Piece<'_>) -> Option<Self> {
        if let (Some(chunk), Some(to)) = (piece.chunk::<CHUNK>(), self.room.first_chunk_mut::<CHUNK>()) {
            *to = *chunk;
            return self.pass(piece.len());
        }
        self.put_slice(piece.as_bytes())
    }

    /// Writes a number.
    #[inline]
    #[must_use]
    pub fn put_number(self, value: u64) -> Option<Self> {
        const UNIT: u64 = 100_000_000;
        if value < UNIT {
            return self.put_leading(value);
        }
        let (head, low) = (value / UNIT, value % UNIT);
        let pen = if head < UNIT {
            self.put_leading(head)?
        } else {
            self.put_leading(head / UNIT)?.put(&eight_ascii(head % UNIT).to_le_bytes())?
        };
        pen.put(&eight_ascii(low).to_le_bytes())
    }

    /// Writes a number with sign.
    #[inline(never)]
    #[must_use]
    pub fn put_integer(self, value: i64) -> Option<Self> {
        let pen = if value < 0 { self.put(b"-")? } else { self };
        pen.put_number(value.unsigned_abs())
    }

    /// Writes a number below 10^8 without leading zeros.
    #[inline]
    fn put_leading(self, value: u64) -> Option<Self> {
        let word = eight_ascii(value);
        let zeros = ((word ^ ZEROS) | (1 << 56)).trailing_zeros() / 8; // of 0 the last digit stays
        *self.room.first_chunk_mut()? = (word >> (8 * zeros)).to_le_bytes();
        self.pass(8 - zeros as usize)
    }

    /// Writes a fraction of eight digits without trailing zeros.
    #[inline]
    fn put_trailing(self, value: u64) -> Option<Self> {
        let word = eight_ascii(value);
        *self.room.first_chunk_mut()? = word.to_le_bytes();
        self.pass(8 - ((word ^ ZEROS).leading_zeros() / 8) as usize)
    }

    /// Writes a fraction of sixteen digits, given in two halves, without trailing zeros.
    #[inline]
    #[must_use]
    pub fn put_fraction(self, high: u64, low: u64) -> Option<Self> {
        if low == 0 {
            return self.put_trailing(high);
        }
        self.put(&eight_ascii(high).to_le_bytes())?.put_trailing(low)
    }

    /// Keeps what has been written into the room.
    #[inline]
    fn pass(self, count: usize) -> Option<Self> {
        Some(Self { room: self.room.get_mut(count..)? })
    }
}

/// Copies a text of `N` to `2 * N` bytes; returns whether it is one. Both slices are of one length.
#[inline(always)]
#[allow(clippy::inline_always)]
fn both_ends<const N: usize>(to: &mut [u8], text: &[u8]) -> bool {
    if text.len() > 2 * N {
        return false;
    }
    let (Some(head), Some(tail)) = (text.first_chunk::<N>(), text.last_chunk::<N>()) else { return false };
    let Some(start) = to.first_chunk_mut() else { return false };
    *start = *head;
    let Some(end) = to.last_chunk_mut() else { return false };
    *end = *tail;
    true
}

/// The eight digits of a number below 10^8, the first in the lowest byte.
#[inline]
const fn eight_ascii(value: u64) -> u64 {
    // Fours of digits, then pairs, then digits: each step moves what is left of a division into a lane of its own.
    let fours = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007F_0000_007F;
    let pairs = hundreds | ((fours - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000F_000F_000F_000F;
    (tens | ((pairs - tens * 10) << 8)) + ZEROS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl for<'b> Fn(Pen<'b>) -> Option<Pen<'b>>) -> String {
        // The least room in which it fits: with a byte less nothing may be lost unnoticed.
        for size in 0..100 {
            let mut buffer = vec![b'!'; size];
            if let Some(left) = write(Pen::new(&mut buffer)).map(|pen| pen.left()) {
                let end = size - left;
                return String::from_utf8(buffer.get(..end).unwrap().to_vec()).unwrap();
            }
        }
        unreachable!("it fits nowhere")
    }

    #[test]
    fn eight_digits_are_right_in_each_lane() {
        for four in 0..10_000 {
            for value in [four, four * 10_000, four * 10_001, 99_990_000 + four] {
                let text = eight_ascii(value).to_le_bytes();
                assert_eq!(std::str::from_utf8(&text).unwrap(), format!("{value:08}"));
            }
        }
    }

    #[test]
    fn numbers_are_written_whole() {
        for power in 0..20 {
            let unit = 10u64.pow(power);
            for value in [unit, unit - 1, unit + 1, unit.saturating_mul(9)] {
                assert_eq!(written(|pen| pen.put_number(value)), value.to_string());
            }
        }
        for value in [i64::MIN, -1, 0, 1_773_000_007_411_000_000, i64::MAX] {
            assert_eq!(written(|pen| pen.put_integer(value)), value.to_string());
        }
        assert_eq!(written(|pen| pen.put_number(u64::MAX)), u64::MAX.to_string());
    }

    #[test]
    fn fractions_end_with_their_last_digit() {
        for (high, low, text) in [
            (0, 1, "0000000000000001"),
            (12_345_678, 0, "12345678"),
            (50_000_000, 0, "5"),
            (10, 90_000_000, "000000109"),
        ] {
            assert_eq!(written(|pen| pen.put_fraction(high, low)), text);
        }
    }

    #[test]
    fn texts_are_written_whole_whatever_their_length() {
        let text = "0123456789".repeat(8);
        for length in 0..80 {
            let expected = text.get(..length).unwrap();
            assert_eq!(written(|pen| pen.put_word(expected.as_bytes())), expected);
            assert_eq!(written(|pen| pen.put_slice(expected.as_bytes())), expected);
            assert_eq!(written(|pen| pen.put_piece(Piece::new(text.as_bytes(), 0, length))), expected);
        }
        assert_eq!(written(|pen| pen.put(b"ab")?.put(b"c")), "abc");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut buffer = *b"....";
        assert_eq!(Pen::new(&mut buffer).put(b"abc").unwrap().left(), 1);
        assert!(Pen::new(&mut buffer).put(b"abcde").is_none());
        assert!(Pen::new(&mut buffer).put_word(b"abcde").is_none());
        assert_eq!(&buffer, b"abc.");
    }
}
