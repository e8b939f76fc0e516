//! Sums, differences and products of amounts that are kept from frame to frame: exact, or none.

use super::{Decimal, MAX_FRACTION_DIGITS, MAX_INTEGER_DIGITS, pow10};
use crate::piece::Piece;

/// An amount that borrows from no frame.
pub type Amount = Decimal<'static>;

impl Decimal<'_> {
    /// The same amount, borrowed from nothing.
    #[must_use]
    pub const fn kept(&self) -> Amount {
        self.without_text()
    }

    /// `self + other` by magnitude; `None` if that is absurd.
    #[must_use]
    pub fn checked_sum(&self, other: &Decimal<'_>) -> Option<Amount> {
        let (left, right, scale) = self.aligned(other);
        of_mantissa(left.checked_add(right)?, scale)
    }

    /// `self - other` by magnitude; `None` if that is less than 0.
    #[must_use]
    pub fn checked_difference(&self, other: &Decimal<'_>) -> Option<Amount> {
        let (left, right, scale) = self.aligned(other);
        of_mantissa(left.checked_sub(right)?, scale)
    }

    /// `self * other` by magnitude, unrounded; `None` if that is absurd.
    #[must_use]
    pub fn checked_product(&self, other: &Decimal<'_>) -> Option<Amount> {
        let (left, left_scale) = stripped(self.mantissa, self.scale);
        let (right, right_scale) = stripped(other.mantissa, other.scale);
        let (product, scale) = stripped(left.checked_mul(right)?, left_scale + right_scale);
        of_mantissa(product, scale)
    }

    /// Both mantissas at the larger of both scales: below 10^36, as every amount is.
    fn aligned(&self, other: &Decimal<'_>) -> (u128, u128, u32) {
        let scale = self.scale.max(other.scale);
        let raised = |amount: &Decimal<'_>| amount.mantissa * pow10((scale - amount.scale) as usize);
        (raised(self), raised(other), scale)
    }
}

fn stripped(mut mantissa: u128, mut scale: u32) -> (u128, u32) {
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    (mantissa, scale)
}

fn of_mantissa(mantissa: u128, scale: u32) -> Option<Amount> {
    let is_usable =
        scale as usize <= MAX_FRACTION_DIGITS && mantissa < pow10(MAX_INTEGER_DIGITS + scale as usize);
    is_usable.then_some(Decimal {
        digits: Piece::EMPTY,
        negative: false,
        mantissa,
        scale,
        written_scale: scale,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal<'_> {
        Decimal::parse(text.as_bytes()).unwrap()
    }

    fn text(amount: Option<Amount>) -> Option<String> {
        let mut out = Vec::new();
        amount?.write(&mut out);
        Some(String::from_utf8(out).unwrap())
    }

    const MOST: &str = "999999999999999999.999999999999999999";

    #[test]
    fn sums_are_exact_or_absurd() {
        let sum = |left, right| text(decimal(left).checked_sum(&decimal(right)));
        assert_eq!(sum("0.5", "1.50000000").as_deref(), Some("2"));
        assert_eq!(sum("0", "0").as_deref(), Some("0"));
        assert_eq!(sum("3", "0.000000000000000001").as_deref(), Some("3.000000000000000001"));
        assert_eq!(sum(MOST, "0.000000000000000001"), None);
    }

    #[test]
    fn differences_are_exact_and_not_negative() {
        let difference = |left, right| text(decimal(left).checked_difference(&decimal(right)));
        assert_eq!(difference("1.50000000", "0.5").as_deref(), Some("1"));
        assert_eq!(difference("1", "1").as_deref(), Some("0"));
        assert_eq!(difference("1", "1.00000001"), None);
    }

    #[test]
    fn products_are_exact_or_absurd() {
        let product = |left, right| text(decimal(left).checked_product(&decimal(right)));
        assert_eq!(product("47338.46", "0.00021019").as_deref(), Some("9.9500709074"));
        assert_eq!(product("0.50000000", "0.2").as_deref(), Some("0.1"));
        assert_eq!(product("0.0000000001", "0.000000001"), None);
        assert_eq!(product("999999999999999999", "2"), None);
        assert_eq!(product(MOST, MOST), None);
        assert_eq!(product("0", MOST).as_deref(), Some("0"));
    }
}
