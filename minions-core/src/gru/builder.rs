//! What a program is made of, before it is resolved.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Settings, SettingsFiles};
use crate::guard::{LagBounds, MemoryBounds, MemoryGauge};
use crate::limit::{LimitSettings, Limits};
use crate::manifest::{Manifest, ManifestError, Replacements, resolve};
use crate::minion::{Minion, MinionFactory};
use crate::pipeline::{EventSource, PipelineFactory, Produces};
use crate::resource::{Replaced, Resource};
use crate::store::{NoStore, StateStore};
use crate::supervise::RestartPolicy;
use crate::workflow::QuarantineBounds;

use super::{Control, Gru, StartError, StopMode};

/// Collects the orchestrations of a program and the choices of its runtime.
///
/// `app!` makes one; by hand each line is a call:
///
/// ```
/// use std::time::Duration;
///
/// use minions_core::Gru;
/// use minions_core::gru::StopMode;
/// use minions_core::store::MemoryStore;
/// # use minions_core::Result;
/// # use minions_core::component::{Assembly, Component};
/// # use minions_core::minion::{Flow, Minion, StepInfo};
/// # use minions_core::pipeline::{Next, Pipeline, Produces};
/// # use minions_core::workflow::Workflow;
/// # struct Sitemap;
/// # impl Component for Sitemap {
/// #     const NAME: &'static str = "sitemap";
/// #     fn assemble(_: &Assembly) -> Result<Self> { Ok(Self) }
/// # }
/// # impl Pipeline for Sitemap {
/// #     type Event = String;
/// #     async fn next(&mut self) -> Result<Next<String>> { Ok(Next::End) }
/// # }
/// # impl Produces<String> for Sitemap {}
/// # struct Watcher;
/// # impl Component for Watcher {
/// #     const NAME: &'static str = "watcher";
/// #     fn assemble(_: &Assembly) -> Result<Self> { Ok(Self) }
/// # }
/// # impl Minion for Watcher {
/// #     type Event = String;
/// #     type Context = ();
/// #     const STEPS: &'static [StepInfo] = &[StepInfo::new("fetch")];
/// #     async fn step<'a>(&'a self, _: usize, _: &'a String, _: &'a mut (), _: &'a Workflow) -> Result<Flow> {
/// #         Ok(Flow::Continue)
/// #     }
/// # }
///
/// let builder = Gru::builder()
///     .orchestrate::<Sitemap, Watcher>()
///     .orchestrate_with::<Sitemap, Watcher>(|options| options.id("careful").max_in_flight(1))
///     .store(MemoryStore::new())
///     .stop_mode(StopMode::Drain)
///     .shutdown_deadline(Duration::from_secs(5));
/// let manifest = builder.check()?;
/// assert_eq!(manifest.orchestrations[1].id, "sitemap/watcher@careful");
/// # Ok::<(), minions_core::manifest::ManifestError>(())
/// ```
#[must_use = "a builder does nothing until it is started"]
pub struct GruBuilder {
    pub(crate) edges: Vec<Edge>,
    pub(crate) settings: Settings,
    pub(crate) files: Option<Arc<dyn SettingsFiles>>,
    pub(crate) replaced: Replacements,
    pub(crate) provided: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    pub(crate) store: Option<Arc<dyn StateStore>>,
    pub(crate) options: Options,
    pub(crate) restart: RestartPolicy,
    pub(crate) restarts: HashMap<String, RestartPolicy>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) memory: Option<Arc<dyn MemoryGauge>>,
    pub(crate) on_control: Option<OnControl>,
}

/// Whoever wants to handle the program before it has started.
pub(crate) type OnControl = Box<dyn FnOnce(Control) + Send + Sync>;

/// The choices of the runtime, and what they are if nobody chooses.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) max_in_flight: usize,
    pub(crate) max_bytes_in_flight: u64,
    pub(crate) startup_deadline: Duration,
    pub(crate) shutdown_deadline: Duration,
    pub(crate) stop_mode: StopMode,
    pub(crate) quarantine: QuarantineBounds,
    pub(crate) max_blocking: usize,
    pub(crate) memory: MemoryBounds,
    pub(crate) lag: LagBounds,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_in_flight: 1024,
            max_bytes_in_flight: 64 << 20,
            startup_deadline: Duration::from_secs(60),
            shutdown_deadline: Duration::from_secs(30),
            stop_mode: StopMode::Park,
            quarantine: QuarantineBounds::default(),
            // Enough for work that mostly waits, and not so much that what computes gets in its own way.
            max_blocking: 8 * std::thread::available_parallelism().map_or(2, NonZeroUsize::get),
            memory: MemoryBounds::default(),
            lag: LagBounds::default(),
        }
    }
}

/// One line of a program: pipeline => minion, or a minion that emits => minion.
pub(crate) struct Edge {
    pub(crate) pipeline: &'static dyn PipelineFactory,
    pub(crate) minion: &'static dyn MinionFactory,
    pub(crate) options: OrchestrationOptions,
}

/// The options of one orchestration.
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until they are given to `orchestrate_with`"]
#[non_exhaustive]
pub struct OrchestrationOptions {
    pub(crate) config: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) max_in_flight: Option<usize>,
    pub(crate) on_demand: bool,
}

impl OrchestrationOptions {
    /// The files whose sections overlay the program's configuration, a path or a pattern such as `config/audit-*.toml`:
    /// one orchestration runs for each file, named after its stem.
    pub fn config(mut self, pattern: impl Into<String>) -> Self {
        self.config = Some(pattern.into());
        self
    }

    /// The identity of the configuration in the orchestration's id, instead of the file's stem.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// How many workflows may be awake at once, instead of the program's `max_in_flight`; at least 1.
    pub fn max_in_flight(mut self, workflows: usize) -> Self {
        self.max_in_flight = Some(workflows);
        self
    }

    /// Whether it starts with the program, which it does unless it is told `false`; otherwise it is only known to the
    /// program, until [`Control::start`](super::Control::start) starts it.
    pub fn start(mut self, with_the_program: bool) -> Self {
        self.on_demand = !with_the_program;
        self
    }
}

impl OrchestrationOptions {
    /// Whether nothing was chosen.
    pub(crate) fn is_empty(&self) -> bool {
        self.config.is_none() && self.id.is_none() && self.max_in_flight.is_none()
    }

    /// Under which configuration an orchestration is declared, for messages.
    pub(crate) fn describe(&self) -> String {
        match (&self.config, &self.id) {
            (_, Some(id)) => format!("as `{id}`"),
            (Some(pattern), None) => format!("by `{pattern}`"),
            (None, None) => "without one".to_owned(),
        }
    }
}

impl GruBuilder {
    /// A program without orchestrations, configuration and state.
    pub fn new() -> Self {
        Self {
            edges: Vec::new(),
            settings: Settings::empty(),
            files: None,
            replaced: Replacements::new(),
            provided: HashMap::new(),
            store: None,
            options: Options::default(),
            restart: RestartPolicy::default(),
            restarts: HashMap::new(),
            limits: Limits::new(),
            memory: None,
            on_control: None,
        }
    }

    /// Adds an orchestration: `M` reacts to the events of `P`, which is a pipeline or a minion that emits them.
    pub fn orchestrate<P: EventSource + Produces<M::Event>, M: Minion>(self) -> Self {
        self.edge::<P, M>(OrchestrationOptions::default())
    }

    /// Adds an orchestration with options: `.orchestrate_with::<Sitemap, Auditor>(|o| o.config("config/audit-*.toml"))`.
    pub fn orchestrate_with<P: EventSource + Produces<M::Event>, M: Minion>(
        self,
        options: impl FnOnce(OrchestrationOptions) -> OrchestrationOptions,
    ) -> Self {
        self.edge::<P, M>(options(OrchestrationOptions::default()))
    }

    /// Adds an orchestration whose event types are known to agree: `app!` has checked them where it can say so best.
    #[doc(hidden)]
    pub fn edge<P: EventSource, M: Minion>(mut self, options: OrchestrationOptions) -> Self {
        self.edges.push(Edge { pipeline: P::origin().0, minion: crate::minion::factory::<M>(), options });
        self
    }

    /// The configuration that the components read; empty unless it is given.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The reader of files that orchestrations name with [`OrchestrationOptions::config`].
    pub fn settings_files(mut self, files: impl SettingsFiles + 'static) -> Self {
        self.files = Some(Arc::new(files));
        self
    }

    /// Hands a value to the components that need one of its type.
    pub fn provide<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.provided.insert(TypeId::of::<T>(), Arc::new(value));
        self
    }

    /// Lets [`check`](Self::check) take for granted that a value of type `T` will be [provided](Self::provide) before the
    /// start.
    pub fn will_provide<T: Send + Sync + 'static>(mut self) -> Self {
        self.provided.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(()));
        self
    }

    /// Makes the resource `R` by calling `make`, instead of from what it needs: a fake in a test, or a value that the
    /// embedding program has already. Its hooks run as ever.
    pub fn resource<R: Resource>(mut self, make: impl Fn() -> R + Send + Sync + 'static) -> Self {
        self.replaced.insert(TypeId::of::<R>(), Arc::new(Replaced(Arc::new(make))));
        self
    }

    /// Where unfinished work is kept; nowhere unless it is given.
    pub fn store(mut self, store: impl StateStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The store that has been given, for example to look into it while nothing runs.
    #[must_use]
    pub fn given_store(&self) -> Option<Arc<dyn StateStore>> {
        self.store.clone()
    }

    /// Where unfinished work is kept if [`store`](Self::store) was not called.
    pub(crate) fn store_or_none(&self) -> Arc<dyn StateStore> {
        self.store.clone().unwrap_or_else(|| Arc::new(NoStore))
    }

    /// How many workflows of one orchestration may be awake at once, where it does not say itself; 1 024 by default, and
    /// `usize::MAX` for any number.
    pub fn max_in_flight(mut self, workflows: usize) -> Self {
        self.options.max_in_flight = workflows;
        self
    }

    /// How many bytes the workflows of one orchestration that are awake may take, counted by their events and contexts as they
    /// are stored, before its pipeline takes no more events; 64 MiB by default, and `u64::MAX` for any number. A workflow
    /// that is larger than that runs alone. Without a store, only contexts are counted.
    pub fn max_bytes_in_flight(mut self, bytes: u64) -> Self {
        self.options.max_bytes_in_flight = bytes;
        self
    }

    /// How long one component may take to be made and started; 60 s by default.
    pub fn startup_deadline(mut self, deadline: Duration) -> Self {
        self.options.startup_deadline = deadline;
        self
    }

    /// How long the whole shutdown may take; 30 s by default.
    pub fn shutdown_deadline(mut self, deadline: Duration) -> Self {
        self.options.shutdown_deadline = deadline;
        self
    }

    /// What becomes of components that fail, where they and [`restart_of`](Self::restart_of) do not say themselves;
    /// [`RestartPolicy::on_failure`] by default.
    pub fn restart(mut self, policy: RestartPolicy) -> Self {
        self.restart = policy;
        self
    }

    /// What becomes of the component `name` when it fails, whatever it says itself.
    pub fn restart_of(mut self, name: impl Into<String>, policy: RestartPolicy) -> Self {
        self.restarts.insert(name.into(), policy);
        self
    }

    /// Other numbers for the limit of the method `method` of the resource `resource` than those that it declares.
    pub fn limit_of(self, resource: impl Into<String>, method: impl Into<String>, settings: LimitSettings) -> Self {
        self.limits.configure(resource.into(), method.into(), settings);
        self
    }

    /// What becomes of workflows at shutdown; [`StopMode::Park`] by default.
    pub fn stop_mode(mut self, mode: StopMode) -> Self {
        self.options.stop_mode = mode;
        self
    }

    /// How much quarantine each orchestration may have before its pipeline takes no more events, until an operator has retried
    /// or dropped some; 10 000 workflows of any age by default.
    pub fn quarantine(mut self, bounds: QuarantineBounds) -> Self {
        self.options.quarantine = bounds;
        self
    }

    /// Guards the memory that `gauge` measures: while it is short, no pipeline takes events and no orchestration is started; work
    /// in flight goes on. Nothing is guarded unless it is given; `app!` gives one that knows containers and limits.
    pub fn memory(mut self, gauge: impl MemoryGauge, bounds: MemoryBounds) -> Self {
        self.memory = Some(Arc::new(gauge));
        self.options.memory = bounds;
        self
    }

    /// When user code that holds a thread of the runtime is named in the log, and when no more events are taken because the
    /// threads do not keep up.
    pub fn lag(mut self, bounds: LagBounds) -> Self {
        self.options.lag = bounds;
        self
    }

    /// How many pieces of [blocking work](crate::workflow::Workflow::blocking) may run at once; eight for each processor by
    /// default.
    pub fn max_blocking(mut self, pieces: usize) -> Self {
        self.options.max_blocking = pieces;
        self
    }

    /// Hands the control of the program to `hear` as soon as there is one: when its store is open, before any component is
    /// made. A [shutdown](Control::shutdown) from then on takes the start back, in order.
    pub fn on_control(mut self, hear: impl FnOnce(Control) + Send + Sync + 'static) -> Self {
        self.on_control = Some(Box::new(hear));
        self
    }

    /// Resolves the program and validates its configuration; starts nothing.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in one report.
    pub fn check(&self) -> Result<Manifest, ManifestError> {
        resolve(self).map(|resolved| resolved.manifest())
    }

    /// Resolves the program, takes the store, starts every component in the order of its needs, and resumes what is
    /// unfinished; answers when every pipeline may produce.
    ///
    /// # Errors
    ///
    /// The first thing that failed. Everything that was started is stopped again, in reverse order.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the start back, in the background.
    pub async fn start(self) -> Result<Gru, StartError> {
        super::start::start(self).await
    }
}

impl Default for GruBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for GruBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GruBuilder").field("orchestrations", &self.edges.len()).finish_non_exhaustive()
    }
}
