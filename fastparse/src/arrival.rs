//! What the headers of an order event tell the host of the way behind it, as `fillwire.wire.headers` describes them.

const STAMPS: &[u8] = b"\r\nFillwire-Stamps:";
const TRACEPARENT: &[u8] = b"\r\ntraceparent:";
/// Of a `traceparent` of level 1: its length, and where its flags stand.
const LEVEL_1: usize = 55;
const FLAGS: std::ops::Range<usize> = 53..LEVEL_1;

/// Offset of the venue's clock, when the frame was parsed and when the event was handed to the broker, in nanoseconds; `None`
/// if there are none, or what stands there is not three numbers of 64 bits.
#[must_use]
pub fn stamps(block: &[u8]) -> Option<[i64; 3]> {
    let mut numbers = std::str::from_utf8(value(block, STAMPS)?).ok()?.split(',').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let found = [next()?, next()?, next()?];
    numbers.next().is_none().then_some(found)
}

/// Whether the trace is kept, by its `traceparent`; `None` without one.
#[must_use]
pub fn is_sampled(block: &[u8]) -> Option<bool> {
    let flags = value(block, TRACEPARENT)?.get(FLAGS)?;
    Some(flags == b"01" || flags == b"03")
}

/// The value of the first header of a raw block that begins with `line`, without white space around it.
fn value<'a>(block: &'a [u8], line: &[u8]) -> Option<&'a [u8]> {
    let at = block.windows(line.len()).position(|found| found == line)?;
    let rest = block.get(at + line.len()..)?;
    let end = rest.iter().position(|&byte| byte == b'\r').unwrap_or(rest.len());
    Some(rest.get(..end)?.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_order_and_whatever_stands_beside_them() {
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let block = format!("NATS/1.0\r\ntraceparent: {parent}\r\nX: 1\r\nFillwire-Stamps: -3,4,5\r\n\r\n");
        assert_eq!((stamps(block.as_bytes()), is_sampled(block.as_bytes())), (Some([-3, 4, 5]), Some(true)));
        assert_eq!((stamps(b"NATS/1.0\r\n\r\n"), is_sampled(b"")), (None, None));
    }

    #[test]
    fn what_is_not_three_numbers_is_none() {
        for value in ["", "1,2", "1,2,3,4", "1,2,x", "1,2,9223372036854775808", "somebody else's"] {
            assert_eq!(stamps(format!("NATS/1.0\r\nFillwire-Stamps: {value}\r\n\r\n").as_bytes()), None);
        }
    }
}
