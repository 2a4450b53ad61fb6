//! `run`: the program from its first line to its exit code.

use std::pin::pin;
use std::time::{Duration, Instant};

use clap::ArgMatches;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use minions_core::gru::{Control, Finished, ShutdownReport, StartError, StopMode};
use minions_core::store::MemoryStore;
use minions_core::{Gru, GruBuilder};
use minions_sqlite::{Durability, SqliteStore};

use crate::cli::Global;
use crate::config::{DurabilityOption, Options, StoreOption};
use crate::control::Orders;
use crate::exit::Exit;
use crate::fate::Kept;
use crate::logs::{self, Installed, LogError};
use crate::metrics::{self, Metrics};
use crate::output::{SAID, complain, say};
use crate::prepare::{Prepared, prepare};
use crate::signals::Signals;
use crate::state::State;
use crate::watchdog::Watchdog;
use crate::{App, text};

/// Runs the program until its sources have ended or a signal asks it to stop.
pub(crate) async fn run(app: App, program: &str, global: &Global, matches: &ArgMatches) -> Exit {
    let state = State { dir: global.state.clone() };
    let provided = (app.args.provide)(matches, app.builder);
    let builder = match provided {
        Ok(builder) => builder,
        Err(error) => {
            let _ = error.print();
            return Exit::Usage;
        }
    };
    let injected = match state.to_injected() {
        Ok(injected) => injected,
        Err(error) => return not_started(format_args!("`{}` is no directory: {error}", state.dir.display())),
    };
    let prepared = match prepare(builder.provide(injected), global) {
        Ok(prepared) => prepared,
        Err(report) => {
            complain(report);
            return Exit::Usage;
        }
    };
    // Before anything is started that should be stopped in order.
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return not_started(format_args!("signals cannot be received: {error}")),
    };
    if let Err(error) = state.create() {
        let dir = state.dir.display();
        return not_started(format_args!("the state directory `{dir}` cannot be created: {error}"));
    }
    let options = prepared.options.value.clone();
    let talks = match install_logs(app.logs, &options, &state) {
        Ok(talks) => talks,
        Err(error) => return not_started(text::with_causes(&error)),
    };
    let run = Run { program, state: &state, options: &options, signals: &signals, talks };
    run.greet(&prepared);
    let stop_metrics = CancellationToken::new();
    let metrics = match options.metrics.as_on().filter(|_| app.metrics) {
        // Before components register their handles.
        Some(metrics) => Some(metrics::start(&metrics.clone().into(), stop_metrics.clone()).await),
        None => None,
    };
    let (exit, orders) = run.to_the_end(prepared.builder, metrics.as_ref()).await;
    stop_metrics.cancel();
    if let Some(metrics) = metrics {
        metrics.stopped().await;
    }
    if let Some(orders) = orders {
        // Last, because by the end of its connection knows whoever has ordered the shutdown that it is over.
        orders.end().await;
    }
    exit
}

/// One run whose telemetry is in place.
struct Run<'a> {
    program: &'a str,
    state: &'a State,
    options: &'a Options,
    signals: &'a Signals,
    /// Whether there is more on the terminal than errors.
    talks: bool,
}

/// Why a run comes to its end.
enum End {
    Finished(Finished),
    Signal,
    Order(Option<StopMode>),
}

/// A program whose store is open.
enum Opened {
    /// And whose components are being started.
    Starts(Control),
    /// And that needed no time for the rest.
    Started(Gru),
}

impl Run<'_> {
    fn greet(&self, prepared: &Prepared) {
        let starts = prepared.manifest.orchestrations.iter().filter(|orchestration| orchestration.starts);
        let ids: Vec<_> = starts.map(|orchestration| &*orchestration.id).collect();
        let on_demand = prepared.manifest.orchestrations.len() - ids.len();
        let file = prepared.file.as_ref().map(|file| file.display().to_string());
        tracing::info!(
            target: SAID,
            program = self.program,
            orchestrations = ids.len(),
            on_demand,
            state = %self.state.dir.display(),
            configuration = file.as_deref().unwrap_or("none"),
            pid = std::process::id(),
            "starting"
        );
        if self.talks {
            let many = text::count(ids.len() as u64, "orchestration");
            let named = if ids.is_empty() { String::new() } else { format!(": {}", text::some_of(&ids, 4)) };
            let more = if on_demand > 0 { format!("; {on_demand} on demand") } else { String::new() };
            say(format_args!("{}: {many}{named}{more}", self.program));
            let file =
                file.map_or_else(|| "no configuration file".to_owned(), |file| format!("configuration in {file}"));
            say(format_args!("state in {}, {file}; Ctrl-C stops", self.state.dir.display()));
        }
    }

    /// How it ended, and the control socket, whose callers wait for the end of everything else.
    async fn to_the_end(&self, builder: GruBuilder, metrics: Option<&Metrics>) -> (Exit, Option<Orders>) {
        let (hand, control) = oneshot::channel();
        let hand = move |control| {
            // Nobody waits any more if the start was given up.
            let _ = hand.send(control);
        };
        let builder = with_store(builder, self.options, self.state).on_control(hand);
        let mut starting = Box::pin(builder.start());
        let (control, started) = match self.open(&mut starting, control).await {
            Ok(Opened::Starts(control)) => (control, None),
            Ok(Opened::Started(gru)) => (gru.control(), Some(gru)),
            Err(exit) => return (exit, None),
        };
        let mut starting = pin!(async {
            match started {
                Some(gru) => Ok(gru),
                None => starting.await,
            }
        });
        if let Some(metrics) = metrics {
            metrics.watch(control.clone());
        }
        let mut orders = Orders::take(self.program, self.state, control.clone());
        let mut began = Instant::now();
        let (end, _gru) = tokio::select! {
            biased;
            started = &mut starting => match started {
                Ok(gru) => {
                    began = Instant::now();
                    let end = tokio::select! {
                        biased;
                        finished = gru.finished() => End::Finished(finished),
                        end = self.asked(&mut orders) => end,
                    };
                    (end, Some(gru))
                }
                Err(error) => return (self.refused(&error), Some(orders)),
            },
            // The shutdown takes the start back.
            end = self.asked(&mut orders) => (end, None),
        };
        let mode = match end {
            End::Order(mode) => mode,
            End::Signal | End::Finished(_) => None,
        };
        let watchdog = Watchdog::over(
            self.options.shutdown_deadline,
            "the stop did not end within its deadline",
            "stopping at once, stored work resumes with the next start",
        );
        let report = control.shutdown(mode).await;
        drop(watchdog);
        let exit = match report {
            Ok(report) => {
                let exit = self.sum_up(&end, &report, began.elapsed());
                orders.report(report);
                exit
            }
            // Only a program that is gone refuses this, and it cannot be as long as its start or itself is held.
            Err(error) => {
                complain(error);
                Exit::Failed
            }
        };
        (exit, Some(orders))
    }

    /// Waits until the store is open; a signal does not wait for that for ever.
    async fn open(
        &self,
        starting: &mut (impl Future<Output = Result<Gru, StartError>> + Unpin),
        control: oneshot::Receiver<Control>,
    ) -> Result<Opened, Exit> {
        let late = async {
            self.signals.requested().await;
            let _watchdog = Watchdog::over(
                self.options.shutdown_deadline,
                "the start did not end after it was interrupted",
                "stopping at once",
            );
            tokio::time::sleep(self.options.shutdown_deadline).await;
        };
        tokio::select! {
            biased;
            Ok(control) = control => Ok(Opened::Starts(control)),
            started = starting => started.map(Opened::Started).map_err(|error| self.refused(&error)),
            () = late => {
                let deadline = text::duration(self.options.shutdown_deadline);
                let late = format!("the state could not be opened within {deadline} after the start was interrupted");
                tracing::error!(target: SAID, "{late}");
                complain(format_args!("{late}; stopping at once"));
                Err(Exit::Failed)
            }
        }
    }

    /// Waits until somebody asks for the stop.
    async fn asked(&self, orders: &mut Orders) -> End {
        tokio::select! {
            biased;
            () = self.signals.requested() => End::Signal,
            mode = orders.shutdown() => {
                tracing::info!(target: SAID, ?mode, "stopping because of an order");
                say("shutdown ordered: stopping");
                End::Order(mode)
            }
        }
    }

    fn refused(&self, error: &StartError) -> Exit {
        tracing::error!(target: SAID, error = error as &dyn std::error::Error, "the start failed");
        complain(format_args!("{} could not start: {error}", self.program));
        match error {
            StartError::Manifest(_) => Exit::Usage,
            _ => Exit::NotStarted,
        }
    }

    fn sum_up(&self, end: &End, report: &ShutdownReport, ran: Duration) -> Exit {
        let ran = text::duration(ran);
        let exit = exit(end, report);
        let mut line = match end {
            End::Finished(Finished::Failed(why)) => format!("failed after {ran}: {why}"),
            // A component, or whoever else holds a handle.
            End::Finished(Finished::Stopped) => format!("stopped after {ran}"),
            End::Finished(_) => format!("done after {ran}"),
            End::Signal | End::Order(_) => format!("stopped after {ran}"),
        };
        let unfinished = report.parked + report.interrupted;
        if unfinished > 0 {
            let fate = Kept::from(&report.durability).fate_of(unfinished, "the next start");
            line.push_str(&format!("; {fate}"));
        }
        if report.quarantined > 0 {
            let kept = text::count(report.quarantined, "workflow");
            line.push_str(&format!("; {kept} in quarantine, see `{} wf list`", self.program));
        }
        tracing::info!(target: SAID, exit_code = exit.code(), "{line}");
        if !report.is_clean() {
            complain(format_args!("the stop was not in order: {report}"));
        }
        if self.talks || exit != Exit::Done {
            say(format_args!("{}: {line}", self.program));
        }
        exit
    }
}

fn exit(end: &End, report: &ShutdownReport) -> Exit {
    match end {
        End::Finished(Finished::Failed(_)) => Exit::Failed,
        _ if !report.is_clean() => Exit::Failed,
        // Whoever stops a program has not asked how its work went.
        End::Signal | End::Order(_) | End::Finished(Finished::Stopped) => Exit::Done,
        End::Finished(_) if report.quarantined > 0 => Exit::Quarantined,
        End::Finished(_) => Exit::Done,
    }
}

fn with_store(builder: GruBuilder, options: &Options, state: &State) -> GruBuilder {
    if builder.given_store().is_some() {
        return builder;
    }
    match options.store {
        StoreOption::Sqlite => {
            let durability = match options.durability {
                DurabilityOption::Power => Durability::Power,
                DurabilityOption::Process => Durability::Process,
            };
            let store = SqliteStore::at(state.database()).durability(durability);
            builder.provide(store.state_file()).store(store)
        }
        // Parked workflows would be gone with the process.
        StoreOption::Memory => builder.store(MemoryStore::new()).stop_mode(StopMode::Drain),
        StoreOption::None => builder,
    }
}

/// Answers whether the person at the terminal hears more than errors.
fn install_logs(wanted: bool, options: &Options, state: &State) -> Result<bool, LogError> {
    match options.logs.as_on().filter(|_| wanted) {
        Some(logs) => {
            let options = logs.to_log_options(state.log_file());
            // A subscriber of the program's own hears the same, and the terminal is its.
            Ok(logs::install(&options)? == Installed::Ours && options.terminal)
        }
        None => Ok(false),
    }
}

fn not_started(why: impl std::fmt::Display) -> Exit {
    complain(why);
    Exit::NotStarted
}
