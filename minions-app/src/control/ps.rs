//! What `ps` shows a person.

use std::time::Duration;

use serde_json::Value;

use minions_core::reason::Wait;

use crate::text;

use super::paint::Paint;
use super::view::{Orchestration, Pipeline, Resource, Status};

/// How much of a cause is shown; all of it is in the log and in `--json`.
const CAUSE_WIDTH: usize = 300;

/// The state of a program whose directory is `state`, at the moment `now_ms`.
pub(super) fn ps(status: &Status, state: &str, now_ms: u64, paint: Paint) -> String {
    let clock = Clock { now_ms };
    let mut lines = vec![header(status, state, clock, paint)];
    let orchestrations = status.orchestrations.iter().map(|one| Line::of_orchestration(one, clock));
    section(&mut lines, "orchestrations", orchestrations.collect(), paint);
    let pipelines = status.pipelines.iter().map(|one| Line::of_pipeline(one, clock));
    section(&mut lines, "pipelines", pipelines.collect(), paint);
    let resources = status.resources.iter().map(|one| Line::of_resource(one, clock));
    section(&mut lines, "resources", resources.collect(), paint);
    lines.push(String::new());
    lines.extend(readiness(status, paint));
    lines.join("\n")
}

fn header(status: &Status, state: &str, clock: Clock, paint: Paint) -> String {
    let mark = match status.phase.as_str() {
        "running" if status.troubles.is_empty() => Mark::Good,
        "running" | "starting" | "stopping" => Mark::Changing,
        _ => Mark::Gone,
    };
    let since = text::local_time(i64::try_from(status.started_ms).unwrap_or(i64::MAX));
    format!(
        "{} {} {} since {since} ({}), process {}, state in {state}",
        mark.painted(paint),
        paint.bold(&status.program),
        status.phase,
        clock.since(status.started_ms),
        status.pid,
    )
}

fn readiness(status: &Status, paint: Paint) -> Vec<String> {
    if status.troubles.is_empty() {
        return vec![paint.green("ready")];
    }
    let troubles = status
        .troubles
        .iter()
        .map(|trouble| text::one_line(&format!("  {} {}: {}", trouble.kind, trouble.name, trouble.what), CAUSE_WIDTH));
    std::iter::once(paint.red("not ready:")).chain(troubles).collect()
}

/// One thing that lives, before it is aligned with its neighbours.
struct Line {
    mark: Mark,
    name: String,
    facts: Vec<String>,
    /// What it waits for, below.
    waits: Vec<String>,
    /// What is wrong with it, below that.
    wrong: Vec<String>,
}

fn section(lines: &mut Vec<String>, title: &str, section: Vec<Line>, paint: Paint) {
    if section.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push(paint.bold(title));
    let width = section.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    for Line { mark, name, facts, waits, wrong } in section {
        lines.push(format!("  {} {name:width$}  {}", mark.painted(paint), facts.join(", ")));
        lines.extend(waits.iter().map(|wait| format!("      {}", paint.yellow(&text::one_line(wait, CAUSE_WIDTH)))));
        lines.extend(wrong.iter().map(|wrong| format!("      {}", paint.red(&text::one_line(wrong, CAUSE_WIDTH)))));
    }
}

impl Line {
    fn of_orchestration(one: &Orchestration, clock: Clock) -> Self {
        let mut facts = vec![clock.state(&one.state, one.since_ms)];
        if is_up(&one.state) || one.in_flight > 0 {
            facts.push(match one.max_in_flight {
                u64::MAX => format!("{} in flight", one.in_flight),
                max => format!("{} of {max} in flight", one.in_flight),
            });
        }
        facts.extend(restarts(one.restarts));
        Self::new(&one.id, &one.state, facts, one.unhealthy.as_deref(), one.cause.as_deref())
    }

    fn of_pipeline(one: &Pipeline, clock: Clock) -> Self {
        let mut facts = vec![clock.state(&one.state, one.since_ms)];
        if !one.waits_for.is_empty() {
            let reasons: Vec<_> = one.waits_for.iter().filter_map(|wait| wait["reason"].as_str()).collect();
            facts.push(format!("waits ({})", text::some_of(&reasons, 3)));
        }
        facts.push(match one.last_event_ms {
            Some(last) => {
                format!("{} produced, the last {} ago", text::count(one.produced, "event"), clock.since(last))
            }
            None => "no event yet".to_owned(),
        });
        facts.extend(restarts(one.restarts));
        let failing = (one.failures > 0)
            .then(|| format!("failing: {} of next in a row did not succeed", text::count(one.failures, "call")));
        let mut line = Self::new(&one.id, &one.state, facts, failing.as_deref(), one.cause.as_deref());
        if !one.waits_for.is_empty() && line.mark == Mark::Good {
            line.mark = Mark::Changing;
        }
        line.waits = one.waits_for.iter().map(|wait| clock.wait(wait)).collect();
        line
    }

    fn of_resource(one: &Resource, clock: Clock) -> Self {
        let mut facts = vec![clock.state(&one.state, one.since_ms), format!("used by {}", one.used_by.len())];
        facts.extend(restarts(one.restarts));
        Self::new(&one.name, &one.state, facts, one.unhealthy.as_deref(), one.cause.as_deref())
    }

    fn new(name: &str, state: &str, facts: Vec<String>, unhealthy: Option<&str>, cause: Option<&str>) -> Self {
        let mark = match state {
            "running" if unhealthy.is_some() => Mark::Changing,
            "running" => Mark::Good,
            "restarting" => Mark::Again,
            "lost" => Mark::Bad,
            "stopped" | "ended" => Mark::Gone,
            _ => Mark::Changing,
        };
        let wrong = unhealthy.into_iter().chain(cause.filter(|cause| Some(*cause) != unhealthy));
        Self { mark, name: name.to_owned(), facts, waits: Vec::new(), wrong: wrong.map(str::to_owned).collect() }
    }
}

fn is_up(state: &str) -> bool {
    !matches!(state, "stopped" | "ended" | "lost")
}

fn restarts(restarts: u64) -> Option<String> {
    (restarts > 0).then(|| text::count(restarts, "restart"))
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Good,
    Changing,
    Again,
    Gone,
    Bad,
}

impl Mark {
    fn painted(self, paint: Paint) -> String {
        match self {
            Self::Good => paint.green("●"),
            Self::Changing => paint.yellow("●"),
            Self::Again => paint.yellow("↻"),
            Self::Gone => paint.dim("○"),
            Self::Bad => paint.red("×"),
        }
    }
}

#[derive(Clone, Copy)]
struct Clock {
    now_ms: u64,
}

impl Clock {
    fn since(self, ms: u64) -> String {
        text::duration(Duration::from_millis(self.now_ms.saturating_sub(ms)))
    }

    /// A reason, and for how long it holds.
    fn wait(self, wait: &Value) -> String {
        let Ok(Wait { reason, since_ms, .. }) = serde_json::from_value(wait.clone()) else {
            return wait["reason"].as_str().unwrap_or("a reason without a name").to_owned();
        };
        format!("{reason}, for {}", self.since(u64::try_from(since_ms).unwrap_or(0)))
    }

    /// A state that lasts, or one that is over.
    fn state(self, state: &str, since_ms: u64) -> String {
        let since = self.since(since_ms);
        if is_up(state) { format!("{state} for {since}") } else { format!("{state} {since} ago") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_700_000_100_000;

    fn status() -> serde_json::Value {
        json!({
            "program": "watch", "version": "1.0.0", "pid": 4242, "state_dir": "/s", "phase": "running",
            "started_ms": NOW - 7_500_000, "blocked": 0, "ready": false,
            "orchestrations": [
                {"id": "sitemap/auditor@eu", "pipeline": "sitemap", "minion": "auditor", "config": "eu",
                 "state": "running", "since_ms": NOW - 7_500_000, "in_flight": 3, "max_in_flight": 64, "restarts": 0,
                 "unhealthy": null, "cause": null},
                {"id": "sitemap/index", "pipeline": "sitemap", "minion": "index", "config": null,
                 "state": "lost", "since_ms": NOW - 5_000, "in_flight": 0, "max_in_flight": 64, "restarts": 5,
                 "unhealthy": null, "cause": "the minion `index` failed in run: a\nb\u{1b}[31m"},
                {"id": "tail/index", "pipeline": "tail", "minion": "index", "config": null,
                 "state": "stopped", "since_ms": NOW - 65_000, "in_flight": 0, "max_in_flight": 64, "restarts": 1,
                 "unhealthy": null, "cause": null},
            ],
            "pipelines": [
                {"id": "sitemap", "state": "running", "since_ms": NOW - 420, "subscribers": ["sitemap/auditor@eu"],
                 "paused": true, "waits_for": [
                    {"reason": "paused", "since_ms": NOW - 60_000},
                    {"reason": "in_flight", "orchestration": "sitemap/auditor@eu", "max": 64, "since_ms": NOW - 2_000},
                    {"reason": "full_moon", "since_ms": NOW},
                 ], "produced": 1, "last_event_ms": NOW - 2_400,
                 "failures": 4, "restarts": 0, "cause": "timed out"},
            ],
            "resources": [
                {"name": "http", "state": "running", "since_ms": NOW - 7_500_000,
                 "used_by": ["sitemap", "sitemap/auditor@eu"], "restarts": 1, "unhealthy": "no route", "cause": null},
                {"name": "db", "state": "restarting", "since_ms": NOW - 1_000, "used_by": [], "restarts": 2,
                 "unhealthy": null, "cause": "gone away"},
            ],
            "troubles": [{"kind": "resource", "name": "http", "what": "no route"}],
        })
    }

    fn shown(status: serde_json::Value, paint: Paint) -> String {
        ps(&serde_json::from_value(status).unwrap(), ".minions", NOW, paint)
    }

    #[test]
    fn it_reads_like_a_status() {
        let text = shown(status(), Paint::plain());
        let (header, rest) = text.split_once('\n').unwrap();
        let since = text::local_time((NOW - 7_500_000) as i64);
        assert_eq!(header, format!("● watch running since {since} (2 h 5 min), process 4242, state in .minions"));
        let expected = "
orchestrations
  ● sitemap/auditor@eu  running for 2 h 5 min, 3 of 64 in flight
  × sitemap/index       lost 5.0 s ago, 5 restarts
      the minion `index` failed in run: a b [31m
  ○ tail/index          stopped 1 min 5 s ago, 1 restart

pipelines
  ● sitemap  running for 420 ms, waits (paused, in_flight, full_moon), 1 event produced, the last 2.4 s ago
      paused by an operator, for 1 min 0 s
      `sitemap/auditor@eu` has 64 workflows awake, as many as it may, for 2.0 s
      full_moon
      failing: 4 calls of next in a row did not succeed
      timed out

resources
  ● http  running for 2 h 5 min, used by 2, 1 restart
      no route
  ↻ db    restarting for 1.0 s, used by 0, 2 restarts
      gone away

not ready:
  resource http: no route";
        assert_eq!(rest, expected);
    }

    #[test]
    fn a_program_that_is_well_is_short() {
        let mut status = status();
        for part in ["orchestrations", "pipelines", "resources", "troubles"] {
            status[part] = json!([]);
        }
        let text = shown(status, Paint::plain());
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), ["", "ready"]);
    }

    #[test]
    fn colours_are_around_marks_and_never_left_open() {
        let text = shown(status(), Paint::coloured());
        assert!(text.contains("\u{1b}[32m●\u{1b}[0m sitemap/auditor@eu"), "{text}");
        assert!(text.contains("\u{1b}[31m×\u{1b}[0m sitemap/index"), "{text}");
        let begun = text.matches("\u{1b}[").count();
        assert_eq!(begun, 2 * text.matches("\u{1b}[0m").count());
        assert!(!shown(self::status(), Paint::plain()).contains('\u{1b}'));
    }
}
