//! From bytes to the fields of an object: what holds for the frames of every venue.

use std::borrow::Cow;

use crate::error::{ErrorCode, ParseError};
use crate::fields::Fields;
use crate::reader::Read;
use crate::scanner::{Defect, OpenKeys, Scanner};

/// Bytes that a frame may have. The largest answer we ask for, a full page of orders, has about 1 MB.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// Characters that an error may repeat of a key.
const MAX_KEY_CHARS: usize = 32;

/// Refuses a frame of too many bytes.
///
/// # Errors
///
/// It has more than `MAX_FRAME_BYTES`.
#[inline]
pub fn check_size(frame: &[u8]) -> Read<()> {
    if frame.len() > MAX_FRAME_BYTES { Err(too_large(frame)) } else { Ok(()) }
}

/// Returns the frame as text.
///
/// # Errors
///
/// It is no UTF-8.
pub fn decode(frame: &[u8]) -> Read<&str> {
    std::str::from_utf8(frame).map_err(|error| {
        let offset = error.valid_up_to();
        let byte = frame.get(offset).copied().unwrap_or_default();
        let message =
            format!("invalid UTF-8 at offset {offset}: expected a character, was byte 0x{byte:02x}");
        ParseError::of_frame(ErrorCode::InvalidUtf8, offset, message)
    })
}

/// Scans the object that the frame must be into `outer`, and the object under a key that wraps an event into `inner`.
///
/// # Errors
///
/// The frame is no JSON object, or has a defect that its text alone shows.
pub fn scan(text: &str, outer: &mut Fields, inner: &mut Fields, keys: &mut OpenKeys) -> Read<()> {
    scan_nested(text, outer, &mut [inner], keys)
}

/// Scans as `scan`; an object under a key that wraps another one in `inner[0]` goes into `inner[1]`.
///
/// # Errors
///
/// As `scan`.
pub fn scan_nested(
    text: &str,
    outer: &mut Fields,
    inner: &mut [&mut Fields],
    keys: &mut OpenKeys,
) -> Read<()> {
    let mut scanner = Scanner::new(text, 0, keys);
    scanner.skip_space();
    match scanner.peek() {
        Some(b'{') => {}
        None => {
            return Err(ParseError::of_frame(
                ErrorCode::EmptyFrame,
                0,
                "empty frame: expected an object".to_owned(),
            ));
        }
        Some(_) => {
            let offset = scanner.position();
            let message = format!(
                "frame is no JSON object: expected {{ at offset {offset}, was {}",
                found(text, offset)
            );
            return Err(ParseError::of_frame(ErrorCode::NotAnObject, offset, message));
        }
    }
    let read = scanner.read_object(outer, 1, inner);
    if let (None, Some(defect)) = (read, scanner.defect()) {
        return Err(syntax_error(text, defect));
    }
    scanner.skip_space();
    if scanner.peek().is_some() {
        let offset = scanner.position();
        let found = found(text, offset);
        let message = format!("trailing data at offset {offset}: expected the frame to end, was {found}");
        return Err(ParseError::of_frame(ErrorCode::TrailingData, offset, message));
    }
    if let Some(offset) = scanner.surrogate() {
        let message =
            format!("unpaired surrogate escape at offset {offset}: expected both halves of a character");
        return Err(ParseError::of_frame(ErrorCode::UnpairedSurrogate, offset, message));
    }
    if let Some((offset, key)) = scanner.duplicate() {
        let key: String = key.chars().take(MAX_KEY_CHARS).collect();
        let message = format!("key {key:?} repeated at offset {offset}: expected each key of an object once");
        let mut error = ParseError::of_frame(ErrorCode::DuplicateKey, offset, message);
        error.field = Some(Cow::Owned(key));
        return Err(error);
    }
    Ok(())
}

#[cold]
fn too_large(frame: &[u8]) -> Box<ParseError> {
    let message = format!("frame too large: expected at most {MAX_FRAME_BYTES} bytes, was {}", frame.len());
    ParseError::of_frame(ErrorCode::FrameTooLarge, MAX_FRAME_BYTES, message)
}

#[cold]
fn syntax_error(text: &str, defect: Defect) -> Box<ParseError> {
    let Defect { code, offset, expected } = defect;
    let says = if code == ErrorCode::NestingTooDeep { "nesting too deep" } else { "invalid JSON" };
    let message = format!("{says} at offset {offset}: expected {expected}, was {}", found(text, offset));
    ParseError::of_frame(code, offset, message)
}

/// What stands at `offset`, for a message.
fn found(text: &str, offset: usize) -> String {
    match text.get(offset..).and_then(|rest| rest.chars().next()) {
        Some(character) => format!("{character:?}"),
        None => "the end of the frame".to_owned(),
    }
}
