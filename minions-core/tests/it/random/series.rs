//! Orders one after the other: every answer and every consequence is known.

use std::collections::BTreeSet;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use tokio::time::sleep;

use minions_core::gru::{ControlError, Phase, StartError, StartReport, State};

use super::model::{ORCHESTRATIONS, PIPELINES, Part, orchestration, parts_of};
use super::program::Program;
use super::stage::{Break, Hook, Trouble};

pub(super) async fn run(program: &mut Program) {
    for _ in 0..8 {
        match program.dice.below(16) {
            0..=3 => start(program).await,
            4 => start_unreadable(program).await,
            5 | 6 => start_dropped(program).await,
            7 | 8 => stop(program).await,
            9 => pause(program),
            10 | 11 => push(program),
            12 => end_of_source(program),
            _ => breaks(program),
        }
        program.settle().await;
        follow_up(program);
        program.compare();
        program.compare_steps();
    }
}

type Armed = Option<(&'static str, Hook, Trouble)>;

/// Arms one component of `among`, or none.
fn arm(program: &mut Program, among: &[&'static str], hooks: &[Hook]) -> Armed {
    if among.is_empty() || program.dice.one_in(2) {
        return None;
    }
    let armed = (program.dice.pick(among), program.dice.pick(hooks), program.trouble());
    program.stage.arm(armed.0, armed.1, armed.2);
    Some(armed)
}

fn any_id(program: &mut Program) -> &'static str {
    program.dice.pick(ORCHESTRATIONS).0
}

/// The parts that a start of `id` brings up.
fn fresh(program: &Program, id: &str) -> BTreeSet<Part> {
    parts_of(id).difference(&program.model.live()).copied().collect()
}

async fn start(program: &mut Program) {
    let id = any_id(program);
    let names: Vec<_> = parts_of(id).into_iter().map(|(name, _)| name).collect();
    let armed = arm(program, &names, &[Hook::Create, Hook::Startup]);
    program.history.push(format!("start {id} with {armed:?}"));
    let control = program.control.clone();
    let answer = program.answer(control.start(id)).await;
    started(program, id, armed, answer);
    program.stage.disarm();
}

/// Compares the answer of a start, and lets the model follow.
fn started(program: &mut Program, id: &'static str, armed: Armed, answer: Result<StartReport, StartError>) {
    let fresh = fresh(program, id);
    if program.model.is_running(id) {
        match answer {
            Err(StartError::Refused(ControlError::AlreadyRunning { id: told })) if told == id => return,
            other => program.fail(&format!("it runs already, and the answer is {other:?}")),
        }
    }
    let hit = armed.filter(|(name, ..)| fresh.iter().any(|(fresh, _)| fresh == name));
    match (hit, answer) {
        (Some((name, hook, _)), Err(StartError::Component { failure, cleanup })) => {
            let phase = if hook == Hook::Create { Phase::Create } else { Phase::Startup };
            if failure.name.split('@').next() != Some(name) || failure.phase != phase || !cleanup.is_empty() {
                program.fail(&format!("it fails otherwise than expected: {failure}, {cleanup:?}"));
            }
        }
        (None, Ok(report)) => {
            let mut seen: Vec<_> = report.phases.iter().map(|phase| (phase.name.clone(), phase.phase as u8)).collect();
            let mut expected: Vec<_> = fresh
                .iter()
                .flat_map(|part| [(told(*part), Phase::Create as u8), (told(*part), Phase::Startup as u8)])
                .collect();
            seen.sort();
            expected.sort();
            if seen != expected || report.orchestrations != [id] {
                program.fail(&format!("the report is {report:?}, expected {expected:?}"));
            }
            program.model.start(id);
        }
        (hit, answer) => program.fail(&format!("{hit:?} is in its way, and the answer is {answer:?}")),
    }
}

/// What a part is called in reports.
fn told((name, orchestration): Part) -> String {
    let config = orchestration.and_then(|id| id.split_once('@')).map(|(_, config)| config);
    config.map_or_else(|| name.to_owned(), |config| format!("{name}@{config}"))
}

async fn start_unreadable(program: &mut Program) {
    let id = any_id(program);
    program.history.push(format!("start {id} while the store cannot be read"));
    program.store.fail();
    let control = program.control.clone();
    let answer = program.answer(control.start(id)).await;
    program.store.work();
    match answer {
        Err(StartError::Refused(ControlError::AlreadyRunning { .. })) if program.model.is_running(id) => {}
        Err(StartError::Store(_)) if !program.model.is_running(id) => {}
        other => program.fail(&format!("the answer is {other:?}")),
    }
}

async fn start_dropped(program: &mut Program) {
    let id = any_id(program);
    if program.waiting.contains_key(orchestration(id).1) {
        // Started for a moment, it may or may not have taken the event.
        return;
    }
    let names: Vec<_> = parts_of(id).into_iter().map(|(name, _)| name).collect();
    let armed = arm(program, &names, &[Hook::Create, Hook::Startup, Hook::Shutdown]);
    let polls = program.dice.below(60);
    program.history.push(format!("start {id} with {armed:?} and drop it after {polls} polls"));
    let control = program.control.clone();
    let mut start = Box::pin(control.start(id));
    let mut answer = None;
    for _ in 0..polls {
        if let Poll::Ready(ready) = poll!(&mut start) {
            answer = Some(ready);
            break;
        }
        if program.dice.one_in(20) {
            sleep(Duration::from_millis(program.dice.below(3_000))).await;
        } else {
            tokio::task::yield_now().await;
        }
    }
    drop(start);
    let answered = answer.is_some();
    if let Some(answer) = answer {
        let armed = armed.filter(|(_, hook, _)| *hook != Hook::Shutdown);
        started(program, id, armed, answer);
    }
    program.history.push(format!("  it was {}", if answered { "answered before" } else { "dropped" }));
}

async fn stop(program: &mut Program) {
    let (id, mode) = (any_id(program), program.mode());
    let names: Vec<_> = parts_of(id).into_iter().map(|(name, _)| name).collect();
    let armed = arm(program, &names, &[Hook::Shutdown]);
    program.history.push(format!("stop {id} {mode:?} with {armed:?}"));
    let control = program.control.clone();
    let answer = program.answer(control.stop(id, mode)).await;
    program.stage.disarm();
    if !program.model.is_running(id) {
        match answer {
            Err(ControlError::NotFound { .. }) => return,
            other => program.fail(&format!("it does not run, and the answer is {other:?}")),
        }
    }
    let before = program.model.live();
    program.model.end(id, State::Stopped);
    let gone: BTreeSet<_> = before.difference(&program.model.live()).copied().collect();
    let Ok(report) = answer else { program.fail(&format!("the answer is {answer:?}")) };
    let mut seen: Vec<_> = report.phases.iter().map(|phase| (phase.name.clone(), phase.error.is_some())).collect();
    let hit = |name: &str| armed.is_some_and(|(armed, ..)| armed == name);
    let mut expected: Vec<_> = gone.iter().map(|part| (told(*part), hit(part.0))).collect();
    seen.sort();
    expected.sort();
    if seen != expected || report.orchestration != id || report.mode != mode || report.interrupted + report.parked > 0 {
        program.fail(&format!("the report is {report:?}, expected {expected:?}"));
    }
}

fn pause(program: &mut Program) {
    let (pipeline, paused) = (program.dice.pick(PIPELINES), program.dice.one_in(2));
    program.history.push(format!("{} {pipeline}", if paused { "pause" } else { "resume" }));
    let control = program.control.clone();
    let answer = if paused { control.pause(pipeline) } else { control.resume(pipeline) };
    let lives = program.model.live().contains(&(pipeline, None));
    match answer {
        Ok(()) if lives && paused => drop(program.model.paused.insert(pipeline)),
        Ok(()) if lives => drop(program.model.paused.remove(pipeline)),
        Err(ControlError::NotFound { .. }) if !lives => {}
        other => program.fail(&format!("the answer is {other:?}")),
    }
}

fn push(program: &mut Program) {
    let pipeline = program.dice.pick(PIPELINES);
    program.history.push(format!("an event of {pipeline}"));
    program.push(pipeline);
}

fn end_of_source(program: &mut Program) {
    let pipeline = program.dice.pick(PIPELINES);
    // One that is paused is not asked, and so does not say that it has ended.
    if program.model.paused.contains(pipeline) || !program.stage.end(pipeline) {
        return;
    }
    program.history.push(format!("the source {pipeline} ends"));
    for id in program.model.above((pipeline, None)) {
        program.model.end(id, State::Ended);
    }
}

/// A component breaks, and perhaps another one gets into trouble while they are started again.
fn breaks(program: &mut Program) {
    // A source that is paused is not asked, and so does not break.
    let live: Vec<_> = program.model.live().into_iter().filter(|part| !program.model.paused.contains(part.0)).collect();
    if live.is_empty() {
        return;
    }
    let (name, how) = (program.dice.pick(&live).0, program.dice.pick(&[Break::Fails, Break::Panics, Break::Returns]));
    let broken: Vec<_> = live.iter().filter(|part| part.0 == name).copied().collect();
    // Who is started again with it, if nobody could mean two instances.
    let above: BTreeSet<_> = broken.iter().flat_map(|part| program.model.above(*part)).flat_map(parts_of).collect();
    let again = above.iter().filter(|part| {
        let alone = live.iter().filter(|other| other.0 == part.0).count() == 1;
        alone && broken.iter().any(|broken| broken == *part || lives_on(**part, *broken))
    });
    let again: Vec<_> = again.map(|part| part.0).collect();
    let armed = arm(program, &again, &[Hook::Create, Hook::Startup, Hook::Shutdown]);
    program.history.push(format!("{name} {how:?} with {armed:?}"));
    program.stage.breaks(name, how);
    for part in &broken {
        program.model.fails(*part);
    }
    let restarts = broken.iter().any(|part| program.model.live().contains(part));
    if let Some((name, hook, _)) = armed
        && hook != Hook::Shutdown
        && restarts
        && let Some(part) = program.model.live().into_iter().find(|part| part.0 == name)
    {
        program.model.fails(part);
    }
}

/// Whether the part needs the other one, through however many others.
fn lives_on(part: Part, other: Part) -> bool {
    let needs = super::model::NEEDS.iter().find(|(name, _)| *name == part.0).map_or(&[][..], |(_, needs)| needs);
    other.1.is_none() && needs.iter().any(|need| *need == other.0 || lives_on((need, None), other))
}

/// What was armed and not hit is of no use any more.
fn follow_up(program: &mut Program) {
    program.stage.disarm();
    program.stage.hits();
}
