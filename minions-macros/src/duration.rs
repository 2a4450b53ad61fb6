//! Human durations and rates, converted and checked while the macro expands.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

/// Parses `"250ms"`, `"10s"`, `"5m"`, `"2h"` or `"1d"`; the error says what to write instead.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(format!(
            "`{text}` is not a duration; write a whole number and a unit, for example \"200ms\" or \"30s\""
        ));
    }
    let millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "" => {
            return Err(format!(
                "duration `{text}` lacks its unit; write \"{text}ms\", \"{text}s\", \"{text}m\", \"{text}h\" or \"{text}d\""
            ));
        }
        other if other.starts_with('.') => {
            return Err(format!(
                "duration `{text}` has a fraction; write it in a smaller unit, for example \"1500ms\" for 1.5 seconds"
            ));
        }
        other => {
            return Err(format!(
                "unknown unit `{other}` in duration `{text}`; the units are `ms`, `s`, `m`, `h` and `d`"
            ));
        }
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("duration `{text}` is too long"))
}

/// Like [`parse`], and refuses zero.
pub(crate) fn positive(text: &str) -> Result<Duration, String> {
    match parse(text)? {
        Duration::ZERO => Err(format!("duration `{}` is zero; write a longer one", text.trim())),
        duration => Ok(duration),
    }
}

/// Parses `"200ms..30s"`: the first pause and the longest one.
pub(crate) fn range(text: &str) -> Result<(Duration, Duration), String> {
    let Some((first, last)) = text.split_once("..") else {
        return Err(format!(
            "`{}` is not a range of durations; write the first pause and the longest one, for example \"200ms..30s\"",
            text.trim()
        ));
    };
    let (first, last) = (positive(first)?, positive(last)?);
    if first > last {
        return Err(format!("the range `{}` runs backwards; write the shorter duration first", text.trim()));
    }
    Ok((first, last))
}

/// Parses `"200ms..30s"`, or `"10s"` for pauses that are all of one length.
pub(crate) fn pauses(text: &str) -> Result<(Duration, Duration), String> {
    if text.contains("..") { range(text) } else { positive(text).map(|pause| (pause, pause)) }
}

/// Parses `"20/s"`: how many per second, minute or hour.
pub(crate) fn rate(text: &str) -> Result<(u32, Duration), String> {
    let text = text.trim();
    let wrong =
        || format!("`{text}` is not a rate; write a number per unit, for example \"20/s\", \"300/m\" or \"5000/h\"");
    let (number, unit) = text.split_once('/').ok_or_else(wrong)?;
    let per = match unit.trim() {
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3_600),
        _ => return Err(wrong()),
    };
    match number.trim().parse::<u32>() {
        Ok(0) => Err(format!("rate `{text}` lets nothing through; write at least \"1/h\"")),
        Ok(number) => Ok((number, per)),
        Err(_) => Err(wrong()),
    }
}

/// The duration as a constant expression.
pub(crate) fn tokens(duration: Duration) -> TokenStream {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_millis(#millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse(" 2 h "), Ok(Duration::from_secs(7_200)));
        assert_eq!(parse("2d"), Ok(Duration::from_secs(172_800)));
        assert!(parse("10").unwrap_err().contains("lacks its unit"));
        assert!(parse("10sec").unwrap_err().contains("unknown unit `sec`"));
        assert!(parse("1.5s").unwrap_err().contains("smaller unit"));
        assert!(parse("soon").unwrap_err().contains("not a duration"));
        assert!(parse("99999999999999999999h").unwrap_err().contains("too long"));
        assert!(positive("0s").unwrap_err().contains("zero"));
    }

    #[test]
    fn ranges() {
        assert_eq!(range("200ms..30s"), Ok((Duration::from_millis(200), Duration::from_secs(30))));
        assert!(range("30s..1s").unwrap_err().contains("backwards"));
        assert!(range("30s").unwrap_err().contains("not a range"));
        assert!(range("1s..").unwrap_err().contains("not a duration"));
        assert_eq!(pauses("1s..2s"), range("1s..2s"));
        assert_eq!(pauses("10s"), Ok((Duration::from_secs(10), Duration::from_secs(10))));
        assert!(pauses("0s").is_err() && pauses("2s..1s").is_err());
    }

    #[test]
    fn rates() {
        assert_eq!(rate("20/s"), Ok((20, Duration::from_secs(1))));
        assert!(rate("20").unwrap_err().contains("not a rate"));
        assert!(rate("20/day").unwrap_err().contains("not a rate"));
        assert!(rate("0/s").unwrap_err().contains("nothing"));
    }
}
