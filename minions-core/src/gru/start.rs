//! Brings a program up: all resolved first, then everything that it declares, all or nothing.

use std::any::{Any, TypeId};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tracing::{error, warn};

use crate::guard::watch_memory;
use crate::manifest::{Resolved, resolve};
use crate::panics::contain;
use crate::store::StoreError;
use crate::telemetry::names;
use crate::workflow::Engine;

use super::control::Control;
use super::report::{Finished, StartError, StopMode};
use super::runtime::Runtime;
use super::snapshot::RuntimePhase;
use super::tidy::Tidying;
use super::{Gru, GruBuilder};

pub(super) async fn start(mut builder: GruBuilder) -> Result<Gru, StartError> {
    let resolved = resolve(&builder)?;
    let manifest = resolved.manifest();
    names::describe();
    let store = builder.store_or_none();
    let opened = contain(async { Ok(store.open().await) })
        .await
        .unwrap_or_else(|error| Err(StoreError::unavailable(format!("opening the store {error}"))))
        .map_err(StartError::Store)?;
    let engine = Arc::new(Engine::new(
        store,
        &opened,
        builder.options.quarantine,
        builder.options.max_bytes_in_flight,
        builder.options.max_blocking,
        builder.limits.clone(),
    ));
    for (from, id, to) in resolved.routes() {
        engine.routes.declare(from, id, to);
    }
    // Kept in the builder too, against which later starts are resolved.
    let mut provided = builder.provided.clone();
    provided.insert(TypeId::of::<Engine>(), engine.clone());
    let on_control = builder.on_control.take();
    let runtime = Arc::new_cyclic(|this: &Weak<Runtime>| {
        let control: Arc<dyn Any + Send + Sync> = Arc::new(Control::of(this.clone()));
        provided.insert(TypeId::of::<Control>(), control);
        Runtime::new(builder, provided, engine)
    });
    end_when_disowned(&runtime);
    tell_of_circuits(&runtime);
    guard_memory(&runtime);
    // From here on dropping this future stops what has been started.
    let gru = Gru::new(manifest, runtime.clone());
    if let Some(hear) = on_control {
        hear(gru.control());
    }
    match declared(&runtime, resolved).await {
        Ok(()) => Ok(gru),
        Err(error) => {
            gru.shutdown_with(StopMode::Now).await;
            Err(error)
        }
    }
}

/// Ends the program at once when its store belongs to another process, which runs the same workflows by then.
fn end_when_disowned(runtime: &Arc<Runtime>) {
    let (engine, this) = (runtime.engine.clone(), Arc::downgrade(runtime));
    let mut ended = runtime.report.subscribe();
    runtime.spawn(async move {
        let error = tokio::select! {
            error = engine.disowned() => error,
            _ = ended.wait_for(Option::is_some) => return,
        };
        let cause: &dyn std::error::Error = &error;
        error!(
            error = cause,
            "the store belongs to another process; the program ends, and that one goes on with its work"
        );
        let Some(runtime) = this.upgrade() else { return };
        let end = Finished::Failed(error.to_string());
        runtime.finished.send_if_modified(|known| known.is_none() && known.replace(end).is_none());
        runtime.begin_shutdown(Some(StopMode::Now));
    });
}

/// Lets open circuits hold the pipelines back that need them.
fn tell_of_circuits(runtime: &Arc<Runtime>) {
    let engine = runtime.engine.clone();
    // From now on, not from when the task first runs: a hook may open a circuit before that.
    let mut circuits = engine.circuits.watch();
    let mut ended = runtime.report.subscribe();
    runtime.spawn(async move {
        loop {
            tokio::select! {
                () = circuits.changed() => engine.holds.take_over(&engine.circuits),
                _ = ended.wait_for(Option::is_some) => return,
            }
        }
    });
}

/// Holds events and starts back while memory is short.
fn guard_memory(runtime: &Arc<Runtime>) {
    let Some(gauge) = runtime.program.memory.clone() else { return };
    let (hold, bounds) = (runtime.engine.holds.memory.clone(), runtime.program.options.memory);
    let mut ended = runtime.report.subscribe();
    runtime.spawn(async move {
        tokio::select! {
            () = watch_memory(gauge, bounds, hold) => {}
            _ = ended.wait_for(Option::is_some) => {}
        }
    });
}

async fn declared(runtime: &Arc<Runtime>, mut resolved: Resolved) -> Result<(), StartError> {
    look_at_stored(runtime, &resolved).await.map_err(StartError::Store)?;
    resolved.drop_on_demand();
    let starting: Vec<_> = resolved.orchestrations.iter().map(|orchestration| orchestration.id.clone()).collect();
    let recovery = contain(async { Ok(runtime.engine.recovery.begin(&*runtime.engine.store, &starting).await) }).await;
    let begun = recovery.unwrap_or_else(|panic| Err(StoreError::unavailable(format!("looking for suspects {panic}"))));
    begun.map_err(StartError::Store)?;
    runtime.start(&resolved).await?;
    if runtime.engine.keeps {
        *runtime.tidying.lock() = Some(Tidying::begin(runtime));
    }
    runtime.update(|state| {
        if state.phase == RuntimePhase::Starting {
            state.phase = RuntimePhase::Running;
        }
    });
    Ok(())
}

/// How long a start waits for the number of stored workflows.
const COUNTING: Duration = Duration::from_millis(250);

/// Notes what the store holds. Only what is in quarantine is waited for: there is little of it, and the intake may depend on
/// it. If there is much of the rest, that is counted beside the start, whose time must not depend on how much is stored.
async fn look_at_stored(runtime: &Arc<Runtime>, resolved: &Resolved) -> Result<(), StoreError> {
    let engine = &runtime.engine;
    engine.stored.declare(resolved.orchestrations.iter().map(|orchestration| orchestration.id.clone()));
    if !engine.keeps {
        engine.stored.unfinished(&[]);
        return Ok(());
    }
    let counted = contain(async { Ok(engine.store.quarantined().await) }).await;
    let counts = counted.unwrap_or_else(|panic| Err(StoreError::unavailable(format!("counting {panic}"))))?;
    engine.stored.quarantined(&counts);
    for stored in counts {
        let id = stored.orchestration.into();
        engine.quarantine.found(&id, stored.count);
        engine.quarantine.look_at_ages(&*engine.store, &id).await?;
    }
    // What is counted is what was there before anything starts: the store has begun to read by then.
    let mut counting = Box::pin(count_stored(engine.clone()));
    if tokio::time::timeout(COUNTING, &mut counting).await.is_err() {
        let counting = runtime.spawn(counting);
        runtime.update(|state| state.counting = Some(counting));
    }
    Ok(())
}

async fn count_stored(engine: Arc<Engine>) {
    match contain(async { Ok(engine.store.counts().await) }).await {
        Ok(Ok(counts)) => {
            for stored in &counts {
                engine.ledger(&stored.orchestration.as_str().into()).book(|ledger| ledger.found += stored.count);
            }
            engine.stored.unfinished(&counts);
        }
        failed => {
            let error = match failed {
                Ok(Err(error)) => error.to_string(),
                failed => failed.map_or_else(|error| error.to_string(), |_| String::new()),
            };
            warn!(error, "what is stored could not be counted; it is kept all the same");
            engine.stored.unknown_for_ever();
        }
    }
    for unknown in engine.stored.unknown(|_| false) {
        warn!(
            orchestration = unknown.id,
            unfinished = unknown.unfinished,
            quarantined = unknown.quarantined,
            "stored workflows belong to an orchestration that is not part of this program; they are kept"
        );
    }
}
