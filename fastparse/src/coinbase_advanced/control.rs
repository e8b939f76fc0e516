//! What is no order: errors, heartbeats, subscriptions, and frames that are missing.

use super::orders::Scratch;
use crate::fields::Field;
use crate::json::{write_compact, write_integer};
use crate::model::{Control, ControlType, Report};
use crate::reader::{Read, Reader};
use crate::scanner::TokenKind;

const MESSAGE: Field = Field::new("message", "message");
const REASON: Field = Field::new("reason", "reason");
const COUNTER: Field = Field::new("heartbeat_counter", "heartbeat counter");
const SUBSCRIPTIONS: Field = Field::new("subscriptions", "subscriptions");

/// The venue refuses a request, or ends the connection. Whatever its type: a frame without channel is one.
pub fn error(reader: &Reader<'_>) -> Read<Report> {
    let mut json = begin(ControlType::Error);
    member("message", &mut json);
    reader.text(&MESSAGE)?.write(&mut json);
    member("reason", &mut json);
    match reader.optional_text(&REASON)? {
        Some(reason) => reason.write(&mut json),
        None => json.extend_from_slice(b"null"),
    }
    Ok(finish(ControlType::Error, json))
}

/// Frames are missing: the connection has skipped numbers.
pub fn sequence_gap(expected: i64, number: i64, time_ns: i64) -> Report {
    let mut json = begin(ControlType::SequenceGap);
    for (name, value) in [("expected", expected), ("number", number), ("exchange_time_ns", time_ns)] {
        member(name, &mut json);
        write_integer(value, &mut json);
    }
    finish(ControlType::SequenceGap, json)
}

/// The venue lives.
pub fn heartbeat(envelope: &Reader<'_>, time_ns: i64, scratch: &mut Scratch) -> Read<Report> {
    let mut json = begin(ControlType::Heartbeat);
    member("exchange_time_ns", &mut json);
    write_integer(time_ns, &mut json);
    // The documents print the counter as a string, the venue sends a number; nothing depends on it.
    scratch.events(envelope, |event, _, _| match event.token(&COUNTER) {
        Some(token) if !matches!(token.kind, TokenKind::Integer | TokenKind::String) => {
            Err(event.wrong_type(&COUNTER, token, "an integer"))
        }
        _ => Ok(()),
    })?;
    Ok(finish(ControlType::Heartbeat, json))
}

/// All subscriptions that the connection has now, as the venue writes them.
pub fn subscriptions(envelope: &Reader<'_>, time_ns: i64, scratch: &mut Scratch) -> Read<Report> {
    let mut json = begin(ControlType::Subscriptions);
    member("exchange_time_ns", &mut json);
    write_integer(time_ns, &mut json);
    member("channels", &mut json);
    json.push(b'[');
    let start = json.len();
    scratch.events(envelope, |event, _, _| {
        let token = event.token(&SUBSCRIPTIONS).ok_or_else(|| event.missing(&SUBSCRIPTIONS, "an object"))?;
        if token.kind != TokenKind::Object {
            return Err(event.wrong_type(&SUBSCRIPTIONS, token, "an object"));
        }
        if json.len() > start {
            json.push(b',');
        }
        write_compact(event.whole(token), &mut json);
        Ok(())
    })?;
    json.push(b']');
    Ok(finish(ControlType::Subscriptions, json))
}

fn begin(kind: ControlType) -> Vec<u8> {
    let mut json = Vec::with_capacity(128);
    json.extend_from_slice(b"{\"type\":\"");
    json.extend_from_slice(kind.as_str().as_bytes());
    json.push(b'"');
    json
}

fn member(name: &str, json: &mut Vec<u8>) {
    json.extend_from_slice(b",\"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
}

fn finish(kind: ControlType, mut json: Vec<u8>) -> Report {
    json.push(b'}');
    Report::Control(Control { kind, json })
}
