//! JSON as the scanner sees it: what it takes, where it stops, what it notes.

use super::*;

/// Scans an object; returns the defect, or what the notes say.
fn scan(text: &str) -> Result<(Option<usize>, Option<String>), (ErrorCode, usize)> {
    let mut keys = OpenKeys::default();
    let mut scanner = Scanner::new(text, 0, &mut keys);
    match scanner.read_object(&mut Fields::default(), 1, &mut []) {
        Some(()) => Ok((scanner.surrogate(), scanner.duplicate().map(|(_, key)| key.into_owned()))),
        None => scanner.defect().map_or(Ok((None, None)), |defect| Err((defect.code, defect.offset))),
    }
}

#[test]
fn json_is_taken_in_all_its_forms() {
    for text in [
        "{}",
        "{ }",
        r#"{"a":[],"b":{},"c":"","d":-0,"e":1.5e+10,"f":true,"g":false,"h":null}"#,
        " \t{ \"a\" : [ 1 , { \"b\" : \"\\u00e9\\n\\\\\" } ] } ".trim(),
        r#"{"a":"\ud83d\ude00","１":"１"}"#,
    ] {
        assert_eq!(scan(text), Ok((None, None)), "{text}");
    }
}

#[test]
fn the_first_wrong_byte_is_told() {
    for (text, offset) in [
        ("{", 1),
        ("{\"a\"", 4),
        ("{\"a\":}", 5),
        ("{\"a\":1", 6),
        ("{\"a\":1,}", 7),
        ("{\"a\":01}", 6),
        ("{\"a\":1.}", 7),
        ("{\"a\":-}", 6),
        ("{\"a\":1e}", 7),
        ("{\"a\":tru}", 5),
        ("{\"a\":NaN}", 5),
        ("{\"a\":\"\n\"}", 6),
        ("{\"a\":\"\\x\"}", 7),
        ("{\"a\":\"\\u12g4\"}", 10),
        ("{\"a\":[1,]}", 8),
        ("{'a':1}", 1),
        ("{a:1}", 1),
        ("{\"a\" 1}", 5),
    ] {
        assert_eq!(scan(text), Err((ErrorCode::InvalidJson, offset)), "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(scan(&nested(31)), Ok((None, None)));
    assert_eq!(scan(&nested(32)), Err((ErrorCode::NestingTooDeep, 36)));
    assert_eq!(scan(&nested(100_000)), Err((ErrorCode::NestingTooDeep, 36)));
}

#[test]
fn half_characters_are_noted() {
    let surrogate = |text: &str| scan(text).unwrap().0;
    assert_eq!(surrogate(r#"{"a":"\ud800"}"#), Some(6));
    assert_eq!(surrogate(r#"{"a":"\udc00\ud800"}"#), Some(6));
    assert_eq!(surrogate(r#"{"a":"\ud800\ud83d\ude00"}"#), Some(6));
    assert_eq!(surrogate(r#"{"\ud800":1}"#), Some(2));
}

#[test]
fn double_keys_are_noted_at_every_level() {
    let duplicate = |text: &str| scan(text).unwrap().1;
    assert_eq!(duplicate(r#"{"a":1,"a":2}"#).as_deref(), Some("a"));
    assert_eq!(duplicate(r#"{"eR":1,"e\u0052":2}"#).as_deref(), Some("eR"));
    assert_eq!(duplicate(r#"{"zz":1,"y":2,"\u007a\u007a":3}"#).as_deref(), Some("zz"));
    assert_eq!(duplicate(r#"{"a":[{"x":1,"y":2,"x":3}]}"#).as_deref(), Some("x"));
    assert_eq!(duplicate(r#"{"a":{"a":1},"b":{"a":1}}"#), None);
    let many: Vec<String> = (0..1000).map(|number| format!("\"key{number}\":0")).collect();
    assert_eq!(duplicate(&format!("{{{}}}", many.join(","))), None);
    assert_eq!(duplicate(&format!("{{{},\"key7\":0}}", many.join(","))).as_deref(), Some("key7"));
}

#[test]
fn escapes_are_resolved() {
    assert_eq!(unescape(r#"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00x"#), "\"\\/\u{8}\u{c}\n\r\tAé😀x");
    assert_eq!(unescape(r"\ud800x"), "\u{FFFD}x");
    assert!(matches!(unescape("plain"), Cow::Borrowed("plain")));
}
