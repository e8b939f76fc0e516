//! Reading the usual frame of the `user` channel at a gallop: one update of one order, without white space, in the
//! venue's order of keys as far as the order itself, whose keys may stand anyhow.
//!
//! Whatever is not as expected, and any defect, gives `None`: then the frame is read the general way, which alone knows
//! what is wrong with a frame. A property test holds that both ways read the same.

use crate::cursor::Cursor;
use crate::fields::Fields;
use crate::scanner::{OpenKeys, Scanner};
use crate::time::parse_rfc3339;

/// Levels of arrays and objects down to an order, itself included.
const DEPTH: u32 = 5;

/// What stands around the order.
pub struct Usual {
    pub time_ns: i64,
    pub number: i64,
}

/// Reads the order into `fields`, and what stands around it.
pub fn read(text: &str, fields: &mut Fields, keys: &mut OpenKeys) -> Option<Usual> {
    let mut cursor = Cursor::new(text.as_bytes());
    cursor.pass("{\"channel\":\"user\",")?;
    let _ = cursor.pass("\"client_id\":\"\","); // which the venue leaves out since 2026
    cursor.pass("\"timestamp\":\"")?;
    let time_ns = parse_rfc3339(cursor.text()?.raw_bytes())?;
    cursor.pass(",\"sequence_num\":")?;
    let number = cursor.integer()?.value;
    cursor.pass(",\"events\":[{\"type\":\"update\",\"orders\":[")?;
    let mut scanner = Scanner::new(text, text.len() - cursor.left(), keys);
    if scanner.peek() != Some(b'{') {
        return None;
    }
    scanner.read_object(fields, DEPTH, &mut [])?;
    let is_sound = scanner.duplicate().is_none() && scanner.surrogate().is_none();
    (is_sound && text.get(scanner.position()..) == Some("]}]}")).then_some(Usual { time_ns, number })
}
