//! MessagePack to JSON text, so that a venue that speaks both is read by one parser.
//!
//! Strict: what JSON cannot say is refused, and nothing may follow the value. Times of the timestamp extension become
//! RFC 3339, as which the same venue writes them in JSON.

use crate::error::{ErrorCode, ParseError};
use crate::frame::MAX_FRAME_BYTES;
use crate::json::{write_integer, write_string};
use crate::reader::Read;
use crate::scanner::MAX_DEPTH;
use crate::time::write_rfc3339;

/// Type of the extension that holds a time.
const TIMESTAMP: u8 = 0xFF;

/// Whether `frame` begins as a map of MessagePack does, and as no text can.
#[must_use]
pub fn is_map(frame: &[u8]) -> bool {
    matches!(frame.first(), Some(0x80..=0x8F | 0xDE | 0xDF))
}

/// Writes the frame as JSON into `out`.
///
/// # Errors
///
/// The frame is no MessagePack, holds what JSON cannot say, or is too large as JSON.
pub fn to_json(frame: &[u8], out: &mut Vec<u8>) -> Read<()> {
    out.clear();
    let mut reader = Reader { bytes: frame, position: 0 };
    reader.value(1, out)?;
    if reader.position < frame.len() {
        let offset = reader.position;
        let message = format!("trailing data at offset {offset}: expected the frame to end");
        return Err(ParseError::of_frame(ErrorCode::TrailingData, offset, message));
    }
    Ok(())
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    #[cold]
    fn invalid(&self, found: &str, expected: &str) -> Box<ParseError> {
        let offset = self.position.min(self.bytes.len());
        let message = format!("invalid MessagePack at offset {offset}: expected {expected}, was {found}");
        ParseError::of_frame(ErrorCode::InvalidMessagePack, offset, message)
    }

    fn take(&mut self, count: usize) -> Read<&'a [u8]> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(taken) = rest.get(..count) else {
            return Err(self.invalid("the end of the frame", "more bytes"));
        };
        self.position += count;
        Ok(taken)
    }

    /// An unsigned number of `count` bytes, at most 8.
    fn number(&mut self, count: usize) -> Read<u64> {
        Ok(self.take(count)?.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    /// A signed number of `count` bytes, at most 8.
    fn signed(&mut self, count: usize) -> Read<i64> {
        let bytes = self.take(count)?;
        let sign = if bytes.first().is_some_and(|&byte| byte > 0x7F) { -1 } else { 0 };
        Ok(bytes.iter().fold(sign, |sum, &byte| sum << 8 | i64::from(byte)))
    }

    fn length(&mut self, count: usize) -> Read<usize> {
        // Beyond what the frame holds anyway.
        Ok(usize::try_from(self.number(count)?).unwrap_or(usize::MAX))
    }

    fn value(&mut self, depth: u32, out: &mut Vec<u8>) -> Read<()> {
        if depth > MAX_DEPTH {
            let offset = self.position;
            let message = format!("nesting too deep at offset {offset}: expected at most {MAX_DEPTH} levels");
            return Err(ParseError::of_frame(ErrorCode::NestingTooDeep, offset, message));
        }
        if out.len() > MAX_FRAME_BYTES {
            let message = format!("frame too large: expected at most {MAX_FRAME_BYTES} bytes as JSON");
            return Err(ParseError::of_frame(ErrorCode::FrameTooLarge, self.position, message));
        }
        match self.take(1)?.first().copied().unwrap_or_default() {
            byte @ 0x00..=0x7F => write_integer(i64::from(byte), out),
            byte @ 0xE0..=0xFF => write_integer(i64::from(byte) - 256, out),
            byte @ 0x80..=0x8F => self.map(usize::from(byte & 0x0F), depth, out)?,
            byte @ 0x90..=0x9F => self.array(usize::from(byte & 0x0F), depth, out)?,
            byte @ 0xA0..=0xBF => self.string(usize::from(byte & 0x1F), out)?,
            0xC0 => out.extend_from_slice(b"null"),
            0xC2 => out.extend_from_slice(b"false"),
            0xC3 => out.extend_from_slice(b"true"),
            byte @ 0xC7..=0xC9 => {
                let length = self.length(1 << (byte - 0xC7))?;
                self.extension(length, out)?;
            }
            0xCA => {
                let bits = u32::try_from(self.number(4)?).unwrap_or_default();
                self.float(f64::from(f32::from_bits(bits)), out)?;
            }
            0xCB => {
                let bits = self.number(8)?;
                self.float(f64::from_bits(bits), out)?;
            }
            byte @ 0xCC..=0xCF => {
                let value = self.number(1 << (byte - 0xCC))?;
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            byte @ 0xD0..=0xD3 => {
                let value = self.signed(1 << (byte - 0xD0))?;
                write_integer(value, out);
            }
            byte @ 0xD4..=0xD8 => self.extension(1 << (byte - 0xD4), out)?,
            byte @ 0xD9..=0xDB => {
                let length = self.length(1 << (byte - 0xD9))?;
                self.string(length, out)?;
            }
            byte @ 0xDC..=0xDD => {
                let length = self.length(2 << (byte - 0xDC))?;
                self.array(length, depth, out)?;
            }
            byte @ 0xDE..=0xDF => {
                let length = self.length(2 << (byte - 0xDE))?;
                self.map(length, depth, out)?;
            }
            byte @ 0xC1..=0xC6 => {
                self.position -= 1;
                return Err(self.invalid(&format!("byte 0x{byte:02x}"), "a value that JSON can say"));
            }
        }
        Ok(())
    }

    fn map(&mut self, length: usize, depth: u32, out: &mut Vec<u8>) -> Read<()> {
        out.push(b'{');
        for index in 0..length {
            if index > 0 {
                out.push(b',');
            }
            let length = match self.take(1)?.first().copied().unwrap_or_default() {
                byte @ 0xA0..=0xBF => usize::from(byte & 0x1F),
                byte @ 0xD9..=0xDB => self.length(1 << (byte - 0xD9))?,
                byte => {
                    self.position -= 1;
                    return Err(self.invalid(&format!("byte 0x{byte:02x}"), "a key that is a string"));
                }
            };
            self.string(length, out)?;
            out.push(b':');
            self.value(depth + 1, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn array(&mut self, length: usize, depth: u32, out: &mut Vec<u8>) -> Read<()> {
        out.push(b'[');
        for index in 0..length {
            if index > 0 {
                out.push(b',');
            }
            self.value(depth + 1, out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn string(&mut self, length: usize, out: &mut Vec<u8>) -> Read<()> {
        let start = self.position;
        let bytes = self.take(length)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => write_string(text, out),
            Err(error) => {
                let offset = start + error.valid_up_to();
                let message = format!("invalid UTF-8 at offset {offset}: expected a character");
                return Err(ParseError::of_frame(ErrorCode::InvalidUtf8, offset, message));
            }
        }
        Ok(())
    }

    /// A float with the fewest digits that give it back: no amount of ours is read from one.
    fn float(&mut self, value: f64, out: &mut Vec<u8>) -> Read<()> {
        if !value.is_finite() {
            return Err(self.invalid(&value.to_string(), "a finite number"));
        }
        out.extend_from_slice(format!("{value:e}").as_bytes());
        Ok(())
    }

    fn extension(&mut self, length: usize, out: &mut Vec<u8>) -> Read<()> {
        let kind = self.take(1)?.first().copied().unwrap_or_default();
        let (seconds, nanoseconds) = match (kind, length) {
            (TIMESTAMP, 4) => (i64::try_from(self.number(4)?).ok(), 0),
            (TIMESTAMP, 8) => {
                let value = self.number(8)?;
                (i64::try_from(value & ((1 << 34) - 1)).ok(), value >> 34)
            }
            (TIMESTAMP, 12) => {
                let nanoseconds = self.number(4)?;
                (Some(self.signed(8)?), nanoseconds)
            }
            _ => {
                let found = format!("extension 0x{kind:02x} of {length} bytes");
                return Err(self.invalid(&found, "no extension but a timestamp"));
            }
        };
        let rest = i64::try_from(nanoseconds).ok().filter(|&rest| rest < 1_000_000_000);
        let whole = seconds.and_then(|seconds| seconds.checked_mul(1_000_000_000));
        match whole.zip(rest).and_then(|(whole, rest)| whole.checked_add(rest)) {
            Some(time_ns) => {
                out.push(b'"');
                write_rfc3339(time_ns, out);
                out.push(b'"');
                Ok(())
            }
            None => Err(self.invalid("a timestamp beyond 64 bits", "a time within 292 years of 1970")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(frame: &[u8]) -> Result<String, ErrorCode> {
        let mut out = b"left".to_vec();
        to_json(frame, &mut out).map_err(|error| error.code)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn every_type_that_json_has_is_written() {
        let frame = b"\x8b\xa1a\x01\xa1b\xff\xd9\x01c\xcc\xc8\xa1d\xd0\x9c\xa1e\xd1\xff\x00\xa1f\xcf\xff\xff\xff\xff\xff\xff\xff\xff\
            \xa1g\x93\xc0\xc2\xc3\xa1h\xa4\"\n\xc3\xa9\xa1i\xdc\x00\x01\xda\x00\x01x\xa1j\xde\x00\x00\xa1k\xcb\x3f\xf8\0\0\0\0\0\0";
        assert_eq!(
            json(frame).unwrap(),
            r#"{"a":1,"b":-1,"c":200,"d":-100,"e":-256,"f":18446744073709551615,"g":[null,false,true],"h":"\"\né","i":["x"],"j":{},"k":1.5e0}"#
        );
    }

    #[test]
    fn times_are_exact_in_all_three_forms() {
        for (time, text) in [
            (b"\xd6\xff\x65\x53\xf1\x00".as_slice(), "2023-11-14T22:13:20Z"),
            (b"\xd7\xff\x00\x00\x00\x04\x65\x53\xf1\x00", "2023-11-14T22:13:20.000000001Z"),
            (
                b"\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                "1969-12-31T23:59:59.999999999Z",
            ),
        ] {
            assert_eq!(json(&[b"\x81\xa1t", time].concat()).unwrap(), format!(r#"{{"t":"{text}"}}"#));
        }
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        for (frame, code) in [
            (b"\x81\xa1a".as_slice(), ErrorCode::InvalidMessagePack),
            (b"\x81\xa1a\xc1", ErrorCode::InvalidMessagePack),
            (b"\x81\xa1a\xc4\x01x", ErrorCode::InvalidMessagePack),
            (b"\x81\x01\x01", ErrorCode::InvalidMessagePack),
            (b"\x81\xa1a\xd6\x05\0\0\0\0", ErrorCode::InvalidMessagePack),
            (b"\x81\xa1a\xd7\xff\xff\xff\xff\xff\xff\xff\xff\xff", ErrorCode::InvalidMessagePack),
            (b"\x81\xa1a\xcb\x7f\xf0\0\0\0\0\0\0", ErrorCode::InvalidMessagePack),
            (b"\x81\xa1a\xa2\xc3\x28", ErrorCode::InvalidUtf8),
            (b"\x80\x00", ErrorCode::TrailingData),
            (b"\xdf\xff\xff\xff\xff", ErrorCode::InvalidMessagePack),
        ] {
            assert_eq!(json(frame), Err(code), "{frame:?}");
        }
        assert_eq!(
            json(&[b"\x81\xa1a".repeat(40), b"\x80".to_vec()].concat()),
            Err(ErrorCode::NestingTooDeep)
        );
    }

    #[test]
    fn only_a_map_is_taken_for_message_pack() {
        assert!(is_map(b"\x80") && is_map(b"\xdf\0\0\0\0"));
        assert!(!is_map(b"{}") && !is_map(b"") && !is_map(b"\x90") && !is_map("é".as_bytes()));
    }
}
