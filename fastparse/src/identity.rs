//! Event ids, byte for byte as `fillwire.domain.identifiers` builds them.

/// Appends `text` as one token: every byte outside `A-Za-z0-9_-` becomes `=XX`, the empty text `=`.
pub fn write_token(text: &[u8], out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    if text.is_empty() {
        out.push(b'=');
    }
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.iter().all(|&byte| is_safe(byte)) {
        out.extend_from_slice(text);
        return;
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
