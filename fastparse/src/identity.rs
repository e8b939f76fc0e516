//! Event ids, byte for byte as `fillwire.domain.identifiers` builds them.

use crate::pen::Pen;

/// Which bytes stand for themselves.
const SAFE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)] // evaluated by the compiler
        {
            table[byte] = (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'_' || byte as u8 == b'-';
        }
        byte += 1;
    }
    table
};

fn is_safe(byte: u8) -> bool {
    SAFE.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether `text` is a token as it is.
#[inline]
#[must_use]
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().fold(true, |safe, &byte| safe & is_safe(byte))
}

/// Writes `text` as one token; `None` if there is no room for it.
#[must_use]
pub fn put_token<'b>(text: &[u8], pen: Pen<'b>) -> Option<Pen<'b>> {
    let mut token = Vec::new();
    write_token(text, &mut token);
    pen.put_slice(&token)
}

/// Appends `text` as one token: every byte outside `A-Za-z0-9_-` becomes `=XX`, the empty text `=`.
pub fn write_token(text: &[u8], out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    if text.is_empty() {
        out.push(b'=');
    }
    for &byte in text {
        if is_safe(byte) {
            out.push(byte);
        } else {
            let digit = |nibble: u8| HEX.get(nibble as usize).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'=', digit(byte >> 4), digit(byte & 0xF)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_escaped_by_bytes() {
        let token = |text: &str| {
            let mut out = Vec::new();
            write_token(text.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(token("BTC-USD_T9"), "BTC-USD_T9");
        assert_eq!(token(""), "=");
        assert_eq!(token("alloc:5"), "alloc=3A5");
        assert_eq!(token("１é~"), "=EF=BC=91=C3=A9=7E");
    }
}
