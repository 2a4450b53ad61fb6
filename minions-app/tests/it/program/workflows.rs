//! `wf` on what a program has left behind.

use serde_json::json;

use super::support::Place;

/// A program that has quarantined three workflows at their second step, the third by a panic.
fn with_quarantine() -> Place {
    let place = Place::new();
    let running = place.start(3, &["second"], &[]);
    for _ in 0..3 {
        let asked = place.asked();
        let word = if asked.point == "second 3" { "panic" } else { "fail" };
        asked.answer(word);
    }
    running.end().code(3);
    place
}

#[test]
fn quarantined_workflows_are_listed_shown_retried_and_dropped() {
    let place = with_quarantine();
    let text = place.run(&["wf", "list"]).code(0);
    assert!(
        text.stdout[0].starts_with("ID        STATUS       ORCHESTRATION   STEP    ATTEMPT  SINCE"),
        "{:?}",
        text.stdout
    );
    assert_eq!(text.stdout.len(), 4);
    assert!(text.stderr.contains("3 workflows in quarantine"), "{}", text.stderr);

    let listed = place.run(&["wf", "list", "--json", "--minion", "worker"]).code(0).json();
    let listed = listed.as_array().unwrap();
    let ids: Vec<_> = listed.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(listed[0]["error"], "cannot pass second");
    assert_eq!(listed[0]["step"], "second");
    assert!(ids.iter().all(|id| text.stdout.iter().any(|line| line.starts_with(&id[24..]))));
    let none = place.run(&["wf", "list", "--json", "--minion", "other"]).code(0).json();
    assert_eq!(none, json!([]));
    let all = place.run(&["wf", "list", "--json", "--orchestration", "numbers/worker", "--status", "all"]).code(0);
    assert_eq!(all.json().as_array().unwrap().len(), 3);

    let shown = place.run(&["wf", "show", &ids[2][24..], "--json"]).code(0).json();
    assert_eq!(shown["id"], ids[2]);
    assert_eq!((&shown["event"], &shown["context"]), (&json!({"n": 3}), &json!({"steps": ["first"]})));
    assert_eq!(shown["failures"][0]["kind"], "panic");
    let shown = place.run(&["wf", "show", ids[0]]).code(0).stdout.join("\n");
    for part in ["\"n\": 1", "first", "second, attempt 1, failed", "caused by: the test said no"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }

    // By the end of its id, then what is left at once.
    let retried = place.run(&["wf", "retry", &ids[0][24..]]).code(0);
    assert_eq!(retried.stdout, [format!("{} goes on at `second`", &ids[0][24..])]);
    let again = place.run(&["wf", "retry", ids[0]]).code(1);
    assert!(again.stderr.contains("is not in quarantine"), "{}", again.stderr);
    let left = place.run(&["wf", "list"]).code(0);
    assert!(left.stderr.contains("1 workflow to go on with the next start, listed by --status all"), "{}", left.stderr);
    let dropped = place.run(&["wf", "drop", &ids[2][20..]]).code(0);
    assert_eq!(dropped.stdout, [format!("{} of numbers/worker is gone, it was at `second`", ids[2])]);

    let ended = place.start(0, &[], &[]).end().code(3);
    assert_eq!(ended.steps(), ["second 1 again=true", "third 1 again=false"]);
    let retried = place.run(&["wf", "retry", "--all", "--json"]).code(0).json();
    assert_eq!(
        retried,
        json!([{"id": ids[1], "orchestration": "numbers/worker", "step": "second", "change": "retried"}])
    );
    let ended = place.start(0, &[], &[]).end().code(0);
    assert_eq!(ended.steps(), ["second 2 again=true", "third 2 again=false"]);
}

#[test]
fn what_cannot_be_found_is_an_error_that_says_what_to_do() {
    let place = Place::new();
    let ended = place.run(&["wf", "list"]).code(1);
    assert!(ended.stderr.contains("there is no state in `.minions`"), "{}", ended.stderr);
    assert!(!place.state().exists());

    let place = with_quarantine();
    let refusal = |id: &str| place.run(&["wf", "show", id]).code(1).stderr;
    assert!(refusal("watch").contains("`watch` is no workflow id"), "{}", refusal("watch"));
    let unknown = "01939d2f8f3a7c5e9b1d2a3f4c5d6e7f";
    assert!(refusal(unknown).contains("no workflow `01939d2f"), "{}", refusal(unknown));
    place.run(&["wf", "retry"]).code(2);
    place.run(&["wf", "drop"]).code(2);
    place.run(&["wf", "retry", "--all", unknown]).code(2);
    // What narrows down all of them says nothing about one that is named.
    for (action, narrower) in
        [("retry", ["--minion", "other"]), ("drop", ["--lane", "other"]), ("retry", ["--event", "a=b"])]
    {
        let refused = place.run(&["wf", action, unknown, narrower[0], narrower[1]]).code(2);
        assert!(
            refused.stderr.contains(narrower[0]) && refused.stderr.contains("cannot be used with"),
            "{}",
            refused.stderr
        );
    }
}

/// The same commands ask the running program, which acts at once.
#[cfg(unix)]
#[test]
fn w6_the_workflows_of_a_running_program_are_shown_edited_moved_and_dropped() {
    let place = Place::new();
    let mut running = place.start(3, &["second"], &["--set", "numbers.stay=true"]);
    running.says("orders are taken at ");
    for _ in 0..2 {
        place.asked().answer("fail");
    }
    // The third one is awake, and stays there.
    let third = place.asked();
    let number = third.point.strip_prefix("second ").unwrap().to_owned();
    let listed = || place.run(&["wf", "list", "--json"]).code(0).json();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while listed().as_array().unwrap().len() < 2 {
        assert!(std::time::Instant::now() < deadline, "{}", listed());
    }
    let listed = listed();
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|line| line["id"].as_str().unwrap()).collect();
    let other =
        place.run(&["wf", "list", "--json", "--event", &format!("n={number}"), "--status", "all"]).code(0).json();
    let state = other[0]["state"].as_str().unwrap();
    assert!(state.starts_with("running, inside `gate.pass`, since "), "{state}");
    assert_eq!(other.as_array().unwrap().len(), 1);
    let awake = other[0]["id"].as_str().unwrap();
    let refused = place.run(&["wf", "drop", awake, "--json"]).code(1);
    assert_eq!(refused.json()["error"]["kind"], "running");

    let shown = place.run(&["wf", "show", ids[0]]).code(0).stdout.join("\n");
    for part in ["in quarantine since ", "second, attempt 1, failed", "it_app wf retry ", "it_app wf goto "] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let wrong = place.run(&["wf", "edit", ids[0], "--context", "[1]", "--json"]).code(1);
    assert_eq!(wrong.json()["error"]["kind"], "context");
    place.run(&["wf", "edit", ids[0], "--context", "{\"steps\":[\"by hand\"]}"]).code(0);
    let edited = place.run(&["wf", "show", ids[0], "--json"]).code(0).json();
    assert_eq!((&edited["context"], &edited["status"]), (&json!({"steps": ["by hand"]}), &json!("quarantined")));
    let wrong = place.run(&["wf", "goto", ids[0], "fourth"]).code(1);
    assert!(wrong.stderr.contains("has no step `fourth`; steps: first, second, third"), "{}", wrong.stderr);
    let moved = place.run(&["wf", "goto", ids[0], "third"]).code(0);
    assert_eq!(moved.stdout, [format!("{} goes on at `third`", &ids[0][24..])]);
    place.run(&["wf", "drop", "--all"]).code(2);
    let dropped = place.run(&["wf", "drop", "--all", "--yes", "--json"]).code(0).json();
    assert_eq!((dropped.as_array().unwrap().len(), &dropped[0]["id"]), (1, &json!(ids[1])));

    // What was answered is durable, whatever becomes of the process.
    drop(third);
    let killed = running.kill();
    assert_eq!(killed.steps().iter().filter(|step| step.starts_with("third")).count(), 1, "{:?}", killed.stdout);
    let left = place.run(&["wf", "list", "--status", "all", "--json"]).code(0).json();
    assert_eq!(left.as_array().unwrap().iter().map(|line| &line["id"]).collect::<Vec<_>>(), [awake]);
    place.start(0, &[], &[]).end().code(0);
}
