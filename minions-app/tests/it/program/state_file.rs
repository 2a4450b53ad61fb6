//! A program with tables of its own in the state file, written together with its checkpoints.

use std::process::Command;

use rusqlite::Connection;

use super::support::{Place, Running};

fn booked(place: &Place, args: &[&str]) -> Command {
    let mut command = place.command(&[], args);
    command.env("IT_APP", "booked");
    command
}

fn numbers(place: &Place) -> Vec<i64> {
    let file = Connection::open(place.state().join("state.db")).unwrap();
    let mut numbers = file.prepare("SELECT n FROM booked ORDER BY n").unwrap();
    numbers.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn w8_effects_of_a_program_commit_with_its_checkpoints() {
    let place = Place::new();
    Running::start(booked(&place, &["--set", "numbers.count=4"])).end().code(0);
    assert_eq!(numbers(&place), [1, 2, 3, 4, 5, 6, 7, 8]);
    // The numbers are taken: every effect fails, which fails its step.
    let ended = Running::start(booked(&place, &["--set", "numbers.count=1"])).end().code(3);
    assert!(ended.stderr.contains("1 workflow in quarantine"), "{}", ended.stderr);
    assert_eq!(numbers(&place), [1, 2, 3, 4, 5, 6, 7, 8]);
    let listed = Running::start(booked(&place, &["wf", "list", "--json"])).end().code(0).json();
    let error = listed[0]["error"].as_str().unwrap();
    assert!(error.contains("handed over to its checkpoint"), "{error}");
    assert_eq!(listed[0]["step"], "book");
}

#[test]
fn a_program_that_needs_the_state_file_is_refused_without_it() {
    let place = Place::new();
    let with = |args: &[&str]| Running::start(booked(&place, args)).end();
    with(&["check", "--set", "numbers.count=1"]).code(0);
    let ended = with(&["check", "--set", "numbers.count=1", "--set", "minions.store=memory"]).code(2);
    assert!(ended.stderr.contains("StateFile"), "{}", ended.stderr);
}
