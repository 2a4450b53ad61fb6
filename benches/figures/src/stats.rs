//! Medians, ranges and percentiles.

/// What several measurements of one figure come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Summary {
    /// Nothing if there are no values.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = sorted[sorted.len() / 2];
        let median =
            if sorted.len().is_multiple_of(2) { f64::midpoint(sorted[sorted.len() / 2 - 1], upper) } else { upper };
        Some(Self { median, min, max })
    }
}

/// The smallest value that at least so many of a hundred are not above; the values must be sorted.
#[must_use]
pub fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Each value divided by its partner of the same round.
#[must_use]
pub fn quotients(over: &[f64], under: &[f64]) -> Vec<f64> {
    over.iter().zip(under).map(|(over, under)| over / under).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        let odd = Summary::of(&[3.0, 1.0, 2.0]);
        assert_eq!(odd, Some(Summary { median: 2.0, min: 1.0, max: 3.0 }));
        let even = Summary::of(&[4.0, 1.0, 2.0, 10.0]);
        assert_eq!(even, Some(Summary { median: 3.0, min: 1.0, max: 10.0 }));
        assert_eq!(Summary::of(&[7.0]), Some(Summary { median: 7.0, min: 7.0, max: 7.0 }));
        assert_eq!(Summary::of(&[]), None);
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<_> = (1..=200).collect();
        assert_eq!(percentile(&values, 50), Some(100));
        assert_eq!(percentile(&values, 99), Some(198));
        assert_eq!(percentile(&values, 100), Some(200));
        assert_eq!(percentile(&values, 0), Some(1));
        assert_eq!(percentile(&[5], 99), Some(5));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn quotients_are_of_one_round_each() {
        assert_eq!(quotients(&[8.0, 30.0], &[10.0, 20.0]), [0.8, 1.5]);
        // A round that was interrupted has no partner.
        assert_eq!(quotients(&[8.0, 30.0], &[10.0]), [0.8]);
    }
}
