//! From the command line to a program that could start: configuration read, wiring resolved, all problems at once.

use std::path::{Path, PathBuf};

use minions_core::GruBuilder;
use minions_core::config::{Decoded, KeyPath, Problem, Settings, SettingsFiles, Table};
use minions_core::manifest::Manifest;
use minions_sqlite::StateFile;

use crate::cli::Global;
use crate::config::{Loaded, Logs, Options, Sources, StoreOption};
use crate::logs;
use crate::memory::SystemMemory;
use crate::report::Report;

/// A program that was found right, and what it was found with.
pub(crate) struct Prepared {
    pub(crate) builder: GruBuilder,
    pub(crate) manifest: Manifest,
    pub(crate) options: Decoded<Options>,
    pub(crate) settings: Settings,
    /// The configuration file, if there is one, as messages name it.
    pub(crate) file: Option<PathBuf>,
}

/// Reads the configuration and resolves the program with it; starts nothing and writes nothing.
pub(crate) fn prepare(builder: GruBuilder, global: &Global) -> Result<Prepared, Report> {
    let mut report = Report::default();
    let Loaded { settings, file, files } = match load(global) {
        Ok(loaded) => loaded,
        Err(problems) => {
            report.add(problems);
            // Whether its sections are right cannot be told, but the rest can.
            if let Err(error) = builder.settings_files(AnyFiles).check() {
                report.add_wiring(&error);
            }
            return Err(report);
        }
    };
    let options = Options::decode(&settings).map_err(|problems| report.add(problems)).ok();
    let mut builder = builder.settings(settings.clone()).settings_files(files);
    // With options that cannot be read there is enough to complain about.
    let is_sqlite = options.as_ref().is_none_or(|options| matches!(options.value.store, StoreOption::Sqlite));
    if is_sqlite && builder.given_store().is_none() {
        builder = builder.will_provide::<StateFile>();
    }
    if let Some(Decoded { value, .. }) = &options {
        // What nobody has configured is as the program's own code says.
        let set = |key| settings.section(Options::SECTION).is_some_and(|section| section.get(key).is_some());
        if set("max_in_flight") {
            builder = builder.max_in_flight(value.max_in_flight.get());
        }
        if set("max_bytes_in_flight") {
            builder = builder.max_bytes_in_flight(value.max_bytes_in_flight);
        }
        if set("max_blocking") {
            builder = builder.max_blocking(value.max_blocking.get());
        }
        if set("lag") {
            builder = value.lag.apply(builder);
        }
        if let Some(memory) = value.memory.as_on() {
            builder = builder.memory(SystemMemory::new(), memory.into());
        }
        if set("restart") {
            builder = value.restart.apply(builder);
        }
        builder = value.limits.apply(builder).shutdown_deadline(value.shutdown_deadline);
        report.add(value.restart.problems(&settings));
        report.add(value.lag.problems(&settings));
        report.add(value.logs.as_on().map(|logs| check_filter(logs, &settings)).unwrap_or_default());
    }
    let file = file.map(shown);
    let manifest = builder.check().map_err(|error| report.add_manifest(&error, &settings)).ok();
    report.into_result()?;
    match (options, manifest) {
        (Some(options), Some(manifest)) => Ok(Prepared { builder, manifest, options, settings, file }),
        // Each of them is missing only with a problem in the report.
        _ => Err(Report::default()),
    }
}

/// Stands for the files that orchestrations name while it is not known where they lie: one each, with nothing in it.
struct AnyFiles;

impl SettingsFiles for AnyFiles {
    fn load(&self, pattern: &str) -> (Vec<(String, Table)>, Vec<Problem>) {
        (vec![(pattern.to_owned(), Table::new())], Vec::new())
    }
}

fn load(global: &Global) -> Result<Loaded, Vec<Problem>> {
    let sources = Sources::of_process(global.config.clone(), global.set.clone());
    sources.map_err(|error| vec![Problem::new(format!("the current directory cannot be told: {error}"))])?.load()
}

/// Relative to the current directory, where that is shorter.
fn shown(path: PathBuf) -> PathBuf {
    let inside = std::env::current_dir().ok().and_then(|dir| path.strip_prefix(dir).map(Path::to_path_buf).ok());
    inside.unwrap_or(path)
}

/// The filter is a language of its own, which only the logs understand.
fn check_filter(logs: &Logs, settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(error) = logs::check_filter(&logs.level) {
        let value =
            settings.section(Options::SECTION).and_then(|section| section.get("logs")?.as_table()?.get("level"));
        let problem = Problem::new(error.to_string()).of(Options::SECTION, KeyPath::root().key("logs").key("level"));
        problems.push(match value {
            Some(value) => problem.at(value.origin().clone()),
            None => problem,
        });
    }
    problems.extend(logs::check_environment().err().map(|error| Problem::new(error.to_string())));
    problems
}
