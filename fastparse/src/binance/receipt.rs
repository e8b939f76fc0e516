//! What reading a frame of Binance needs beside the frame, whatever the product.

use crate::error::ErrorCode;
use crate::event::Owner;
use crate::fields::Field;
use crate::reader::{Integer, Read, Reader, Refusal};
use crate::symbols::Symbols;
use crate::time::Time;
use crate::venue::Config;

/// 2017-01-01, before which the venue did not exist.
const VENUE_EPOCH_NS: i64 = 1_483_228_800_000_000_000;
/// How far ahead of the venue's clock, as we know it, a time may be.
const MAX_AHEAD_NS: i64 = 60_000_000_000;

/// What is fixed for a connection.
pub struct Context {
    pub owner: Owner,
    pub symbols: Symbols,
    /// Nanoseconds per unit of the venue's times.
    pub unit_ns: i64,
    /// The venue's clock minus ours, as last measured.
    pub clock_offset_ns: i64,
}

impl Context {
    pub fn new(config: Config) -> Self {
        let owner = Owner::new(&config);
        let unit_ns = if config.microseconds { 1_000 } else { 1_000_000 };
        Self { owner, symbols: Symbols::new(config.symbols), unit_ns, clock_offset_ns: 0 }
    }
}

/// One frame's circumstances.
#[derive(Clone, Copy)]
pub struct Receipt<'a> {
    pub context: &'a Context,
    pub received_time_ns: i64,
    pub subscription_id: Option<i64>,
}

impl Receipt<'_> {
    /// Reads a mandatory time, in nanoseconds. Its bounds are checked by `check_time`.
    #[inline]
    pub fn time_ns(self, reader: &Reader<'_>, field: &Field) -> Read<i64> {
        Ok(self.to_ns(reader.integer(field)?.value))
    }

    /// Converts a time of the venue to nanoseconds.
    #[inline]
    pub fn to_ns(self, time: i64) -> i64 {
        time.saturating_mul(self.context.unit_ns)
    }

    /// Converts a time of the venue, to be written.
    #[inline]
    pub fn time(self, time: Integer<'_>) -> Time<'_> {
        Time::in_units(time, self.context.unit_ns)
    }

    /// Refuses a time before the venue began or more than a minute ahead of the venue's clock.
    #[inline]
    pub fn check_time(self, field: &'static Field, time_ns: i64) -> Result<(), Refusal> {
        // The last instant of the range stands for all that is beyond it, and so is out of range always.
        let venue_now_ns = self.received_time_ns.saturating_add(self.context.clock_offset_ns);
        let latest = venue_now_ns.saturating_add(MAX_AHEAD_NS).min(i64::MAX - 1);
        if (VENUE_EPOCH_NS..=latest).contains(&time_ns) {
            return Ok(());
        }
        let unit = if self.context.unit_ns == 1_000 { "microseconds" } else { "milliseconds" };
        let expected = format!("expected {unit} between 2017 and a minute after receipt").into();
        Err(Refusal { code: ErrorCode::TimeOutOfRange, field, says: "out of range", expected })
    }
}
