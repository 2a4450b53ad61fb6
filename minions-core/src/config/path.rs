//! The place of a value inside the configuration.

use std::fmt;

/// A path of keys and list positions, such as `hosts[2].name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<Segment>);

/// One part of a [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Segment {
    /// A key of a table.
    Key(String),
    /// A position in a list, counted from 0.
    Index(usize),
}

impl KeyPath {
    /// The empty path: the section, or the whole configuration, itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads a dotted path such as `http.headers."x.y"`; quotes keep a dot inside a key.
    ///
    /// # Errors
    ///
    /// A sentence saying what is wrong, when a key is empty or a quote is not closed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Vec::new();
        let mut rest = text;
        loop {
            let (key, after) = if let Some(quoted) = rest.strip_prefix('"') {
                quoted.split_once('"').ok_or_else(|| format!("a quote in `{text}` is not closed"))?
            } else {
                rest.split_at(rest.find('.').unwrap_or(rest.len()))
            };
            if key.is_empty() {
                return Err(format!("`{text}` has an empty key"));
            }
            keys.push(Segment::Key(key.to_owned()));
            match after.strip_prefix('.') {
                Some(more) => rest = more,
                None if after.is_empty() => return Ok(Self(keys)),
                None => return Err(format!("expected a dot after `\"{key}\"` in `{text}`")),
            }
        }
    }

    /// This path followed by a key.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.with(Segment::Key(key.into()))
    }

    /// This path followed by a position in a list, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    /// The parts, outermost first.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Whether this is the empty path.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `self` is `other` or lies inside it.
    #[must_use]
    pub fn is_within(&self, other: &KeyPath) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The last part, unless this is the empty path.
    #[must_use]
    pub fn last(&self) -> Option<&Segment> {
        self.0.last()
    }

    /// The path one part shorter, unless this is the empty path.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.0.split_last()?;
        Some(Self(rest.to_vec()))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.0.len() + 1);
        segments.extend_from_slice(&self.0);
        segments.push(segment);
        Self(segments)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    if key.is_empty() || key.contains(['.', '"', '[', ']', ' ']) || key.contains(char::is_control) {
                        write!(f, "{key:?}")?;
                    } else {
                        f.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_and_display_agree() {
        for text in ["http", "http.token", "a.b.c", "a.\"x.y\".b", "\"x.y\""] {
            assert_eq!(KeyPath::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(KeyPath::root().key("a\u{1b}[2J").to_string(), r#""a\u{1b}[2J""#);
        assert_eq!(KeyPath::root().key("hosts").index(2).key("name").to_string(), "hosts[2].name");
    }

    #[test]
    fn parse_refuses_what_names_nothing() {
        for (text, words) in [
            ("", "empty key"),
            ("a..b", "empty key"),
            (".a", "empty key"),
            ("a.", "empty key"),
            ("a.\"b", "not closed"),
            ("\"a\"b", "expected a dot"),
        ] {
            let message = KeyPath::parse(text).unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
        }
    }

    #[test]
    fn within_means_equal_or_deeper() {
        let http = KeyPath::parse("http").unwrap();
        let token = http.key("token");
        assert!(token.is_within(&http) && token.is_within(&token) && token.is_within(&KeyPath::root()));
        assert!(!http.is_within(&token));
        assert_eq!(token.parent(), Some(http));
    }
}
