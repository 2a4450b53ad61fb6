//! What the reports of a start, a stop and a shutdown tell a person.

use std::time::Duration;

use crate::fate::Kept;
use crate::text;

use super::view::{Phase, Started, Stopped};

/// How much of an error fits beside the rest; all of it is told when it counts.
const ERROR_WIDTH: usize = 60;

/// What runs now, and what was started for it.
pub(super) fn started(report: &Started) -> String {
    let took = seconds(report.took_seconds);
    let mut lines: Vec<_> = report.orchestrations.iter().map(|id| format!("{id} runs, started in {took}")).collect();
    lines.extend(table(&report.phases));
    printable(&lines.join("\n"))
}

/// What is gone, what became of its work, and what was shut down with it; `program` is what ends if nothing is named.
pub(super) fn stopped(report: &Stopped, program: &str) -> String {
    let (who, next) = match &report.orchestration {
        Some(id) => (id.as_str(), "its next start"),
        None => (program, "the next start"),
    };
    let mut line = format!("{who} stopped in {}", seconds(report.took_seconds));
    let unfinished = report.parked + report.interrupted;
    if unfinished > 0 {
        line.push_str(&format!("; {}", report.durability.fate_of(unfinished, next)));
    }
    if report.interrupted > 0 && report.parked > 0 {
        line.push_str(&format!(", {} of them in the middle of a step", report.interrupted));
    } else if report.interrupted > 0 {
        line.push_str(", in the middle of a step");
    }
    if report.quarantined > 0 {
        let kept = text::count(report.quarantined, "workflow");
        line.push_str(&format!("; {kept} in quarantine, see `{program} wf list`"));
    }
    let lines: Vec<_> = std::iter::once(line).chain(table(&report.phases)).collect();
    printable(&lines.join("\n"))
}

/// Why a stop was not in order, if it was not.
pub(super) fn disorder(report: &Stopped) -> Option<String> {
    if report.clean {
        return None;
    }
    let mut lines = vec!["the stop was not in order".to_owned()];
    let phases = report.phases.iter().filter(|phase| !report.failures.contains(phase));
    lines.extend(phases.chain(&report.failures).filter_map(|phase| {
        let Phase { kind, name, phase, took_seconds, error } = phase;
        let error = error.as_ref()?.join(": ");
        Some(format!("  the {kind} `{name}` failed in {phase} after {}: {error}", seconds(*took_seconds)))
    }));
    if report.interrupted > 0 {
        let count = text::count(report.interrupted, "workflow");
        lines.push(format!("  {count} interrupted in the middle of a step, which may run again"));
    }
    if let Kept::Doubtful(why) = &report.durability {
        lines.push(format!("  the store: {why}"));
    }
    Some(printable(&lines.join("\n")))
}

fn table(phases: &[Phase]) -> Option<String> {
    let rows: Vec<_> = phases.iter().map(cells).collect();
    (!rows.is_empty()).then(|| text::table(["KIND", "NAME", "PHASE", "TOOK", "ERROR"], &rows))
}

fn cells(phase: &Phase) -> [String; 5] {
    let error = phase.error.as_ref().map(|chain| text::one_line(&chain.join(": "), ERROR_WIDTH));
    let took = seconds(phase.took_seconds);
    [phase.kind.clone(), phase.name.clone(), phase.phase.clone(), took, error.unwrap_or_default()]
}

fn seconds(seconds: f64) -> String {
    text::duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

/// Errors come from anywhere and must not steer the terminal.
fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn report(changes: &Value) -> Stopped {
        let mut report = json!({
            "orchestration": "sitemap/auditor", "mode": "park", "took_seconds": 1.25, "parked": 0, "interrupted": 0,
            "phases": [], "durability": {"state": "intact"}, "clean": true,
        });
        report.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn a_start_says_what_runs_and_what_was_started_for_it() {
        let report = json!({
            "orchestrations": ["sitemap/auditor@eu", "sitemap/auditor@us"], "took_seconds": 0.0384,
            "phases": [
                {"kind": "resource", "name": "http", "phase": "create", "took_seconds": 0.001, "error": null},
                {"kind": "minion", "name": "auditor@eu", "phase": "startup", "took_seconds": 0.03, "error": null},
            ],
        });
        let expected = "sitemap/auditor@eu runs, started in 38 ms
sitemap/auditor@us runs, started in 38 ms
KIND      NAME        PHASE    TOOK   ERROR
resource  http        create   1 ms
minion    auditor@eu  startup  30 ms";
        assert_eq!(started(&serde_json::from_value(report).unwrap()), expected);
    }

    #[test]
    fn a_stop_in_order_is_one_line() {
        let clean = report(&json!({}));
        assert_eq!(stopped(&clean, "watch"), "sitemap/auditor stopped in 1.2 s");
        assert_eq!(disorder(&clean), None);
        let parked = report(&json!({"parked": 2}));
        let said = "sitemap/auditor stopped in 1.2 s; 2 workflows stored, to go on with its next start";
        assert_eq!(stopped(&parked, "watch"), said);
        let whole = report(&json!({"orchestration": null, "parked": 1, "quarantined": 1}));
        let said = "watch stopped in 1.2 s; 1 workflow stored, to go on with the next start; 1 workflow in quarantine, \
                    see `watch wf list`";
        assert_eq!(stopped(&whole, "watch"), said);
    }

    #[test]
    fn a_stop_that_is_not_in_order_says_everything_once() {
        let failed = json!({
            "kind": "resource", "name": "http", "phase": "shutdown", "took_seconds": 1.0,
            "error": ["cannot close\u{1b}", "no route"],
        });
        let report = report(&json!({
            "parked": 1, "interrupted": 2, "phases": [failed], "failures": [failed], "clean": false,
            "durability": {"state": "doubtful", "why": "disk full"},
        }));
        let expected = "the stop was not in order
  the resource `http` failed in shutdown after 1.0 s: cannot close : no route
  2 workflows interrupted in the middle of a step, which may run again
  the store: disk full";
        assert_eq!(disorder(&report).unwrap(), expected);
        let said = stopped(&report, "watch");
        let first = "sitemap/auditor stopped in 1.2 s; 3 workflows unfinished, of which the last steps may not be \
                     stored, 2 of them in the middle of a step";
        assert_eq!(said.lines().next(), Some(first));
        assert!(said.ends_with("1.0 s  cannot close : no route"), "{said}");
    }
}
