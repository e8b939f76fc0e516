//! A string of a frame, borrowed; unescaped only where it has escapes.

use std::borrow::Cow;

use crate::identity::{is_token, put_token};
use crate::json::write_escaped;
use crate::pen::Pen;
use crate::piece::Piece;
use crate::scanner::unescape;

/// How a string stands in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Escaped,
    /// Of nothing but what an identity may hold.
    Token,
}

/// A string as it stands in the frame.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    raw: Piece<'a>,
    form: Form,
}

impl<'a> Text<'a> {
    /// The empty string.
    pub const EMPTY: Text<'static> = Text { raw: Piece::EMPTY, form: Form::Plain };

    /// The string between the quotes; `escaped` says whether there is a backslash in it.
    #[inline]
    #[must_use]
    pub const fn new(raw: Piece<'a>, escaped: bool) -> Self {
        Self { raw, form: if escaped { Form::Escaped } else { Form::Plain } }
    }

    /// The digits of a number as a string.
    #[inline]
    #[must_use]
    pub const fn digits(digits: Piece<'a>) -> Self {
        Self { raw: digits, form: Form::Token }
    }

    /// The string between the quotes, escapes and all.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.raw.as_str()
    }

    /// The bytes between the quotes, escapes and all.
    #[inline]
    #[must_use]
    pub fn raw_bytes(&self) -> &'a [u8] {
        self.raw.as_bytes()
    }

    /// Whether there is a backslash in it.
    #[inline]
    #[must_use]
    pub const fn is_escaped(&self) -> bool {
        matches!(self.form, Form::Escaped)
    }

    /// What the string says.
    #[inline]
    #[must_use]
    pub fn value(&self) -> Cow<'a, str> {
        if self.is_escaped() { unescape(self.raw()) } else { Cow::Borrowed(self.raw()) }
    }

    /// Whether the string says `word`.
    #[inline]
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        if self.is_escaped() { unescape(self.raw()) == word } else { self.raw_bytes() == word.as_bytes() }
    }

    /// Writes the string as the inside of a JSON string.
    #[inline]
    #[must_use]
    pub fn put_inside<'b>(&self, pen: Pen<'b>) -> Option<Pen<'b>> {
        if self.is_escaped() { self.put_escaped(pen) } else { pen.put_piece(self.raw) }
    }

    #[cold]
    fn put_escaped<'b>(&self, pen: Pen<'b>) -> Option<Pen<'b>> {
        let mut out = Vec::new();
        write_escaped(&unescape(self.raw()), &mut out);
        pen.put_slice(&out)
    }

    /// Writes the string as a token of an identity.
    #[inline]
    #[must_use]
    pub fn put_token<'b>(&self, pen: Pen<'b>) -> Option<Pen<'b>> {
        match self.form {
            Form::Token => pen.put_piece(self.raw),
            Form::Plain if is_token(self.raw_bytes()) => pen.put_piece(self.raw),
            Form::Plain => put_token(self.raw_bytes(), pen),
            Form::Escaped => put_token(self.value().as_bytes(), pen),
        }
    }

    /// Appends the string as JSON; what had no escapes in the frame needs none here.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        self.write_inside(out);
        out.push(b'"');
    }

    /// Appends the string as the inside of a JSON string.
    #[inline]
    pub fn write_inside(&self, out: &mut Vec<u8>) {
        if self.is_escaped() {
            write_escaped(&unescape(self.raw()), out);
        } else {
            self.raw.write(out);
        }
    }
}
