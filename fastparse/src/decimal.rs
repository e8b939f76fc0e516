//! Exact decimals: the venue's text is kept, the value is an integer mantissa with a scale. No floats.

mod parts;
mod sums;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

use crate::pen::Pen;
use crate::piece::Piece;
use crate::wide::{U256, pow10};
pub use parts::Parts;
pub use sums::Amount;

/// Integer digits an amount may have; more is absurd for anything traded.
pub const MAX_INTEGER_DIGITS: usize = 18;
/// Fraction digits an amount may have after trailing zeros are gone.
pub const MAX_FRACTION_DIGITS: usize = 18;
/// Fraction digits kept of an average price.
pub const AVERAGE_DIGITS: u32 = 16;
/// 10 to the power of half of `AVERAGE_DIGITS`.
const HALF: u64 = 100_000_000;
/// A venue that rounds a product does so at this many decimals or more.
const LEAST_ROUNDING_DIGITS: u32 = 6;
/// Bytes of the longest text of an amount, and what is written beside the last of them.
const MAX_TEXT: usize = 48;

/// An amount, borrowed from the frame.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    /// Canonical digits without sign: no leading zeros, no trailing zeros after the point, no bare point.
    digits: Piece<'a>,
    negative: bool,
    /// The value is `mantissa / 10^scale`; below 10^36, so that a product fits 256 bits.
    mantissa: u128,
    scale: u32,
    /// Decimals as written, trailing zeros included: the precision to which the venue rounded.
    written_scale: u32,
}

/// Why a text is no usable amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDecimal {
    /// Not of the form `-?digits[.digits]`.
    Syntax,
    /// Well formed, but beyond `MAX_INTEGER_DIGITS` or `MAX_FRACTION_DIGITS`.
    Absurd,
}

impl<'a> Decimal<'a> {
    /// Zero, as which a sender's absurd amount is carried until it is reported.
    pub const ZERO: Decimal<'static> =
        Decimal { digits: Piece::ZERO, negative: false, mantissa: 0, scale: 0, written_scale: 0 };

    /// Zero as the venue pads it: by far the commonest amount in an order event.
    pub const PADDED_ZERO: Decimal<'static> = Decimal { scale: 8, written_scale: 8, ..Self::ZERO };

    /// Reads an amount.
    ///
    /// # Errors
    ///
    /// The text is not of the form `-?digits[.digits]`, or its value is absurd.
    pub fn parse(text: &'a [u8]) -> Result<Self, NoDecimal> {
        let mut value = Self::ZERO;
        match Self::scan_padded(text, &mut value) {
            Some([]) => Ok(value),
            _ => Self::parse_any(text),
        }
    }

    /// Reads the amount that `bytes` begins with into `place`, if it has at most seven digits before the point and eight
    /// behind it, as the venue writes nearly all of them. Returns what follows, which may be anything.
    #[inline]
    #[must_use]
    pub fn scan_padded(bytes: &'a [u8], place: &mut Self) -> Option<&'a [u8]> {
        let word = u64::from_le_bytes(*bytes.first_chunk()?);
        // The lowest byte that is a point gets its high bit set.
        let points = word ^ (ONES * 0x2E);
        let count = ((points.wrapping_sub(ONES) & !points & HIGHS).trailing_zeros() / 8) as usize;
        if count == 0 || count == 8 || (count > 1 && word & 0xFF == 0x30) {
            return None; // no digits, too many, or a leading zero
        }
        let fraction = bytes.get(count + 1..)?;
        let word_behind = u64::from_le_bytes(*fraction.first_chunk()?) ^ ZEROS;
        // What stands from the point on is shifted out, zeros come in front.
        let word_before = (word ^ ZEROS) << (64 - 8 * count);
        if (marks(word_before) | marks(word_behind)) != 0 {
            return None;
        }
        let zeros = (word_behind.leading_zeros() / 8) as usize; // the last digit is the highest byte
        let mantissa = digits_sum(word_before) * 100_000_000 + digits_sum(word_behind);
        *place = Decimal {
            digits: Piece::first(bytes, if zeros == 8 { count } else { count + 9 - zeros }),
            negative: false,
            mantissa: u128::from(mantissa),
            scale: 8,
            written_scale: 8,
        };
        fraction.get(8..)
    }

    /// Reads an amount as `parse`, whatever its form.
    ///
    /// # Errors
    ///
    /// As `parse`.
    pub fn parse_any(text: &'a [u8]) -> Result<Self, NoDecimal> {
        let (negative, unsigned) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let point = unsigned.iter().position(|&byte| byte == b'.').unwrap_or(unsigned.len());
        let (integer, rest) = unsigned.split_at(point);
        let fraction = rest.split_first().map_or(rest, |(_, fraction)| fraction);
        if integer.is_empty() || (!rest.is_empty() && fraction.is_empty()) {
            return Err(NoDecimal::Syntax);
        }
        if !all_digits(integer) || !all_digits(fraction) {
            return Err(NoDecimal::Syntax);
        }
        let kept_integer = integer.len() - integer.iter().take_while(|&&digit| digit == b'0').count();
        let kept_fraction =
            fraction.len() - fraction.iter().rev().take_while(|&&digit| digit == b'0').count();
        if kept_integer > MAX_INTEGER_DIGITS || kept_fraction > MAX_FRACTION_DIGITS {
            return Err(NoDecimal::Absurd);
        }
        let fraction_value = short_value(fraction.get(..kept_fraction).unwrap_or_default());
        let mantissa = u128::from(short_value(integer)) * pow10(kept_fraction) + u128::from(fraction_value);
        let start = point - kept_integer.max(1);
        let end = if kept_fraction == 0 { point } else { point + 1 + kept_fraction };
        Ok(Decimal {
            digits: Piece::new(unsigned, start, end),
            negative: negative && mantissa != 0,
            mantissa,
            scale: u32::try_from(kept_fraction).map_err(|_| NoDecimal::Absurd)?,
            written_scale: u32::try_from(fraction.len()).map_err(|_| NoDecimal::Absurd)?,
        })
    }
}

/// A one in each of eight bytes.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each of eight bytes.
const HIGHS: u64 = ONES << 7;
/// Eight times the digit 0.
pub const ZEROS: u64 = ONES * 0x30;

/// The eight bytes from `start` on, the first lowest.
#[inline]
#[must_use]
pub fn eight_bytes(bytes: &[u8], start: usize) -> Option<u64> {
    bytes.get(start..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}

/// The high bit of the first of eight bytes that is above 9; of those before it none. 0 if all are digits.
#[inline]
const fn marks(digits: u64) -> u64 {
    (digits | digits.wrapping_add(ONES * 0x76)) & HIGHS // a byte above 9 has, or gets by the addition, its high bit set
}

/// How many of eight bytes, the first lowest, are from 0 to 9 until one is above.
#[inline]
#[must_use]
pub const fn digit_count(digits: u64) -> usize {
    (marks(digits).trailing_zeros() / 8) as usize
}

/// The number that eight bytes from 0 to 9 are, the first lowest.
#[inline]
#[must_use]
pub const fn digits_sum(digits: u64) -> u64 {
    // Pairs of digits, then of pairs, then of fours: each step adds ten, a hundred, ten thousand times the left one.
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(100 << 16 | 1) >> 16;
    (fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(10_000 << 32 | 1) >> 32
}

fn all_digits(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_digit)
}

/// The value of digits of which at most 18 count.
fn short_value(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
}

impl Decimal<'_> {
    /// Whether the amount is 0.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.mantissa == 0
    }

    /// Whether the amount is below 0.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.negative
    }

    /// The same amount without the text it was read from, which then need not outlive it.
    #[must_use]
    pub const fn without_text<'b>(&self) -> Decimal<'b> {
        Decimal {
            digits: Piece::EMPTY,
            negative: self.negative,
            mantissa: self.mantissa,
            scale: self.scale,
            written_scale: self.written_scale,
        }
    }

    /// Appends the canonical text.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut buffer = [0; MAX_TEXT];
        let end = self.put(Pen::new(&mut buffer)).map_or(0, |pen| MAX_TEXT - pen.left());
        out.extend_from_slice(buffer.get(..end).unwrap_or_default());
    }

    /// Writes the canonical text; `None` if there is no room for it.
    #[inline]
    #[must_use]
    pub fn put<'b>(&self, pen: Pen<'b>) -> Option<Pen<'b>> {
        let pen = if self.negative { pen.put(b"-")? } else { pen };
        if self.digits.is_empty() { self.parts().put(pen) } else { pen.put_piece(self.digits) }
    }

    fn parts(&self) -> Parts {
        Parts::of(self.mantissa, self.scale)
    }

    /// Compares the magnitudes; the callers have refused negative amounts.
    #[must_use]
    pub fn cmp_magnitude(&self, other: &Decimal<'_>) -> Ordering {
        if self.scale == other.scale {
            return self.mantissa.cmp(&other.mantissa);
        }
        let scale = self.scale.max(other.scale);
        self.at_scale(scale).cmp(&other.at_scale(scale))
    }

    /// Whether `self + other` is less than `limit`, by magnitude.
    #[must_use]
    pub fn sum_is_less(&self, other: &Decimal<'_>, limit: &Decimal<'_>) -> bool {
        let scale = self.scale.max(other.scale).max(limit.scale);
        self.at_scale(scale).plus(other.at_scale(scale)) < limit.at_scale(scale)
    }

    /// Whether `self` is `price * quantity`, rounded up or down at the decimals in which `self` is written.
    #[must_use]
    pub fn is_product(&self, price: &Decimal<'_>, quantity: &Decimal<'_>) -> bool {
        if let Some(is_product) = self.is_padded_product(price, quantity) {
            return is_product;
        }
        let rounding = self.written_scale.clamp(LEAST_ROUNDING_DIGITS, 18);
        let product_scale = price.scale + quantity.scale;
        let scale = product_scale.max(self.scale).max(rounding);
        let product = U256::product(price.mantissa, quantity.mantissa).times_pow10(scale - product_scale);
        let difference = self.at_scale(scale).distance(product);
        difference < U256::from(1).times_pow10(scale - rounding)
    }

    /// The same for three amounts as the venue pads them, whose product fits 128 bits.
    #[inline]
    fn is_padded_product(&self, price: &Decimal<'_>, quantity: &Decimal<'_>) -> Option<bool> {
        const UNIT: u128 = 100_000_000;
        if (self.scale, self.written_scale, price.scale, quantity.scale) != (8, 8, 8, 8) {
            return None;
        }
        let [quote, price, quantity] =
            [self, price, quantity].map(|amount| u64::try_from(amount.mantissa).ok());
        let product = u128::from(price?) * u128::from(quantity?);
        Some((u128::from(quote?) * UNIT).abs_diff(product) < UNIT)
    }

    fn at_scale(&self, scale: u32) -> U256 {
        U256::from(self.mantissa).times_pow10(scale - self.scale)
    }

    /// `self / quantity` rounded half to even at `AVERAGE_DIGITS` decimals; `None` if that is absurd.
    ///
    /// `quantity` must not be zero.
    #[must_use]
    pub fn average(&self, quantity: &Decimal<'_>) -> Option<Parts> {
        if let Some(parts) = self.divide_short(quantity) {
            return Some(parts);
        }
        let raise = AVERAGE_DIGITS + quantity.scale;
        let (dividend, divisor) = if raise >= self.scale {
            (U256::from(self.mantissa).times_pow10(raise - self.scale), U256::from(quantity.mantissa))
        } else {
            (U256::from(self.mantissa), U256::from(quantity.mantissa).times_pow10(self.scale - raise))
        };
        let quotient = dividend.divide_half_even(divisor)?;
        let limit = pow10(MAX_INTEGER_DIGITS) * pow10(AVERAGE_DIGITS as usize);
        (quotient < limit).then(|| Parts::of(quotient, AVERAGE_DIGITS))
    }

    /// `self * quantity`, unrounded, for amounts that are not negative; `None` if that is beyond `MAX_INTEGER_DIGITS`
    /// or `MAX_FRACTION_DIGITS`.
    #[must_use]
    pub fn product(&self, quantity: &Decimal<'_>) -> Option<Parts> {
        let (mut left, mut right) = (self.mantissa, quantity.mantissa);
        let mut scale = self.scale + quantity.scale;
        // Zeros at the end go before the product is made: what then does not fit 128 bits has more than 36 digits.
        while scale > 0 {
            match (left % 10, right % 10) {
                (0, _) => left /= 10,
                (_, 0) => right /= 10,
                (5, last) if last % 2 == 0 => (left, right) = (left / 5, right / 2),
                (last, 5) if last % 2 == 0 => (left, right) = (left / 2, right / 5),
                _ => break,
            }
            scale -= 1;
        }
        let product = left.checked_mul(right)?;
        let is_usable = scale as usize <= MAX_FRACTION_DIGITS
            && product / pow10(scale as usize) < pow10(MAX_INTEGER_DIGITS);
        is_usable.then(|| Parts::of(product, scale))
    }

    /// Returns `self * quantity * units` rounded half to even at `AVERAGE_DIGITS` decimals, for amounts that are not
    /// negative; `units` is at most 100. `None` if the product has more than `MAX_INTEGER_DIGITS`.
    #[must_use]
    pub fn rounded_product(&self, quantity: &Decimal<'_>, units: u8) -> Option<Decimal<'static>> {
        let scale = self.scale + quantity.scale;
        let product = U256::product(self.mantissa * u128::from(units.min(100)), quantity.mantissa);
        let mantissa = if scale <= AVERAGE_DIGITS {
            product.times_pow10(AVERAGE_DIGITS - scale).divide_half_even(U256::from(1))
        } else {
            product.divide_half_even(U256::from(pow10((scale - AVERAGE_DIGITS) as usize)))
        };
        let limit = pow10(MAX_INTEGER_DIGITS) * pow10(AVERAGE_DIGITS as usize);
        let mantissa = mantissa.filter(|&mantissa| mantissa < limit)?;
        Some(Decimal {
            digits: Piece::EMPTY,
            negative: false,
            mantissa,
            scale: AVERAGE_DIGITS,
            written_scale: AVERAGE_DIGITS,
        })
    }

    /// The quotient of two amounts of 64 bits and one scale, as nearly all are.
    #[inline]
    fn divide_short(&self, quantity: &Decimal<'_>) -> Option<Parts> {
        const UNIT: u64 = HALF * HALF;
        let dividend = u64::try_from(self.mantissa).ok()?;
        let divisor = u64::try_from(quantity.mantissa).ok()?;
        if self.scale != quantity.scale {
            return None;
        }
        let integer = dividend.checked_div(divisor).filter(|&integer| integer < UNIT)?;
        let rest = dividend - integer * divisor;
        let (fraction, rest) = if divisor <= u64::MAX / HALF {
            // Half of the digits, and the other half by what remains: two divisions of 64 bits cost less than one of 128.
            let (high, rest) = (rest * HALF / divisor, rest * HALF % divisor);
            (high * HALF + rest * HALF / divisor, rest * HALF % divisor)
        } else {
            let raised = u128::from(rest) * u128::from(UNIT);
            let fraction = low_bits(raised / u128::from(divisor));
            (fraction, low_bits(raised - u128::from(fraction) * u128::from(divisor)))
        };
        let fraction = match (u128::from(rest) * 2).cmp(&u128::from(divisor)) {
            Ordering::Less => fraction,
            Ordering::Equal => fraction + (fraction & 1),
            Ordering::Greater => fraction + 1,
        };
        let (integer, fraction) = if fraction == UNIT { (integer + 1, 0) } else { (integer, fraction) };
        Some(Parts { integer, fraction, scale: AVERAGE_DIGITS })
    }
}

/// The value itself, which the callers know to fit: 64 bits are divided and formatted several times faster.
fn low_bits(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
