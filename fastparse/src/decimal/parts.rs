//! Writing amounts that were computed, and so have no text in a frame.

use super::{AVERAGE_DIGITS, HALF, low_bits};
use crate::pen::Pen;
use crate::wide::pow10;

/// An amount that was computed, as it is written: `integer + fraction / 10^scale`. Both are below 10^18.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    pub(super) integer: u64,
    pub(super) fraction: u64,
    pub(super) scale: u32,
}

impl Parts {
    /// The parts of `value / 10^scale`, where `scale` is at most 18.
    pub(super) fn of(value: u128, scale: u32) -> Self {
        let unit = pow10(scale as usize);
        Self { integer: low_bits(value / unit), fraction: low_bits(value % unit), scale }
    }

    /// Writes the canonical text; `None` if there is no room for it.
    #[inline]
    #[must_use]
    pub fn put<'b>(&self, pen: Pen<'b>) -> Option<Pen<'b>> {
        let pen = pen.put_number(self.integer)?;
        if self.fraction == 0 { Some(pen) } else { self.put_fraction(pen.put(b".")?) }
    }

    fn put_fraction<'b>(&self, mut pen: Pen<'b>) -> Option<Pen<'b>> {
        let mut fraction = self.fraction;
        for place in (AVERAGE_DIGITS..self.scale).rev() {
            let unit = low_bits(pow10(place as usize));
            pen = pen.put_number(fraction / unit)?;
            fraction %= unit;
            if fraction == 0 {
                return Some(pen);
            }
        }
        fraction *= low_bits(pow10(AVERAGE_DIGITS.saturating_sub(self.scale) as usize));
        pen.put_fraction(fraction / HALF, fraction % HALF)
    }
}
