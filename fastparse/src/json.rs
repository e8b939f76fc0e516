//! Writing JSON: strings as orjson writes them, and the venue's own JSON without its white space.

/// Appends `text` as a JSON string, quotes included.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    write_escaped(text, out);
    out.push(b'"');
}

/// Appends `text` as the inside of a JSON string.
pub fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(index) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(index);
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0A => out.extend_from_slice(b"\\n"),
            0x0C => out.extend_from_slice(b"\\f"),
            0x0D => out.extend_from_slice(b"\\r"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(if byte < 0x10 { b'0' } else { b'1' });
                out.push(char::from_digit(u32::from(byte & 0xF), 16).map_or(b'0', |digit| digit as u8));
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// Appends valid JSON without the white space between its tokens, so that an answer stays one line.
pub fn write_compact(json: &str, out: &mut Vec<u8>) {
    let mut in_string = false;
    let mut escaped = false;
    for &byte in json.as_bytes() {
        if in_string {
            in_string = byte != b'"' || escaped;
            escaped = byte == b'\\' && !escaped;
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

/// Appends an integer.
#[inline]
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> String {
        let mut out = Vec::new();
        write_string(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_as_orjson_does() {
        assert_eq!(string("a\"b\\c/d"), r#""a\"b\\c/d""#);
        assert_eq!(string("\u{0}\u{8}\t\n\u{c}\r\u{1f}\u{7f}"), "\"\\u0000\\b\\t\\n\\f\\r\\u001f\u{7f}\"");
        assert_eq!(string("１２３😀"), "\"１２３😀\"");
    }

    #[test]
    fn compact_json_keeps_the_white_space_of_strings() {
        let mut out = Vec::new();
        write_compact("{ \"a b\" :\r\n[ 1 , \"x \\\" y\\\\\" ] }", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"a b":[1,"x \" y\\"]}"#);
    }
}
