//! The drawing as a Mermaid flow chart.

use std::fmt::Write as _;

use super::Graph;

pub(super) fn draw(graph: &Graph<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    for (group, nodes) in graph.groups() {
        if nodes.is_empty() {
            continue;
        }
        // Writing into a string cannot fail.
        let _ = writeln!(text, "  subgraph {group}");
        for node in nodes {
            let (open, close) = match group {
                "pipelines" => ("([", "])"),
                "resources" => ("[(", ")]"),
                _ => ("[", "]"),
            };
            let lines = std::iter::once(node.name).chain(node.lines.iter().map(String::as_str));
            let label: Vec<_> = lines.map(escaped).collect();
            let _ = writeln!(text, "    {}{open}\"{}\"{close}", node.id, label.join("<br/>"));
        }
        text.push_str("  end\n");
    }
    for edge in &graph.edges {
        let _ = match &edge.event {
            Some(event) => writeln!(text, "  {} -->|\"{}\"| {}", edge.from, escaped(event), edge.to),
            None => writeln!(text, "  {} -.-> {}", edge.from, edge.to),
        };
    }
    text.pop();
    text
}

/// Mermaid's entities stand between `#` and `;`; inside of quotes nothing else has a meaning.
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '#' | '<' | '>' | '&' | '`' | ';' => format!("#{};", c as u32),
        c if c.is_control() => " ".to_owned(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_label_has_a_meaning() {
        assert_eq!(escaped("Vec<\"a\">; 1. b"), "Vec#60;#34;a#34;#62;#59; 1. b");
    }
}
