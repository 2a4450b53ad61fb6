//! The runtime's part: carries out what the graph asks for, each action in a thread of its own.

use std::collections::{BTreeMap, BTreeSet};

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Condvar, Mutex};
use shuttle::thread;

use super::graph::{Action, Graph, NodeId, NodeState};
use super::shadow::Shadows;

/// The graph, what it should be, and the threads that work for it.
pub(crate) struct World {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) graph: Graph,
    pub(crate) shadows: Shadows,
    /// The shared components of the moment.
    pub(crate) shared: BTreeMap<&'static str, NodeId>,
    /// The orchestrations that somebody wants.
    pub(crate) wanted: BTreeMap<usize, NodeId>,
    /// How often something may still go wrong, so that every run ends.
    pub(crate) troubles: usize,
    /// The threads at work, and those of them that wait for their deadline.
    working: usize,
    hanging: BTreeSet<NodeId>,
}

impl World {
    pub(crate) fn new() -> Arc<Self> {
        let inner = Mutex::new(Inner { troubles: 8, ..Inner::default() });
        Arc::new(Self { inner, changed: Condvar::new() })
    }

    /// Changes something, and does what follows from it until nothing does, under one lock as the runtime.
    pub(crate) fn update<T>(self: &Arc<Self>, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap();
        let answer = change(&mut inner);
        for round in 0.. {
            let actions = inner.graph.settle();
            if actions.is_empty() {
                break;
            }
            assert!(round < 1_000, "one change never comes to its end: {actions:?}");
            for action in actions {
                inner.shadows.take_up(&action);
                inner.carry_out(self, &action);
            }
        }
        inner.shadows.agree_with(&inner.graph);
        drop(inner);
        self.changed.notify_all();
        answer
    }

    /// Waits until nothing is under way; then everything must be as it should.
    pub(crate) fn settled(&self) {
        let mut inner = self.inner.lock().unwrap();
        loop {
            inner = self.changed.wait_while(inner, |inner| inner.working > inner.hanging.len()).unwrap();
            if inner.hanging.is_empty() {
                return inner.shadows.are_settled(&inner.graph);
            }
            for id in inner.hanging.clone() {
                assert!(inner.shadows.is_needed(id), "{id} hangs in its start, nobody needs it, and it is not let go");
            }
            inner.hanging.clear();
            self.changed.notify_all();
        }
    }

    pub(crate) fn release_all(self: &Arc<Self>) {
        self.update(|inner| {
            let held: Vec<_> = inner.shadows.0.iter().filter(|(_, node)| node.held).map(|(id, _)| *id).collect();
            held.into_iter().for_each(|id| inner.release(id));
        });
    }

    pub(crate) fn take_all_back(self: &Arc<Self>) {
        let wanted: Vec<_> = self.update(|inner| inner.wanted.keys().copied().collect());
        for number in wanted {
            self.update(|inner| inner.take_back(number));
            pause();
        }
    }

    pub(crate) fn must_be_empty(&self) {
        let inner = self.inner.lock().unwrap();
        assert!(inner.graph.is_empty() && inner.shadows.0.is_empty() && inner.shared.is_empty());
    }

    /// Works in a thread of its own, which [`settled`](Self::settled) waits for.
    fn apart(self: &Arc<Self>, inner: &mut Inner, work: impl FnOnce(&Arc<Self>) + Send + 'static) {
        inner.working += 1;
        let this = self.clone();
        thread::spawn(move || {
            pause();
            work(&this);
            this.update(|inner| inner.working -= 1);
        });
    }

    fn start(self: &Arc<Self>, id: NodeId, fate: Fate) {
        if let Fate::Hangs = fate {
            let mut inner = self.inner.lock().unwrap();
            if !inner.shadows.get(id).called_off {
                inner.hanging.insert(id);
                self.changed.notify_all();
            }
            drop(self.changed.wait_while(inner, |inner| inner.hanging.contains(&id)).unwrap());
        }
        self.update(|inner| {
            let node = inner.shadows.get(id);
            // What is called off may have come up before it heard of it.
            let comes_up = matches!(fate, Fate::ComesUp) && !(node.called_off && coin());
            if comes_up {
                return inner.started(id);
            }
            if !node.called_off {
                inner.after_trouble(self, id);
            }
            inner.shadows.get(id).state = NodeState::Down;
            inner.graph.start_failed(id);
        });
    }
}

#[derive(Clone, Copy)]
enum Fate {
    ComesUp,
    Fails,
    /// Neither ends nor fails until it is called off, or its deadline passes.
    Hangs,
}

impl Inner {
    fn carry_out(&mut self, world: &Arc<World>, action: &Action) {
        match *action {
            Action::Start(id) => {
                let fate = self.fate();
                // Some things start at once, while the lock is held.
                if matches!(fate, Fate::ComesUp) && one_in(4) {
                    return self.started(id);
                }
                world.apart(self, move |world| world.start(id, fate));
            }
            // At work again from here on, so that nobody takes the silence for the end.
            Action::Cancel(id) => {
                self.hanging.remove(&id);
            }
            Action::Stop(id) => {
                if one_in(4) {
                    return self.stopped(id);
                }
                world.apart(self, move |world| world.update(|inner| inner.stopped(id)));
            }
            Action::Gone { node, .. } => self.shared.retain(|_, id| *id != node),
        }
    }

    fn fate(&mut self) -> Fate {
        if self.troubles == 0 || !one_in(6) {
            return Fate::ComesUp;
        }
        self.troubles -= 1;
        if coin() { Fate::Fails } else { Fate::Hangs }
    }

    fn started(&mut self, id: NodeId) {
        self.shadows.get(id).state = NodeState::Up;
        self.graph.started(id);
    }

    fn stopped(&mut self, id: NodeId) {
        self.shadows.get(id).state = NodeState::Down;
        self.graph.stopped(id);
    }

    /// A shared component, which is made if it is not there.
    pub(crate) fn component(&mut self, name: &'static str, needs: &[&'static str]) -> NodeId {
        if let Some(known) = self.shared.get(name) {
            return *known;
        }
        let needs = needs.iter().map(|need| self.shared[need]).collect();
        let id = self.add(needs, false);
        self.shared.insert(name, id);
        id
    }

    pub(crate) fn add(&mut self, needs: Vec<NodeId>, wanted: bool) -> NodeId {
        let id = self.graph.add(needs.clone(), wanted);
        self.shadows.add(id, needs, wanted);
        id
    }

    /// An orchestration is not wanted any more.
    pub(crate) fn take_back(&mut self, number: usize) {
        let Some(root) = self.wanted.remove(&number) else { return };
        self.unwant(root);
    }

    pub(crate) fn unwant(&mut self, root: NodeId) {
        if let Some(node) = self.shadows.0.get_mut(&root) {
            node.wanted = false;
        }
        self.wanted.retain(|_, id| *id != root);
        self.graph.unwant(root);
    }

    /// A component that is up breaks.
    pub(crate) fn breaks(&mut self, world: &Arc<World>, id: NodeId) {
        let node = self.shadows.get(id);
        node.broken = Some(node.instance);
        self.graph.failed(id);
        self.after_trouble(world, id);
    }

    /// What the runtime does about a component that failed: nothing, a pause, or it gives those up who need it.
    fn after_trouble(&mut self, world: &Arc<World>, id: NodeId) {
        match thread_rng().gen_range(0..4) {
            0 => {}
            1 => {
                for above in self.graph.above(id) {
                    if self.shadows.get(above).wanted {
                        self.unwant(above);
                    }
                }
            }
            _ => {
                self.hold(id);
                world.apart(self, move |world| world.update(|inner| inner.release(id)));
            }
        }
    }

    pub(crate) fn hold(&mut self, id: NodeId) {
        self.shadows.get(id).held = true;
        self.graph.hold(id);
    }

    pub(crate) fn release(&mut self, id: NodeId) {
        if let Some(node) = self.shadows.0.get_mut(&id) {
            node.held = false;
        }
        self.graph.release(id);
    }
}

/// Lets others go first, some of the time.
pub(crate) fn pause() {
    for _ in 0..thread_rng().gen_range(0..3) {
        thread::yield_now();
    }
}

pub(crate) fn coin() -> bool {
    thread_rng().gen_bool(0.5)
}

pub(crate) fn one_in(n: u32) -> bool {
    thread_rng().gen_range(0..n) == 0
}
