//! `wf`: looks into stored workflows and decides about them, whether the program runs or not.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};

use minions_core::GruBuilder;

use crate::exit::Exit;
use crate::output::{answer as tell, answer_json, complain, say};
use crate::text;

mod answer;
mod ask;
mod find;
mod list;
mod request;
mod show;

use self::answer::Changed;
pub(crate) use self::answer::{Refusal, answer};
use self::ask::Ask;
pub(crate) use self::request::Request;
use self::request::{Query, StatusChoice};

/// What is done with stored workflows; an ID is the whole one, or as much of its end as is unique.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List stored workflows, those in quarantine or those of a lane unless told otherwise
    List {
        #[command(flatten)]
        which: Which,
        /// Which of them
        #[arg(long, value_enum)]
        status: Option<StatusChoice>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a workflow: its event, its context, its failures, and what it waits for
    Show {
        /// The workflow, or the last characters of its id
        id: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Let workflows in quarantine go on at their step: at once, or with the next start
    Retry {
        /// The workflows, or the last characters of their ids
        #[arg(required_unless_present = "all", conflicts_with_all = ["all", "narrower"], value_name = "ID")]
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
    /// Let a workflow in quarantine go on at another step
    Goto {
        /// The workflow, or the last characters of its id
        id: String,
        /// The step, by its name
        step: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Replace the context of a workflow in quarantine, which stays there
    Edit {
        /// The workflow, or the last characters of its id
        id: String,
        /// The context as JSON, or - to read it from standard input
        #[arg(long, value_name = "JSON", required_unless_present = "context_file", conflicts_with = "context_file")]
        context: Option<String>,
        /// A file with the context as JSON
        #[arg(long, value_name = "FILE")]
        context_file: Option<std::path::PathBuf>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove workflows for good
    Drop {
        /// The workflows, or the last characters of their ids
        #[arg(required_unless_present = "all", conflicts_with_all = ["all", "narrower"], value_name = "ID")]
        ids: Vec<String>,
        /// All that are in quarantine
        #[arg(long, requires = "yes")]
        all: bool,
        /// Say that all are meant
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        which: Which,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Hand a signal to a workflow
    Signal {
        /// The workflow, or the last characters of its id
        id: String,
        /// The name of the signal
        name: String,
        /// What it says, as JSON
        #[arg(value_name = "JSON", default_value = "null")]
        payload: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// List workflows that have ended, the last one first, of minions that keep a history
    History {
        /// Only those of this orchestration
        #[arg(long, value_name = "ID")]
        orchestration: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 100, value_name = "N")]
        limit: usize,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
}

/// Narrows down which workflows are meant.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "narrower", multiple = true)]
pub(crate) struct Which {
    /// Only those of this orchestration, such as door/greeter
    #[arg(long, value_name = "ID")]
    orchestration: Option<String>,
    /// Only those of this minion
    #[arg(long, value_name = "NAME")]
    minion: Option<String>,
    /// Only those at this step
    #[arg(long = "step", value_name = "NAME")]
    at_step: Option<String>,
    /// Only those of the lane of this key
    #[arg(long, value_name = "KEY")]
    lane: Option<String>,
    /// Only those whose event has this value, such as page.url=https://example.org
    #[arg(long, value_name = "PATH=VALUE", value_parser = field)]
    event: Option<(String, String)>,
}

fn field(text: &str) -> Result<(String, String), String> {
    let (path, value) =
        text.split_once('=').ok_or("write a field and its value, such as page.url=https://example.org")?;
    Ok((path.to_owned(), value.to_owned()))
}

impl Which {
    fn query(self, status: StatusChoice) -> Query {
        let Self { orchestration, minion, at_step: step, lane, event } = self;
        Query { orchestration, minion, step, lane, event, status }
    }
}

/// Asks the running program, or the file of a stopped one.
pub(crate) async fn run(builder: &GruBuilder, state: &Path, program: &str, command: Command) -> Exit {
    let json = command.json();
    let done = match Ask::whoever_answers(builder, state, program).await {
        Ok(ask) => {
            let done = command.run(&ask, program).await;
            let closed = ask.close().await;
            done.and(closed)
        }
        Err(refusal) => Err(refusal),
    };
    match done {
        Ok(()) => Exit::Done,
        Err(refusal) => {
            if json {
                answer_json(&json!({"error": {"kind": refusal.kind, "message": refusal.message}}));
            }
            complain(refusal.message);
            Exit::Failed
        }
    }
}

impl Command {
    fn json(&self) -> bool {
        match self {
            // Part of its answer may have been given already.
            Self::List { .. } => false,
            Self::Show { json, .. }
            | Self::Retry { json, .. }
            | Self::Goto { json, .. }
            | Self::Edit { json, .. }
            | Self::Drop { json, .. }
            | Self::Signal { json, .. }
            | Self::History { json, .. } => *json,
        }
    }

    async fn run(self, ask: &Ask, program: &str) -> Result<(), Refusal> {
        let when = if ask.is_live() { "" } else { " with the next start" };
        match self {
            Self::List { which, status, json } => {
                let usual = if which.lane.is_some() { StatusChoice::All } else { StatusChoice::Quarantined };
                list::list(ask, &which.query(status.unwrap_or(usual)), json).await
            }
            Self::Show { id, json: true } => {
                answer_json(&ask.ask(Request::Show { id }).await?);
                Ok(())
            }
            Self::Show { id, json: false } => {
                tell(show::for_people(&ask.typed(Request::Show { id }).await?, program));
                Ok(())
            }
            Self::Retry { ids, all, which, json } => {
                let ids = meant(ask, ids, all.then_some(which)).await?;
                let changed = change(ask, ids, all, |id| Request::Retry { id }).await?;
                report(&changed, json, |it| format!("{} goes on at `{}`", find::short(it.id), it.step));
                if !json {
                    let count = text::count(changed.len() as u64, "workflow");
                    say(match ask.is_live() {
                        true => format!("{count} to go on now"),
                        false => format!("{count} to go on with the next start of `{program}`"),
                    });
                }
                Ok(())
            }
            Self::Goto { id, step, json } => {
                let changed = change(ask, vec![id], false, |id| Request::Goto { id, step: step.clone() }).await?;
                report(&changed, json, |it| format!("{} goes on at `{}`{when}", find::short(it.id), it.step));
                Ok(())
            }
            Self::Edit { id, context, context_file, json } => {
                let context = read(context, context_file)?;
                let changed = change(ask, vec![id], false, |id| Request::Edit { id, context: context.clone() }).await?;
                report(&changed, json, |it| {
                    let id = find::short(it.id);
                    format!(
                        "{id} has another context and is still in quarantine; `{program} wf retry {id}` lets it go on"
                    )
                });
                Ok(())
            }
            Self::Drop { ids, all, which, json, .. } => {
                let ids = meant(ask, ids, all.then_some(which)).await?;
                let changed = change(ask, ids, all, |id| Request::Drop { id }).await?;
                report(&changed, json, |it| {
                    format!("{} of {} is gone, it was at `{}`", it.id, it.orchestration, it.step)
                });
                Ok(())
            }
            Self::Signal { id, name, payload, json } => {
                let payload = parsed(&payload)?;
                let said = ask.ask(Request::Signal { id: id.clone(), name: name.clone(), payload }).await?;
                match said["result"].as_str() {
                    _ if json => answer_json(&said),
                    Some("duplicate") => tell(format_args!("{id} has a signal `{name}` already, which stays as it is")),
                    _ => tell(format_args!("{id} has the signal `{name}`")),
                }
                Ok(())
            }
            Self::History { orchestration, limit, json } => {
                let said = ask.ask(Request::History { orchestration, limit }).await?;
                if json {
                    answer_json(&said);
                } else {
                    tell(history(&said));
                }
                Ok(())
            }
        }
    }
}

/// The named ones, each once, or all in quarantine that are meant.
async fn meant(ask: &Ask, ids: Vec<String>, all: Option<Which>) -> Result<Vec<String>, Refusal> {
    let mut meant: Vec<String> = Vec::new();
    match all {
        Some(which) => {
            list::pages(ask, &which.query(StatusChoice::Quarantined), async |page| {
                meant.extend(page.workflows.iter().map(|line| line.id.to_string()));
                Ok(())
            })
            .await?;
        }
        None => {
            for id in ids {
                let found = ask.ask(Request::Show { id: id.clone() }).await?;
                let whole = found["id"].as_str().map_or(id, str::to_owned);
                if !meant.contains(&whole) {
                    meant.push(whole);
                }
            }
        }
    }
    Ok(meant)
}

/// Asks for one change after the other; of all that were meant, those that somebody else has dealt with are passed over.
async fn change(
    ask: &Ask,
    ids: Vec<String>,
    all: bool,
    request: impl Fn(String) -> Request,
) -> Result<Vec<Changed>, Refusal> {
    let mut changed = Vec::new();
    for id in ids {
        match ask.typed(request(id)).await {
            Ok(one) => changed.push(one),
            Err(refusal) if all && matches!(refusal.kind, "not-found" | "not-quarantined") => {}
            Err(refusal) if changed.is_empty() => return Err(refusal),
            Err(Refusal { kind, message }) => {
                let done = text::count(changed.len() as u64, "workflow");
                return Err(Refusal::new(kind, format!("{message}; {done} before it went well")));
            }
        }
    }
    Ok(changed)
}

fn report(changed: &[Changed], json: bool, line: impl Fn(&Changed) -> String) {
    if json {
        answer_json(&changed);
    } else {
        changed.iter().for_each(|changed| tell(line(changed)));
    }
}

fn read(context: Option<String>, file: Option<std::path::PathBuf>) -> Result<Value, Refusal> {
    let unreadable = |error: std::io::Error| Refusal::new("usage", format!("the context cannot be read: {error}"));
    let text = match (context, file) {
        (_, Some(file)) => std::fs::read_to_string(file).map_err(unreadable)?,
        (Some(text), None) if text != "-" => text,
        _ => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
            text
        }
    };
    parsed(&text)
}

fn parsed(text: &str) -> Result<Value, Refusal> {
    serde_json::from_str(text).map_err(|error| {
        Refusal::new(
            "usage",
            format!("`{}` is no JSON: {error}; a text stands in double quotes", text::one_line(text, 60)),
        )
    })
}

fn history(said: &Value) -> String {
    let cell = |one: &Value, key: &str| one[key].as_str().map_or_else(|| one[key].to_string(), str::to_owned);
    let rows: Vec<_> = said
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| {
            let id = one["id"].as_str().and_then(|id| id.parse().ok()).map_or_else(|| cell(one, "id"), find::short);
            let ended = one["ended_ms"].as_i64().map_or_else(|| cell(one, "ended"), text::local_time);
            let why = one["failures"].as_array().and_then(|failures| failures.last()?["error"][0].as_str());
            let took = std::time::Duration::from_millis(one["took_ms"].as_u64().unwrap_or(0));
            [
                id,
                cell(one, "outcome"),
                cell(one, "orchestration"),
                cell(one, "step"),
                ended,
                text::duration(took),
                why.map_or_else(String::new, |why| text::one_line(why, list::ERROR_WIDTH)),
            ]
        })
        .collect();
    text::table(["ID", "OUTCOME", "ORCHESTRATION", "STEP", "ENDED", "TOOK", "LAST ERROR"], &rows)
}
