//! Who gives orders to the graph.

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;

use super::executor::{Inner, World, coin, one_in, pause};
use super::graph::{NodeId, NodeState};

/// One of several threads that do the same.
pub(crate) trait Operator: 'static {
    const COUNT: usize;

    fn work(world: &Arc<World>, number: usize);
}

/// Each starts and takes back an orchestration of its own over one diamond of resources.
pub(crate) struct Diamonds;

/// Each starts and takes back orchestrations on a pipeline that all share.
pub(crate) struct Pipelines;

/// Everything, and things break besides.
pub(crate) struct Storm;

impl Operator for Diamonds {
    const COUNT: usize = 3;

    fn work(world: &Arc<World>, number: usize) {
        for _ in 0..2 {
            world.update(|inner| start(inner, number, "reader", &["left", "right"]));
            pause();
            world.update(|inner| inner.take_back(number));
            pause();
        }
        world.update(|inner| start(inner, number, "reader", &["left", "right"]));
    }
}

impl Operator for Pipelines {
    const COUNT: usize = 4;

    fn work(world: &Arc<World>, number: usize) {
        for _ in 0..3 {
            world.update(|inner| start(inner, number, "shared", &[]));
            pause();
            if coin() {
                world.update(|inner| inner.take_back(number));
            }
            pause();
        }
    }
}

impl Operator for Storm {
    const COUNT: usize = 3;

    fn work(world: &Arc<World>, number: usize) {
        for _ in 0..5 {
            let orchestration = number + Self::COUNT * thread_rng().gen_range(0..2);
            match thread_rng().gen_range(0..8) {
                0..=2 => world.update(|inner| {
                    let pipeline = if coin() { "shared" } else { "reader" };
                    let needs: &[_] = if coin() { &["left", "right"] } else { &["left"] };
                    start(inner, orchestration, pipeline, needs);
                }),
                3 => world.update(|inner| inner.take_back(orchestration)),
                // As an orchestration is taken back whose workflows wait in memory.
                4 => world.update(|inner| {
                    if let Some(root) = inner.wanted.get(&orchestration).copied() {
                        inner.hold(root);
                    }
                }),
                5 | 6 => world.update(|inner| {
                    let up = |inner: &Inner| {
                        let up = inner.shadows.0.iter().filter(|(_, node)| node.state == NodeState::Up);
                        up.map(|(id, _)| *id).collect::<Vec<_>>()
                    };
                    if inner.troubles > 0
                        && let Some(id) = any(&up(inner))
                    {
                        inner.troubles -= 1;
                        inner.breaks(world, id);
                    }
                }),
                _ => world.update(|inner| {
                    let all: Vec<_> = inner.shadows.0.keys().copied().collect();
                    if let Some(id) = any(&all) {
                        if one_in(2) { inner.hold(id) } else { inner.release(id) }
                    }
                }),
            }
            pause();
        }
    }
}

/// Starts an orchestration unless it is there: a minion of its own, a pipeline that may be shared, and resources.
fn start(inner: &mut Inner, number: usize, pipeline: &'static str, needs: &[&'static str]) {
    if inner.wanted.contains_key(&number) {
        return;
    }
    if !needs.is_empty() || pipeline == "reader" {
        inner.component("base", &[]);
        inner.component("left", &["base"]);
        inner.component("right", &["base"]);
    }
    let needs = needs.iter().map(|need| inner.shared[need]).collect();
    let minion = inner.add(needs, false);
    let pipeline = match pipeline {
        "reader" => inner.component("reader", &["left", "right"]),
        other => inner.component(other, &[]),
    };
    let root = inner.add(vec![pipeline, minion], true);
    inner.wanted.insert(number, root);
}

fn any(of: &[NodeId]) -> Option<NodeId> {
    (!of.is_empty()).then(|| of[thread_rng().gen_range(0..of.len())])
}
