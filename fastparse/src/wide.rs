//! Unsigned 256-bit arithmetic, as far as products and quotients of two amounts need it.

use std::cmp::Ordering;

/// Powers of ten up to the 10^38 that 128 bits hold.
const POW10: [u128; 39] = {
    let mut table = [1u128; 39];
    let mut power = 1u128;
    let mut index = 1;
    while index < 39 {
        power *= 10;
        #[allow(clippy::indexing_slicing)] // evaluated by the compiler, which would refuse an overrun
        {
            table[index] = power;
        }
        index += 1;
    }
    table
};

/// Returns 10^exponent; exponents above 38 do not occur and saturate.
#[must_use]
pub fn pow10(exponent: usize) -> u128 {
    POW10.get(exponent).copied().unwrap_or(u128::MAX)
}

/// An unsigned integer of 256 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct U256 {
    high: u128,
    low: u128,
}

impl From<u128> for U256 {
    fn from(low: u128) -> Self {
        Self { high: 0, low }
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &Self) -> Ordering {
        self.high.cmp(&other.high).then(self.low.cmp(&other.low))
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl U256 {
    /// Returns `left * right`.
    #[must_use]
    pub fn product(left: u128, right: u128) -> Self {
        if let Some(low) = left.checked_mul(right) {
            return Self { high: 0, low };
        }
        let (left_high, left_low) = (left >> 64, left & u128::from(u64::MAX));
        let (right_high, right_low) = (right >> 64, right & u128::from(u64::MAX));
        let lowest = left_low * right_low;
        let cross = left_high * right_low;
        let (middle, carried) = cross.overflowing_add(left_low * right_high);
        let (low, overflowed) = lowest.overflowing_add(middle << 64);
        let high =
            left_high * right_high + (middle >> 64) + (u128::from(carried) << 64) + u128::from(overflowed);
        Self { high, low }
    }

    /// Returns `self * 10^exponent`. The amounts are bounded so that this stays below 2^256.
    #[must_use]
    pub fn times_pow10(self, exponent: u32) -> Self {
        if exponent == 0 {
            return self;
        }
        let mut result = self;
        let mut left = exponent as usize;
        while left > 0 {
            let step = left.min(38);
            let low = Self::product(result.low, pow10(step));
            let high = result.high.wrapping_mul(pow10(step));
            result = Self { high: low.high.wrapping_add(high), low: low.low };
            left -= step;
        }
        result
    }

    /// Returns `self + other`, which the bounds of amounts keep below 2^256.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (low, carried) = self.low.overflowing_add(other.low);
        Self { high: self.high.wrapping_add(other.high).wrapping_add(u128::from(carried)), low }
    }

    /// Returns `|self - other|`.
    #[must_use]
    pub fn distance(self, other: Self) -> Self {
        let (larger, smaller) = if self >= other { (self, other) } else { (other, self) };
        let (low, borrowed) = larger.low.overflowing_sub(smaller.low);
        Self { high: larger.high.wrapping_sub(smaller.high).wrapping_sub(u128::from(borrowed)), low }
    }

    /// Returns `self / divisor` rounded half to even, or `None` if 128 bits do not hold it or `divisor` is 0.
    #[must_use]
    pub fn divide_half_even(self, divisor: Self) -> Option<u128> {
        let (quotient, remainder) = self.divide(divisor)?;
        let odd = quotient & 1 == 1;
        match remainder.plus(remainder).cmp(&divisor) {
            Ordering::Less => Some(quotient),
            Ordering::Equal if !odd => Some(quotient),
            _ => quotient.checked_add(1),
        }
    }

    fn divide(self, divisor: Self) -> Option<(u128, Self)> {
        if let (0, 0) = (self.high, divisor.high) {
            let quotient = self.low.checked_div(divisor.low)?;
            return Some((quotient, Self::from(self.low - quotient * divisor.low)));
        }
        if divisor == Self::from(0) {
            return None;
        }
        // Long division by bits: only amounts of more than 38 digits come here.
        let mut quotient = Self::from(0);
        let mut remainder = Self::from(0);
        for bit in (0..256).rev() {
            remainder = remainder.doubled(self.bit(bit));
            let fits = remainder >= divisor;
            if fits {
                remainder = remainder.distance(divisor);
            }
            quotient = quotient.doubled(fits);
        }
        (quotient.high == 0).then_some((quotient.low, remainder))
    }

    fn bit(self, index: u32) -> bool {
        if index < 128 { self.low >> index & 1 == 1 } else { self.high >> (index - 128) & 1 == 1 }
    }

    fn doubled(self, low_bit: bool) -> Self {
        Self { high: self.high << 1 | self.low >> 127, low: self.low << 1 | u128::from(low_bit) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of all sizes, the same on every run.
    fn numbers() -> impl Iterator<Item = u128> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u128;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1);
            state >> (state >> 121)
        })
    }

    #[test]
    fn division_undoes_multiplication() {
        let mut numbers = numbers();
        for _ in 0..2_000 {
            let [left, right, rest] = [(); 3].map(|()| numbers.next().unwrap_or(1).max(1));
            let product = U256::product(left, right).plus(U256::from(rest % right));
            let (quotient, remainder) = product.divide(U256::from(right)).unwrap();
            assert_eq!((quotient, remainder), (left, U256::from(rest % right)));
        }
    }

    #[test]
    fn powers_of_ten_multiply() {
        let ten = |exponent| U256::from(1).times_pow10(exponent);
        assert_eq!(ten(38), U256::from(pow10(38)));
        assert_eq!(ten(72), U256::product(pow10(36), pow10(36)));
        assert_eq!(ten(72).distance(ten(72)), U256::from(0));
        assert!(ten(71) < ten(72));
        assert_eq!(ten(72).divide_half_even(ten(40)), Some(pow10(32)));
        assert_eq!(ten(72).divide_half_even(U256::from(1)), None);
        assert_eq!(ten(72).divide_half_even(U256::from(0)), None);
        assert_eq!(U256::from(1).divide_half_even(U256::from(0)), None);
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let divide = |left: u128, right: u128| U256::from(left).divide_half_even(U256::from(right));
        assert_eq!([1, 3, 5, 7].map(|odd| divide(odd, 2)), [Some(0), Some(2), Some(2), Some(4)]);
        assert_eq!(divide(4, 3), Some(1));
        assert_eq!(divide(5, 3), Some(2));
    }
}
