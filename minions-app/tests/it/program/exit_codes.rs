//! How a program ends, for each reason that it may have.

use std::fs;

use super::support::{Place, Running};

#[test]
fn done_is_0_and_leaves_nothing_unfinished() {
    let place = Place::new();
    let ended = place.start(2, &[], &["--greeting", "hi"]).end().code(0);
    let steps = [
        "first 1 again=false",
        "first 2 again=false",
        "second 1 again=false",
        "second 2 again=false",
        "third 1 again=false",
        "third 2 again=false",
    ];
    assert_eq!(ended.steps(), steps);
    assert_eq!(ended.stdout[1], "greeting hi");
    // What a person reads, from the first line to the last.
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(lines[0], "it_app: 1 orchestration: numbers/worker");
    assert_eq!(lines[1], "state in .minions, no configuration file; Ctrl-C stops");
    assert!(lines.last().unwrap().starts_with("it_app: done after "), "{}", ended.stderr);
    let stored = place.run(&["wf", "list", "--status", "all", "--json"]).code(0);
    assert_eq!(stored.json(), serde_json::json!([]));
}

#[test]
#[cfg(unix)]
fn the_state_directory_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let ended = place.start(1, &[], &["--state", "deep/state"]).end().code(0);
    let state = place.path().join("deep/state");
    assert_eq!(fs::metadata(&state).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(state.join("state.db").exists() && state.join("logs/minions.log").exists());
    assert!(!place.state().exists());
    // Components get it as an absolute path.
    assert_eq!(ended.stdout[0], format!("state {}", state.display()));

    let mut command = place.command(&[], &["--set", "numbers.count=0"]);
    command.env("MINIONS_STATE", "from-env");
    Running::start(command).end().code(0);
    assert!(place.path().join("from-env/state.db").exists());
}

#[test]
fn wrong_arguments_are_2() {
    let place = Place::new();
    let ended = place.run(&["--dept", "3"]).code(2);
    assert!(ended.stderr.contains("--dept"), "{}", ended.stderr);
    place.run(&["graph", "--format", "svg"]).code(2);
    let help = place.run(&["--help"]).code(0);
    assert!(help.stdout.iter().any(|line| line.contains("--greeting")), "{:#?}", help.stdout);
    assert!(!place.state().exists());
}

#[test]
fn everything_wrong_with_the_configuration_is_one_report_and_2() {
    let place = Place::new();
    place.write("minions.toml", "[numbers]\ncount = \"many\"\n\n[nubers]\nx = 1\n\n[minions]\nstore = \"disk\"\n");
    for args in [&["--set", "minions.logs.level=lod"][..], &["check", "--set", "minions.logs.level=lod"]] {
        let ended = place.run(args).code(2);
        let lines: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(lines[0], "error: 3 problems found; nothing was started", "{}", ended.stderr);
        assert!(lines[1].starts_with("  minions.toml:2: [numbers] count: expected an integer"), "{}", ended.stderr);
        assert!(lines[2].starts_with("  minions.toml:4: unknown section `[nubers]`"), "{}", ended.stderr);
        assert!(lines[3].starts_with("  minions.toml:8: [minions] store: unknown value `disk`"), "{}", ended.stderr);
    }
    place.write("minions.toml", "[numbers]\ncount = 1\n");
    let ended = place.run(&["--set", "minions.logs.level=lod"]).code(2);
    assert!(ended.stderr.contains("--set minions.logs.level: [minions] logs.level: `lod`"), "{}", ended.stderr);
    let mut command = place.command(&[], &[]);
    command.env("RUST_LOG", "x=lod");
    let ended = Running::start(command).end().code(2);
    assert!(ended.stderr.contains("log filter `x=lod` of the environment variable `RUST_LOG`"), "{}", ended.stderr);
    // A file that cannot be read hides what its sections say, but not how the program is put together.
    place.write("minions.toml", "[numbers\n");
    let mut command = place.command(&[], &["check"]);
    command.env("IT_APP", "empty");
    let ended = Running::start(command).end().code(2);
    assert!(ended.stderr.contains("2 problems found"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the program has no orchestration"), "{}", ended.stderr);
    assert!(ended.stderr.contains("minions.toml:1"), "{}", ended.stderr);
    assert!(!place.state().exists());
}

#[test]
fn a_quarantine_that_is_not_empty_is_3() {
    let place = Place::new();
    let running = place.start(2, &["second"], &[]);
    for _ in 0..2 {
        let asked = place.asked();
        let word = if asked.point == "second 1" { "fail" } else { "go" };
        asked.answer(word);
    }
    let ended = running.end().code(3);
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.starts_with("it_app: done after "), "{last}");
    assert!(last.ends_with("; 1 workflow in quarantine, see `it_app wf list`"), "{last}");
    // It stays 3 until somebody has looked.
    place.start(0, &[], &[]).end().code(3);
}

#[test]
fn a_failed_start_is_4_and_says_who_and_why() {
    let place = Place::new();
    let running = place.start(1, &["startup"], &[]);
    place.answer_all(&["startup"], "fail");
    let ended = running.end().code(4);
    let said =
        "error: it_app could not start: the resource `gate` failed in startup: cannot pass startup: the test said no";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert!(ended.steps().is_empty());
    let failed = |line: &serde_json::Value| line["level"] == "ERROR" && line["message"] == "the start failed";
    assert!(place.log().iter().any(failed), "{:#?}", place.log());

    place.write("file", "");
    let ended = place.start(1, &[], &["--state", "file"]).end().code(4);
    assert!(ended.stderr.contains("`file`"), "{}", ended.stderr);
}

#[test]
fn a_lost_component_is_1() {
    let place = Place::new();
    let args = ["--set", "minions.restart.components.gate.policy=never"];
    let running = place.start(1, &["run", "end"], &args);
    let (one, two) = (place.asked(), place.asked());
    let (run, end) = if one.point == "run" { (one, two) } else { (two, one) };
    assert_eq!((run.point.as_str(), end.point.as_str()), ("run", "end"));
    run.answer("fail");
    let ended = running.end().code(1);
    assert!(ended.stderr.contains("the resource `gate` failed in run: cannot pass run"), "{}", ended.stderr);
    drop(end);
}

#[test]
fn a_stop_that_is_not_in_order_is_1() {
    let place = Place::new();
    let running = place.start(1, &["shutdown"], &[]);
    place.answer_all(&["shutdown"], "panic");
    let ended = running.end().code(1);
    assert!(ended.stderr.contains("error: the stop was not in order"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the resource `gate` failed in shutdown"), "{}", ended.stderr);
}

#[test]
fn other_stores_are_chosen_by_the_configuration() {
    for store in ["memory", "none"] {
        let place = Place::new();
        let ended = place.start(1, &[], &["--set", &format!("minions.store={store}")]).end().code(0);
        assert_eq!(ended.steps().len(), 3);
        assert!(!place.state().join("state.db").exists());
    }
}
