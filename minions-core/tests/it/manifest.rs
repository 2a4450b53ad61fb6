//! Resolving: everything that is wrong, in one report, before anything starts.

use std::time::Duration;

use serde::Deserialize;

use minions_core::component::{Assembly, Component, Dep, Inject, Need};
use minions_core::config::{Config, Problem, Settings, SettingsFiles, Table};
use minions_core::gru::{StartError, StartRequest};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::resource::Resource;
use minions_core::supervise::RestartPolicy;
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

/// Two files of overlays, and perhaps a third that is no configuration.
struct TwoFiles(Vec<Problem>);

impl SettingsFiles for TwoFiles {
    fn load(&self, pattern: &str) -> (Vec<(String, Table)>, Vec<Problem>) {
        assert_eq!(pattern, "config/*.toml");
        let table = |json| Settings::from_json(json).unwrap().table().clone();
        let files = vec![
            ("eu".into(), table(serde_json::json!({"cautious": {"most": 1, "name": "eu"}}))),
            ("us".into(), table(serde_json::json!({"cautious": {"most": 2}, "base": {}}))),
        ];
        (files, self.0.clone())
    }
}

/// A file of which nothing can be read.
struct NoFile;

impl SettingsFiles for NoFile {
    fn load(&self, _pattern: &str) -> (Vec<(String, Table)>, Vec<Problem>) {
        (Vec::new(), vec![Problem::new("eu.toml is no TOML")])
    }
}

#[test]
fn one_minion_runs_once_for_each_file_and_each_overlay_is_judged() {
    let events = jobs([]);
    let check = |json, wrong| {
        Gru::builder()
            .orchestrate_with::<Feed, Cautious>(|options| options.config("config/*.toml"))
            .provide(events.source())
            .settings_files(TwoFiles(wrong))
            .settings(settings(json))
            .check()
    };
    let report = check(serde_json::json!({}), Vec::new()).unwrap_err().to_string();
    assert!(report.contains("[cautious] name: missing") && report.contains("base"), "{report}");
    assert!(report.starts_with("2 problems"), "{report}");
    // A third file that is wrong does not hide what is wrong with the others.
    let report = check(serde_json::json!({}), vec![Problem::new("asia.toml is no TOML")]).unwrap_err().to_string();
    assert!(report.contains("[cautious] name: missing") && report.contains("asia.toml is no TOML"), "{report}");
    assert!(report.starts_with("3 problems"), "{report}");
}

#[test]
fn the_section_of_a_minion_whose_file_is_wrong_is_no_stranger() {
    let events = jobs([]);
    let report = Gru::builder()
        .orchestrate_with::<Feed, Cautious>(|options| options.config("config/*.toml"))
        .provide(events.source())
        .settings_files(NoFile)
        .settings(settings(serde_json::json!({"cautious": {"most": 1}, "cauteous": {}})))
        .check()
        .unwrap_err()
        .to_string();
    assert!(report.contains("eu.toml is no TOML") && report.contains("unknown section `[cauteous]`"), "{report}");
    assert!(report.starts_with("2 problems"), "{report}");
}

#[test]
fn a_component_knows_its_needs_in_order() {
    let entry = minions_core::component::Entry::resource::<Audit>();
    assert_eq!(entry.needs.len(), 1);
    assert!(entry.needs[0].type_name().ends_with("::Billing"));
    let _: fn(&Assembly) -> Result<Dep<Audit>> = Dep::inject;
}

/// Needs nothing, and is needed by [`Tidy`] only.
struct Book;

impl Component for Book {
    const NAME: &'static str = "ledger";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Resource for Book {}

/// Minions that differ in what they declare.
macro_rules! declares {
    ($($type:ident { $($declared:item)* })*) => {$(
        struct $type;

        impl Component for $type {
            $($declared)*

            fn assemble(_: &Assembly) -> Result<Self> {
                Ok(Self)
            }
        }

        impl Minion for $type {
            type Event = Job;
            type Context = ();
            const STEPS: &'static [StepInfo] = &[StepInfo::new("only")];

            async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
                Ok(Flow::Continue)
            }
        }
    )*};
}

declares! {
    Tidy {
        const NAME: &'static str = "tidy";
        const FIELDS: &'static [Need] = &[Dep::<Book>::NEED];
    }
    Taken {
        const NAME: &'static str = "ledger";
    }
    Shaky {
        const NAME: &'static str = "shaky";
        const RESTART: Option<RestartPolicy> = Some(RestartPolicy::on_failure().jitter(2.0).multiplier(0.0));
    }
    Billed {
        const NAME: &'static str = "billed";
        const ID: &'static str = "v1";
    }
    Charged {
        const NAME: &'static str = "charged";
        const ID: &'static str = "v1";
    }
    V1 {
        const NAME: &'static str = "v1";
    }
}

#[test]
fn l1_every_policy_is_judged_in_the_one_report() {
    let (second, events) = (Duration::from_secs(1), jobs([]));
    let builder = Gru::builder()
        .orchestrate::<Feed, Shaky>()
        .orchestrate_with::<Feed, Shaky>(|options| options.id("again"))
        .orchestrate::<Feed, Worker>()
        .provide(events.source())
        .restart(RestartPolicy::always().reset(Duration::ZERO))
        .restart_of("worker", RestartPolicy::never().backoff(2 * second, second))
        .restart_of("wroker", RestartPolicy::never().backoff(Duration::ZERO, second));
    let report = builder.check().unwrap_err().to_string();
    for line in [
        "the restart policy of the program is wrong: reset is 0",
        "the restart policy of the minion `shaky` is wrong: multiplier is 0;",
        "the restart policy of the minion `shaky` is wrong: jitter is 2;",
        "the restart policy that `restart_of` gives to `worker` is wrong: max_delay is 1s, less than first_delay, which is 2s",
        "there is no component `wroker` that could be started again; did you mean `worker`?",
        "the restart policy that `restart_of` gives to `wroker` is wrong: first_delay is 0",
        // Nobody provides the worker's script.
        "which nobody provides",
    ] {
        assert_eq!(report.matches(line).count(), 1, "{line:?} in:\n{report}");
    }
    assert!(report.starts_with("7 problems"), "{report}");
}

#[test]
fn s8_two_types_never_share_an_id() {
    let check = |builder: minions_core::GruBuilder| builder.provide(jobs([]).source()).check();
    let both = Gru::builder().orchestrate::<Feed, Billed>();
    // Under another configuration even their orchestrations would have different ids.
    let both = both.orchestrate_with::<Feed, Charged>(|options| options.id("other"));
    let report = check(both).unwrap_err().to_string();
    assert!(report.starts_with("1 problem") && report.contains("::Billed` and `"), "{report}");
    assert!(
        report.contains("::Charged` both have the id `v1`, so their stored work could not be told apart"),
        "{report}"
    );
    assert!(report.contains("`id = \"..\"`"), "{report}");

    // An id that nobody declares is the name.
    let derived = Gru::builder().orchestrate::<Feed, V1>();
    let derived = derived.orchestrate_with::<Feed, Billed>(|options| options.id("other"));
    let report = check(derived).unwrap_err().to_string();
    assert!(report.contains("::V1` and `") && report.contains("::Billed` both have the id `v1`"), "{report}");

    // One type in several orchestrations is no conflict, and the declared id is the one of its orchestrations.
    let one = Gru::builder().orchestrate::<Feed, Billed>();
    let manifest = check(one.orchestrate_with::<Feed, Billed>(|options| options.id("other"))).unwrap();
    assert_eq!(manifest.orchestrations[0].id, "source/v1");
}

#[tokio::test]
async fn s8_l1_what_is_started_later_is_judged_against_the_whole_program() {
    let events = jobs([]);
    let program = Gru::builder().orchestrate::<Feed, Billed>().provide(events.source());
    // Declared, and with it the resource it needs, but not started.
    let gru = program.orchestrate_with::<Feed, Tidy>(|options| options.start(false)).start().await.unwrap();
    let before = gru.control().snapshot();
    for (request, says) in [
        (StartRequest::of::<Feed, Charged>(), "both have the id `v1`"),
        (StartRequest::of::<Feed, Taken>(), "are both named `ledger`"),
        (StartRequest::of::<Feed, Shaky>(), "the restart policy of the minion `shaky` is wrong: jitter is 2;"),
    ] {
        let Err(StartError::Manifest(report)) = gru.control().start(request).await else { panic!("no {says}") };
        assert!(report.to_string().contains(says), "no {says:?} in:\n{report}");
    }
    assert_eq!(gru.control().snapshot().orchestrations.len(), before.orchestrations.len());
    gru.shutdown().await;
}
