//! Resolving: everything that is wrong, in one report, before anything starts.

use serde::Deserialize;

use minions_core::component::{Assembly, Component, Dep, Inject, Need};
use minions_core::config::{Config, Problem, Settings, SettingsFiles, Table};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::resource::Resource;
use minions_core::workflow::Workflow;
use minions_core::{Gru, Result};

use crate::support::{Feed, Job, Script, Worker, jobs, program};

#[derive(Deserialize)]
#[expect(dead_code, reason = "only their decoding matters")]
struct Limits {
    most: u32,
    name: String,
}

struct Cautious;

impl Component for Cautious {
    const NAME: &'static str = "cautious";
    const FIELDS: &'static [Need] = &[Config::<Limits>::NEED];

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Minion for Cautious {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("only")];

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

macro_rules! ring {
    ($($type:ident, $name:literal, $need:ident;)*) => {$(
        struct $type;

        impl Component for $type {
            const NAME: &'static str = $name;
            const FIELDS: &'static [Need] = &[Dep::<$need>::NEED];

            fn assemble(_: &Assembly) -> Result<Self> {
                Ok(Self)
            }
        }

        impl Resource for $type {}
    )*};
}
ring! { Audit, "audit", Billing; Billing, "billing", Ledger; Ledger, "ledger", Audit; }

struct Accountant;

impl Component for Accountant {
    const NAME: &'static str = "audit";
    const FIELDS: &'static [Need] = &[Dep::<Billing>::NEED];

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Minion for Accountant {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("only")];

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

fn settings(json: serde_json::Value) -> Settings {
    Settings::from_json(json).unwrap()
}

#[test]
fn every_problem_is_in_one_report() {
    let events = jobs([]);
    let builder = Gru::builder()
        .orchestrate::<Feed, Cautious>()
        .orchestrate::<Feed, Accountant>()
        .orchestrate::<Feed, Worker>()
        .orchestrate::<Feed, Worker>()
        .provide(events.source())
        .settings(settings(serde_json::json!({"cautious": {"most": "many"}, "cautios": {}})));
    let report = builder.check().unwrap_err().to_string();
    for line in [
        "dependency cycle: `billing` -> `ledger` -> `audit` -> `billing`",
        "are both named `audit`",
        "the orchestration `source/worker` is declared twice",
        "which nobody provides; call `provide(value)` on the builder",
        "[cautious] most: expected",
        "[cautious] name: missing",
        "did you mean `cautious`?",
    ] {
        assert!(report.contains(line), "no {line:?} in:\n{report}");
    }
}

#[test]
fn an_empty_program_and_an_impossible_cap_are_refused() {
    assert!(Gru::builder().check().unwrap_err().to_string().contains("has no orchestration"));
    let builder = program(&jobs([]), Script::plain()).max_in_flight(0);
    assert!(builder.check().unwrap_err().to_string().contains("it is at least 1"));
}

#[test]
fn a_right_program_is_described_without_being_started() {
    let manifest = program(&jobs([]), Script::plain()).check().unwrap();
    assert_eq!((&*manifest.orchestrations[0].id, manifest.orchestrations[0].max_in_flight), ("source/worker", 1024));
    let worker = manifest.component("worker").unwrap();
    assert_eq!(worker.steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["first", "second", "third"]);
    assert!(worker.event.unwrap().ends_with("::Job") && worker.context.unwrap().ends_with("::Trail"));
}

/// Two files of overlays.
struct TwoFiles;

impl SettingsFiles for TwoFiles {
    fn load(&self, pattern: &str) -> Result<Vec<(String, Table)>, Vec<Problem>> {
        assert_eq!(pattern, "config/*.toml");
        let table = |json| Settings::from_json(json).unwrap().table().clone();
        Ok(vec![
            ("eu".into(), table(serde_json::json!({"cautious": {"most": 1, "name": "eu"}}))),
            ("us".into(), table(serde_json::json!({"cautious": {"most": 2}, "base": {}}))),
        ])
    }
}

#[test]
fn one_minion_runs_once_for_each_file_and_each_overlay_is_judged() {
    let events = jobs([]);
    let with_name = |json| {
        Gru::builder()
            .orchestrate_with::<Feed, Cautious>(|options| options.config("config/*.toml"))
            .provide(events.source())
            .settings_files(TwoFiles)
            .settings(settings(json))
            .check()
    };
    let report = with_name(serde_json::json!({})).unwrap_err().to_string();
    assert!(report.contains("[cautious] name: missing") && report.contains("base"), "{report}");
    assert!(report.starts_with("2 problems"), "{report}");
}

#[test]
fn a_component_knows_its_needs_in_order() {
    let entry = minions_core::component::Entry::resource::<Audit>();
    assert_eq!(entry.needs.len(), 1);
    assert!(entry.needs[0].type_name().ends_with("::Billing"));
    let _: fn(&Assembly) -> Result<Dep<Audit>> = Dep::inject;
}
