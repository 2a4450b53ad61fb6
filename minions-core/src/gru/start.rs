//! Brings a program up: all resolved first, then everything that it declares, all or nothing.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

use tracing::{error, info, warn};

use crate::manifest::{Resolved, resolve};
use crate::panics::contain;
use crate::store::{Status, StoreError};
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
    let engine = Arc::new(Engine::new(store, &opened));
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

async fn declared(runtime: &Arc<Runtime>, mut resolved: Resolved) -> Result<(), StartError> {
    report_stored(runtime, &resolved).await.map_err(StartError::Store)?;
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

/// Says what the store holds beside the work of this program.
async fn report_stored(runtime: &Runtime, resolved: &Resolved) -> Result<(), StoreError> {
    let counted = contain(async { Ok(runtime.engine.store.counts().await) }).await;
    let counts = counted.unwrap_or_else(|panic| Err(StoreError::unavailable(format!("counting {panic}"))))?;
    let known: HashMap<&str, &Arc<str>> =
        resolved.orchestrations.iter().map(|orchestration| (&*orchestration.id, &orchestration.id)).collect();
    for stored in counts {
        let id: Arc<str> = stored.orchestration.as_str().into();
        runtime.engine.ledger(&id).book(|ledger| ledger.found += stored.count);
        match (known.get(&*stored.orchestration), stored.status) {
            (None, status) => warn!(
                orchestration = stored.orchestration,
                count = stored.count,
                status = status.as_str(),
                "stored workflows belong to an orchestration that is not part of this program; they are kept"
            ),
            (Some(id), Status::Quarantined) => {
                runtime.engine.add_quarantined(id, stored.count);
                warn!(orchestration = &***id, count = stored.count, "workflows are in quarantine");
            }
            (Some(id), status) => {
                info!(orchestration = &***id, count = stored.count, status = status.as_str(), "found workflows");
            }
        }
    }
    Ok(())
}
