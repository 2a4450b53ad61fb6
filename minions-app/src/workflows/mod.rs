//! `wf`: looks into the stored workflows of a program that is not running.

use std::path::Path;
use std::sync::Arc;

use minions_core::store::{StateStore, StoreError};
use minions_sqlite::SqliteStore;

use crate::exit::Exit;
use crate::output::complain;
use crate::state::State;
use crate::text;

mod change;
mod find;
mod list;
mod show;

use self::find::Which;

/// What is done with stored workflows; an ID is the whole one, or as much of its end as is unique.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List stored workflows, those in quarantine unless told otherwise
    List {
        #[command(flatten)]
        which: Which,
        /// Which of them
        #[arg(long, value_enum, default_value_t)]
        status: StatusChoice,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a workflow: its event, its context, its failures
    Show {
        /// The workflow, or the last characters of its id
        id: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Let workflows in quarantine go on at their step with the next start
    Retry {
        /// The workflows, or the last characters of their ids
        #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
        ids: Vec<String>,
        /// All that are in quarantine
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        which: Which,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove workflows for good
    Drop {
        /// The workflows, or the last characters of their ids
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which statuses are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum StatusChoice {
    /// Set aside after a failure
    #[default]
    Quarantined,
    /// To go on with the next start
    Running,
    /// Both
    All,
}

/// Why a command could not be done; the text is for the person.
type Refusal = String;

/// Takes the store, does the command, and gives the store back.
pub(crate) async fn run(given: Option<Arc<dyn StateStore>>, state: &Path, program: &str, command: Command) -> Exit {
    let done = match open(given, state).await {
        Ok(store) => {
            let done = command.run(&*store, program).await;
            let closed = store.close().await.map_err(|error| because("the state cannot be closed", &error));
            done.and(closed)
        }
        Err(refusal) => Err(refusal),
    };
    match done {
        Ok(()) => Exit::Done,
        Err(refusal) => {
            complain(refusal);
            Exit::Failed
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
                return Err(format!(
                    "there is no state in `{}`, nothing has run with it yet; name another directory with --state",
                    dir.display()
                ));
            }
            Arc::new(SqliteStore::at(database))
        }
    };
    match store.open().await {
        Ok(_) => Ok(store),
        Err(error) if error.is_owned() => Err(format!("stored workflows are changed while nothing runs: {error}")),
        Err(error) => Err(because("the state cannot be used", &error)),
    }
}

impl Command {
    async fn run(self, store: &dyn StateStore, program: &str) -> Result<(), Refusal> {
        match self {
            Self::List { which, status, json } => list::list(store, &which, status, json).await,
            Self::Show { id, json } => show::show(store, &id, json).await,
            Self::Retry { ids, all, which, json } => {
                change::retry(store, &ids, all.then_some(&which), json, program).await
            }
            Self::Drop { ids, json } => change::drop(store, &ids, json).await,
        }
    }
}

fn because(what: &str, error: &StoreError) -> Refusal {
    format!("{what}: {}", text::with_causes(error))
}
