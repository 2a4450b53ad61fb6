//! The object-safe pair that engines drive: a minion, and one workflow of it.

use std::any::{Any, TypeId, type_name};
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use crate::component::{Assembly, Entry, Hooks, forward_hooks};
use crate::error::{Error, Result};
use crate::store::StoredWorkflow;
use crate::workflow::Workflow;

use super::{Flow, History, Lanes, Minion, StepId, StepInfo, Stored, steps_hash};

/// A minion without its types; implemented for every [`Minion`].
pub trait ErasedMinion: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its steps, by their stable names.
    fn steps(&self) -> &'static [StepInfo];

    /// The hash of its list of steps.
    fn steps_hash(&self) -> u64 {
        steps_hash(self.steps())
    }

    /// The version of its event and context.
    fn version(&self) -> u32;

    /// How much is kept of its ended workflows.
    fn history(&self) -> History;

    /// Whether it takes an event at all; the event must be of the minion's type.
    ///
    /// # Errors
    ///
    /// When it is not.
    fn accept(&self, event: &(dyn Any + Send + Sync)) -> Result<bool>;

    /// How it treats the workflows of one key, if it has lanes.
    fn lanes(&self) -> Option<Lanes>;

    /// The key of the lane of an event; the event must be of the minion's type.
    ///
    /// # Errors
    ///
    /// When it is not, or when the key is too long.
    fn lane(&self, event: &(dyn Any + Send + Sync)) -> Result<Option<Arc<str>>>;

    /// Brings a stored workflow up to its version.
    ///
    /// # Errors
    ///
    /// The user's own.
    fn migrate(&self, stored: &mut Stored) -> Result<()>;

    /// A new workflow for a live event, which must be of the minion's type.
    ///
    /// # Errors
    ///
    /// When it is not.
    fn begin(self: Arc<Self>, event: Arc<dyn Any + Send + Sync>) -> Result<Box<dyn ErasedWorkflow>>;

    /// A workflow as it was stored.
    ///
    /// # Errors
    ///
    /// When the event or the context cannot be decoded.
    fn load(self: Arc<Self>, event: &[u8], context: &[u8]) -> Result<Box<dyn ErasedWorkflow>>;

    /// Itself, as its own type.
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// One workflow without its types: it keeps the decoded event and context while it is awake.
pub trait ErasedWorkflow: Send + Sync {
    /// Runs one step.
    ///
    /// # Errors
    ///
    /// The step's own.
    fn step<'a>(&'a mut self, index: usize, workflow: &'a Workflow) -> BoxFuture<'a, Result<Flow>>;

    /// Appends the context as it is stored.
    ///
    /// # Errors
    ///
    /// When it cannot be encoded; `out` may hold a part of it then.
    fn encode_context(&self, out: &mut Vec<u8>) -> Result<()>;

    /// Takes the context back to what was encoded before.
    ///
    /// # Errors
    ///
    /// When it cannot be decoded; the context is as it was then.
    fn set_context(&mut self, context: &[u8]) -> Result<()>;

    /// Goes on with another instance of the same minion; one of another type changes nothing.
    fn move_to(&mut self, minion: Arc<dyn ErasedMinion>);

    /// The index of the step that a [`Flow::to`] names.
    fn position(&self, step: StepId) -> Option<usize>;
}

/// Runs one step on bytes and answers bytes, for engines that keep no typed value in between.
///
/// # Errors
///
/// The step's own, or that the event or the context could not be decoded or encoded.
///
/// # Cancel safety
///
/// As safe as the step itself.
pub async fn call(
    minion: Arc<dyn ErasedMinion>,
    index: usize,
    event: &[u8],
    context: &[u8],
    workflow: &Workflow,
) -> Result<(Flow, Vec<u8>)> {
    let mut loaded = minion.load(event, context)?;
    let flow = loaded.step(index, workflow).await?;
    let mut out = Vec::new();
    loaded.encode_context(&mut out)?;
    Ok((flow, out))
}

impl<M: Minion> ErasedMinion for M {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn steps(&self) -> &'static [StepInfo] {
        M::STEPS
    }

    fn version(&self) -> u32 {
        M::VERSION
    }

    fn history(&self) -> History {
        M::HISTORY
    }

    fn accept(&self, event: &(dyn Any + Send + Sync)) -> Result<bool> {
        event.downcast_ref().map(|event| Minion::accept(self, event)).ok_or_else(not_its_event::<M>)
    }

    fn lanes(&self) -> Option<Lanes> {
        M::LANES
    }

    fn lane(&self, event: &(dyn Any + Send + Sync)) -> Result<Option<Arc<str>>> {
        lane_of::<M>(event)
    }

    fn migrate(&self, stored: &mut Stored) -> Result<()> {
        M::migrate(stored)
    }

    fn begin(self: Arc<Self>, event: Arc<dyn Any + Send + Sync>) -> Result<Box<dyn ErasedWorkflow>> {
        let event = event.downcast().map_err(|_| not_its_event::<M>())?;
        Ok(Box::new(Loaded { minion: self, event, context: M::Context::default() }))
    }

    fn load(self: Arc<Self>, event: &[u8], context: &[u8]) -> Result<Box<dyn ErasedWorkflow>> {
        let event = decode(event, "event")?;
        let context = decode(context, "context")?;
        Ok(Box::new(Loaded { minion: self, event: Arc::new(event), context }))
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

/// A longer key is refused: it lies in every row, and in memory.
const LONGEST_KEY: usize = 512;

fn lane_of<M: Minion>(event: &(dyn Any + Send + Sync)) -> Result<Option<Arc<str>>> {
    if M::LANES.is_none() {
        return Ok(None);
    }
    let key = M::lane(event.downcast_ref().ok_or_else(not_its_event::<M>)?);
    if key.len() > LONGEST_KEY {
        return Err(Error::new(format!(
            "the key of a lane of `{}` has {} bytes, more than {LONGEST_KEY}; answer something shorter in `lane`, such as a \
             hash",
            M::NAME,
            key.len()
        )));
    }
    Ok(Some(key.into()))
}

fn not_its_event<M: Minion>() -> Error {
    Error::new(format!("the event is not what `{}` takes", M::NAME))
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(error).context(format!("the stored {what} cannot be read as `{}`", type_name::<T>()))
    })
}

fn readable<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<()> {
    let read = serde_json::from_slice::<T>(bytes).map(drop);
    read.map_err(|error| Error::new(error).context(format!("it cannot be read as `{}`", type_name::<T>())))
}

struct Loaded<M: Minion> {
    minion: Arc<M>,
    event: Arc<M::Event>,
    context: M::Context,
}

impl<M: Minion> ErasedWorkflow for Loaded<M> {
    fn step<'a>(&'a mut self, index: usize, workflow: &'a Workflow) -> BoxFuture<'a, Result<Flow>> {
        // What a user's function does before its future exists is done in ours, where a panic is contained.
        async move {
            let answer = self.minion.step(index, &self.event, &mut self.context, workflow).await;
            answer.map_err(|error| error.judged_by(M::FAILURES))
        }
        .boxed()
    }

    fn encode_context(&self, out: &mut Vec<u8>) -> Result<()> {
        Ok(serde_json::to_writer(out, &self.context)?)
    }

    fn set_context(&mut self, context: &[u8]) -> Result<()> {
        self.context = decode(context, "context")?;
        Ok(())
    }

    fn move_to(&mut self, minion: Arc<dyn ErasedMinion>) {
        if let Ok(minion) = minion.into_any().downcast() {
            self.minion = minion;
        }
    }

    fn position(&self, step: StepId) -> Option<usize> {
        M::position(step)
    }
}

/// Makes instances of one type of minion.
pub(crate) trait MinionFactory: Send + Sync {
    fn entry(&self) -> Entry;
    /// The type of event that it takes, and its name.
    fn event(&self) -> (TypeId, &'static str);
    /// A workflow before its first step, for an event from anywhere.
    fn blank(&self) -> Result<Blank>;
    /// The key of the lane of an event, if it has lanes.
    fn lane(&self, event: &(dyn Any + Send + Sync)) -> Result<Option<Arc<str>>>;
    /// Whether a workflow in quarantine lets the others of its lane pass.
    fn lets_pass(&self) -> bool;
    /// Its steps, by their stable names.
    fn steps(&self) -> &'static [StepInfo];
    /// Whether the workflow that is stored as `row` could go on with this context.
    fn check_context(&self, row: &StoredWorkflow, context: &[u8]) -> Result<()>;
    fn create(&self, cx: Assembly) -> BoxFuture<'static, Result<Box<dyn MinionInstance>>>;
    /// What its stored work meets.
    #[cfg(any(test, feature = "testing"))]
    fn kind(&self) -> &'static dyn crate::testing::Kind;
}

/// What the row of a workflow before its first step says of its minion.
pub(crate) struct Blank {
    pub(crate) step: &'static str,
    pub(crate) steps_hash: u64,
    pub(crate) version: u32,
    pub(crate) context: Vec<u8>,
}

/// One instance: its hooks, and what the engine drives.
pub(crate) trait MinionInstance: Hooks {
    fn shared(&self) -> Arc<dyn ErasedMinion>;
}

pub(crate) const fn factory<M: Minion>() -> &'static dyn MinionFactory {
    &Factory::<M>(PhantomData)
}

struct Factory<M>(PhantomData<fn() -> M>);

impl<M: Minion> MinionFactory for Factory<M> {
    fn entry(&self) -> Entry {
        Entry::minion::<M>()
    }

    fn event(&self) -> (TypeId, &'static str) {
        (TypeId::of::<M::Event>(), type_name::<M::Event>())
    }

    fn blank(&self) -> Result<Blank> {
        // A user's `Default` or `Serialize` may panic as well as fail.
        let context = crate::panics::contain_sync(|| Ok(serde_json::to_vec(&M::Context::default())?))
            .map_err(|error| error.context("the context cannot be stored"))?;
        Ok(Blank { step: M::STEPS[0].name, steps_hash: steps_hash(M::STEPS), version: M::VERSION, context })
    }

    fn lane(&self, event: &(dyn Any + Send + Sync)) -> Result<Option<Arc<str>>> {
        lane_of::<M>(event)
    }

    fn lets_pass(&self) -> bool {
        M::LANES.is_some_and(|lanes| !lanes.holds())
    }

    #[cfg(any(test, feature = "testing"))]
    fn kind(&self) -> &'static dyn crate::testing::Kind {
        crate::testing::kind::<M>()
    }

    fn steps(&self) -> &'static [StepInfo] {
        M::STEPS
    }

    fn check_context(&self, row: &StoredWorkflow, context: &[u8]) -> Result<()> {
        // A user's `Deserialize` or migration may panic as well as fail.
        crate::panics::contain_sync(|| {
            if row.version >= M::VERSION {
                return readable::<M::Context>(context);
            }
            // It is migrated when it goes on, and has to be readable then.
            let event = serde_json::from_slice(&row.event)?;
            let mut stored = Stored::new(row.version, row.step.clone(), event, serde_json::from_slice(context)?);
            M::migrate(&mut stored)?;
            readable::<M::Context>(&serde_json::to_vec(&stored.context)?)
        })
    }

    fn create(&self, cx: Assembly) -> BoxFuture<'static, Result<Box<dyn MinionInstance>>> {
        async move { Ok(Box::new(Instance(Arc::new(M::create(cx).await?))) as Box<dyn MinionInstance>) }.boxed()
    }
}

struct Instance<M>(Arc<M>);

impl<M: Minion> MinionInstance for Instance<M> {
    fn shared(&self) -> Arc<dyn ErasedMinion> {
        self.0.clone()
    }
}

forward_hooks!(Instance, Minion);
