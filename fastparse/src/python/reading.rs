//! Reading what Python holds.

use std::borrow::Cow;

use pyo3::exceptions::PyOverflowError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

const ACK_PREFIX: &[u8] = b"$JS.ACK.";

/// Half a surrogate pair becomes a question mark: it costs a character, not the trace.
pub fn text<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, str>> {
    let value = value.cast::<PyString>()?;
    if let Ok(text) = value.to_str() {
        return Ok(Cow::Borrowed(text));
    }
    let encoded = value.call_method1("encode", ("utf-8", "replace"))?;
    Ok(Cow::Owned(String::from_utf8_lossy(encoded.cast::<PyBytes>()?.as_bytes()).into_owned()))
}

/// A number of nanoseconds; stamps come from other machines, and may be any number: then it is the last that 64 bits hold.
pub fn number(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    match value.extract::<i64>() {
        Err(error) if error.is_instance_of::<PyOverflowError>(value.py()) => {
            Ok(if value.lt(0)? { i64::MIN } else { i64::MAX })
        }
        found => found,
    }
}

/// The same of what may be `None`.
pub fn some_number(value: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    if value.is_none() { Ok(None) } else { number(value).map(Some) }
}

/// The broker's count of deliveries of a message: `$JS.ACK.<stream>.<consumer>.<deliveries>.…`, with two tokens more before
/// these where it names domain and account; 1 where no consumer delivered it.
pub fn delivery_count(message: &Bound<'_, PyAny>) -> PyResult<u64> {
    const V1_REST: usize = 2; // tokens behind the seventh
    let reply = message.getattr(intern!(message.py(), "raw_reply"))?;
    let reply = reply.cast::<PyBytes>()?.as_bytes();
    if !reply.starts_with(ACK_PREFIX) {
        return Ok(1);
    }
    let mut tokens = reply.split(|&byte| byte == b'.');
    let (of_v1, of_v2) = (tokens.nth(4), tokens.nth(1));
    let count = if tokens.count() > V1_REST { of_v2 } else { of_v1 };
    let count = count.and_then(|count| std::str::from_utf8(count).ok()?.parse().ok());
    Ok(count.unwrap_or(1))
}
