//! A piece of a frame that knows what follows it, so that it is copied in one fixed-size move.
//!
//! Most of an event is short strings out of the frame. Copying exactly their bytes costs a call and a mispredicted
//! branch each; copying 32 bytes and forgetting the surplus costs two instructions.

const CHUNK: usize = 32;

/// A string within a longer one.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The longer string from where the piece begins.
    tail: &'a [u8],
    length: usize,
}

impl<'a> Piece<'a> {
    /// The digit 0.
    pub const ZERO: Piece<'static> = Piece { tail: b"0                               ", length: 1 };
    /// The empty string.
    pub const EMPTY: Piece<'static> = Piece { tail: b"                                ", length: 0 };

    /// The piece of `bytes` from `start` to `end`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8], start: usize, end: usize) -> Self {
        Self { tail: bytes.get(start..).unwrap_or_default(), length: end.saturating_sub(start) }
    }

    /// The first `length` of `bytes`.
    #[inline]
    #[must_use]
    pub const fn first(bytes: &'a [u8], length: usize) -> Self {
        Self { tail: bytes, length }
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.tail.get(..self.length).unwrap_or_default()
    }

    /// The text, empty if the bytes are none.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The bytes and what follows them, `N` in all; `None` if the text is longer, or too near to the end of the frame.
    #[inline]
    #[must_use]
    pub fn chunk<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.tail.first_chunk().filter(|_| self.length <= N)
    }

    /// How many bytes they are.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.length
    }

    /// Whether the text is empty.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends the text.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        match self.tail.first_chunk::<CHUNK>() {
            Some(chunk) if self.length <= CHUNK => {
                let end = out.len() + self.length;
                out.extend_from_slice(chunk);
                out.truncate(end);
            }
            _ => out.extend_from_slice(self.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_written_whole_wherever_they_stand() {
        let text = format!("é{}é", "0123456789".repeat(9));
        for start in [0, 2, 50, 90] {
            for length in [0, 2, 4, 31, 32, 33, 40] {
                if !text.is_char_boundary(start + length) {
                    continue;
                }
                let piece = Piece::new(text.as_bytes(), start, start + length);
                let mut out = b"before".to_vec();
                piece.write(&mut out);
                assert_eq!(out, [b"before", piece.as_str().as_bytes()].concat());
                assert_eq!(piece.as_str(), text.get(start..start + length).unwrap_or_default());
            }
        }
        assert_eq!((Piece::ZERO.as_str(), Piece::EMPTY.as_str()), ("0", ""));
        assert!(Piece::EMPTY.is_empty());
    }
}
