//! Who answers: the running program at its socket, or, if none does, the file that a stopped one has left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use minions_core::GruBuilder;
use minions_core::gru::Workflows;
use minions_core::store::{StateStore, Status, StoreError};
use minions_sqlite::SqliteStore;

use crate::control;
use crate::state::State;
use crate::text;

use super::answer::{self, Refusal};
use super::request::Request;

pub(super) enum Ask {
    Running { state: PathBuf, program: String },
    Stopped { store: Arc<dyn StateStore>, workflows: Workflows },
}

impl Ask {
    pub(super) async fn whoever_answers(builder: &GruBuilder, state: &Path, program: &str) -> Result<Self, Refusal> {
        if control::is_there(state) {
            return Ok(Self::Running { state: state.to_owned(), program: program.to_owned() });
        }
        let store = open(builder.given_store(), state).await?;
        Ok(Self::Stopped { workflows: Workflows::of_stopped(builder, store.clone()), store })
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Running { .. })
    }

    pub(super) async fn ask(&self, request: Request) -> Result<Value, Refusal> {
        match self {
            Self::Running { state, program } => control::ask_workflows(state, program, request).await,
            Self::Stopped { workflows, .. } => answer::answer(workflows, request).await,
        }
    }

    pub(super) async fn typed<T: DeserializeOwned>(&self, request: Request) -> Result<T, Refusal> {
        let said = self.ask(request).await?;
        serde_json::from_value(said).map_err(|error| {
            let what = format!("the answer is not understood: {error}; the program may be another build");
            Refusal::new("version", what)
        })
    }

    /// How many are not in quarantine, where nothing runs.
    pub(super) async fn others(&self) -> Result<u64, Refusal> {
        let Self::Stopped { store, .. } = self else { return Ok(0) };
        let counts = store.counts().await.map_err(|error| because("the stored workflows cannot be counted", &error))?;
        Ok(counts.iter().filter(|count| count.status != Status::Quarantined).map(|count| count.count).sum())
    }

    pub(super) async fn close(self) -> Result<(), Refusal> {
        match self {
            Self::Running { .. } => Ok(()),
            Self::Stopped { store, .. } => {
                store.close().await.map_err(|error| because("the state cannot be closed", &error))
            }
        }
    }
}

async fn open(given: Option<Arc<dyn StateStore>>, dir: &Path) -> Result<Arc<dyn StateStore>, Refusal> {
    let store = match given {
        Some(store) => store,
        None => {
            let database = State { dir: dir.to_owned() }.database();
            // Opening it would create it, and a misspelt directory would look like an empty one.
            if !database.exists() {
                let what = format!(
                    "there is no state in `{}`, nothing has run with it yet; name another directory with --state",
                    dir.display()
                );
                return Err(Refusal::new("no-state", what));
            }
            Arc::new(SqliteStore::at(database).visiting())
        }
    };
    match store.open().await {
        Ok(_) => Ok(store),
        Err(error) if error.is_owned() => {
            let what = format!("a program has the state and does not answer at its socket: {error}");
            Err(Refusal::new("owned", what))
        }
        Err(error) => Err(because("the state cannot be used", &error)),
    }
}

fn because(what: &str, error: &StoreError) -> Refusal {
    Refusal::new("store", format!("{what}: {}", text::with_causes(error)))
}
