//! What the headers of an order event tell the host of the way behind it, as `fillwire.wire.headers` describes them.

use memchr::memchr;

const STAMPS: &[u8] = b"Fillwire-Stamps:";
const TRACEPARENT: &[u8] = b"traceparent:";
/// Of a `traceparent` of level 1: its length, and where its flags stand.
const LEVEL_1: usize = 55;
const FLAGS: std::ops::Range<usize> = 53..LEVEL_1;

/// What the headers say. Of equal names the first counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// Offset of the venue's clock, when the frame was parsed and when the event was handed to the broker, in nanoseconds;
    /// `None` if there are none, or what stands there is not three numbers of 64 bits.
    pub stamps: Option<[i64; 3]>,
    /// Whether the trace is kept, by its `traceparent`; `None` without one.
    pub is_sampled: Option<bool>,
}

/// Reads a raw block of headers.
#[must_use]
pub fn read(block: &[u8]) -> Arrival {
    let (mut stamps, mut parent) = (None, None);
    let mut rest = block;
    while let Some((_, line)) = memchr(b'\n', rest).and_then(|end| rest.split_at_checked(end + 1)) {
        rest = line;
        if let Some(value) = line.strip_prefix(STAMPS) {
            stamps.get_or_insert_with(|| value_of(value));
        } else if let Some(value) = line.strip_prefix(TRACEPARENT) {
            parent.get_or_insert_with(|| value_of(value));
        }
    }
    Arrival { stamps: stamps.and_then(three_numbers), is_sampled: parent.and_then(is_sampled) }
}

/// A header's value, without white space around it: `line` goes on behind it.
fn value_of(line: &[u8]) -> &[u8] {
    let end = memchr(b'\r', line).unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim_ascii()
}

fn three_numbers(value: &[u8]) -> Option<[i64; 3]> {
    let mut numbers = std::str::from_utf8(value).ok()?.split(',').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let found = [next()?, next()?, next()?];
    numbers.next().is_none().then_some(found)
}

fn is_sampled(parent: &[u8]) -> Option<bool> {
    let flags = parent.get(FLAGS)?;
    Some(flags == b"01" || flags == b"03")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_order_and_whatever_stands_beside_them() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let block = format!("NATS/1.0\r\ntraceparent: {parent}\r\nX: 1\r\nFillwire-Stamps: -3,4,5\r\n\r\n");
        assert_eq!(read(block.as_bytes()), Arrival { stamps: Some([-3, 4, 5]), is_sampled: Some(true) });
        for nothing in [&b"NATS/1.0\r\n\r\n"[..], b"", b"NATS/1.0\r\nX-traceparent: 1\r\n"] {
            assert_eq!(read(nothing), Arrival::default());
        }
    }

    #[test]
    fn the_first_of_equal_names_counts() {
        let block = b"NATS/1.0\r\nFillwire-Stamps: x\r\nFillwire-Stamps: 1,2,3\r\n\r\n";
        assert_eq!(read(block).stamps, None);
    }

    #[test]
    fn what_is_not_three_numbers_is_none() {
        for value in ["", "1,2", "1,2,3,4", "1,2,x", "1,2,9223372036854775808", "somebody else's"] {
            assert_eq!(read(format!("NATS/1.0\r\nFillwire-Stamps: {value}\r\n\r\n").as_bytes()).stamps, None);
        }
    }
}
