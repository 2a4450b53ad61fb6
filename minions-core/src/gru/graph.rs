//! The pure heart of the lifecycle: who may start, who must stop, who comes back.
//!
//! A *node* is one component or one orchestration. It *needs* other nodes and is *used* by others. The graph holds no
//! value and runs no hook: it is told what happened and answers with [`Action`]s. Everything that the runtime promises of
//! sharing is decided here, under one lock, and checked by a model checker in `tests/model`:
//!
//! - **A node starts only when everything that it needs is up.**
//! - **A node stops only when nobody who uses it is up.**
//! - **A node is there exactly as long as somebody wants it or uses it.**
//! - **For each node, starts and stops alternate.**

use std::collections::{BTreeSet, HashMap};

/// A node; never used again for another one.
pub(crate) type NodeId = u64;

/// What the runtime has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Make it and start it up, then tell [`Graph::started`] or [`Graph::start_failed`].
    Start(NodeId),
    /// Let go of the start under way; it still tells how it ended.
    Cancel(NodeId),
    /// Shut it down, then tell [`Graph::stopped`].
    Stop(NodeId),
    /// It is gone, and has let go of what it needed.
    Gone { node: NodeId, needs: Vec<NodeId> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Down,
    Starting,
    Up,
    Stopping,
}

#[derive(Debug)]
struct Node {
    needs: Vec<NodeId>,
    users: BTreeSet<NodeId>,
    /// Whether somebody outside the graph wants it.
    wanted: bool,
    state: NodeState,
    /// Whether it must come down before it may come up again.
    sinking: bool,
    /// Whether it may not start yet.
    held: bool,
}

impl Node {
    fn is_needed(&self) -> bool {
        self.wanted || !self.users.is_empty()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: HashMap<NodeId, Node>,
    next: NodeId,
    /// Nodes whose surroundings have changed.
    dirty: Vec<NodeId>,
}

impl Graph {
    /// Adds a node that uses `needs`; it starts when [`settle`](Self::settle) finds them up.
    pub(crate) fn add(&mut self, needs: Vec<NodeId>, wanted: bool) -> NodeId {
        let id = self.next;
        self.next += 1;
        for need in &needs {
            self.node_mut(*need).users.insert(id);
        }
        let (users, state) = (BTreeSet::new(), NodeState::Down);
        self.nodes.insert(id, Node { needs, users, wanted, state, sinking: false, held: false });
        self.dirty.push(id);
        id
    }

    /// Nobody outside the graph wants the node any more.
    pub(crate) fn unwant(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.wanted = false;
            self.dirty.push(id);
        }
    }

    /// The start of a node has succeeded.
    pub(crate) fn started(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        debug_assert_eq!(node.state, NodeState::Starting);
        node.state = NodeState::Up;
        self.dirty.push(id);
        self.touch_users(id);
    }

    /// The start of a node has failed or was let go. It is tried again when somebody still needs it, so whoever does not
    /// want that calls [`hold`](Self::hold) or [`unwant`](Self::unwant) as well.
    pub(crate) fn start_failed(&mut self, id: NodeId) {
        debug_assert_eq!(self.node(id).state, NodeState::Starting);
        self.down(id);
    }

    /// A node has been shut down.
    pub(crate) fn stopped(&mut self, id: NodeId) {
        debug_assert_eq!(self.node(id).state, NodeState::Stopping);
        self.down(id);
    }

    /// A node that is up does not work any more: it comes down with everyone above it, and then up again if it is needed.
    pub(crate) fn failed(&mut self, id: NodeId) {
        self.sink(id);
    }

    /// Keeps a node from starting until it is released.
    pub(crate) fn hold(&mut self, id: NodeId) {
        self.node_mut(id).held = true;
    }

    /// Lets a node start again.
    pub(crate) fn release(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.held = false;
            self.dirty.push(id);
        }
    }

    /// What follows from everything told since the last call.
    pub(crate) fn settle(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut ready = BTreeSet::new();
        // What comes down is settled first, so that nothing starts only to be let go.
        while let Some(id) = self.dirty.pop() {
            let Some(node) = self.nodes.get(&id) else { continue };
            let needed = node.is_needed();
            match node.state {
                NodeState::Down if !needed => actions.push(self.remove(id)),
                NodeState::Down => {
                    ready.insert(id);
                }
                NodeState::Starting | NodeState::Up if !needed && !node.sinking => self.sink(id),
                NodeState::Up if node.sinking && self.users_are_down(id) => {
                    self.node_mut(id).state = NodeState::Stopping;
                    actions.push(Action::Stop(id));
                }
                NodeState::Starting if node.sinking => actions.push(Action::Cancel(id)),
                NodeState::Starting | NodeState::Up | NodeState::Stopping => {}
            }
        }
        for id in ready {
            if self.may_start(id) {
                self.node_mut(id).state = NodeState::Starting;
                actions.push(Action::Start(id));
            }
        }
        actions
    }

    pub(crate) fn contains(&self, id: NodeId) -> bool {
        self.nodes.contains_key(&id)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Whether somebody wants or uses the node; false if it is gone.
    pub(crate) fn is_needed(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(Node::is_needed)
    }

    /// Whether the node is up and stays up as far as anybody knows.
    pub(crate) fn is_up(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.state == NodeState::Up && !node.sinking)
    }

    pub(crate) fn state(&self, id: NodeId) -> Option<NodeState> {
        self.nodes.get(&id).map(|node| node.state)
    }

    /// Whether the node has to come down, or does.
    pub(crate) fn is_sinking(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.sinking)
    }

    /// Who uses the node, in the order of their coming.
    pub(crate) fn users(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        self.nodes.get(&id).into_iter().flat_map(|node| node.users.iter().copied())
    }

    pub(crate) fn needs(&self, id: NodeId) -> &[NodeId] {
        self.nodes.get(&id).map_or(&[], |node| &node.needs)
    }

    /// The node and everyone who uses it, through however many others.
    pub(crate) fn above(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.reach(id, |node| node.users.iter().copied().collect())
    }

    /// The node and everything that it needs, through however many others.
    pub(crate) fn below(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.reach(id, |node| node.needs.clone())
    }

    fn reach(&self, id: NodeId, onward: impl Fn(&Node) -> Vec<NodeId>) -> BTreeSet<NodeId> {
        let (mut found, mut open) = (BTreeSet::new(), vec![id]);
        while let Some(id) = open.pop() {
            if let Some(node) = self.nodes.get(&id).filter(|_| found.insert(id)) {
                open.extend(onward(node));
            }
        }
        found
    }

    /// Marks what must come down: the node and everyone above it that is not down already.
    fn sink(&mut self, id: NodeId) {
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            if node.sinking || node.state == NodeState::Down {
                continue;
            }
            node.sinking = true;
            open.extend(&node.users);
            self.dirty.push(id);
        }
    }

    fn down(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        node.state = NodeState::Down;
        node.sinking = false;
        let needs = node.needs.clone();
        self.dirty.extend(needs);
        self.dirty.push(id);
    }

    fn remove(&mut self, id: NodeId) -> Action {
        let needs = self.nodes.remove(&id).map_or_else(Vec::new, |node| node.needs);
        for need in &needs {
            self.node_mut(*need).users.remove(&id);
        }
        self.dirty.extend(&needs);
        Action::Gone { node: id, needs }
    }

    /// Whether a node that was down may start; it may be gone by now.
    fn may_start(&self, id: NodeId) -> bool {
        let Some(node) = self.nodes.get(&id) else { return false };
        node.state == NodeState::Down && !node.held && node.needs.iter().all(|need| self.is_up(*need))
    }

    fn users_are_down(&self, id: NodeId) -> bool {
        self.node(id).users.iter().all(|user| self.node(*user).state == NodeState::Down)
    }

    fn touch_users(&mut self, id: NodeId) {
        let users = self.node(id).users.clone();
        self.dirty.extend(users);
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[&id]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(&id).expect("a node is there as long as somebody uses it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A resource, and `n` users of it that are wanted.
    fn star(n: usize) -> (Graph, NodeId, Vec<NodeId>) {
        let mut graph = Graph::default();
        let hub = graph.add(Vec::new(), false);
        let users = (0..n).map(|_| graph.add(vec![hub], true)).collect();
        (graph, hub, users)
    }

    #[test]
    fn s1_the_last_one_out_stops_what_is_shared() {
        let (mut graph, hub, users) = star(2);
        assert_eq!(graph.settle(), [Action::Start(hub)]);
        graph.started(hub);
        assert_eq!(graph.settle(), [Action::Start(users[0]), Action::Start(users[1])]);
        users.iter().for_each(|user| graph.started(*user));
        assert_eq!(graph.settle(), []);
        for (left, user) in users.iter().enumerate().map(|(n, user)| (1 - n, user)) {
            graph.unwant(*user);
            assert_eq!(graph.settle(), [Action::Stop(*user)]);
            graph.stopped(*user);
            let mut then = vec![Action::Gone { node: *user, needs: vec![hub] }];
            if left == 0 {
                then.push(Action::Stop(hub));
            }
            assert_eq!(graph.settle(), then);
        }
        graph.stopped(hub);
        assert_eq!(graph.settle(), [Action::Gone { node: hub, needs: vec![] }]);
        assert!(graph.is_empty());
    }

    #[test]
    fn s5_a_failure_takes_down_who_is_above_and_brings_them_back_in_order() {
        let (mut graph, hub, users) = star(1);
        graph.settle();
        graph.started(hub);
        graph.settle();
        graph.started(users[0]);
        graph.settle();
        graph.failed(hub);
        graph.hold(hub);
        assert_eq!(graph.settle(), [Action::Stop(users[0])]);
        graph.stopped(users[0]);
        assert_eq!(graph.settle(), [Action::Stop(hub)]);
        graph.stopped(hub);
        assert_eq!(graph.settle(), [], "it is held");
        graph.release(hub);
        assert_eq!(graph.settle(), [Action::Start(hub)]);
        graph.started(hub);
        assert_eq!(graph.settle(), [Action::Start(users[0])]);
    }

    #[test]
    fn s4_whoever_comes_while_it_stops_gets_a_new_instance() {
        let (mut graph, hub, users) = star(1);
        graph.settle();
        graph.started(hub);
        graph.settle();
        graph.unwant(users[0]);
        assert_eq!(graph.settle(), [Action::Cancel(users[0])]);
        graph.start_failed(users[0]);
        assert_eq!(graph.settle().last(), Some(&Action::Stop(hub)));
        let late = graph.add(vec![hub], true);
        assert_eq!(graph.settle(), []);
        graph.stopped(hub);
        assert_eq!(graph.settle(), [Action::Start(hub)]);
        graph.started(hub);
        assert_eq!(graph.settle(), [Action::Start(late)]);
    }

    #[test]
    fn a_start_that_fails_for_someone_else_leaves_nothing_behind() {
        let (mut graph, hub, users) = star(2);
        graph.settle();
        graph.start_failed(hub);
        users.iter().for_each(|user| graph.unwant(*user));
        let actions = graph.settle();
        assert!(actions.iter().all(|action| matches!(action, Action::Gone { .. })), "{actions:?}");
        assert!(graph.is_empty());
    }
}
