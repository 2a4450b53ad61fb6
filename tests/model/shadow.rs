//! What the graph should be, kept apart from it: from what it was told, and from the actions that it asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{Action, Graph, NodeId, NodeState};

/// A node as the world sees it.
pub(crate) struct Shadow {
    pub(crate) needs: Vec<NodeId>,
    pub(crate) wanted: bool,
    pub(crate) held: bool,
    pub(crate) state: NodeState,
    /// Counts the starts.
    pub(crate) instance: u64,
    /// The instance that is broken, which must come down.
    pub(crate) broken: Option<u64>,
    /// Whether the start under way was called off.
    pub(crate) called_off: bool,
}

#[derive(Default)]
pub(crate) struct Shadows(pub(crate) BTreeMap<NodeId, Shadow>);

impl Shadows {
    pub(crate) fn add(&mut self, id: NodeId, needs: Vec<NodeId>, wanted: bool) {
        let state = NodeState::Down;
        let shadow = Shadow { needs, wanted, held: false, state, instance: 0, broken: None, called_off: false };
        assert!(self.0.insert(id, shadow).is_none(), "the id {id} is given twice");
    }

    pub(crate) fn get(&mut self, id: NodeId) -> &mut Shadow {
        self.0.get_mut(&id).unwrap_or_else(|| panic!("{id} is gone"))
    }

    pub(crate) fn users(&self, id: NodeId) -> BTreeSet<NodeId> {
        self.0.iter().filter(|(_, user)| user.needs.contains(&id)).map(|(user, _)| *user).collect()
    }

    pub(crate) fn is_needed(&self, id: NodeId) -> bool {
        self.0[&id].wanted || !self.users(id).is_empty()
    }

    /// Takes an action up, if it is right.
    pub(crate) fn take_up(&mut self, action: &Action) {
        match action {
            Action::Start(id) => {
                let needs = self.get(*id).needs.clone();
                for need in needs {
                    let (state, broken) = (self.get(need).state, self.get(need).is_broken());
                    assert_eq!(state, NodeState::Up, "{id} starts although {need}, which it needs, is not up");
                    assert!(!broken, "{id} starts on {need}, which is broken");
                }
                assert!(self.is_needed(*id), "{id} starts although nobody needs it");
                let node = self.get(*id);
                assert_eq!(node.state, NodeState::Down, "{id} starts twice");
                assert!(!node.held, "{id} starts although it is held");
                node.state = NodeState::Starting;
                node.instance += 1;
                node.called_off = false;
            }
            Action::Cancel(id) => {
                let node = self.get(*id);
                assert_eq!(node.state, NodeState::Starting, "{id} is called off although it does not start");
                node.called_off = true;
            }
            Action::Stop(id) => {
                for user in self.users(*id) {
                    let state = self.get(user).state;
                    assert_eq!(state, NodeState::Down, "{id} stops although {user}, which uses it, is not down");
                }
                let node = self.get(*id);
                assert_eq!(node.state, NodeState::Up, "{id} stops although it is not up");
                node.state = NodeState::Stopping;
            }
            Action::Gone { node, needs } => {
                assert!(!self.is_needed(*node), "{node} goes although it is needed");
                let gone = self.0.remove(node).unwrap_or_else(|| panic!("{node} goes twice"));
                assert_eq!(gone.state, NodeState::Down, "{node} goes although it is not down");
                assert_eq!(gone.needs, *needs);
            }
        }
    }

    /// What holds after every transition.
    pub(crate) fn agree_with(&self, graph: &Graph) {
        assert_eq!(graph.is_empty(), self.0.is_empty());
        for (id, node) in &self.0 {
            assert_eq!(graph.state(*id), Some(node.state), "the state of {id}");
            assert_eq!(graph.users(*id).collect::<BTreeSet<_>>(), self.users(*id), "the users of {id}");
            assert_eq!(graph.is_needed(*id), self.is_needed(*id), "whether {id} is needed");
            if node.state == NodeState::Down {
                assert!(self.is_needed(*id), "{id} is down, nobody needs it, and it is still there");
                continue;
            }
            assert!(self.is_needed(*id) || graph.is_sinking(*id), "nobody needs {id}, and it does not come down");
            assert!(!node.is_broken() || graph.is_sinking(*id), "{id} is broken and does not come down");
            for need in &node.needs {
                assert_eq!(self.0[need].state, NodeState::Up, "{id} is not down and lives on {need}");
                assert!(!graph.is_sinking(*need) || graph.is_sinking(*id), "{need} comes down under {id}");
            }
        }
    }

    /// What holds when nothing is under way any more: whatever may be up is.
    pub(crate) fn are_settled(&self, graph: &Graph) {
        for (id, node) in &self.0 {
            let needs_are_up = node.needs.iter().all(|need| self.0[need].state == NodeState::Up);
            match node.state {
                NodeState::Up => assert!(graph.is_up(*id), "{id} has to come down and does not"),
                NodeState::Down => assert!(node.held || !needs_are_up, "{id} could start and sleeps"),
                NodeState::Starting | NodeState::Stopping => panic!("{id} is {:?} for ever", node.state),
            }
        }
    }
}

impl Shadow {
    pub(crate) fn is_broken(&self) -> bool {
        self.broken == Some(self.instance) && self.state != NodeState::Down
    }
}
