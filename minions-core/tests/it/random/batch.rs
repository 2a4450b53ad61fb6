//! Orders at once: their answers must be those of some order in which they came one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minions_core::gru::{ControlError, StartError, State, StopMode};

use super::model::{Model, ORCHESTRATIONS, PIPELINES, orchestration};
use super::program::Program;

#[derive(Clone, Copy, Debug)]
enum Order {
    Start(&'static str),
    Stop(&'static str, StopMode),
    Pause(&'static str),
    Resume(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Done,
    AlreadyRunning,
    /// A start that was taken back by a stop.
    Stopped,
    NotFound,
    /// None of those that may be.
    Wrong,
}

/// An order, its answer, and between which moments it was under way.
#[derive(Clone, Debug)]
struct Call {
    order: Order,
    answer: Answer,
    from: u64,
    to: u64,
}

pub(super) async fn run(program: &mut Program) {
    for _ in 0..3 {
        let orders: Vec<_> = (0..2 + program.dice.below(4)).map(|_| (order(program), program.dice.below(40))).collect();
        program.history.push(format!("at once {orders:?}"));
        let clock = Arc::new(AtomicU64::new(0));
        let calls: Vec<_> = orders
            .into_iter()
            .map(|(order, wait)| {
                let (control, clock) = (program.control.clone(), clock.clone());
                tokio::spawn(async move {
                    for _ in 0..wait {
                        tokio::task::yield_now().await;
                    }
                    let from = clock.fetch_add(1, Ordering::Relaxed);
                    let answer = give(&control, order).await;
                    Call { order, answer, from, to: clock.fetch_add(1, Ordering::Relaxed) }
                })
            })
            .collect();
        let calls = program.answer(futures_util::future::join_all(calls)).await;
        let calls: Vec<_> = calls.into_iter().map(|call| call.expect("no order panics")).collect();
        program.history.push(format!("  {calls:?}"));
        program.settle().await;
        let snapshot = program.control.snapshot();
        let fits = |model: &Model| model.compare(&snapshot).is_empty();
        let Some(model) = explain(&program.model, &calls, &fits) else {
            program.fail(&format!("no order explains these answers and {snapshot:?}"));
        };
        program.model = model;
        program.compare();
    }
}

fn order(program: &mut Program) -> Order {
    // Few of them, so that they meet.
    let id = program.dice.pick(&ORCHESTRATIONS[..4]).0;
    match program.dice.below(8) {
        0..=3 => Order::Start(id),
        4 | 5 => Order::Stop(id, program.mode()),
        6 => Order::Pause(program.dice.pick(&PIPELINES[..2])),
        _ => Order::Resume(program.dice.pick(&PIPELINES[..2])),
    }
}

async fn give(control: &minions_core::gru::Control, order: Order) -> Answer {
    let plain = |answer: Result<(), ControlError>| match answer {
        Ok(()) => Answer::Done,
        Err(ControlError::NotFound { .. }) => Answer::NotFound,
        Err(_) => Answer::Wrong,
    };
    match order {
        Order::Start(id) => match control.start(id).await {
            Ok(_) => Answer::Done,
            Err(StartError::Refused(ControlError::AlreadyRunning { .. })) => Answer::AlreadyRunning,
            Err(StartError::Refused(ControlError::Stopped { .. })) => Answer::Stopped,
            Err(_) => Answer::Wrong,
        },
        Order::Stop(id, mode) => plain(control.stop(id, mode).await.map(drop)),
        Order::Pause(id) => plain(control.pause(id)),
        Order::Resume(id) => plain(control.resume(id)),
    }
}

/// The model after an order of the calls that explains their answers and ends as it `fits`, if there is one.
fn explain(model: &Model, calls: &[Call], fits: &impl Fn(&Model) -> bool) -> Option<Model> {
    let world = Possible { model: model.clone(), taken_back: BTreeMap::new() };
    search(&world, calls, calls, fits)
}

/// One of the worlds that the calls so far may have led to.
#[derive(Clone)]
struct Possible {
    model: Model,
    /// Orchestrations whose start is still to be taken back, and how they were before.
    taken_back: BTreeMap<&'static str, Option<State>>,
}

fn search(world: &Possible, left: &[Call], all: &[Call], fits: &impl Fn(&Model) -> bool) -> Option<Model> {
    if left.is_empty() {
        return (world.taken_back.is_empty() && fits(&world.model)).then(|| world.model.clone());
    }
    (0..left.len()).find_map(|next| {
        let mut rest = left.to_vec();
        let call = rest.remove(next);
        let orders = |call: &Call| matches!(call.order, Order::Start(_) | Order::Stop(..));
        // A call that had ended before another began comes first. Pipelines can be paused as long as any instance of
        // theirs is there, also one on its way down, so those calls may come anywhere.
        if orders(&call) && rest.iter().any(|other| orders(other) && other.to < call.from) {
            return None;
        }
        follow(world, &call, all).into_iter().find_map(|world| search(&world, &rest, all, fits))
    })
}

/// The worlds after a call with that answer.
fn follow(world: &Possible, call: &Call, all: &[Call]) -> Vec<Possible> {
    let mut next = world.clone();
    let model = &mut next.model;
    let possible = match (call.order, call.answer) {
        (Order::Start(id), Answer::Done) if !model.is_running(id) => {
            model.start(id);
            true
        }
        (Order::Start(id), Answer::Stopped) if !model.is_running(id) => {
            next.taken_back.insert(id, model.states.get(id).copied());
            model.start(id);
            true
        }
        (Order::Start(id), Answer::AlreadyRunning) => model.is_running(id),
        (Order::Stop(id, _), Answer::Done) if model.is_running(id) => {
            let kept = model.paused.clone();
            model.end(id, State::Stopped);
            if let Some(before) = next.taken_back.remove(id) {
                match before {
                    Some(state) => drop(model.states.insert(id, state)),
                    None => drop(model.states.remove(id)),
                }
            }
            // Whoever comes while the pipeline goes keeps it, and that it is paused.
            let meets = |other: &Call| match other.order {
                Order::Start(other_id) => {
                    orchestration(other_id).1 == orchestration(id).1 && other.from < call.to && call.from < other.to
                }
                _ => false,
            };
            if kept != next.model.paused && all.iter().any(meets) {
                let mut other = next.clone();
                other.model.paused = kept;
                return vec![next, other];
            }
            true
        }
        (Order::Stop(id, _), Answer::NotFound) => !model.is_running(id),
        (Order::Pause(id), Answer::Done) if model.live().contains(&(id, None)) => {
            model.paused.insert(id);
            true
        }
        (Order::Resume(id), Answer::Done) if model.live().contains(&(id, None)) => {
            model.paused.remove(id);
            true
        }
        (Order::Pause(id) | Order::Resume(id), Answer::NotFound) => !model.live().contains(&(id, None)),
        _ => false,
    };
    if possible { vec![next] } else { Vec::new() }
}
