//! `graph`: the program as a drawing, for people and for tools.

use minions_core::component::{Entry, Kind};
use minions_core::manifest::{Manifest, OrchestrationEntry};

use crate::output::{answer, answer_json};
use crate::prepare::Prepared;

mod dot;
mod json;
mod mermaid;

/// The languages of a drawing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For Markdown files and mermaid.live
    #[default]
    Mermaid,
    /// For Graphviz
    Dot,
    /// For scripts
    Json,
}

pub(crate) fn graph(prepared: &Prepared, format: Format) {
    let manifest = &prepared.manifest;
    match format {
        Format::Mermaid => answer(mermaid::draw(&Graph::of(manifest))),
        Format::Dot => answer(dot::draw(&Graph::of(manifest))),
        Format::Json => answer_json(&json::describe(manifest)),
    }
}

/// What both drawings draw: a minion is there once for each of its orchestrations.
struct Graph<'a> {
    pipelines: Vec<Node<'a>>,
    minions: Vec<Node<'a>>,
    resources: Vec<Node<'a>>,
    edges: Vec<Edge>,
}

struct Node<'a> {
    id: String,
    name: &'a str,
    /// Further lines of its label.
    lines: Vec<String>,
}

struct Edge {
    from: String,
    to: String,
    /// The event; without one, `from` needs the resource `to`.
    event: Option<String>,
}

impl<'a> Graph<'a> {
    fn of(manifest: &'a Manifest) -> Self {
        let of = |kind| manifest.components.iter().filter(move |entry| entry.kind == kind);
        let nodes = |kind: Kind| of(kind).map(Node::of).collect();
        let mut graph = Self {
            pipelines: nodes(Kind::Pipeline),
            minions: Vec::new(),
            resources: nodes(Kind::Resource),
            edges: Vec::new(),
        };
        for (index, orchestration) in manifest.orchestrations.iter().enumerate() {
            let Some(minion) = manifest.component(orchestration.minion) else { continue };
            let node = Node::orchestration(index, minion, orchestration);
            graph.edges.push(Edge {
                from: id(Kind::Pipeline, orchestration.pipeline),
                to: node.id.clone(),
                event: minion.event.map(short),
            });
            graph.edges.extend(needs(minion, node.id.clone()));
            graph.minions.push(node);
        }
        let others = manifest.components.iter().filter(|entry| entry.kind != Kind::Minion);
        graph.edges.extend(others.flat_map(|entry| needs(entry, id(entry.kind, entry.name))));
        graph
    }

    fn groups(&self) -> [(&'static str, &[Node<'a>]); 3] {
        [("pipelines", &self.pipelines), ("minions", &self.minions), ("resources", &self.resources)]
    }
}

impl<'a> Node<'a> {
    fn of(entry: &'a Entry) -> Self {
        let lines = if entry.background { vec!["in the background".to_owned()] } else { Vec::new() };
        Self { id: id(entry.kind, entry.name), name: entry.name, lines }
    }

    fn orchestration(index: usize, minion: &'a Entry, orchestration: &OrchestrationEntry) -> Self {
        let configured = orchestration.config.as_ref().map(|config| format!("configuration: {config}"));
        let steps = minion.steps.iter().enumerate().map(|(at, step)| format!("{}. {}", at + 1, step.name));
        let id = format!("minion_{index}_{}", plain(minion.name));
        Self { id, name: minion.name, lines: configured.into_iter().chain(steps).collect() }
    }
}

fn needs(entry: &Entry, from: String) -> impl Iterator<Item = Edge> + use<> {
    let resources = entry.needs.iter().filter_map(|need| need.as_resource());
    resources.map(move |name| Edge { from: from.clone(), to: id(Kind::Resource, name), event: None })
}

fn id(kind: Kind, name: &str) -> String {
    format!("{kind}_{}", plain(name))
}

/// Letters, digits and underscores, which every language takes without quotes; names that differ stay different.
fn plain(name: &str) -> String {
    let spelt =
        |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_string() } else { format!("x{:x}_", c as u32) };
    name.chars().map(spelt).collect()
}

/// A type without its modules.
fn short(path: &str) -> String {
    let mut text = String::new();
    for part in path.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
        text.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_named_without_their_modules() {
        assert_eq!(short("app::events::PageFound"), "PageFound");
        assert_eq!(short("core::option::Option<app::A<(app::b::B, u8)>>"), "Option<A<(B, u8)>>");
    }

    #[test]
    fn ids_are_plain_and_differ() {
        assert_eq!(plain("page_found2"), "page_found2");
        assert_ne!(plain("a-b"), plain("a.b"));
        assert!(plain("ünï").chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    }
}
