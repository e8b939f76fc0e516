//! Exact decimals: the venue's text is kept, the value is an integer mantissa with a scale. No floats.

use std::cmp::Ordering;

use crate::wide::{U256, pow10};

/// Integer digits an amount may have; more is absurd for anything traded.
pub const MAX_INTEGER_DIGITS: usize = 18;
/// Fraction digits an amount may have after trailing zeros are gone.
pub const MAX_FRACTION_DIGITS: usize = 18;
/// Fraction digits kept of an average price.
pub const AVERAGE_DIGITS: u32 = 16;
/// A venue that rounds a product does so at this many decimals or more.
const LEAST_ROUNDING_DIGITS: u32 = 6;

/// An amount, borrowed from the frame.
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    /// Canonical digits without sign: no leading zeros, no trailing zeros after the point, no bare point.
    digits: &'a str,
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
        Decimal { digits: "0", negative: false, mantissa: 0, scale: 0, written_scale: 0 };

    /// Zero as the venue pads it: by far the commonest amount in an order event.
    pub const PADDED_ZERO: Decimal<'static> = Decimal { written_scale: 8, ..Self::ZERO };

    /// Reads an amount.
    ///
    /// # Errors
    ///
    /// The text is not of the form `-?digits[.digits]`, or its value is absurd.
    pub fn parse(text: &'a str) -> Result<Self, NoDecimal> {
        if let Some((value, end)) = Self::scan_padded(text, 0) {
            if end == text.len() {
                return Ok(value);
            }
        }
        Self::parse_any(text)
    }

    /// Reads the amount at `start`, if it has at most ten digits before the point and eight behind it, as the
    /// venue writes nearly all of them. Returns its end, too; what follows may be anything.
    #[inline]
    #[must_use]
    pub fn scan_padded(text: &'a str, start: usize) -> Option<(Self, usize)> {
        let bytes = text.as_bytes();
        let mut integer = 0u64;
        let mut point = start;
        let stop = loop {
            let byte = *bytes.get(point)?;
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break byte;
            }
            integer = integer.wrapping_mul(10).wrapping_add(u64::from(digit));
            point += 1;
        };
        let count = point - start;
        let leading_zero = count > 1 && bytes.get(start) == Some(&b'0');
        if stop != b'.' || count == 0 || count > 10 || leading_zero {
            return None;
        }
        let word = eight_bytes(bytes, point + 1)?;
        let fraction = eight_digits(word)?;
        let zeros = ((word ^ ZEROS).leading_zeros() / 8) as usize; // the last digit is the highest byte
        let end = point + 9;
        let value = Decimal {
            digits: text.get(start..if zeros == 8 { point } else { end - zeros })?,
            negative: false,
            mantissa: u128::from(integer * 100_000_000 + fraction),
            scale: 8,
            written_scale: 8,
        };
        Some((value, end))
    }

    fn parse_any(text: &'a str) -> Result<Self, NoDecimal> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (integer, fraction) = match unsigned.split_once('.') {
            Some((integer, fraction)) if !fraction.is_empty() => (integer, fraction),
            Some(_) => return Err(NoDecimal::Syntax),
            None => (unsigned, ""),
        };
        if integer.is_empty() || !all_digits(integer) || !all_digits(fraction) {
            return Err(NoDecimal::Syntax);
        }
        let kept_integer = integer.trim_start_matches('0');
        let kept_fraction = fraction.trim_end_matches('0');
        if kept_integer.len() > MAX_INTEGER_DIGITS || kept_fraction.len() > MAX_FRACTION_DIGITS {
            return Err(NoDecimal::Absurd);
        }
        let mantissa = u128::from(digits_value(kept_integer)) * pow10(kept_fraction.len())
            + u128::from(digits_value(kept_fraction));
        let start =
            if kept_integer.is_empty() { integer.len() - 1 } else { integer.len() - kept_integer.len() };
        let end =
            if kept_fraction.is_empty() { integer.len() } else { integer.len() + 1 + kept_fraction.len() };
        let scale = |digits: &str| u32::try_from(digits.len()).map_err(|_| NoDecimal::Absurd);
        Ok(Decimal {
            digits: unsigned.get(start..end).ok_or(NoDecimal::Syntax)?,
            negative: negative && mantissa != 0,
            mantissa,
            scale: scale(kept_fraction)?,
            written_scale: scale(fraction)?,
        })
    }
}

/// Eight times the digit 0.
const ZEROS: u64 = 0x3030_3030_3030_3030;

/// The eight bytes from `start` on, the first lowest.
#[inline]
#[must_use]
pub fn eight_bytes(bytes: &[u8], start: usize) -> Option<u64> {
    bytes.get(start..)?.first_chunk::<8>().map(|chunk| u64::from_le_bytes(*chunk))
}

/// The value of eight digits, the first in the lowest byte; `None` if one is no digit.
#[inline]
#[must_use]
pub fn eight_digits(word: u64) -> Option<u64> {
    let digits = word ^ ZEROS;
    if (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 != 0 {
        return None; // a byte above 9 has, or gets by the addition, its high bit set
    }
    // Pairs of digits, then of pairs, then of fours: each step adds ten, a hundred, ten thousand times the left one.
    let pairs = digits.wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(100 << 16 | 1) >> 16;
    Some((fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(10_000 << 32 | 1) >> 32)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of at most 18 digits.
fn digits_value(digits: &str) -> u64 {
    digits.bytes().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))
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
            digits: "",
            negative: self.negative,
            mantissa: self.mantissa,
            scale: self.scale,
            written_scale: self.written_scale,
        }
    }

    /// Appends the canonical text.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.negative {
            out.push(b'-');
        }
        if self.digits.is_empty() {
            write_scaled(self.mantissa, self.scale, out);
        } else {
            out.extend_from_slice(self.digits.as_bytes());
        }
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
        let rounding = self.written_scale.clamp(LEAST_ROUNDING_DIGITS, 18);
        let product_scale = price.scale + quantity.scale;
        let scale = product_scale.max(self.scale).max(rounding);
        let product = U256::product(price.mantissa, quantity.mantissa).times_pow10(scale - product_scale);
        let difference = self.at_scale(scale).distance(product);
        difference < U256::from(1).times_pow10(scale - rounding)
    }

    fn at_scale(&self, scale: u32) -> U256 {
        U256::from(self.mantissa).times_pow10(scale - self.scale)
    }

    /// Appends `self / quantity` rounded half to even at `AVERAGE_DIGITS` decimals, as canonical text.
    ///
    /// Returns false, with nothing appended, if the quotient is absurd. `quantity` must not be zero.
    pub fn write_average(&self, quantity: &Decimal<'_>, out: &mut Vec<u8>) -> bool {
        let raise = AVERAGE_DIGITS + quantity.scale;
        let (dividend, divisor) = if raise >= self.scale {
            (U256::from(self.mantissa).times_pow10(raise - self.scale), U256::from(quantity.mantissa))
        } else {
            (U256::from(self.mantissa), U256::from(quantity.mantissa).times_pow10(self.scale - raise))
        };
        let Some(quotient) = dividend.divide_half_even(divisor) else { return false };
        let unit = pow10(AVERAGE_DIGITS as usize);
        if quotient >= pow10(MAX_INTEGER_DIGITS) * unit {
            return false;
        }
        write_scaled(quotient, AVERAGE_DIGITS, out);
        true
    }
}

/// Appends `value / 10^scale` as canonical text. Both parts, before and after the point, are below 10^18.
fn write_scaled(value: u128, scale: u32, out: &mut Vec<u8>) {
    let scale = scale as usize;
    let unit = pow10(scale);
    let mut buffer = itoa::Buffer::new();
    let (integer, fraction) = match (u64::try_from(value), u64::try_from(unit)) {
        (Ok(value), Ok(unit)) => (value / unit, value % unit),
        _ => (low_bits(value / unit), low_bits(value % unit)),
    };
    out.extend_from_slice(buffer.format(integer).as_bytes());
    if fraction != 0 {
        let digits = buffer.format(fraction).as_bytes();
        out.push(b'.');
        out.extend(std::iter::repeat_n(b'0', scale.saturating_sub(digits.len())));
        out.extend_from_slice(digits);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// The value itself, which the callers know to fit: 64 bits are divided and formatted several times faster.
fn low_bits(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal<'_> {
        Decimal::parse(text).unwrap()
    }

    fn canonical(text: &str) -> String {
        let mut out = Vec::new();
        decimal(text).write(&mut out);
        let written = String::from_utf8(out.clone()).unwrap();
        // The value says the same as the text it was read from.
        out.clear();
        decimal(text).without_text().write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), written);
        written
    }

    #[test]
    fn amounts_are_written_without_superfluous_zeros() {
        for (text, expected) in [
            ("0", "0"),
            ("0.00000000", "0"),
            ("-0.00", "0"),
            ("10.00000000", "10"),
            ("0.10264410", "0.1026441"),
            ("1234567890.12345678", "1234567890.12345678"),
            ("12345678901.12345678", "12345678901.12345678"),
            ("007", "7"),
            ("00.50", "0.5"),
            ("-1.50", "-1.5"),
            ("100", "100"),
            ("0.000001", "0.000001"),
            ("123456789012345678.123456789012345678", "123456789012345678.123456789012345678"),
            ("000000000000000000001.0000000000000000000000000", "1"),
        ] {
            assert_eq!(canonical(text), expected);
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in
            ["", "-", ".", "1.", ".5", "+1", "1e5", "1.2.3", " 1", "1 ", "0x1", "1.0000000a", "١", "--1"]
        {
            assert_eq!(Decimal::parse(text).unwrap_err(), NoDecimal::Syntax, "{text}");
        }
        for text in ["1234567890123456789", "0.0000000000000000001", "-1000000000000000000.5"] {
            assert_eq!(Decimal::parse(text).unwrap_err(), NoDecimal::Absurd, "{text}");
        }
    }

    #[test]
    fn amounts_compare_by_value() {
        assert!(decimal("1.5").cmp_magnitude(&decimal("1.50000000")).is_eq());
        assert!(decimal("2").cmp_magnitude(&decimal("1.99999999")).is_gt());
        let (large, small) = ("999999999999999999", "999999999999999998.999999999999999999");
        assert!(decimal(large).cmp_magnitude(&decimal(small)).is_gt());
        assert!(decimal("0.4").sum_is_less(&decimal("0.09999999"), &decimal("0.5")));
        assert!(!decimal("0.4").sum_is_less(&decimal("0.1"), &decimal("0.5")));
    }

    #[test]
    fn a_product_may_be_rounded_at_its_own_decimals() {
        let is_product =
            |quote, price, quantity| decimal(quote).is_product(&decimal(price), &decimal(quantity));
        assert!(is_product("12800.00000000", "64000.00000000", "0.20000000"));
        assert!(!is_product("12800.00000001", "64000.00000000", "0.20000000"));
        assert!(is_product("0.33333333", "0.66666667", "0.50000000"));
        assert!(is_product("0.33333334", "0.66666667", "0.50000000"));
        assert!(!is_product("0.33333335", "0.66666667", "0.50000000"));
        // At fewer than six decimals the venue does not round.
        assert!(!is_product("12", "6.0001", "2"));
        assert!(is_product("12.0002", "6.0001", "2"));
        // Beyond 128 bits.
        let nines = "999999999999999999.999999999999999999";
        assert!(!is_product("1", nines, nines));
        assert!(is_product(nines, nines, "1.000000000000000000"));
    }

    #[test]
    fn averages_are_rounded_half_to_even() {
        let average = |quote, quantity| {
            let mut out = Vec::new();
            let fits = decimal(quote).write_average(&decimal(quantity), &mut out);
            fits.then(|| String::from_utf8(out).unwrap())
        };
        assert_eq!(average("600", "4").as_deref(), Some("150"));
        assert_eq!(average("2", "3").as_deref(), Some("0.6666666666666667"));
        assert_eq!(average("0.0000000000000009", "6").as_deref(), Some("0.0000000000000002"));
        assert_eq!(average("0.0000000000000015", "6").as_deref(), Some("0.0000000000000002"));
        assert_eq!(average("0.000000000000000001", "999999999999999999").as_deref(), Some("0"));
        assert_eq!(average("999999999999999999.999999999999999999", "1").as_deref(), None);
        assert_eq!(average("999999999999999999", "1").as_deref(), Some("999999999999999999"));
        assert_eq!(average("1", "0.000000000000000001").as_deref(), None);
    }
}
