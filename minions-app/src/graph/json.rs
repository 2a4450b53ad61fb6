//! The program as JSON. Keys are only ever added.

use serde::Serialize;

use minions_core::component::{Entry, Need};
use minions_core::manifest::Manifest;

#[derive(Serialize)]
pub(super) struct Program<'a> {
    orchestrations: Vec<Orchestration<'a>>,
    components: Vec<Component<'a>>,
    /// The resources in the order in which they start, those of one level together.
    levels: &'a [Vec<&'static str>],
}

#[derive(Serialize)]
struct Orchestration<'a> {
    id: &'a str,
    pipeline: &'a str,
    minion: &'a str,
    config: Option<&'a str>,
    max_in_flight: usize,
    /// Whether it starts with the program.
    starts: bool,
}

#[derive(Serialize)]
struct Component<'a> {
    kind: &'a str,
    name: &'a str,
    #[serde(rename = "type")]
    type_path: &'a str,
    declared_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<&'a str>,
    background: bool,
    needs: Vec<Needed>,
}

#[derive(Serialize)]
struct Needed {
    kind: &'static str,
    /// The name of a resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(rename = "type")]
    type_path: &'static str,
}

pub(super) fn describe(manifest: &Manifest) -> Program<'_> {
    let orchestrations = manifest.orchestrations.iter().map(|orchestration| Orchestration {
        id: &orchestration.id,
        pipeline: orchestration.pipeline,
        minion: orchestration.minion,
        config: orchestration.config.as_deref(),
        max_in_flight: orchestration.max_in_flight,
        starts: orchestration.starts,
    });
    Program {
        orchestrations: orchestrations.collect(),
        components: manifest.components.iter().map(component).collect(),
        levels: &manifest.levels,
    }
}

fn component(entry: &Entry) -> Component<'_> {
    Component {
        kind: entry.kind.as_str(),
        name: entry.name,
        type_path: entry.type_path,
        declared_at: entry.location.to_string(),
        event: entry.event,
        context: entry.context,
        steps: entry.steps.iter().map(|step| step.name).collect(),
        background: entry.background,
        needs: entry.needs.iter().map(needed).collect(),
    }
}

fn needed(need: &Need) -> Needed {
    let name = need.as_resource();
    let kind = match name {
        Some(_) => "resource",
        None if need.is_config() => "config",
        None => "provided",
    };
    Needed { kind, name, type_path: need.type_name() }
}
