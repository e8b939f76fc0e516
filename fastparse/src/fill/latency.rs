//! A histogram of durations: base-2 exponential buckets of scale 5, as `fillwire.runtime.latency` describes them.

const PER_DOUBLING: f64 = 32.0;
const BUCKETS: usize = 44 * 32;
/// From log2 of nanoseconds to the place of a bucket: less log2 of a second, and 30 doublings below it are the first.
const SHIFT: f64 = 30.0 * PER_DOUBLING - 29.897_352_853_986_263 * PER_DOUBLING;

/// Durations in nanoseconds.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Records per bucket.
    pub counts: Vec<u64>,
    /// Records of 0 ns or less.
    pub zero_count: u64,
    /// Sum of all records.
    pub sum_ns: i128,
    /// Smallest record; above the largest where there is none.
    pub min_ns: i64,
    /// Largest record; below 0 where there is none.
    pub max_ns: i64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], zero_count: 0, sum_ns: 0, min_ns: i64::MAX, max_ns: -1 }
    }
}

impl Histogram {
    /// Counts one duration; one of 0 ns or less, which two clocks can make, counts as zero.
    pub fn record(&mut self, duration_ns: i64) {
        let duration_ns = duration_ns.max(0);
        if duration_ns == 0 {
            self.zero_count += 1;
        } else if let Some(count) = self.counts.get_mut(position(duration_ns)) {
            *count += 1;
        }
        self.sum_ns += i128::from(duration_ns);
        self.min_ns = self.min_ns.min(duration_ns);
        self.max_ns = self.max_ns.max(duration_ns);
    }
}

/// The place of the bucket of a duration above 0.
// A nanosecond is in the fourth bucket, and a float has more than enough digits for which of 1,408 it is.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn position(duration_ns: i64) -> usize {
    let bucket = ((duration_ns as f64).log2() * PER_DOUBLING + SHIFT).ceil() as usize;
    bucket.min(BUCKETS) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nanosecond_and_the_longest_duration_have_a_bucket() {
        assert_eq!(position(1), 3);
        assert_eq!(position(i64::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_is_no_duration_counts_as_zero() {
        let mut histogram = Histogram::default();
        histogram.record(i64::MIN);
        histogram.record(7);
        assert_eq!((histogram.zero_count, histogram.sum_ns), (1, 7));
        assert_eq!((histogram.min_ns, histogram.max_ns), (0, 7));
        assert_eq!(histogram.counts.iter().sum::<u64>(), 1);
    }
}
