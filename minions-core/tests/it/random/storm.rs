//! Orders, failures, hanging hooks and a store that fails, all at once: afterwards everything must agree.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use minions_core::store::{Filter, StateStore};

use super::model::{NEEDS, ORCHESTRATIONS, PIPELINES};
use super::program::Program;
use super::stage::{Break, Hook};

pub(super) async fn run(program: &mut Program) {
    for _ in 0..2 {
        let clients: Vec<_> = (0..6 + program.dice.below(10)).map(|_| client(program)).collect();
        let ended = program.answer(futures_util::future::join_all(clients)).await;
        if ended.iter().any(Result::is_err) {
            program.fail("an order panics");
        }
        program.store.work();
        program.stage.disarm();
        program.settle().await;
        program.settle().await;
        program.stage.hits();
        program.stage.steps();
        program.model = program.model.of(&program.control.snapshot());
        program.compare();
        let stored = program.store.inner().scan(Filter::all(), usize::MAX).await.expect("memory can be read");
        if let Some(row) = stored.iter().find(|row| program.model.is_running(&row.orchestration)) {
            program.fail(&format!("an orchestration runs, and its workflow does not: {row:?}"));
        }
    }
}

/// Somebody who does one thing at some moment.
fn client(program: &mut Program) -> tokio::task::JoinHandle<()> {
    let after = Duration::from_millis(program.dice.below(4_000));
    let dice = &mut program.dice;
    let id = dice.pick(ORCHESTRATIONS).0;
    let pipeline = dice.pick(PIPELINES);
    let (component, patience) = (dice.pick(NEEDS).0, Duration::from_millis(dice.below(8_000)));
    let hook = dice.pick(&[Hook::Create, Hook::Startup, Hook::Shutdown]);
    let how = dice.pick(&[Break::Fails, Break::Panics, Break::Returns]);
    let (what, event) = (dice.below(24), dice.below(1_000));
    let (trouble, mode) = (program.trouble(), program.mode());
    let (control, stage, store) = (program.control.clone(), program.stage.clone(), program.store.clone());
    let line = match what {
        0..=5 => format!("start {id}"),
        6 | 7 => format!("start {id} for {patience:?}"),
        8..=10 => format!("stop {id} {mode:?}"),
        11 => format!("pause {pipeline}"),
        12 => format!("resume {pipeline}"),
        13 | 14 => format!("{component} {how:?}"),
        15 | 16 => format!("arm {component} {hook:?} {trouble:?}"),
        17 => "the store fails".to_owned(),
        18 => "the store works".to_owned(),
        _ => format!("event {event} of {pipeline}"),
    };
    program.history.push(format!("after {after:?}: {line}"));
    tokio::spawn(async move {
        sleep(after).await;
        match what {
            0..=5 => drop(control.start(id).await),
            6 | 7 => drop(timeout(patience, control.start(id)).await),
            8..=10 => drop(control.stop(id, mode).await),
            11 => drop(control.pause(pipeline)),
            12 => drop(control.resume(pipeline)),
            13 | 14 => drop(stage.breaks(component, how)),
            15 | 16 => stage.arm(component, hook, trouble),
            17 => store.fail(),
            18 => store.work(),
            _ => stage.push(pipeline, event),
        }
    })
}
