//! [`App`]: a program with its command line.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use minions_core::GruBuilder;

use crate::args::{NoArgs, UserArgs};
use crate::cli::{self, Action, Invocation};
use crate::exit::Exit;
use crate::output::complain;
use crate::prepare::Prepared;
use crate::{check, control, explain, graph, prepare, run, workflows};

/// How long tasks that block their thread may hold up the end of the process.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// A program with its command line: `run`, `check`, `graph`, `config`, `wf`, and `ps` and the like for a
/// running one; configuration, logs and metrics.
///
/// The `main` that `app!` writes is `App::new(Watch::builder()).main()`. A test runs the same and judges how it ended:
///
/// ```
/// use minions_app::{App, Exit};
/// use minions_core::GruBuilder;
///
/// # #[tokio::main]
/// # async fn main() {
/// let app = App::new(GruBuilder::new()).about("Watches a site.");
/// // A program without an orchestration is wrong, and nothing of it is started.
/// assert_eq!(app.run_with(["watch", "check"]).await, Exit::Usage);
/// # }
/// ```
///
/// Logs and metrics can be replaced: a `tracing` subscriber or a `metrics` recorder that is installed before
/// [`run_with`](Self::run_with) is respected. The store is replaced on the builder:
/// [`GruBuilder::store`](minions_core::GruBuilder::store).
#[must_use = "an app does nothing until it is run"]
pub struct App {
    pub(crate) builder: GruBuilder,
    pub(crate) args: UserArgs,
    pub(crate) about: Option<String>,
    pub(crate) logs: bool,
    pub(crate) metrics: bool,
}

impl App {
    /// The program that `builder` describes.
    pub fn new(builder: GruBuilder) -> Self {
        Self { builder, args: UserArgs::of::<NoArgs>(), about: None, logs: true, metrics: true }
    }

    /// Adds the program's own arguments to `run`, where components take them as [`Args<A>`](crate::Args).
    pub fn args<A: clap::Args + Send + Sync + 'static>(mut self) -> Self {
        self.args = UserArgs::of::<A>();
        self
    }

    /// What `--help` says about the program, in a sentence.
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = Some(about.into());
        self
    }

    /// Installs no subscriber, whatever the configuration says.
    pub fn without_logs(mut self) -> Self {
        self.logs = false;
        self
    }

    /// Installs no recorder and opens no endpoint, whatever the configuration says.
    pub fn without_metrics(mut self) -> Self {
        self.metrics = false;
        self
    }

    /// Does what the arguments of the process say, on a runtime of its own.
    #[must_use = "the process should exit with it"]
    pub fn main(self) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                complain(format_args!("the threads of the runtime cannot be started: {error}"));
                return Exit::NotStarted.into();
            }
        };
        let exit = runtime.block_on(self.run_with(env::args_os()));
        // Everything in order has ended; what blocks a thread now would do so for ever.
        runtime.shutdown_timeout(LEFTOVERS);
        exit.into()
    }

    /// Does what `args` say, the first of which is the name of the program; for a `main` of one's own and for tests.
    ///
    /// While the program runs, SIGINT and SIGTERM (elsewhere Ctrl-C) stop it gracefully, and a second one ends the
    /// process at once. The configuration is looked for in the current directory and in the environment of the process.
    ///
    /// # Cancel safety
    ///
    /// Not safe: dropping the future stops the program without running shutdown hooks, though no stored work is lost.
    pub async fn run_with(self, args: impl IntoIterator<Item = impl Into<OsString>>) -> Exit {
        let args = args.into_iter().map(Into::into).collect();
        let invocation = match cli::parse(&self.args, self.about.as_deref(), args) {
            Ok(invocation) => invocation,
            Err(error) => {
                // A reader that has gone away needs no help.
                let _ = error.print();
                return if error.use_stderr() { Exit::Usage } else { Exit::Done };
            }
        };
        let Invocation { program, global, action } = invocation;
        match action {
            Action::Run(matches) => Box::pin(run::run(self, &program, &global, &matches)).await,
            Action::Check => self.prepared(&global, check::check),
            Action::Graph(format) => self.prepared(&global, |prepared| graph::graph(prepared, format)),
            Action::Config { json } => self.prepared(&global, |prepared| explain::explain(prepared, json)),
            Action::Workflows(command) => {
                Box::pin(workflows::run(&self.builder, &global.state, &program, command)).await
            }
            Action::Control(command) => Box::pin(control::run(&global.state, &program, command)).await,
        }
    }

    /// Answers from a program that is right but not started, or says what is wrong with it.
    fn prepared(self, global: &cli::Global, answer: impl FnOnce(&Prepared)) -> Exit {
        let builder = (self.args.promise)(self.builder).will_provide::<crate::StateDir>();
        match prepare::prepare(builder, global) {
            Ok(prepared) => {
                answer(&prepared);
                Exit::Done
            }
            Err(report) => {
                complain(report);
                Exit::Usage
            }
        }
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("builder", &self.builder).finish_non_exhaustive()
    }
}
