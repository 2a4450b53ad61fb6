//! All metrics of a program in one table: the runtime's and this crate's.

use std::fmt::Write as _;

use minions_core::telemetry::names::{MetricKind, TABLE};

use super::names::OWN;

/// One metric as the documentation lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Described {
    /// The name in a scrape.
    pub name: &'static str,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// The unit in words, plural; empty for plain counts.
    pub unit: &'static str,
    /// The labels that every series carries.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence.
    pub help: &'static str,
}

/// Every metric that a running program writes by itself, in the order of the documentation.
#[must_use]
pub fn reference() -> Vec<Described> {
    let runtime = TABLE.iter().map(|metric| Described {
        name: metric.name,
        kind: word(metric.kind),
        unit: match metric.unit {
            metrics::Unit::Count => "",
            unit => unit.as_str(),
        },
        labels: metric.labels,
        help: metric.help,
    });
    let ours = OWN.iter().map(|metric| Described {
        name: metric.name,
        kind: word(metric.kind),
        unit: metric.unit,
        labels: &[],
        help: metric.help,
    });
    runtime.chain(ours).collect()
}

fn word(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        _ => "histogram",
    }
}

/// The [`reference()`] as a Markdown table, for the book.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n");
    for Described { name, kind, unit, labels, help } in reference() {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {unit} | {} | {help} |", labels.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_none_carries_a_workflow() {
        let all = reference();
        for (at, metric) in all.iter().enumerate() {
            assert!(all[..at].iter().all(|other| other.name != metric.name), "{}", metric.name);
            assert!(!metric.labels.contains(&"workflow"), "{}", metric.name);
        }
    }

    #[test]
    fn markdown_has_a_row_for_each() {
        let text = markdown();
        assert_eq!(text.lines().count(), reference().len() + 2);
        assert!(text.contains(
            "| `minions_steps_started_total` | counter |  | `orchestration`, `minion`, `step` | Attempts at a step. |"
        ));
    }
}
