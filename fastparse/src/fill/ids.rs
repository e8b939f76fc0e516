//! Ids of a fill's trace and spans: a pure function of the event id, as `fillwire.runtime.tracing` says.

use blake2b_simd::Params;

/// Bytes of all ids of one event.
pub const BYTES: usize = 48;
const SPAN: usize = 8;

/// Ids of an event's trace and of the spans that the gateway makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FillIds {
    /// The trace.
    pub trace: [u8; 16],
    /// The venue's emission, root of the trace.
    pub emit: [u8; SPAN],
    /// From the frame's reading to the event's leaving.
    pub receive: [u8; SPAN],
    /// From the frame to the event.
    pub parse: [u8; SPAN],
    /// From the event's leaving to the broker's answer.
    pub publish: [u8; SPAN],
}

/// Ids of the spans that a host makes of one call of one bot's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallIds {
    /// The delivery to the bot.
    pub deliver: [u8; SPAN],
    /// The call.
    pub callback: [u8; SPAN],
}

impl FillIds {
    /// The ids of an event.
    #[must_use]
    pub fn of(event_id: &str) -> Self {
        let hash = Params::new().hash_length(BYTES).hash(event_id.as_bytes());
        let bytes = hash.as_bytes();
        Self {
            trace: part(bytes, 0),
            emit: part(bytes, 16),
            receive: part(bytes, 24),
            parse: part(bytes, 32),
            publish: part(bytes, 40),
        }
    }

    /// All of them, one behind the other.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        [&self.trace[..], &self.emit, &self.receive, &self.parse, &self.publish].concat()
    }

    /// The W3C header of the event: its trace, which is kept, and the span that publishes it.
    #[must_use]
    pub fn traceparent(&self) -> String {
        let mut header = String::with_capacity(55);
        header.push_str("00-");
        push_hex(&self.trace, &mut header);
        header.push('-');
        push_hex(&self.publish, &mut header);
        header.push_str("-01");
        header
    }

    /// The number that a ratio of traces is compared with.
    #[must_use]
    pub fn low(&self) -> u64 {
        u64::from_be_bytes(part(&self.trace, SPAN))
    }

    /// The ids of one call: the `attempt`-th of the method, both counts from 1, for the `delivery`-th delivery to the bot.
    ///
    /// What is random in the event's own ids stays so when a number is laid over it that is the call's.
    #[must_use]
    pub fn of_call(&self, bot: &str, callback: &str, delivery: u64, attempt: u64) -> CallIds {
        let delivered = format!("{bot}\0{delivery}");
        let called = format!("{delivered}\0{callback}\0{attempt}");
        CallIds { deliver: laid_over(self.parse, &delivered), callback: laid_over(self.publish, &called) }
    }
}

/// The id of the span that a text names.
#[must_use]
pub fn child_id(name: &str) -> [u8; SPAN] {
    part(Params::new().hash_length(SPAN).hash(name.as_bytes()).as_bytes(), 0)
}

fn laid_over(id: [u8; SPAN], name: &str) -> [u8; SPAN] {
    (u64::from_be_bytes(id) ^ u64::from_be_bytes(child_id(name))).to_be_bytes()
}

/// `N` bytes from `start` on.
fn part<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    bytes.get(start..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// Both digits of every byte.
const HEX: [[u8; 2]; 256] = {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        #[allow(clippy::indexing_slicing)] // evaluated by the compiler
        {
            table[byte] = [DIGITS[byte >> 4], DIGITS[byte & 0xF]];
        }
        byte += 1;
    }
    table
};

fn push_hex(bytes: &[u8], out: &mut String) {
    let digits = bytes.iter().filter_map(|&byte| HEX.get(usize::from(byte)));
    out.extend(digits.flatten().map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_names_the_trace_and_the_span_that_publishes() {
        let ids = FillIds {
            trace: *b"\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c",
            emit: [1; SPAN],
            receive: [2; SPAN],
            parse: [3; SPAN],
            publish: *b"\xb7\xad\x6b\x71\x69\x20\x33\x31",
        };
        assert_eq!(ids.traceparent(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }

    #[test]
    fn calls_differ_by_each_of_what_names_them() {
        let ids = FillIds::of("binance:live:alice:BTCUSDT:1:2");
        let call = ids.of_call("grid", "on_fill", 1, 1);
        for other in [
            ids.of_call("dca", "on_fill", 1, 1),
            ids.of_call("grid", "on_order_filled", 1, 1),
            ids.of_call("grid", "on_fill", 2, 1),
            ids.of_call("grid", "on_fill", 1, 2),
            FillIds::of("binance:live:alice:BTCUSDT:1:3").of_call("grid", "on_fill", 1, 1),
        ] {
            assert_ne!(call.callback, other.callback);
        }
        assert_eq!(call.deliver, ids.of_call("grid", "on_order_filled", 1, 2).deliver);
    }
}
