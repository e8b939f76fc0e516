//! Passing over frames about others' orders, of which a `full` channel mostly consists.
//!
//! Only the shape of the frame is checked, and its number taken. Whatever is not as expected (white space, an escape, a
//! nested value, a key of our own messages) gives `None`, and the frame is read the general way.

use crate::scanner::plain_end;

/// Keys that only messages about our own orders have.
const OWN: [&[u8]; 6] =
    [b"user_id", b"profile_id", b"maker_user_id", b"taker_user_id", b"client_oid", b"client-oid"];
const PUBLIC: [&[u8]; 5] = [b"received", b"open", b"match", b"done", b"change"];
/// A public message has a third of this.
const MAX_BYTES: usize = 1_024;

/// A message about somebody else's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public<'a> {
    /// The product.
    pub product: &'a [u8],
    /// The number of the message, which counts all messages of the product.
    pub sequence: i64,
}

/// Reads a frame as a public message; `None` if it is none, or might be something else.
#[inline]
pub fn public(frame: &[u8]) -> Option<Public<'_>> {
    let mut position = 1;
    if frame.first() != Some(&b'{') || frame.len() > MAX_BYTES {
        return None;
    }
    let (mut product, mut sequence, mut is_public) = (None, None, false);
    loop {
        let (key, end) = string(frame, position)?;
        if frame.get(end) != Some(&b':') || OWN.contains(&key) {
            return None;
        }
        let start = end + 1;
        position = if frame.get(start) == Some(&b'"') {
            let (value, end) = string(frame, start)?;
            match key {
                b"type" => {
                    is_public = PUBLIC.contains(&value);
                    if !is_public {
                        return None;
                    }
                }
                b"product_id" if product.is_none() => product = Some(value),
                b"product_id" | b"sequence" => return None,
                _ => {}
            }
            end
        } else {
            let (value, end) = integer(frame, start)?;
            match key {
                b"sequence" if sequence.is_none() => sequence = Some(value),
                b"product_id" | b"sequence" | b"type" => return None,
                _ => {}
            }
            end
        };
        match frame.get(position) {
            Some(b',') => position += 1,
            Some(b'}') if position + 1 == frame.len() && is_public => {
                return Some(Public { product: product?, sequence: sequence? });
            }
            _ => return None,
        }
    }
}

/// The string whose opening quote is at `start`, and where it ends.
#[inline]
fn string(frame: &[u8], start: usize) -> Option<(&[u8], usize)> {
    if frame.get(start) != Some(&b'"') {
        return None;
    }
    let end = plain_end::<true>(frame, start + 1);
    (frame.get(end) == Some(&b'"')).then_some((frame.get(start + 1..end)?, end + 1))
}

/// The digits at `start`, and where they end.
#[inline]
fn integer(frame: &[u8], start: usize) -> Option<(i64, usize)> {
    let digits = frame.get(start..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_canonical = digits == 1 || frame.get(start) != Some(&b'0');
    if digits == 0 || digits > 18 || !is_canonical {
        return None;
    }
    let value = frame.get(start..start + digits)?.iter();
    Some((value.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')), start + digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: &str = r#"{"type":"done","side":"sell","product_id":"BTC-USD","sequence":10,"order_id":"a"}"#;

    #[test]
    fn the_number_of_a_public_message_is_taken() {
        let expected = Public { product: b"BTC-USD", sequence: 10 };
        assert_eq!(public(DONE.as_bytes()), Some(expected));
    }

    #[test]
    fn all_else_is_read_the_general_way() {
        for (from, to) in [
            (r#""order_id""#, r#""user_id""#),
            (r#""order_id""#, r#""profile_id""#),
            (r#""order_id""#, r#""taker_user_id""#),
            (r#""done""#, r#""activate""#),
            (r#""done""#, r#""heartbeat""#),
            (r#""sequence":10"#, r#""sequence":"10""#),
            (r#""sequence":10"#, r#""sequence":010"#),
            (r#""sequence":10"#, r#""sequence":10,"sequence":10"#),
            (r#""sequence":10"#, r#""sequence":1.0"#),
            (r#""sequence":10,"#, ""),
            (r#""product_id":"BTC-USD","#, ""),
            (r#""type":"done","#, ""),
            ("}", "} "),
            ("}", "}}"),
            ("}", ""),
            ("}", ",}"),
            (":10", ": 10"),
            ("BTC-USD", "BTC\\u002dUSD"),
            ("BTC-USD", "BTC-É"),
            (r#""a""#, "null"),
        ] {
            assert_eq!(public(DONE.replace(from, to).as_bytes()), None, "{from} to {to}");
        }
    }
}
