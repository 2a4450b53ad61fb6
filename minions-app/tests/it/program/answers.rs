//! The commands that answer without starting anything.

use serde_json::json;

use super::support::{Ended, Place, Running};

const FILE: &str = "[numbers]\ncount = 1\n\n[gate]\ntoken = \"hunter2\"\n";

fn audited(place: &Place, args: &[&str]) -> Ended {
    let mut command = place.command(&[], args);
    command.env("IT_APP", "audited");
    Running::start(command).end()
}

#[test]
fn check_starts_nothing_and_leaves_nothing() {
    let place = Place::new();
    place.write("minions.toml", FILE);
    let ended = place.run(&["check"]).code(0);
    assert_eq!(
        ended.stdout,
        ["ok: 1 orchestration, 1 pipeline, 1 minion, 1 resource; configuration from minions.toml"]
    );
    assert_eq!(ended.stderr, "");
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[test]
fn the_origin_of_each_value_is_explained() {
    let place = Place::new();
    place.write("minions.toml", &format!("{FILE}\n[minions]\nmax_in_flight = 7\n"));
    let mut command = place.command(&[], &["config", "--explain", "--set", "minions.max_in_flight=9"]);
    command
        .env("MINIONS__MINIONS__MAX_IN_FLIGHT", "8")
        .env("MINIONS__NUMBERS__COUNT", "2")
        .env_remove("MINIONS__MINIONS__METRICS__LISTEN");
    let ended = Running::start(command).end().code(0);
    let row = |key: &str| {
        let line = ended.stdout.iter().find(|line| line.split_whitespace().next() == Some(key));
        line.unwrap_or_else(|| panic!("{key} in {:#?}", ended.stdout)).split_whitespace().skip(1).collect::<Vec<_>>()
    };
    assert_eq!(row("KEY"), ["VALUE", "FROM"]);
    assert_eq!(row("minions.max_in_flight"), ["9", "--set", "minions.max_in_flight"]);
    assert_eq!(row("numbers.count"), ["2", "MINIONS__NUMBERS__COUNT"]);
    assert_eq!(row("numbers.stay"), ["default"]);
    assert_eq!(row("gate.token"), ["***", "minions.toml:5"]);
    assert_eq!(row("minions.store"), ["\"sqlite\"", "default"]);
    assert!(!ended.stdout.join("").contains("hunter2"));

    let rows = place.run(&["config", "--json"]).code(0).json();
    let row = |key: &str| rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(row("numbers.count"), json!({"key": "numbers.count", "value": 1, "origin": "minions.toml:2"}));
    assert_eq!(row("gate.token")["value"], "***");
    assert!(!place.state().exists());
}

#[test]
fn restart_policies_are_explained() {
    let place = Place::new();
    let rows = |restart: &str| {
        place.write("minions.toml", &format!("{FILE}\n{restart}"));
        let rows = place.run(&["config", "--json"]).code(0).json();
        let rows = rows.as_array().unwrap().iter().map(|row| {
            (row["key"].as_str().unwrap().to_owned(), row["value"].clone(), row["origin"].as_str().unwrap().to_owned())
        });
        rows.filter_map(|(key, value, origin)| Some((key.strip_prefix("minions.restart.")?.to_owned(), value, origin)))
            .collect::<Vec<_>>()
    };
    let row = |key: &str, value: serde_json::Value, origin: &str| (key.to_owned(), value, origin.to_owned());
    let defaults = rows("");
    assert_eq!(defaults.len(), 7, "{defaults:?}");
    assert!(defaults.contains(&row("policy", json!("on-failure"), "default")), "{defaults:?}");
    assert!(defaults.contains(&row("reset", json!("10m"), "default")), "{defaults:?}");

    let set = rows("[minions.restart]\nlimit = 3\n[minions.restart.components.gate]\npolicy = \"always\"\n");
    assert_eq!(set.len(), 14, "{set:?}");
    assert!(set.contains(&row("limit", json!(3), "minions.toml:8")), "{set:?}");
    assert!(set.contains(&row("jitter", json!(0.1), "default")), "{set:?}");
    assert!(set.contains(&row("components.gate.policy", json!("always"), "minions.toml:10")), "{set:?}");
    assert!(set.contains(&row("components.gate.limit", json!(3), "minions.restart.limit")), "{set:?}");
}

#[test]
fn l1_restart_policies_are_judged_in_the_one_report() {
    let place = Place::new();
    let restart = "[minions.restart]\njitter = 7\nfirst_delay = \"1m\"\n[minions.restart.components.gaet]\nlimit = 1\n";
    place.write("minions.toml", &format!("{FILE}\n{restart}\n[nubmers]\n"));
    let ended = place.run(&["check"]).code(2);
    for line in [
        "4 problems found; nothing was started",
        "minions.toml:8: [minions] restart.jitter: jitter is 7; it is a part of the pause, from 0 to 1",
        "minions.toml:9: [minions] restart.first_delay: max_delay is 30s, less than first_delay, which is 60s; ",
        "minions.toml:10: [minions] restart.components: there is no component `gaet`; did you mean `gate`? (known: gate, ",
        "unknown section `[nubmers]`",
    ] {
        assert_eq!(ended.stderr.matches(line).count(), 1, "{line:?} in:\n{}", ended.stderr);
    }
}

#[test]
fn configurations_of_orchestrations_are_explained_too() {
    let place = Place::new();
    place.write("minions.toml", &format!("{FILE}\n[auditor]\ndepth = 1\nkey = \"hunter3\"\n"));
    place.write("audit-day.toml", "[auditor]\ndepth = 2\n");
    place.write("audit-night.toml", "[auditor]\ndepth = 3\nkey = \"hunter4\"\n");
    let ended = audited(&place, &["config", "--json"]).code(0);
    assert!(!ended.stdout.join("").contains("hunter"));
    let rows = ended.json();
    let of = |config: Option<&str>| {
        let rows = rows.as_array().unwrap().iter();
        let rows = rows.filter(|row| row["key"].as_str().unwrap().starts_with("auditor."));
        let rows = rows.filter(|row| row["config"].as_str() == config);
        rows.map(|row| (row["key"].as_str().unwrap(), row["value"].clone(), row["origin"].as_str().unwrap()))
            .collect::<Vec<_>>()
    };
    let hidden = || json!("***");
    assert_eq!(of(None), [("auditor.depth", json!(1), "minions.toml:8"), ("auditor.key", hidden(), "minions.toml:9")]);
    assert_eq!(
        of(Some("audit-day")),
        [("auditor.depth", json!(2), "audit-day.toml:2"), ("auditor.key", hidden(), "minions.toml:9")]
    );
    assert_eq!(
        of(Some("audit-night")),
        [("auditor.depth", json!(3), "audit-night.toml:2"), ("auditor.key", hidden(), "audit-night.toml:3")]
    );
    let text = audited(&place, &["config"]).code(0).stdout;
    assert!(text.contains(&"# in the configuration `audit-day`".to_owned()), "{text:#?}");

    let ended = audited(&place, &["run"]).code(0);
    let mut audits: Vec<_> = ended.stdout.iter().filter(|line| line.starts_with("audit")).collect();
    audits.sort_unstable();
    assert_eq!(audits, ["audit depth=2 key=true", "audit depth=3 key=true"]);
}

#[test]
fn the_program_is_drawn() {
    let place = Place::new();
    place.write("minions.toml", FILE);
    place.write("audit-day.toml", "[auditor]\ndepth = 2\n");
    assert_eq!(
        audited(&place, &["graph"]).code(0).stdout,
        [
            "flowchart LR",
            "  subgraph pipelines",
            "    pipeline_numbers([\"numbers\"])",
            "  end",
            "  subgraph minions",
            "    minion_0_worker[\"worker<br/>1. first<br/>2. second<br/>3. third\"]",
            "    minion_1_auditor[\"auditor<br/>configuration: audit-day<br/>1. audit\"]",
            "  end",
            "  subgraph resources",
            "    resource_gate[(\"gate\")]",
            "  end",
            "  pipeline_numbers -->|\"Number\"| minion_0_worker",
            "  minion_0_worker -.-> resource_gate",
            "  pipeline_numbers -->|\"Number\"| minion_1_auditor",
            "  pipeline_numbers -.-> resource_gate",
        ]
    );
    assert_eq!(
        audited(&place, &["graph", "--format", "dot"]).code(0).stdout,
        [
            "digraph program {",
            "  rankdir=LR;",
            "  node [shape=box];",
            "  subgraph cluster_pipelines {",
            "    label=\"pipelines\";",
            "    pipeline_numbers [shape=ellipse, label=\"numbers\"];",
            "  }",
            "  subgraph cluster_minions {",
            "    label=\"minions\";",
            "    minion_0_worker [shape=box, label=\"worker\\n1. first\\n2. second\\n3. third\"];",
            "    minion_1_auditor [shape=box, label=\"auditor\\nconfiguration: audit-day\\n1. audit\"];",
            "  }",
            "  subgraph cluster_resources {",
            "    label=\"resources\";",
            "    resource_gate [shape=cylinder, label=\"gate\"];",
            "  }",
            "  pipeline_numbers -> minion_0_worker [label=\"Number\"];",
            "  minion_0_worker -> resource_gate [style=dashed];",
            "  pipeline_numbers -> minion_1_auditor [label=\"Number\"];",
            "  pipeline_numbers -> resource_gate [style=dashed];",
            "}",
        ]
    );
    let graph = audited(&place, &["graph", "--format", "json"]).code(0).json();
    assert_eq!(
        graph["orchestrations"][1],
        json!({
            "id": "numbers/auditor@audit-day", "pipeline": "numbers", "minion": "auditor", "config": "audit-day",
            "max_in_flight": 1024, "starts": true,
        })
    );
    let gate = &graph["components"][0];
    assert_eq!(
        (&gate["kind"], &gate["name"], &gate["type"]),
        (&json!("resource"), &json!("gate"), &json!("it_app::Gate"))
    );
    assert!(gate["declared_at"].as_str().unwrap().contains("it_app.rs:"), "{gate}");
    assert_eq!(gate["needs"], json!([{"kind": "config", "type": "it_app::GateSettings"}]));
    let worker = graph["components"].as_array().unwrap().iter().find(|entry| entry["name"] == "worker").unwrap();
    assert_eq!(worker["steps"], json!(["first", "second", "third"]));
    assert_eq!(worker["needs"][0], json!({"kind": "resource", "name": "gate", "type": "it_app::Gate"}));
    assert_eq!(worker["needs"][1]["kind"], "provided");
    assert_eq!(graph["levels"], json!([["gate"]]));
}

#[test]
fn a_broken_configuration_file_is_not_blamed_on_the_program() {
    let place = Place::new();
    place.write("minions.toml", "[numbers\n");
    place.write("audit-eu.toml", "[auditor]\ndepth = 3\n");
    let ended = audited(&place, &["check"]).code(2);
    assert!(ended.stderr.contains("minions.toml:1") && !ended.stderr.contains("settings_files"), "{}", ended.stderr);
}
