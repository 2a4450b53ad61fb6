//! Asking a program to stop.

use super::support::{Place, Running};

#[test]
fn r7_a_signal_parks_the_work_and_the_next_start_goes_on() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let mut running = place.start(2, &["second"], &["--set", "numbers.stay=true"]);
        let inside = [place.asked(), place.asked()];
        running.signal(signal);
        running.says("stopping; the steps under way are finished first");
        running.says("sources take no more events");
        // Steps under way end, and the checkpoint behind them is still made.
        inside.into_iter().for_each(|asked| asked.answer("go"));
        let ended = running.end().code(0);
        assert_eq!(ended.steps().iter().filter(|step| step.starts_with("third")).count(), 0);
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.contains("; 2 workflows stored, to go on with the next start"), "{last}");

        let ended = place.start(0, &[], &[]).end().code(0);
        // Nobody can know any more that these steps were not begun.
        assert_eq!(ended.steps(), ["third 1 again=true", "third 2 again=true"]);
    }
}

#[test]
fn r7_a_second_signal_ends_the_process_and_the_work_is_still_there() {
    let place = Place::new();
    let mut running = place.start(1, &["second"], &[]);
    let inside = place.asked();
    running.signal("TERM");
    running.says("terminated: stopping");
    running.signal("TERM");
    let ended = running.end().code(1);
    assert!(ended.stderr.contains("stored work resumes with the next start"), "{}", ended.stderr);
    drop(inside);
    assert_eq!(place.start(0, &[], &[]).end().code(0).steps(), ["second 1 again=true", "third 1 again=false"]);
}

#[test]
fn r7_a_graceful_stop_is_0_whatever_lies_in_quarantine() {
    let place = Place::new();
    let mut running = place.start(1, &["second", "end"], &["--set", "numbers.stay=true"]);
    place.answer_all(&["second 1", "end"], "fail");
    running.says("workflow quarantined");
    running.signal("TERM");
    let ended = running.end().code(0);
    assert!(ended.stderr.contains("1 workflow in quarantine"), "{}", ended.stderr);
}

#[test]
fn a_signal_takes_the_start_back_in_order() {
    let place = Place::new();
    let mut running = place.start(1, &["startup", "shutdown"], &[]);
    let starting = place.asked();
    assert_eq!(starting.point, "startup");
    running.signal("TERM");
    // Nobody waits for what never answers, and what has begun to start is shut down.
    place.answer_all(&["shutdown"], "go");
    running.says("it_app: stopped after ");
    let ended = running.end().code(0);
    assert!(ended.steps().is_empty());
    drop(starting);
}

#[test]
fn work_that_is_kept_in_memory_is_finished_before_the_stop() {
    let place = Place::new();
    let args = ["--set", "minions.store=memory", "--set", "numbers.stay=true"];
    let mut running = place.start(1, &["second"], &args);
    let inside = place.asked();
    running.signal("TERM");
    running.says("terminated: stopping");
    inside.answer("go");
    assert_eq!(running.end().code(0).steps().last(), Some(&"third 1 again=false"));
}

#[test]
fn r7_signals_are_heard_and_the_stop_ends_while_user_code_blocks_every_thread() {
    let place = Place::new();
    let args =
        ["--set", "numbers.count=4", "--set", "numbers.stay=true", "--set", "minions.shutdown_deadline=\"200ms\""];
    let mut command = place.command(&["second"], &args);
    // As few as there can be, so that few steps block them all.
    command.env("TOKIO_WORKER_THREADS", "2");
    let mut running = Running::start(command);
    place.answer_first(&["second 1", "second 2", "second 3", "second 4"], "block");
    running.signal("TERM");
    running.says("terminated: stopping");
    let ended = running.end().code(1);
    let late = "the stop did not end within its deadline, something blocks its threads; stopping at once";
    assert!(ended.stderr.contains(late), "{}", ended.stderr);
}

#[test]
fn a_hook_that_blocks_its_thread_is_named_and_holds_up_nobody() {
    for word in ["block", "hang"] {
        let place = Place::new();
        let args = ["--set", "minions.shutdown_deadline=\"200ms\""];
        let running = place.start(1, &["shutdown"], &args);
        place.answer_all(&["shutdown"], word);
        let ended = running.end().code(1);
        let named = "the resource `gate` failed in shutdown: it ";
        assert!(ended.stderr.contains(named) && ended.stderr.contains("it_app: done after"), "{}", ended.stderr);
    }
}

#[test]
fn a_start_that_cannot_be_taken_back_names_the_hook() {
    let place = Place::new();
    let mut running = place.start(1, &["startup"], &["--set", "minions.shutdown_deadline=\"200ms\""]);
    place.answer_all(&["startup"], "block");
    running.signal("TERM");
    running.says("terminated: stopping");
    let ended = running.end().code(1);
    assert!(ended.stderr.contains("the resource `gate` failed in startup: it blocks its thread"), "{}", ended.stderr);
}

#[test]
fn r7_a_second_signal_is_heard_while_user_code_blocks_every_thread() {
    let place = Place::new();
    let mut command = place.command(&["second"], &["--set", "numbers.count=4", "--set", "numbers.stay=true"]);
    command.env("TOKIO_WORKER_THREADS", "2");
    let mut running = Running::start(command);
    place.answer_first(&["second 1", "second 2", "second 3", "second 4"], "block");
    running.signal("TERM");
    running.says("terminated: stopping");
    running.signal("TERM");
    let ended = running.end().code(1);
    assert!(ended.stderr.contains("stopping at once; stored work resumes"), "{}", ended.stderr);
}
