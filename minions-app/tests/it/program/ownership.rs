//! One process for one state.

use super::support::Place;

#[test]
fn a_second_process_is_refused_with_the_pid_and_takes_over_after_a_kill() {
    let place = Place::new();
    let owner = place.start(1, &["second"], &[]);
    let inside = place.asked();
    assert_eq!(inside.point, "second 1");

    let refused = place.start(1, &[], &[]).end().code(4);
    let in_use = format!("/.minions/state.db` is in use by process {}", owner.id());
    assert!(refused.stderr.contains(&in_use), "{}", refused.stderr);
    assert!(refused.steps().is_empty());
    // Who has the state also answers for it.
    let listed = place.run(&["wf", "list", "--status", "all"]).code(0);
    let listed = listed.stdout.join("\n");
    assert!(listed.contains("second"), "{listed}");
    let missing = place.run(&["wf", "drop", "00"]).code(1);
    assert!(!missing.stderr.contains(&in_use), "{}", missing.stderr);

    owner.kill();
    let ended = place.start(0, &[], &[]).end().code(0);
    // Exactly the interrupted step again, then the rest.
    assert_eq!(ended.steps(), ["second 1 again=true", "third 1 again=false"]);
    drop(inside);
}
