//! The drawing in the language of Graphviz.

use std::fmt::Write as _;

use super::Graph;

pub(super) fn draw(graph: &Graph<'_>) -> String {
    let mut text = String::from("digraph program {\n  rankdir=LR;\n  node [shape=box];\n");
    for (group, nodes) in graph.groups() {
        if nodes.is_empty() {
            continue;
        }
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  subgraph cluster_{group} {{\n    label={};", quoted([group]));
        for node in nodes {
            let shape = match group {
                "pipelines" => "ellipse",
                "resources" => "cylinder",
                _ => "box",
            };
            let lines = std::iter::once(node.name).chain(node.lines.iter().map(String::as_str));
            let _ = writeln!(text, "    {} [shape={shape}, label={}];", node.id, quoted(lines));
        }
        text.push_str("  }\n");
    }
    for edge in &graph.edges {
        let _ = match &edge.event {
            Some(event) => writeln!(text, "  {} -> {} [label={}];", edge.from, edge.to, quoted([event.as_str()])),
            None => writeln!(text, "  {} -> {} [style=dashed];", edge.from, edge.to),
        };
    }
    text.push('}');
    text
}

/// A quoted string of several lines, as Graphviz reads it.
fn quoted<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let lines: Vec<_> = lines.into_iter().map(|line| line.replace('\\', "\\\\").replace('"', "\\\"")).collect();
    format!("\"{}\"", lines.join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_stay_inside_of_the_string() {
        assert_eq!(quoted([r#"a"b\"#, "c"]), r#""a\"b\\\nc""#);
    }
}
