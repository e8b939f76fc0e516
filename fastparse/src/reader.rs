//! Typed, checked access to the fields of one object of a frame.

use std::borrow::Cow;
use std::cell::Cell;

use crate::decimal::{Decimal, NoDecimal};
use crate::error::{ErrorCode, ParseError};
use crate::fields::{Field, Fields};
use crate::piece::Piece;
use crate::scanner::{OpenKeys, Scanner, Token, TokenKind, unescape};
use crate::text::Text;
use crate::time::parse_rfc3339;

/// The result of reading: boxed, since an error is large and rare.
pub type Read<T> = Result<T, Box<ParseError>>;

/// Characters of the frame that an error message may repeat.
const MAX_ECHO: usize = 32;

/// A number without fraction, as the venue wrote it and as a value.
#[derive(Clone, Copy, Debug)]
pub struct Integer<'a> {
    /// The digits, canonical: `-0` is `0`.
    pub digits: Piece<'a>,
    /// The value; 0 for a number beyond 64 bits, which the reader reports as absurd.
    pub value: i64,
}

impl Integer<'_> {
    /// Zero.
    pub const ZERO: Integer<'static> = Integer { digits: Piece::ZERO, value: 0 };
    /// The -1 by which a venue says that there is none.
    pub const NONE: Integer<'static> = Integer { digits: Piece::first(b"-1", 2), value: -1 };
}

/// Why the value of a field is refused, before it is known where in the frame it stands.
#[derive(Debug)]
pub struct Refusal {
    /// The defect.
    pub code: ErrorCode,
    /// Whose value it is.
    pub field: &'static Field,
    /// What is wrong with it: `negative`.
    pub says: &'static str,
    /// What would be right: `expected 0 or more`.
    pub expected: Cow<'static, str>,
}

/// Type of a field of which nothing but the type is read.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// A string.
    Text,
    /// An integer.
    Integer,
    /// A boolean.
    Boolean,
}

/// Reads fields of one object. The first absurd number is only noted: being undecodable or unknown weighs more.
pub struct Reader<'a> {
    text: &'a str,
    fields: &'a Fields,
    /// What the messages call the object.
    event: &'static str,
    absurd: Cell<Option<(Field, Token)>>,
}

impl<'a> Reader<'a> {
    /// A reader of `fields`, which were scanned from `text`.
    #[must_use]
    pub const fn new(text: &'a str, fields: &'a Fields, event: &'static str) -> Self {
        Self { text, fields, event, absurd: Cell::new(None) }
    }

    /// The same object under another name.
    pub fn rename(&mut self, event: &'static str) {
        self.event = event;
    }

    /// The text of a token.
    #[inline]
    #[must_use]
    pub fn raw(&self, token: Token) -> &'a str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    #[inline]
    fn piece(&self, token: Token) -> Piece<'a> {
        Piece::new(self.text.as_bytes(), token.start as usize, token.end as usize)
    }

    /// What the tokens point into.
    #[must_use]
    pub const fn source(&self) -> &'a str {
        self.text
    }

    /// The JSON of a value, a string with its quotes.
    #[must_use]
    pub fn whole(&self, token: Token) -> &'a str {
        let end = match token.kind {
            TokenKind::String | TokenKind::Escaped => token.end as usize + 1,
            _ => token.end as usize,
        };
        self.text.get(token.offset()..end).unwrap_or_default()
    }

    /// The token of a field, `None` if absent.
    #[must_use]
    pub fn present(&self, field: &Field) -> Option<Token> {
        self.fields.get(field)
    }

    /// Whether a field is there and null.
    #[must_use]
    pub fn is_null(&self, field: &Field) -> bool {
        self.fields.get(field).is_some_and(|token| token.kind == TokenKind::Null)
    }

    /// The token of a field, `None` if absent or null.
    #[inline]
    #[must_use]
    pub fn token(&self, field: &Field) -> Option<Token> {
        self.fields.get(field).filter(|token| token.kind != TokenKind::Null)
    }

    #[inline]
    fn required(&self, field: &Field, expected: &'static str) -> Read<Token> {
        self.token(field).ok_or_else(|| self.missing(field, expected))
    }

    /// A mandatory string.
    ///
    /// # Errors
    ///
    /// The field is missing, null or no string.
    #[inline]
    pub fn text(&self, field: &Field) -> Read<Text<'a>> {
        self.as_text(field, self.required(field, "a string")?)
    }

    /// A string that may be absent or null.
    ///
    /// # Errors
    ///
    /// The field is no string.
    #[inline]
    pub fn optional_text(&self, field: &Field) -> Read<Option<Text<'a>>> {
        match self.token(field) {
            Some(token) => Ok(Some(self.as_text(field, token)?)),
            None => Ok(None),
        }
    }

    #[inline]
    fn as_text(&self, field: &Field, token: Token) -> Read<Text<'a>> {
        match token.kind {
            TokenKind::String => Ok(Text::new(self.piece(token), false)),
            TokenKind::Escaped => Ok(Text::new(self.piece(token), true)),
            _ => Err(self.wrong_type(field, token, "a string")),
        }
    }

    /// Checks that a field nothing is read from has the type that the venue documents, or is absent or null.
    ///
    /// # Errors
    ///
    /// It has another type.
    #[inline]
    pub fn check_type(&self, field: &Field, expected: Expected) -> Read<()> {
        let Some(token) = self.token(field) else { return Ok(()) };
        let (fits, name) = match expected {
            Expected::Text => (matches!(token.kind, TokenKind::String | TokenKind::Escaped), "a string"),
            Expected::Integer => (token.kind == TokenKind::Integer, "an integer"),
            Expected::Boolean => (matches!(token.kind, TokenKind::True | TokenKind::False), "a boolean"),
        };
        if fits { Ok(()) } else { Err(self.wrong_type(field, token, name)) }
    }

    /// A mandatory decimal string.
    ///
    /// # Errors
    ///
    /// The field is missing, null, no string or no decimal.
    #[inline]
    pub fn amount(&self, field: &Field) -> Read<Decimal<'a>> {
        self.as_amount(field, self.required(field, "a decimal string")?)
    }

    /// A decimal string that may be absent or null.
    ///
    /// # Errors
    ///
    /// The field is no string or no decimal.
    #[inline]
    pub fn optional_amount(&self, field: &Field) -> Read<Option<Decimal<'a>>> {
        match self.token(field) {
            Some(token) => Ok(Some(self.as_amount(field, token)?)),
            None => Ok(None),
        }
    }

    #[inline]
    fn as_amount(&self, field: &Field, token: Token) -> Read<Decimal<'a>> {
        let parsed = match token.kind {
            TokenKind::String => Decimal::parse(self.raw(token).as_bytes()),
            // Nobody escapes a digit. Such a text is an amount all the same, but cannot be borrowed.
            TokenKind::Escaped => {
                Decimal::parse(unescape(self.raw(token)).as_bytes()).map(|value| value.without_text())
            }
            _ => return Err(self.wrong_type(field, token, "a decimal string")),
        };
        match parsed {
            Ok(value) => Ok(value),
            Err(NoDecimal::Absurd) => {
                self.note_absurd(field, token);
                Ok(Decimal::ZERO)
            }
            Err(NoDecimal::Syntax) => {
                let found = self.found(token);
                let expected = "expected digits with at most one point between them";
                Err(self.fail(
                    ErrorCode::InvalidDecimal,
                    field,
                    token.offset(),
                    "is no decimal",
                    expected,
                    &found,
                ))
            }
        }
    }

    /// A mandatory integer.
    ///
    /// # Errors
    ///
    /// The field is missing, null or no integer.
    #[inline]
    pub fn integer(&self, field: &Field) -> Read<Integer<'a>> {
        self.as_integer(field, self.required(field, "an integer")?)
    }

    /// An integer that may be absent or null.
    ///
    /// # Errors
    ///
    /// The field is no integer.
    #[inline]
    pub fn optional_integer(&self, field: &Field) -> Read<Option<Integer<'a>>> {
        match self.token(field) {
            Some(token) => Ok(Some(self.as_integer(field, token)?)),
            None => Ok(None),
        }
    }

    #[inline]
    fn as_integer(&self, field: &Field, token: Token) -> Read<Integer<'a>> {
        if token.kind != TokenKind::Integer {
            return Err(self.wrong_type(field, token, "an integer"));
        }
        let digits = self.raw(token);
        if let Some(value) = parse_i64(digits) {
            return Ok(Integer { digits: if value == 0 { Piece::ZERO } else { self.piece(token) }, value });
        }
        self.note_absurd(field, token);
        Ok(Integer::ZERO)
    }

    /// A mandatory time of RFC 3339, in nanoseconds since the epoch.
    ///
    /// # Errors
    ///
    /// The field is missing, null, no string or no such time.
    #[inline]
    pub fn instant(&self, field: &Field) -> Read<i64> {
        self.as_instant(field, self.required(field, "a time")?)
    }

    /// A time of RFC 3339 that may be absent or null, in nanoseconds since the epoch.
    ///
    /// # Errors
    ///
    /// The field is no string or no such time.
    #[inline]
    pub fn optional_instant(&self, field: &Field) -> Read<Option<i64>> {
        match self.token(field) {
            Some(token) => Ok(Some(self.as_instant(field, token)?)),
            None => Ok(None),
        }
    }

    #[inline]
    fn as_instant(&self, field: &Field, token: Token) -> Read<i64> {
        let time_ns = match token.kind {
            TokenKind::String => parse_rfc3339(self.raw(token).as_bytes()),
            TokenKind::Escaped => parse_rfc3339(unescape(self.raw(token)).as_bytes()),
            _ => return Err(self.wrong_type(field, token, "a time")),
        };
        time_ns.ok_or_else(|| {
            let expected = "expected a time such as 2026-01-31T09:00:00.5Z";
            let found = self.found(token);
            self.fail(ErrorCode::InvalidTime, field, token.offset(), "is no time", expected, &found)
        })
    }

    /// A boolean that may be absent or null.
    ///
    /// # Errors
    ///
    /// The field is no boolean.
    #[inline]
    pub fn optional_boolean(&self, field: &Field) -> Read<Option<bool>> {
        match self.token(field) {
            None => Ok(None),
            Some(Token { kind: TokenKind::True, .. }) => Ok(Some(true)),
            Some(Token { kind: TokenKind::False, .. }) => Ok(Some(false)),
            Some(token) => Err(self.wrong_type(field, token, "a boolean")),
        }
    }

    /// The elements of a mandatory array.
    ///
    /// # Errors
    ///
    /// The field is missing, null or no array.
    pub fn elements(&self, field: &Field, keys: &mut OpenKeys) -> Read<Vec<Token>> {
        let token = self.required(field, "an array")?;
        if token.kind != TokenKind::Array {
            return Err(self.wrong_type(field, token, "an array"));
        }
        // The scan of the frame has passed here and found it sound.
        Ok(Scanner::new(self.text, token.offset(), keys).read_array().unwrap_or_default())
    }

    /// Reports the first absurd number, if one was read.
    ///
    /// # Errors
    ///
    /// One was read.
    #[inline]
    pub fn refuse_absurd(&self) -> Read<()> {
        match self.absurd.get() {
            None => Ok(()),
            Some((field, token)) => {
                let expected = "expected at most 18 digits before and 18 after the point";
                let found = self.found(token);
                Err(self.fail(
                    ErrorCode::AbsurdMagnitude,
                    &field,
                    token.offset(),
                    "is absurd",
                    expected,
                    &found,
                ))
            }
        }
    }

    fn note_absurd(&self, field: &Field, token: Token) {
        if self.absurd.get().is_none() {
            self.absurd.set(Some((*field, token)));
        }
    }

    /// The error of a mandatory field that is absent or null.
    #[cold]
    #[must_use]
    pub fn missing(&self, field: &Field, expected: &str) -> Box<ParseError> {
        let (offset, found) = match self.fields.get(field) {
            Some(token) => (token.offset(), "null"),
            None => (self.fields.closing(), "absent"),
        };
        self.fail(ErrorCode::MissingField, field, offset, "missing", &format!("expected {expected}"), found)
    }

    /// The error of a field of another JSON type.
    #[cold]
    #[must_use]
    pub fn wrong_type(&self, field: &Field, token: Token, expected: &str) -> Box<ParseError> {
        let expected = format!("expected {expected}");
        self.fail(
            ErrorCode::WrongType,
            field,
            token.offset(),
            "has the wrong type",
            &expected,
            &self.found(token),
        )
    }

    /// The error of a field whose value is the defect.
    #[cold]
    #[must_use]
    pub fn refuse(&self, refusal: Refusal) -> Box<ParseError> {
        let Refusal { code, field, says, expected } = refusal;
        match self.fields.get(field) {
            Some(token) => self.fail(code, field, token.offset(), says, &expected, &self.found(token)),
            None => self.fail(code, field, self.fields.closing(), says, &expected, "absent"),
        }
    }

    fn fail(
        &self,
        code: ErrorCode,
        field: &Field,
        offset: usize,
        says: &str,
        expected: &str,
        found: &str,
    ) -> Box<ParseError> {
        let Field { key, noun, .. } = field;
        let event = self.event;
        Box::new(ParseError {
            code,
            field: Some(Cow::Borrowed(key)),
            offset,
            message: format!("{noun} {key} {says} at offset {offset} in {event}: {expected}, was {found}"),
            symbol: None,
            order_id: None,
        })
    }

    /// What stands there, for a message: strings and numbers themselves, shortened; of anything else its type.
    fn found(&self, token: Token) -> String {
        let shown = |text: &str| -> String {
            let mut shown: String = text.chars().take(MAX_ECHO).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            shown
        };
        match token.kind {
            TokenKind::String | TokenKind::Escaped => format!("\"{}\"", shown(self.raw(token))),
            TokenKind::Integer | TokenKind::Number => format!("the number {}", shown(self.raw(token))),
            TokenKind::True => "true".to_owned(),
            TokenKind::False => "false".to_owned(),
            TokenKind::Null => "null".to_owned(),
            TokenKind::Object => "an object".to_owned(),
            TokenKind::Array => "an array".to_owned(),
        }
    }
}

/// Reads an object that the scan of the frame has passed and found sound.
pub fn reread_object(text: &str, object: Token, fields: &mut Fields, keys: &mut OpenKeys) {
    // A second scan of the same bytes has no new defect to tell.
    Scanner::new(text, object.offset(), keys).read_object(fields, 1, &mut []).unwrap_or_default();
}

/// Reads digits that the scanner has checked; `None` beyond 64 bits.
#[inline]
fn parse_i64(digits: &str) -> Option<i64> {
    let bytes = digits.as_bytes();
    let (negative, unsigned) = match bytes.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, bytes),
    };
    if unsigned.len() > 18 {
        return digits.parse().ok();
    }
    let value = unsigned.iter().fold(0i64, |sum, digit| sum * 10 + i64::from(digit.wrapping_sub(b'0')));
    Some(if negative { -value } else { value })
}
