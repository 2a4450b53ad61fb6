//! What is measured, in which order, and what is divided by what.

use minions::sqlite::Durability;

use crate::ceiling::Synchronous;
use crate::measure::durable::Load;
use crate::measure::{Bench, ceiling, durable, memory, resume, spawn, start, stored, tracked};
use crate::program::{FanOut, Long, Single, Tens};
use crate::sample::Measured;

/// One measurement, which is taken once in each round. Its figures are called like it, or begin with its name and `_`.
pub struct Measurement {
    pub name: &'static str,
    pub place: Place,
    run: Box<Run>,
}

/// What is done under which name.
type Run = dyn Fn(&Bench, &str) -> Measured;

/// Where a measurement is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this process, with metrics and logs on.
    Here,
    /// In a process of its own, because it is about a process.
    Own,
    /// In a process of its own without metrics and logs, which a process cannot take back.
    Silent,
}

impl Measurement {
    pub fn run(&self, bench: &Bench) -> Measured {
        (self.run)(bench, self.name)
    }

    /// Whether a figure, which is no ratio, comes from it.
    pub fn gives(&self, figure: &str) -> bool {
        let is_ratio = RATIOS.iter().any(|ratio| ratio.name == figure);
        !is_ratio && figure.strip_prefix(self.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    }
}

/// One figure divided by another of the same round.
#[derive(Debug)]
pub struct Ratio {
    pub name: &'static str,
    pub over: &'static str,
    pub under: &'static str,
}

/// What a figure should come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

pub const RATIOS: &[Ratio] = &[
    ratio("durable_vs_ceiling_1", "durable_1", "ceiling_1"),
    ratio("durable_vs_ceiling_64", "durable_64", "ceiling_64"),
    ratio("durable_vs_ceiling_1024", "durable_1024", "ceiling_1024"),
    ratio("durable_vs_ceiling_10000", "durable_10000", "ceiling_10000"),
    ratio("latency_vs_ceiling_1", "durable_1_p50", "ceiling_1_p50"),
    ratio("process_vs_ceiling_1024", "process_1024", "ceiling_process"),
    ratio("long_vs_ceiling_1024", "long_1024", "ceiling_long"),
    ratio("nostore_vs_spawn", "nostore_1024", "spawn"),
    ratio("fanout_vs_single", "fanout_1024", "durable_1024"),
    ratio("tens_vs_single", "tens_1024", "durable_1024"),
    ratio("stored_1e5_vs_1e4", "stored_1e5", "stored_1e4"),
    ratio("stored_1e6_vs_1e4", "stored_1e6", "stored_1e4"),
    ratio("telemetry_on_vs_off", "telemetry_on", "telemetry_off"),
];

const fn ratio(name: &'static str, over: &'static str, under: &'static str) -> Ratio {
    Ratio { name, over, under }
}

/// What is asked of the figures.
pub const GOALS: &[(&str, Goal)] = &[
    ("durable_vs_ceiling_1024", Goal::AtLeast(0.8)),
    ("durable_vs_ceiling_64", Goal::AtLeast(0.8)),
    ("latency_vs_ceiling_1", Goal::AtMost(1.3)),
    ("nostore_vs_spawn", Goal::AtLeast(0.35)),
    ("fanout_vs_single", Goal::AtLeast(0.95)),
    ("stored_1e6_vs_1e4", Goal::AtLeast(0.7)),
    ("bytes_per_inflight_store", Goal::AtMost(1536.0)),
    ("bytes_per_inflight_nostore", Goal::AtMost(1024.0)),
    ("bytes_per_sleeping", Goal::AtMost(64.0)),
    ("tracked_call_ns", Goal::AtMost(150.0)),
    ("telemetry_on_vs_off", Goal::AtLeast(0.93)),
];

/// The context of the ceiling, as long as the program's are in the store.
const SHORT: usize = 200;
const LONG: usize = 10_040;

/// All measurements; what is compared stands together.
pub fn measurements() -> Vec<Measurement> {
    let bare = |in_flight, synchronous, context| {
        move |bench: &Bench, name: &str| ceiling::measure(bench, name, in_flight, synchronous, context)
    };
    let full = |in_flight| bare(in_flight, Synchronous::Full, SHORT);
    let load = |load: Load| move |bench: &Bench, name: &str| durable::measure(bench, name, load);
    let single = |in_flight| load(Load::single(in_flight));
    let thousand = Load::single(1024);
    let asleep = |count| move |bench: &Bench, name: &str| stored::measure(bench, name, count);
    let held = |durability| move |bench: &Bench, name: &str| memory::in_flight(bench, name, durability);
    vec![
        here("ceiling_1", full(1)),
        here("durable_1", single(1)),
        here("ceiling_64", full(64)),
        here("durable_64", single(64)),
        here("ceiling_1024", full(1024)),
        here("durable_1024", single(1024)),
        here("fanout_1024", load(Load { program: FanOut::builder, orchestrations: 10, fan_out: 10, ..thousand })),
        here("tens_1024", load(Load { program: Tens::builder, orchestrations: 10, ..thousand })),
        here("ceiling_10000", full(10_000)),
        here("durable_10000", single(10_000)),
        here("ceiling_process", bare(1024, Synchronous::Normal, SHORT)),
        here("process_1024", load(Load { durability: Some(Durability::Process), ..thousand })),
        here("ceiling_long", bare(1024, Synchronous::Full, LONG)),
        here("long_1024", load(Load { program: Long::builder, ..thousand })),
        here("spawn", spawn::measure),
        here("nostore_1024", load(Load { durability: None, program: Single::builder, ..thousand })),
        here("stored_1e4", asleep(10_000)),
        here("stored_1e5", asleep(100_000)),
        here("stored_1e6", asleep(1_000_000)),
        own("telemetry_on", single(1024)),
        Measurement { place: Place::Silent, ..own("telemetry_off", single(1024)) },
        here("tracked_call_ns", tracked::measure),
        here("resume", resume::measure),
        own("cold_start", start::measure),
        own("bytes_per_inflight_store", held(Some(Durability::Power))),
        own("bytes_per_inflight_nostore", held(None)),
        own("bytes_per_sleeping", memory::sleeping),
    ]
}

fn here(name: &'static str, run: impl Fn(&Bench, &str) -> Measured + 'static) -> Measurement {
    Measurement { name, place: Place::Here, run: Box::new(run) }
}

fn own(name: &'static str, run: impl Fn(&Bench, &str) -> Measured + 'static) -> Measurement {
    Measurement { name, place: Place::Own, run: Box::new(run) }
}

/// Those that the named figures need; all if none is named.
///
/// # Errors
///
/// A name that no figure has.
pub fn select(all: Vec<Measurement>, names: &[String]) -> Result<Vec<Measurement>, String> {
    if names.is_empty() {
        return Ok(all);
    }
    let mut wanted: Vec<&str> = Vec::new();
    for name in names {
        match RATIOS.iter().find(|ratio| ratio.name == name) {
            Some(ratio) => wanted.extend([ratio.over, ratio.under]),
            None if all.iter().any(|measurement| measurement.gives(name)) => wanted.push(name),
            None => {
                let known: Vec<_> = all.iter().map(|it| it.name).chain(RATIOS.iter().map(|it| it.name)).collect();
                return Err(format!("no figure is called `{name}`; there are {}", known.join(", ")));
            }
        }
    }
    Ok(all.into_iter().filter(|measurement| wanted.iter().any(|figure| measurement.gives(figure))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(selected: &[Measurement]) -> Vec<&str> {
        selected.iter().map(|measurement| measurement.name).collect()
    }

    #[test]
    fn each_figure_of_a_ratio_and_each_goal_has_one_source() {
        let all = measurements();
        for figure in RATIOS.iter().flat_map(|ratio| [ratio.over, ratio.under]) {
            assert_eq!(all.iter().filter(|measurement| measurement.gives(figure)).count(), 1, "{figure}");
        }
        for (goal, _) in GOALS {
            let ratio = RATIOS.iter().any(|ratio| ratio.name == *goal);
            assert!(ratio != all.iter().any(|measurement| measurement.gives(goal)), "{goal}");
        }
    }

    #[test]
    fn no_measurement_gives_what_another_one_is_called() {
        let all = measurements();
        for one in &all {
            assert_eq!(all.iter().filter(|other| other.gives(one.name)).count(), 1, "{}", one.name);
        }
    }

    #[test]
    fn a_ratio_selects_what_it_divides() {
        let selected = select(measurements(), &["latency_vs_ceiling_1".to_owned()]).unwrap();
        assert_eq!(names(&selected), ["ceiling_1", "durable_1"]);
        let selected = select(measurements(), &["resume_start".to_owned()]).unwrap();
        assert_eq!(names(&selected), ["resume"]);
        assert_eq!(select(measurements(), &[]).unwrap().len(), measurements().len());
        let unknown = select(measurements(), &["durable_7".to_owned()]).err().unwrap();
        assert!(unknown.contains("`durable_7`") && unknown.contains("durable_64"), "{unknown}");
    }

    #[test]
    fn goals_are_met_at_their_bound() {
        assert!(Goal::AtLeast(0.8).is_met_by(0.8) && !Goal::AtLeast(0.8).is_met_by(0.79));
        assert!(Goal::AtMost(1.3).is_met_by(1.3) && !Goal::AtMost(1.3).is_met_by(1.31));
    }
}
