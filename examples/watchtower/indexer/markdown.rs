//! The outline of a Markdown file: its headings and links.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::super::catalog::{Heading, Link};

/// What a Markdown file is made of.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// In order.
    pub headings: Vec<Heading>,
    /// Links and pictures, in order.
    pub links: Vec<Link>,
}

/// Finds the headings and links in `text`, the content of the file at `path`.
#[must_use]
pub fn outline(path: &str, text: &str) -> Outline {
    let mut outline = Outline::default();
    let mut lines = Lines { text, at: 0, line: 1 };
    let mut heading: Option<Heading> = None;
    for (event, range) in Parser::new_ext(text, Options::ENABLE_GFM | Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                heading = Some(Heading { line: lines.of(range.start), level: number(level), text: String::new() });
            }
            Event::End(TagEnd::Heading(_)) => outline.headings.extend(heading.take()),
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.text.push_str(&part);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let (line, target) = (lines.of(range.start), dest_url.into_string());
                let resolved = resolve(path, &target);
                outline.links.push(Link { line, target, resolved });
            }
            _ => {}
        }
    }
    outline
}

/// The path in the tree that a relative link leads to; nothing for other links, and for those that lead out of the tree.
fn resolve(path: &str, target: &str) -> Option<String> {
    let place = target.split(['#', '?']).next()?;
    // `https://…`, `mailto:…`, `//host/…` and `/from/the/top/of/a/site`.
    if place.is_empty() || place.starts_with('/') || has_scheme(place) {
        return None;
    }
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    let place = decode(place)?;
    for part in place.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn has_scheme(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// `%20` and the like as the bytes that they stand for.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok().filter(|decoded| !decoded.contains('\0'))
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// Tells the line of a place; places mostly come in order.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, place: usize) -> u64 {
        if place < self.at {
            (self.at, self.line) = (0, 1);
        }
        let feeds = self.text.as_bytes()[self.at..place].iter().filter(|byte| **byte == b'\n').count();
        (self.at, self.line) = (place, self.line + feeds as u64);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_and_links_are_found_where_they_are() {
        let text = "# The `title`\n\nSee [there](../b.md#part) and\n![a picture](img/a%20b.png).\n\n\
            ```\n# no heading, [no](link)\n```\n\nUnder\n-----\n<https://example.org>\n";
        let outline = outline("docs/a.md", text);
        let headings: Vec<_> = outline.headings.iter().map(|h| (h.line, h.level, &*h.text)).collect();
        assert_eq!(headings, [(1, 1, "The title"), (10, 2, "Under")]);
        let links: Vec<_> = outline.links.iter().map(|l| (l.line, &*l.target, l.resolved.as_deref())).collect();
        assert_eq!(
            links,
            [
                (3, "../b.md#part", Some("b.md")),
                (4, "img/a%20b.png", Some("docs/img/a b.png")),
                (12, "https://example.org", None),
            ]
        );
    }

    #[test]
    fn only_relative_links_inside_the_tree_are_resolved() {
        for (target, resolved) in [
            ("b.md", Some("d/b.md")),
            ("./x/../b.md?raw", Some("d/b.md")),
            ("..", Some("")),
            ("../../out.md", None),
            ("#here", None),
            ("", None),
            ("/site", None),
            ("mailto:a@b.c", None),
            ("100%", Some("d/100%")),
            ("%ff", None),
            ("a:b/c", None),
        ] {
            assert_eq!(resolve("d/a.md", target).as_deref(), resolved, "{target}");
        }
    }
}
