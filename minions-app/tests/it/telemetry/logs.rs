//! Log lines of whole processes: files, standard error, kills and full disks.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::tempdir;
use tracing::{debug, error, info, info_span};

use minions_app::logs::{self, Installed, LogOptions};

use super::alone;

fn options(directory: &str) -> LogOptions {
    let mut options = LogOptions::default();
    options.file = Some(Path::new(directory).join("logs/minions.log"));
    options
}

fn read(directory: &Path) -> Vec<Value> {
    let text = fs::read_to_string(directory.join("logs/minions.log")).unwrap();
    parse(&text)
}

fn parse(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

#[derive(Debug, thiserror::Error)]
#[error("cannot fetch the page")]
struct Failed(#[source] std::num::ParseIntError);

#[test]
fn a_step_is_told_to_the_person_and_to_the_file() {
    if let Some(directory) = alone::directory() {
        assert_eq!(logs::install(&options(&directory)).unwrap(), Installed::Ours);
        let _workflow =
            info_span!("workflow", orchestration = "hello.watcher", workflow = "019aab12-3c4d-7e5f-8a9b-0123456789ab")
                .entered();
        let _step = info_span!("step", step = "fetch", attempt = 2).entered();
        let failed = Failed("x".parse::<u8>().unwrap_err());
        info!(url = "https://example.org", "page saved\nand closed");
        debug!("below the filter");
        // As the runtime says it, outside of the step's span, or once more inside of it.
        error!(step = "fetch", minion = "Watcher", error = &failed as &dyn Error, tries = 2, "gave up");
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::a_step_is_told_to_the_person_and_to_the_file";
    let stderr = alone::stderr_of(alone::command(name, directory.path()));

    let told: Vec<&str> = stderr.lines().collect();
    let [saved, gave_up] = told[..] else { panic!("{stderr}") };
    let (time, saved) = saved.split_at(8);
    assert!(
        time.chars().enumerate().all(|(at, c)| match at {
            2 | 5 => c == ':',
            _ => c.is_ascii_digit(),
        }),
        "{time}"
    );
    assert_eq!(
        saved,
        " INFO  hello.watcher fetch #2  page saved\\nand closed url=https://example.org workflow=456789ab"
    );
    assert_eq!(
        &gave_up[8..],
        " ERROR hello.watcher fetch #2  gave up tries=2 workflow=456789ab \
         error=cannot fetch the page: invalid digit found in string"
    );

    let lines = read(directory.path());
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert_eq!(line["orchestration"], "hello.watcher");
        assert_eq!(line["workflow"], "019aab12-3c4d-7e5f-8a9b-0123456789ab");
        assert_eq!(line["step"], "fetch");
        assert_eq!(line["attempt"], 2);
    }
    assert_eq!(lines[0]["message"], "page saved\nand closed");
    assert_eq!(lines[1]["error_chain"], serde_json::json!(["cannot fetch the page", "invalid digit found in string"]));
}

#[test]
fn a_subscriber_of_the_user_is_respected() {
    if let Some(directory) = alone::directory() {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();
        let options = options(&directory);
        assert_eq!(logs::install(&options).unwrap(), Installed::Respected);
        info!("for the user's subscriber only");
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::a_subscriber_of_the_user_is_respected";
    let stderr = alone::stderr_of(alone::command(name, directory.path()));
    assert_eq!(stderr, "");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn the_environment_variable_wins_over_the_configured_filter() {
    if let Some(directory) = alone::directory() {
        let mut options = options(&directory);
        options.filter = "error".to_owned();
        options.terminal = false;
        logs::install(&options).unwrap();
        debug!("seen");
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::the_environment_variable_wins_over_the_configured_filter";
    let mut command = alone::command(name, directory.path());
    command.env("RUST_LOG", "it=debug");
    assert_eq!(alone::stderr_of(command), "");
    assert_eq!(read(directory.path())[0]["message"], "seen");
}

#[test]
fn what_cannot_be_set_up_is_an_error_and_installs_nothing() {
    if let Some(directory) = alone::directory() {
        let mut options = options(&directory);
        options.filter = "info,it=loud".to_owned();
        assert!(logs::install(&options).unwrap_err().is_filter());

        options.filter = "info".to_owned();
        options.file = Some(directory.clone().into());
        let error = logs::install(&options).unwrap_err();
        assert!(error.is_file());
        assert!(error.to_string().contains(&directory), "{error}");

        options.file = None;
        assert_eq!(logs::install(&options).unwrap(), Installed::Ours);
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::what_cannot_be_set_up_is_an_error_and_installs_nothing";
    assert_eq!(alone::stderr_of(alone::command(name, directory.path())), "");
}

#[test]
fn a_process_that_dies_has_lost_no_line() {
    const LINES: usize = 1_000;
    if let Some(directory) = alone::directory() {
        let mut options = options(&directory);
        options.terminal = false;
        logs::install(&options).unwrap();
        for number in 0..LINES {
            info!(number, "before the end");
        }
        std::process::abort();
    }
    let directory = tempdir().unwrap();
    let name = "logs::a_process_that_dies_has_lost_no_line";
    let output = alone::command(name, directory.path()).output().unwrap();
    assert!(!output.status.success());
    let lines = read(directory.path());
    assert_eq!(lines.len(), LINES);
    assert!(lines.iter().enumerate().all(|(number, line)| line["number"] == number));
}

/// Logs while it is being logged.
struct Talkative;

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(inner = 1, "inner");
        f.write_str("talked")
    }
}

#[test]
fn a_field_may_log_while_it_is_written() {
    if let Some(directory) = alone::directory() {
        let mut options = options(&directory);
        options.terminal = false;
        logs::install(&options).unwrap();
        info!(outer = 1, field = ?Talkative, "outer");
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::a_field_may_log_while_it_is_written";
    alone::stderr_of(alone::command(name, directory.path()));
    let lines = read(directory.path());
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "inner");
    assert_eq!(lines[0].get("outer"), None);
    assert_eq!(lines[1]["message"], "outer");
    assert_eq!(lines[1]["field"], "talked");
}

#[cfg(target_os = "linux")]
#[test]
fn lines_for_a_full_disk_go_to_standard_error_and_are_counted() {
    if alone::directory().is_some() {
        let recorder = minions_app::metrics::Recorder::install().unwrap();
        let mut options = LogOptions::default();
        options.file = Some("/dev/full".into());
        options.terminal = false;
        logs::install(&options).unwrap();
        info!(number = 1, "first");
        info!(number = 2, "second");
        let scrape = recorder.render();
        assert!(scrape.contains("minions_log_lines_lost_total 2"), "{scrape}");
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::lines_for_a_full_disk_go_to_standard_error_and_are_counted";
    let stderr = alone::stderr_of(alone::command(name, directory.path()));
    let (notice, lines) = stderr.split_once('\n').unwrap();
    assert!(notice.starts_with("minions: cannot write the log file /dev/full: No space left on device"), "{notice}");
    let lines = parse(lines);
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["message"], &lines[1]["message"]), (&"first".into(), &"second".into()));
}

/// The limit ends a write in the middle of a line, as a disk does that fills up.
#[cfg(unix)]
#[test]
fn a_line_that_was_written_in_part_is_taken_back() {
    const LINES: usize = 200;
    if let Some(directory) = alone::directory() {
        let mut options = options(&directory);
        options.terminal = false;
        logs::install(&options).unwrap();
        for number in 0..LINES {
            info!(number, "a line of some length");
        }
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::a_line_that_was_written_in_part_is_taken_back";
    let limit = "trap '' XFSZ; ulimit -f 4";
    let stderr = alone::stderr_of(alone::command_after(limit, name, directory.path()));
    let written = read(directory.path());
    let (notice, told) = stderr.split_once('\n').unwrap();
    assert!(notice.contains("cannot write the log file"), "{notice}");
    let told = parse(told);
    assert!(!written.is_empty() && !told.is_empty());
    let numbers: BTreeSet<u64> = written.iter().chain(&told).filter_map(|line| line["number"].as_u64()).collect();
    assert_eq!(numbers.len(), LINES);
    assert_eq!(written.len() + told.len(), LINES);
}

#[test]
fn a_terminal_writer_gets_whole_lines_and_may_fail() {
    if alone::directory().is_some() {
        let options = LogOptions::default();
        logs::install(&options).unwrap();
        logs::set_terminal_writer(|lines| {
            assert!(!lines.contains("second"), "on purpose");
            eprint!("[bar] {lines}");
        });
        info!("first");
        std::panic::set_hook(Box::new(|_| {}));
        info!("second");
        logs::reset_terminal_writer();
        info!("third");
        return;
    }
    let directory = tempdir().unwrap();
    let name = "logs::a_terminal_writer_gets_whole_lines_and_may_fail";
    let stderr = alone::stderr_of(alone::command(name, directory.path()));
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{stderr}");
    assert!(lines[0].starts_with("[bar] ") && lines[0].ends_with(" INFO  it::telemetry::logs  first"), "{stderr}");
    assert!(lines[1].ends_with("second") && lines[2].ends_with("third"), "{stderr}");
    assert!(!lines[1].contains("[bar]") && !lines[2].contains("[bar]"));
}
