//! The state machine of the lifecycle, `minions-core/src/gru/graph.rs`, under a model checker.
//!
//! Operators add orchestrations over shared components, take them back, break components and hold them, all at once;
//! every action of the graph is carried out by a thread of its own, which reports back under one lock as the runtime does.
//! After every transition the [`World`] compares the graph with what it was told and what it asked for, and
//! once nothing moves any more, with what should be up.
//!
//! ```console
//! $ cargo test -p minions-model                                        # some seconds
//! $ MINIONS_MODEL_ITERATIONS=1000000 cargo test -p minions-model       # for a night
//! $ MINIONS_MODEL_REPLAY=9102… cargo test -p minions-model -- diamonds # the schedule that a failure has printed
//! ```
//!
//! That the model sees something was shown by breaking the
//! graph: each of these changes fails at least one scenario.
//!
//! - `may_start` asks whether the needs are in state `Up` and not whether they [stay](graph::Graph::is_up) up.
//! - `users_are_down` is true when no user is `Up`, although one is stopping.
//! - `started` does not touch its users, so that the last of them never wakes up.
//! - `down` does not touch the needs, so that what is shared never stops.
//! - `down` forgets to reset `sinking`.
//! - `sink` marks the node and not those above it.
//! - `release` does not touch the node.
//! - `remove` leaves itself among the users of what it needed.
//! - a start that is to be let go gets no `Cancel`.

mod executor;
#[path = "../../minions-core/src/gru/graph.rs"]
#[expect(dead_code, reason = "the runtime uses more of it")]
mod graph;
mod operators;
mod shadow;

use std::env;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, MaxSteps, Runner};

use executor::World;
use operators::{Diamonds, Operator, Pipelines, Storm};

/// How many schedules of each scenario a normal run tries.
const ITERATIONS: usize = 400;
/// How many preemptions PCT looks for.
const DEPTH: usize = 4;
/// More than any run takes that comes to an end.
const MAX_STEPS: usize = 50_000;

#[test]
fn diamonds_come_and_go_in_any_order() {
    check::<Diamonds>();
}

#[test]
fn orchestrations_that_share_a_pipeline_come_and_go_in_any_order() {
    check::<Pipelines>();
}

#[test]
fn everything_at_once_while_components_fail_hang_and_are_held() {
    check::<Storm>();
}

fn check<O: Operator>() {
    if let Ok(schedule) = env::var("MINIONS_MODEL_REPLAY") {
        return shuttle::replay(run::<O>, &schedule);
    }
    let told = env::var("MINIONS_MODEL_ITERATIONS").ok();
    let iterations = told.map_or(ITERATIONS, |told| told.parse().expect("a number of schedules"));
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    Runner::new(RandomScheduler::new(iterations), config.clone()).run(run::<O>);
    Runner::new(PctScheduler::new(DEPTH, iterations), config).run(run::<O>);
}

/// One scenario: operators until they are done, then the end of everything.
fn run<O: Operator>() {
    let world = World::new();
    let operators: Vec<_> = (0..O::COUNT).map(|number| (number, world.clone())).collect();
    let operators =
        operators.into_iter().map(|(number, world)| shuttle::thread::spawn(move || O::work(&world, number)));
    for operator in operators.collect::<Vec<_>>() {
        operator.join().expect("an operator that panics ends the whole run");
    }
    world.settled();
    world.release_all();
    world.settled();
    world.take_all_back();
    world.settled();
    world.must_be_empty();
}
