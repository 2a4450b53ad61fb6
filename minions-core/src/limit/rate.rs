//! How many calls in a time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of calls per time, such as `20/s`, `300/m` or `5000/h`.
///
/// The calls are spread evenly: at `20/s` one each 50 ms, unless a limit allows for a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    per: Duration,
}

impl Rate {
    /// So many calls per `per`.
    #[must_use]
    pub const fn new(count: u32, per: Duration) -> Self {
        Self { count, per }
    }

    /// So many calls per second.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self::new(count, Duration::from_secs(1))
    }

    /// Whether it lets anything through, and not everything.
    pub(super) fn is_sound(self) -> bool {
        self.count > 0 && !self.per.is_zero()
    }

    /// The time between two calls in nanoseconds, rounded up: never more calls than asked for.
    pub(super) fn interval(self) -> u64 {
        let nanos = self.per.as_nanos().div_ceil(u128::from(self.count.max(1)));
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

const UNITS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3_600)];

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, seconds)| self.per == Duration::from_secs(*seconds)) {
            Some((unit, _)) => write!(f, "{}/{unit}", self.count),
            None => write!(f, "{} per {:?}", self.count, self.per),
        }
    }
}

/// Reads `20/s`, `300/m` and `5000/h`; the error says what to write.
impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a rate; write a number per unit, such as `20/s`, `300/m` or `5000/h`");
        let (count, unit) = text.trim().split_once('/').ok_or_else(wrong)?;
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
        match count.trim().parse() {
            Ok(0) => Err(format!("the rate `{text}` lets nothing through; write at least `1/h`")),
            Ok(count) => Ok(Self::new(count, Duration::from_secs(*seconds))),
            Err(_) => Err(wrong()),
        }
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl serde::de::Visitor<'_> for Text {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as \"20/s\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Rate, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_written() {
        for text in ["20/s", "300/m", "5000/h"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        assert_eq!(" 3 / s ".parse(), Ok(Rate::per_second(3)));
        assert!("20".parse::<Rate>().unwrap_err().contains("not a rate"));
        assert!("20/day".parse::<Rate>().unwrap_err().contains("not a rate"));
        assert!("0/s".parse::<Rate>().unwrap_err().contains("lets nothing through"));
        assert_eq!(Rate::per_second(3).interval(), 333_333_334);
    }
}
