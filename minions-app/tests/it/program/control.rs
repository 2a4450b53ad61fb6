//! Orders to a running program: its socket, and the commands that use it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{Ended, Place, Running};

/// The program with orchestrations that start on demand, when it takes orders.
fn office(place: &Place, gates: &[&str], args: &[&str]) -> Running {
    let sets = ["--set", "numbers.count=1", "--set", "numbers.stay=true", "--set", "auditor.depth=1"];
    let args: Vec<_> = sets.into_iter().chain(args.iter().copied()).collect();
    let mut running = Running::start(office_command(place, gates, &args));
    running.says("orders are taken at ");
    becomes(place, |seen| seen["phase"] == "running");
    running
}

fn office_command(place: &Place, gates: &[&str], args: &[&str]) -> std::process::Command {
    let mut command = place.command(gates, args);
    command.env("IT_APP", "office");
    command
}

/// A command of the same program.
fn order(place: &Place, args: &[&str]) -> Ended {
    Running::start(office_command(place, &[], args)).end()
}

fn socket(place: &Place) -> PathBuf {
    place.state().join("control.sock")
}

fn call(place: &Place) -> UnixStream {
    let stream = UnixStream::connect(socket(place)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// What the program answers to `request`, which may be anything.
fn say(place: &Place, request: &[u8]) -> Value {
    let mut stream = call(place);
    // A program that has heard enough does not listen to the rest.
    let _ = stream.write_all(request);
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"))
}

fn snapshot(place: &Place) -> Value {
    say(place, b"{\"v\":1,\"command\":\"ps\"}\n")["ok"].take()
}

fn named<'a>(list: &'a Value, key: &str, name: &str) -> Option<&'a Value> {
    list.as_array().unwrap().iter().find(|entry| entry[key] == name)
}

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect()
}

/// Asks until the snapshot is as expected.
#[track_caller]
fn becomes(place: &Place, expected: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let snapshot = snapshot(place);
        if expected(&snapshot) {
            return snapshot;
        }
        assert!(Instant::now() < deadline, "{snapshot:#}");
    }
}

fn stop(mut running: Running) -> Ended {
    running.signal("TERM");
    running.says("terminated: stopping");
    running.end()
}

#[test]
fn ps_says_what_runs() {
    let place = Place::new();
    let running = office(&place, &["second"], &[]);
    let inside = place.asked();
    // What starts on demand only does not run before somebody says so.
    let said = order(&place, &["ps"]).code(0);
    assert!(said.stdout[0].starts_with("● it_app running since 20"), "{:#?}", said.stdout);
    assert!(said.stdout[0].ends_with(&format!("process {}, state in .minions", running.id())), "{:#?}", said.stdout);
    let line = |start: &str| said.stdout.iter().find(|line| line.trim_start().starts_with(start)).unwrap();
    assert!(line("● numbers/worker").ends_with("1 of 1024 in flight"), "{:#?}", said.stdout);
    assert!(line("● numbers ").contains("1 event produced, the last "), "{:#?}", said.stdout);
    assert!(line("● gate").ends_with("used by 2"), "{:#?}", said.stdout);
    assert_eq!(said.stdout.last().unwrap(), "ready");
    // Not a terminal.
    assert!(!said.stdout.join("").contains('\u{1b}'));

    let said = order(&place, &["ps", "--json"]).code(0).json();
    assert_eq!((&said["pid"], &said["program"]), (&json!(running.id()), &json!("it_app")));
    assert_eq!((&said["phase"], &said["ready"], &said["troubles"]), (&json!("running"), &json!(true), &json!([])));
    assert_eq!(said["state_dir"], place.state().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(names(&said["orchestrations"], "id"), ["numbers/worker"]);
    assert_eq!(
        (&said["orchestrations"][0]["state"], &said["orchestrations"][0]["in_flight"]),
        (&json!("running"), &json!(1))
    );
    assert_eq!(names(&said["pipelines"], "id"), ["numbers"]);
    assert_eq!(said["resources"][0]["used_by"].as_array().unwrap().len(), 2);
    inside.answer("go");
    let ended = stop(running).code(0);
    assert!(ended.stderr.starts_with("it_app: 1 orchestration: numbers/worker; 2 on demand\n"), "{}", ended.stderr);
}

#[test]
fn an_orchestration_is_started_and_stopped_while_the_others_go_on() {
    let place = Place::new();
    let running = office(&place, &["second"], &[]);
    let inside = place.asked();
    let started = order(&place, &["start", "letters/clerk", "--json"]).code(0).json();
    assert_eq!(started["orchestrations"], json!(["letters/clerk"]));
    // Shared components are not started again.
    assert!(named(&started["phases"], "name", "desk").is_some(), "{started}");
    assert!(named(&started["phases"], "name", "gate").is_none(), "{started}");
    let seen = snapshot(&place);
    assert_eq!(names(&seen["resources"], "name"), ["desk", "gate"]);
    assert_eq!(named(&seen["resources"], "name", "gate").unwrap()["used_by"].as_array().unwrap().len(), 5);

    let again = order(&place, &["start", "letters/clerk"]).code(1);
    assert_eq!(again.stderr, "error: the orchestration `letters/clerk` runs already");
    let stopped = order(&place, &["stop", "letters/clerk"]).code(0);
    assert!(stopped.stdout[0].starts_with("letters/clerk stopped in "), "{:#?}", stopped.stdout);
    assert!(stopped.stdout[1].starts_with("KIND"), "{:#?}", stopped.stdout);
    let seen = snapshot(&place);
    assert_eq!(names(&seen["resources"], "name"), ["gate"]);
    assert_eq!(named(&seen["orchestrations"], "id", "letters/clerk").unwrap()["state"], "stopped");
    assert_eq!(named(&seen["orchestrations"], "id", "numbers/worker").unwrap()["in_flight"], 1);

    let gone = order(&place, &["stop", "letters/clerk", "--json"]).code(1);
    assert!(
        gone.stderr.starts_with("error: there is no `letters/clerk`; there is `numbers/worker`"),
        "{}",
        gone.stderr
    );
    assert_eq!(gone.json()["error"]["kind"], "not-found");
    let started = order(&place, &["start", "letters/clerk"]).code(0);
    assert!(started.stdout[0].starts_with("letters/clerk runs, started in "), "{:#?}", started.stdout);
    inside.answer("go");
    stop(running).code(0);
}

#[test]
fn files_are_found_from_where_the_person_is() {
    let place = Place::new();
    let elsewhere = place.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    place.write("elsewhere/day.toml", "[auditor]\ndepth = 2\n");
    place.write("elsewhere/night.toml", "[auditor]\ndepth = 3\n");
    place.write("elsewhere/wrong.toml", "[auditor]\ndeph = 3\n");
    let running = office(&place, &[], &[]);
    let from = |args: &[&str]| {
        let state = place.state();
        let args: Vec<_> = ["--state", state.to_str().unwrap()].into_iter().chain(args.iter().copied()).collect();
        let mut command = office_command(&place, &[], &args);
        command.current_dir(&elsewhere);
        Running::start(command).end()
    };
    let started = from(&["start", "numbers/auditor", "--from", "*t.toml", "--max-in-flight", "7", "--json"]).code(0);
    assert_eq!(started.json()["orchestrations"], json!(["numbers/auditor@night"]));
    let started = from(&["start", "numbers/auditor", "--from", "day.toml", "--id", "noon"]).code(0);
    assert!(started.stdout[0].starts_with("numbers/auditor@noon runs"), "{:#?}", started.stdout);
    let seen = snapshot(&place);
    assert_eq!(named(&seen["orchestrations"], "id", "numbers/auditor@night").unwrap()["max_in_flight"], 7);

    // All or none, and everything that is wrong is said.
    let refused = from(&["start", "numbers/auditor", "--from", "*.toml", "--json"]).code(1);
    assert!(refused.stderr.contains("wrong.toml:2: [auditor]: unknown key `deph`"), "{}", refused.stderr);
    assert_eq!(refused.json()["error"]["kind"], "manifest");
    assert_eq!(names(&snapshot(&place)["orchestrations"], "id"), names(&seen["orchestrations"], "id"));
    let unknown = from(&["start", "numbers/nobody"]).code(1);
    assert!(unknown.stderr.contains("the program knows no minion `nobody`"), "{}", unknown.stderr);
    stop(running).code(0);
}

#[test]
fn a_failed_start_is_taken_back_and_says_who() {
    let place = Place::new();
    let running = office(&place, &["second", "clerk-startup"], &[]);
    let inside = place.asked();
    let before = snapshot(&place);
    let starting = Running::start(office_command(&place, &[], &["start", "letters/clerk", "--json"]));
    place.answer_all(&["clerk-startup"], "fail");
    let refused = starting.end().code(1);
    let error = &refused.json()["error"];
    assert_eq!((&error["kind"], &error["failure"]["name"]), (&json!("component"), &json!("clerk")));
    assert_eq!(error["failure"]["phase"], "startup");
    assert!(
        refused.stderr.contains("the minion `clerk` failed in startup: cannot pass clerk-startup"),
        "{}",
        refused.stderr
    );
    let after = snapshot(&place);
    for part in ["orchestrations", "resources"] {
        assert_eq!(after[part], before[part]);
    }
    inside.answer("go");
    stop(running).code(0);
}

#[test]
fn a_client_that_goes_away_takes_its_start_back() {
    let place = Place::new();
    let running = office(&place, &["clerk-startup"], &[]);
    let starting = Running::start(office_command(&place, &[], &["start", "letters/clerk"]));
    let inside = place.asked();
    assert_eq!(inside.point, "clerk-startup");
    starting.kill();
    becomes(&place, |seen| {
        names(&seen["resources"], "name") == ["gate"] && named(&seen["orchestrations"], "id", "letters/clerk").is_none()
    });
    drop(inside);
    let starting = Running::start(office_command(&place, &[], &["start", "letters/clerk"]));
    place.answer_all(&["clerk-startup"], "go");
    starting.end().code(0);
    stop(running).code(0);
}

#[test]
fn parked_work_goes_on_with_the_next_start_of_its_orchestration() {
    let place = Place::new();
    let running = office(&place, &["second", "third"], &[]);
    let inside = place.asked();
    let stopping = Running::start(office_command(&place, &[], &["stop", "numbers/worker"]));
    becomes(&place, |seen| seen["orchestrations"][0]["state"] == "stopping");
    inside.answer("go");
    let stopped = stopping.end().code(0);
    let said = "; 1 workflow stored, to go on with its next start";
    assert!(stopped.stdout[0].ends_with(said), "{:#?}", stopped.stdout);
    order(&place, &["start", "numbers/worker"]).code(0);
    // The source has been made anew too, and begins at its beginning.
    place.answer_all(&["third 1", "second 1", "third 1"], "go");
    stop(running).code(0);
}

#[test]
fn a_stop_that_is_not_in_order_is_1_and_the_program_goes_on() {
    let place = Place::new();
    let running = office(&place, &["clerk-shutdown"], &[]);
    order(&place, &["start", "letters/clerk"]).code(0);
    let stopping = Running::start(office_command(&place, &[], &["stop", "letters/clerk", "--mode", "drain"]));
    place.answer_all(&["clerk-shutdown"], "fail");
    let stopped = stopping.end().code(1);
    assert!(stopped.stderr.starts_with("error: the stop was not in order"), "{}", stopped.stderr);
    let who = "the minion `clerk` failed in shutdown after ";
    assert!(
        stopped.stderr.contains(who) && stopped.stderr.contains("cannot pass clerk-shutdown"),
        "{}",
        stopped.stderr
    );
    assert_eq!(snapshot(&place)["phase"], "running");
    stop(running);
}

#[test]
fn a_pipeline_is_paused_and_resumed() {
    let place = Place::new();
    let running = office(&place, &[], &[]);
    let paused = || named(&snapshot(&place)["pipelines"], "id", "numbers").unwrap()["paused"].clone();
    let said = order(&place, &["pause", "numbers"]).code(0);
    assert_eq!(said.stdout, ["numbers takes no more events until it is resumed"]);
    assert_eq!(paused(), true);
    let shown = order(&place, &["ps"]).code(0).stdout;
    assert!(shown.iter().any(|line| line.contains("● numbers ") && line.contains(", waits (paused), ")), "{shown:#?}");
    let said = order(&place, &["resume", "numbers", "--json"]).code(0).json();
    assert_eq!(said, json!({"pipeline": "numbers", "paused": false}));
    assert_eq!(paused(), false);
    for command in ["pause", "resume"] {
        let unknown = order(&place, &[command, "numbres"]).code(1);
        assert_eq!(unknown.stderr, "error: there is no `numbres`; there is `numbers`");
    }
    stop(running).code(0);
}

#[test]
fn a_shutdown_waits_for_the_end_and_leaves_nothing() {
    let place = Place::new();
    let mut running = office(&place, &["second"], &[]);
    let inside = place.asked();
    let shutting = Running::start(office_command(&place, &[], &["shutdown"]));
    running.says("shutdown ordered: stopping");
    becomes(&place, |seen| seen["phase"] == "stopping");
    let refused = order(&place, &["start", "letters/clerk"]).code(1);
    assert_eq!(refused.stderr, "error: the program is shutting down");
    inside.answer("go");
    let report = shutting.end().code(0);
    let parked = "; 1 workflow stored, to go on with the next start";
    assert!(
        report.stdout[0].starts_with("it_app stopped in ") && report.stdout[0].ends_with(parked),
        "{:#?}",
        report.stdout
    );
    // The program is over when the command is.
    assert!(!socket(&place).exists());
    let next = place.start(0, &[], &[]);
    let ended = running.end().code(0);
    let last = ended.stderr.lines().last().unwrap();
    assert!(last.starts_with("it_app: stopped after ") && last.ends_with(parked), "{last}");
    assert_eq!(next.end().code(0).steps(), ["third 1 again=true"]);
}

#[test]
fn a_program_that_starts_takes_orders_too() {
    let place = Place::new();
    let mut running = Running::start(place.command(&["startup"], &["--set", "numbers.count=1"]));
    running.says("orders are taken at ");
    let starting = place.asked();
    let said = order(&place, &["ps"]).code(0);
    assert!(said.stdout[0].starts_with("● it_app starting since "), "{:#?}", said.stdout);
    assert!(said.stdout.iter().any(|line| line.starts_with("  ● gate  starting for ")), "{:#?}", said.stdout);
    assert!(said.stdout.contains(&"  resource gate: starting".to_owned()), "{:#?}", said.stdout);
    let report = order(&place, &["shutdown"]).code(0);
    assert!(report.stdout[0].starts_with("it_app stopped in "), "{:#?}", report.stdout);
    let ended = running.end().code(0);
    assert!(ended.steps().is_empty());
    drop(starting);
}

#[test]
fn a_shutdown_that_is_not_in_order_is_1_on_both_sides() {
    let place = Place::new();
    let running = office(&place, &["shutdown"], &["--set", "minions.shutdown_deadline=\"300ms\""]);
    let shutting = Running::start(office_command(&place, &[], &["shutdown", "--mode", "now", "--json"]));
    place.answer_all(&["shutdown"], "hang");
    let report = shutting.end().code(1);
    assert_eq!((&report.json()["clean"], &report.json()["mode"]), (&json!(false), &json!("now")));
    assert!(report.stderr.contains("the resource `gate` failed in shutdown after "), "{}", report.stderr);
    let ended = running.end().code(1);
    assert!(ended.stderr.contains("error: the stop was not in order"), "{}", ended.stderr);
}

#[test]
fn a_signal_after_an_order_and_one_more_end_the_process() {
    let place = Place::new();
    let mut running = office(&place, &["second"], &[]);
    let inside = place.asked();
    let shutting = Running::start(office_command(&place, &[], &["shutdown"]));
    running.says("shutdown ordered: stopping");
    running.signal("TERM");
    running.says("terminated: stopping");
    running.signal("TERM");
    running.end().code(1);
    let lost = shutting.end().code(1);
    assert!(lost.stderr.contains("the program went away without an answer"), "{}", lost.stderr);
    drop(inside);
    assert_eq!(place.start(0, &[], &[]).end().code(0).steps(), ["second 1 again=true", "third 1 again=false"]);
}

#[test]
fn nobody_but_the_owner_reaches_the_socket() {
    let place = Place::new();
    // One that is there already keeps its mode.
    fs::create_dir(place.state()).unwrap();
    fs::set_permissions(place.state(), fs::Permissions::from_mode(0o777)).unwrap();
    let running = office(&place, &[], &[]);
    let metadata = fs::symlink_metadata(socket(&place)).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    stop(running).code(0);
    let mut left: Vec<_> =
        fs::read_dir(place.state()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.retain(|name| !name.starts_with("state.db"));
    assert_eq!(left, ["logs"]);
}

#[test]
fn the_socket_of_a_killed_process_is_replaced() {
    let place = Place::new();
    office(&place, &[], &[]).kill();
    assert!(socket(&place).exists());
    let nobody = order(&place, &["ps"]).code(1);
    let said = "error: no running program answers in `.minions`; start it with `it_app --state .minions run`, or name the \
                directory of another one with --state";
    assert_eq!(nobody.stderr, said);
    let running = office(&place, &[], &[]);
    assert_eq!(snapshot(&place)["pid"], running.id());
    // One that is refused takes nothing away.
    place.start(1, &[], &[]).end().code(4);
    assert_eq!(snapshot(&place)["pid"], running.id());
    stop(running).code(0);
}

#[test]
fn without_a_program_every_command_says_so() {
    let place = Place::new();
    for args in [&["ps"][..], &["start", "a/b"], &["stop", "a/b"], &["pause", "a"], &["resume", "a"], &["shutdown"]] {
        let ended = order(&place, args).code(1);
        assert!(
            ended.stderr.starts_with("error: no running program answers in `.minions`; start it"),
            "{}",
            ended.stderr
        );
    }
    assert_eq!(order(&place, &["ps", "--json"]).code(1).json()["error"]["kind"], "not-running");
    for args in [&["stop"][..], &["stop", "a/b", "--mode", "never"], &["start", "a/b", "--max-in-flight", "0"]] {
        order(&place, args).code(2);
    }
    assert!(!place.state().exists());
}

#[test]
fn what_is_not_understood_harms_nobody() {
    let place = Place::new();
    let running = office(&place, &[], &[]);
    let kind = |request: &[u8]| say(&place, request)["error"]["kind"].clone();
    assert_eq!(kind(b"hello\n"), "malformed");
    assert_eq!(kind(b"\xff\xfe\x00\n"), "malformed");
    assert_eq!(kind(&[b'x'; 100_000]), "malformed");
    assert_eq!(kind(b"{\"v\":9,\"command\":\"ps\"}\n"), "version");
    // Someone who calls and says nothing, or only half of it.
    drop(call(&place));
    let mut half = call(&place);
    half.write_all(b"{\"v\":1,").unwrap();
    drop(half);
    // By the answer to this one, both of them have been forgotten.
    assert_eq!(kind(b"\n"), "malformed");
    // As many as there may be, saying nothing: one more is told so, and heard again when one of them has gone.
    let mut silent: Vec<_> = (0..64).map(|_| call(&place)).collect();
    assert_eq!(kind(b"{\"v\":1,\"command\":\"ps\"}\n"), "busy");
    silent.clear();
    becomes_reachable(&place);
    assert_eq!(snapshot(&place)["ready"], true);
    stop(running).code(0);
}

#[track_caller]
fn becomes_reachable(place: &Place) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while say(place, b"{\"v\":1,\"command\":\"ps\"}\n")["error"]["kind"] == "busy" {
        assert!(Instant::now() < deadline, "nobody is heard any more");
    }
}

#[test]
fn ps_answers_while_user_code_blocks_every_thread() {
    let place = Place::new();
    let args = ["--set", "numbers.count=4", "--set", "minions.shutdown_deadline=\"200ms\""];
    let mut command = place.command(&["second"], &args);
    command.env("TOKIO_WORKER_THREADS", "2");
    let mut running = Running::start(command);
    running.says("orders are taken at ");
    place.answer_first(&["second 1", "second 2", "second 3", "second 4"], "block");
    let said = order(&place, &["ps"]).code(0);
    assert!(said.stdout[0].contains("it_app running since"), "{:#?}", said.stdout);
    // The shutdown has its deadline all the same.
    let shutting = order(&place, &["shutdown"]).code(1);
    assert!(shutting.stderr.contains("the program went away without an answer"), "{}", shutting.stderr);
    let ended = running.end().code(1);
    assert!(ended.stderr.contains("the stop did not end within its deadline"), "{}", ended.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_long_path_to_the_state_is_no_obstacle() {
    let place = Place::new();
    let state = "long".repeat(40);
    let mut running = place.start(1, &[], &["--set", "numbers.stay=true", "--state", &state]);
    running.says("orders are taken at ");
    let said = order(&place, &["--state", &state, "ps", "--json"]).code(0).json();
    assert_eq!(said["pid"], running.id());
    stop(running).code(0);
}

#[test]
fn whoever_shuts_down_hears_of_the_end_last() {
    let place = Place::new();
    let running = office(&place, &[], &[]);
    let mut caller = call(&place);
    caller.write_all(b"{\"v\":1,\"command\":\"shutdown\",\"mode\":null}\n").unwrap();
    let mut said = String::new();
    // To the end of the connection.
    caller.read_to_string(&mut said).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["v"], &said["ok"]["clean"]), (&json!(1), &json!(true)));
    assert!(!socket(&place).exists());
    running.end().code(0);
}
