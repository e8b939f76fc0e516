//! Times in nanoseconds since the epoch, most of them read from the form of RFC 3339.

use crate::pen::Pen;
use crate::piece::Piece;
use crate::reader::Integer;

/// Fraction digits that count; a finer fraction is cut off there.
const FRACTION_DIGITS: usize = 9;
const NS_PER_S: i64 = 1_000_000_000;

/// A time of the venue.
#[derive(Clone, Copy, Debug)]
pub struct Time<'a> {
    /// Nanoseconds since the epoch.
    pub ns: i64,
    /// The digits of the nanoseconds, as far as the venue sends them; empty if it writes times in another way.
    digits: Piece<'a>,
    /// How many zeros are then missing behind them.
    zeros: Zeros,
}

/// How many zeros it takes from the venue's unit to nanoseconds.
#[derive(Clone, Copy, Debug)]
enum Zeros {
    Three,
    Six,
}

impl<'a> Time<'a> {
    /// A time in microseconds, if `unit_ns` is a thousand, or else in milliseconds. Its digits save the work of making
    /// them from the number, if that fits 64 bits.
    #[inline]
    #[must_use]
    pub fn in_units(time: Integer<'a>, unit_ns: i64) -> Self {
        let zeros = if unit_ns == 1_000 { Zeros::Three } else { Zeros::Six };
        match time.value.checked_mul(unit_ns) {
            Some(ns) if ns > 0 => Self { ns, digits: time.digits, zeros },
            _ => Self { ns: time.value.saturating_mul(unit_ns), digits: Piece::EMPTY, zeros },
        }
    }

    /// Writes the nanoseconds; `None` if there is no room for them.
    #[inline]
    #[must_use]
    pub fn put<'b>(&self, pen: Pen<'b>) -> Option<Pen<'b>> {
        if self.digits.is_empty() {
            return pen.put_integer(self.ns);
        }
        let pen = pen.put_piece(self.digits)?;
        match self.zeros {
            Zeros::Three => pen.put(b"000"),
            Zeros::Six => pen.put(b"000000"),
        }
    }
}

impl Time<'static> {
    /// The epoch.
    pub const ZERO: Self = Self { ns: 0, digits: Piece::EMPTY, zeros: Zeros::Six };
}

impl From<i64> for Time<'static> {
    fn from(ns: i64) -> Self {
        Self { ns, ..Self::ZERO }
    }
}

/// Reads `2026-11-29T20:09:23.123456Z`: a `T`, no or any number of fraction digits, `Z` or an offset such as `-05:00`.
///
/// `None` if the text is of another form, names no instant, or one that 64 bits of nanoseconds do not hold. A leap
/// second is none: the epoch does not count it, and no venue has sent one.
#[must_use]
pub fn parse_rfc3339(text: &[u8]) -> Option<i64> {
    let (date_time, rest) = text.split_first_chunk::<19>()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1] = *date_time
    else {
        return None;
    };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let month = two(m0, m1)?;
    let day = two(d0, d1)?;
    let (hour, minute, second) = (two(h0, h1)?, two(n0, n1)?, two(s0, s1)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction_ns, zone) = fraction(rest)?;
    let local_s = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    (local_s - offset_s(zone)?).checked_mul(NS_PER_S)?.checked_add(fraction_ns)
}

/// The fraction in nanoseconds, and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, zone) = digits.split_at_checked(count).filter(|_| count > 0)?;
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(FRACTION_DIGITS);
    Some((padded.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')), zone))
}

/// Seconds by which the zone is ahead of UTC.
fn offset_s(zone: &[u8]) -> Option<i64> {
    match *zone {
        [b'Z'] => Some(0),
        [sign @ (b'+' | b'-'), h0, h1, b':', m0, m1] => {
            let (hours, minutes) = (two(h0, h1)?, two(m0, m1)?);
            let ahead_s = (hours <= 23 && minutes <= 59).then_some(hours * 3_600 + minutes * 60)?;
            Some(if sign == b'-' { -ahead_s } else { ahead_s })
        }
        _ => None,
    }
}

/// The value of two digits.
#[inline]
fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens <= 9 && ones <= 9).then(|| i64::from(tens) * 10 + i64::from(ones))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, by years that begin in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Appends a time as `2026-11-29T20:09:23.123456Z`, the fraction without trailing zeros.
pub fn write_rfc3339(time_ns: i64, out: &mut Vec<u8>) {
    let (seconds, fraction_ns) = (time_ns.div_euclid(NS_PER_S), time_ns.rem_euclid(NS_PER_S));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The inverse of `days_since_epoch`: eras of 400 years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction_ns != 0 {
        text += format!(".{fraction_ns:09}").trim_end_matches('0');
    }
    out.extend_from_slice(text.as_bytes());
    out.push(b'Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<i64> {
        parse_rfc3339(text.as_bytes())
    }

    #[test]
    fn times_are_exact_to_the_nanosecond() {
        for (text, ns) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.000000001Z", 1),
            ("1969-12-31T23:59:59.5Z", -500_000_000),
            ("2014-11-07T08:19:27.028459Z", 1_415_348_367_028_459_000),
            ("2000-02-29T12:00:00.1Z", 951_825_600_100_000_000),
            ("2026-03-04T10:00:05.5Z", 1_772_618_405_500_000_000),
            ("2024-08-30T13:07:40.823884203Z", 1_725_023_260_823_884_203),
            ("2024-08-30T13:07:40.8238842039999Z", 1_725_023_260_823_884_203),
            ("2024-08-30T09:07:40.823884203-04:00", 1_725_023_260_823_884_203),
            ("2024-08-30T18:37:40.823884203+05:30", 1_725_023_260_823_884_203),
        ] {
            assert_eq!(parse(text), Some(ns), "{text}");
        }
    }

    #[test]
    fn times_in_the_venues_unit_are_written_in_nanoseconds() {
        for (value, unit_ns) in [
            (1_773_000_007_411, 1_000_000),
            (1_773_000_007_411_123, 1_000),
            (0, 1_000),
            (-5, 1_000_000),
            (999_999_999_999_999_999, 1_000_000), // beyond 64 bits: the last of them stands for it
        ] {
            let text = value.to_string();
            let digits = Piece::new(text.as_bytes(), 0, text.len());
            let time = Time::in_units(Integer { digits, value }, unit_ns);
            let mut buffer = [0; 48];
            let left = time.put(Pen::new(&mut buffer)).unwrap().left();
            let written = std::str::from_utf8(buffer.get(..48 - left).unwrap()).unwrap();
            assert_eq!(time.ns, value.saturating_mul(unit_ns));
            assert_eq!(written, time.ns.to_string());
        }
    }

    #[test]
    fn days_follow_one_another() {
        let mut expected = -25_567; // 1900-01-01
        for year in 1900..2200 {
            for month in 1..=12 {
                for day in 1..=days_in(year, month) {
                    assert_eq!(days_since_epoch(year, month, day), expected, "{year}-{month}-{day}");
                    expected += 1;
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_as_the_same_time() {
        let mut time_ns = i64::MIN / 2;
        while time_ns < i64::MAX / 10 * 9 {
            let mut out = Vec::new();
            write_rfc3339(time_ns, &mut out);
            assert_eq!(parse_rfc3339(&out), Some(time_ns), "{}", String::from_utf8(out).unwrap());
            time_ns += 7_654_321_987_654_321;
        }
    }

    #[test]
    fn what_names_no_instant_is_refused() {
        for text in [
            "",
            "2014-11-07",
            "2014-11-07T08:19:27",
            "2014-11-07 08:19:27Z",
            "2014-11-07t08:19:27z",
            "2014-11-07T08:19:27.Z",
            "2014-11-07T08:19:27,5Z",
            "2014-11-07T08:19:27Z ",
            "2014-13-07T08:19:27Z",
            "2014-00-07T08:19:27Z",
            "2014-02-29T08:19:27Z",
            "1900-02-29T08:19:27Z",
            "2014-11-31T08:19:27Z",
            "2014-11-07T24:00:00Z",
            "2014-11-07T08:60:00Z",
            "2016-12-31T23:59:60Z",
            "2014-11-07T08:19:27+0500",
            "2014-11-07T08:19:27+24:00",
            "2014-11-07T08:19:27+05:60",
            "2O14-11-07T08:19:27Z",
            "9999-11-07T08:19:27Z",
            "0001-01-01T00:00:00Z",
            "１014-11-07T08:19:27Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
