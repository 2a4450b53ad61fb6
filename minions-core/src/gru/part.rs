//! What the runtime keeps for each node of the graph.

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::component::Tasks;
use crate::config::Settings;
use crate::manifest::Factory;
use crate::minion::{ErasedMinion, MinionFactory};
use crate::pipeline::{ErasedPipeline, PipelineFactory, Stats, Subscribers};
use crate::supervise::{RestartPolicy, Restarts};
use crate::workflow::{Backlog, Orchestration};

use super::budget::Budget;
use super::component::{Identity, Live};
use super::graph::NodeId;
use super::operation::OpId;
use super::report::StopMode;

/// One component or orchestration: what lasts over its instances, and the instance of the moment.
pub(super) struct Part {
    pub(super) identity: Identity,
    pub(super) policy: RestartPolicy,
    pub(super) restarts: Restarts,
    /// Since when it is in its state, in milliseconds since the Unix epoch.
    pub(super) since_ms: u64,
    pub(super) up_at: Option<Instant>,
    /// The last failure, until it is up again.
    pub(super) cause: Option<String>,
    /// Counts the instances, so that what an earlier one says is not taken for the word of this one.
    pub(super) instance: u64,
    /// Calls off the start under way.
    pub(super) cancel: CancellationToken,
    /// Ends the pause before it is started again.
    pub(super) timer: Option<AbortHandle>,
    /// Whether it is lost: it stays down, though it may still be used, until somebody orders a start that needs it.
    pub(super) given_up: bool,
    /// How long its stop may take, once one has been asked for.
    pub(super) budget: Option<Budget>,
    /// The operations that wait for it.
    pub(super) ops: BTreeSet<OpId>,
    pub(super) body: Body,
}

pub(super) enum Body {
    Resource(Box<ResourceBody>),
    Pipeline(Box<PipelineBody>),
    Minion(Box<MinionBody>),
    Link(Box<LinkBody>),
}

pub(super) struct ResourceBody {
    pub(super) factory: Factory,
    pub(super) name: &'static str,
    pub(super) live: Option<Live>,
    /// The value as it is injected.
    pub(super) shared: Option<Arc<dyn Any + Send + Sync>>,
}

pub(super) struct MinionBody {
    pub(super) factory: &'static dyn MinionFactory,
    pub(super) name: &'static str,
    pub(super) settings: Settings,
    pub(super) live: Option<Live>,
    /// What the engine drives.
    pub(super) erased: Option<Arc<dyn ErasedMinion>>,
}

pub(super) struct PipelineBody {
    pub(super) factory: &'static dyn PipelineFactory,
    pub(super) name: &'static str,
    /// Whose its keys and positions are in the store.
    pub(super) scope: Arc<str>,
    pub(super) settings: Settings,
    pub(super) background: bool,
    /// Whether it stands for the events that a minion of this name emits.
    pub(super) is_outlet: bool,
    pub(super) subscribers: Arc<Subscribers>,
    pub(super) stats: Arc<Stats>,
    pub(super) source: Option<LiveSource>,
}

/// An instance of a pipeline after its startup.
pub(super) struct LiveSource {
    pub(super) task: JoinHandle<Box<dyn ErasedPipeline>>,
    pub(super) tasks: Tasks,
    pub(super) stop: CancellationToken,
    /// Requested when the source has ended and its last event is admitted.
    pub(super) ended: CancellationToken,
}

/// An orchestration: the bond between a pipeline and a minion.
pub(super) struct LinkBody {
    pub(super) id: Arc<str>,
    pub(super) pipeline: NodeId,
    pub(super) minion: NodeId,
    pub(super) pipeline_id: Arc<str>,
    pub(super) minion_name: &'static str,
    pub(super) config: Option<String>,
    pub(super) max_in_flight: usize,
    /// Kept while its components are started again, with the workflows that wait.
    pub(super) orchestration: Option<Arc<Orchestration>>,
    /// The same on its way down, when it does not belong here any more.
    pub(super) parting: Option<Arc<Orchestration>>,
    /// What is stored of it, until it is engaged.
    pub(super) backlog: Option<Backlog>,
    /// Whether events go to it.
    pub(super) engaged: bool,
    /// Whether the minion has left its seat.
    pub(super) vacated: bool,
    pub(super) resuming: Option<Resuming>,
    /// Waits for its end.
    pub(super) watcher: Option<AbortHandle>,
    pub(super) retire: Option<Retire>,
}

/// The task that wakes stored workflows.
pub(super) struct Resuming {
    pub(super) task: AbortHandle,
    pub(super) done: CancellationToken,
}

/// An orchestration is to be taken down for good.
#[derive(Clone, Debug)]
pub(super) struct Retire {
    pub(super) why: Why,
    pub(super) mode: StopMode,
}

#[derive(Clone, Debug)]
pub(super) enum Why {
    /// Its start failed or was taken back.
    RolledBack,
    Stopped,
    Ended,
    Lost(String),
    Shutdown,
}

impl Part {
    pub(super) fn link(&self) -> Option<&LinkBody> {
        match &self.body {
            Body::Link(link) => Some(link),
            _ => None,
        }
    }

    pub(super) fn link_mut(&mut self) -> Option<&mut LinkBody> {
        match &mut self.body {
            Body::Link(link) => Some(link),
            _ => None,
        }
    }

    pub(super) fn pipeline(&self) -> Option<&PipelineBody> {
        match &self.body {
            Body::Pipeline(pipeline) => Some(pipeline),
            _ => None,
        }
    }

    pub(super) fn live(&self) -> Option<&Live> {
        match &self.body {
            Body::Resource(resource) => resource.live.as_ref(),
            Body::Minion(minion) => minion.live.as_ref(),
            Body::Pipeline(_) | Body::Link(_) => None,
        }
    }
}
