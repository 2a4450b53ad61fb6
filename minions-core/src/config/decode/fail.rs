//! What can go wrong at one place, and the words for it.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::config::{KeyPath, Origin, Problem, suggest};

/// The error of the decoder: something is wrong, at first at an unknown place.
#[derive(Debug)]
pub(super) enum Failure {
    /// Raised by user code or serde's; whoever called it knows the place.
    Loose(Wrong),
    /// Given its place by the innermost caller.
    Placed(Box<Placed>),
}

/// What is wrong at a place.
#[derive(Debug, PartialEq)]
pub(super) struct Placed {
    pub(super) path: KeyPath,
    pub(super) origin: Option<Origin>,
    pub(super) wrong: Wrong,
    /// The key of the entry is at fault, not its value, so that no other value would help.
    pub(super) in_key: bool,
}

/// What is wrong.
#[derive(Debug, PartialEq)]
pub(super) enum Wrong {
    Value { expected: String, found: String, kind: String },
    Variant { found: String, known: &'static [&'static str] },
    UnknownKey { key: String, known: &'static [&'static str] },
    Missing { field: Option<&'static str>, expected: Option<String> },
    Twice(&'static str),
    Other(String),
}

impl Failure {
    /// Gives the failure this place unless it has one already.
    pub(super) fn place(self, path: &KeyPath, origin: Option<&Origin>, secret: bool) -> Self {
        let Self::Loose(wrong) = self else {
            return self;
        };
        let (path, origin) = match &wrong {
            // What is not there has no line; the table around it has one, and helps when there are several.
            Wrong::Missing { field: Some(field), .. } => {
                (path.key(*field), origin.filter(|_| !path.is_root()).cloned())
            }
            Wrong::Missing { field: None, .. } => (path.clone(), None),
            _ => (path.clone(), origin.cloned()),
        };
        let wrong = if secret { wrong.redacted() } else { wrong };
        Self::Placed(Box::new(Placed { path, origin, wrong, in_key: false }))
    }
}

impl Placed {
    /// The problem to report; `file` is the file to name where nothing says in which one a key belongs.
    pub(super) fn into_problem(self, section: &str, file: &str) -> Problem {
        let Self { path, origin, wrong, .. } = self;
        let way = matches!(wrong, Wrong::Missing { .. }).then(|| ways_to_set(section, &path, file));
        let mut problem = Problem::new(wrong.to_string()).of(section, path);
        problem.origin = origin;
        (problem.expected, problem.fix) = match wrong {
            Wrong::Value { expected, .. } => (Some(expected), None),
            Wrong::Variant { found, known } => (Some(one_of(known)), suggest::hint(&found, known)),
            Wrong::UnknownKey { key, known } => {
                (None, suggest::hint(&key, known).or_else(|| Some("nothing can be set here".to_owned())))
            }
            Wrong::Missing { expected, .. } => (expected, way),
            Wrong::Twice(_) | Wrong::Other(_) => (None, None),
        };
        problem
    }
}

impl Wrong {
    /// The same without the words of a value.
    fn redacted(self) -> Self {
        match self {
            Self::Value { expected, kind, .. } => Self::Value { expected, found: kind.clone(), kind },
            Self::Variant { known, .. } => {
                Self::Value { expected: one_of(known), found: "another value".to_owned(), kind: "a string".to_owned() }
            }
            Self::Other(_) => Self::Other("the value of the secret is not valid".to_owned()),
            Self::UnknownKey { .. } | Self::Missing { .. } | Self::Twice(_) => self,
        }
    }

    /// A value of the wrong kind whose content says nothing, such as text where a table belongs.
    pub(super) fn kind(expected: &dyn Expected, kind: &str) -> Self {
        Self::Value { expected: describe(expected), found: kind.to_owned(), kind: kind.to_owned() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { expected, found, .. } => write!(f, "expected {expected}, found {found}"),
            Self::Variant { found, .. } => write!(f, "unknown value `{found}`"),
            Self::UnknownKey { key, .. } => write!(f, "unknown key `{key}`"),
            Self::Missing { expected: None, .. } => f.write_str("missing"),
            Self::Missing { expected: Some(expected), .. } => write!(f, "missing; expected {expected}"),
            Self::Twice(field) => write!(f, "`{field}` is set twice, under two of its names"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loose(wrong) => wrong.fmt(f),
            Self::Placed(placed) => placed.wrong.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::Loose(Wrong::Other(words.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let (kind, found) = words(found);
        Self::Loose(Wrong::Value { expected: describe(expected), found, kind: kind.to_owned() })
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let found = format!("{length} of them");
        Self::Loose(Wrong::Value { expected: describe(expected), kind: found.clone(), found })
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::Loose(Wrong::Variant { found: shortened(found), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::Loose(Wrong::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Loose(Wrong::Missing { field: Some(field), expected: None })
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Loose(Wrong::Twice(field))
    }
}

/// "one of `a`, `b`".
pub(super) fn one_of(known: &[&str]) -> String {
    let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("one of {}", names.join(", "))
}

/// What a type expects, in the words of a person rather than those of Rust.
pub(super) fn describe(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    // A tuple struct or variant that is given too little says `tuple variant Name with 2 elements`.
    if let Some((_, length)) = text.strip_suffix(" elements").and_then(|text| text.rsplit_once(" with ")) {
        return list_of(length);
    }
    let words = match text.as_str() {
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" | "usize" | "u128" => "an integer, not negative",
        "i8" => "an integer from -128 to 127",
        "i16" => "an integer from -32768 to 32767",
        "i32" => "an integer from -2147483648 to 2147483647",
        "i64" | "isize" | "i128" => "an integer",
        "f32" | "f64" => "a number",
        "a borrowed string" | "identifier" => "a string",
        "a sequence" => "a list",
        "a map" => "a table",
        "unit" => "nothing",
        "path string" => "a path",
        "IP address" => "an IP address",
        "IPv4 address" => "an IPv4 address",
        "IPv6 address" => "an IPv6 address",
        "socket address" => "an address and a port, such as \"127.0.0.1:8081\"",
        text if text.starts_with("struct ") => "a table",
        text if text.starts_with("a nonzero u") => "an integer above 0",
        text if text.starts_with("a nonzero ") => "an integer other than 0",
        text if text.starts_with("tuple ") => "a list",
        text => match text.strip_prefix("a tuple of size ").or_else(|| text.strip_prefix("an array of length ")) {
            Some(size) => return list_of(size),
            None => text,
        },
    };
    words.to_owned()
}

/// The words for a list of a known length.
pub(super) fn list_of(length: impl fmt::Display) -> String {
    format!("a list of {length}")
}

/// The kind of a value, and the value itself, as words.
fn words(found: Unexpected<'_>) -> (&'static str, String) {
    let (kind, value) = match found {
        Unexpected::Bool(value) => ("a boolean", format!("boolean {value}")),
        Unexpected::Unsigned(value) => ("an integer", format!("integer {value}")),
        Unexpected::Signed(value) => ("an integer", format!("integer {value}")),
        Unexpected::Float(value) => ("a number", format!("number {value}")),
        Unexpected::Char(value) => ("a string", format!("string \"{value}\"")),
        Unexpected::Str(value) => ("a string", format!("string {:?}", shortened(value))),
        Unexpected::Unit | Unexpected::Option => ("null", "null".to_owned()),
        Unexpected::Seq => ("a list", "a list".to_owned()),
        Unexpected::Map => ("a table", "a table".to_owned()),
        Unexpected::Other(words) => ("another value", words.to_owned()),
        _ => ("another value", "another value".to_owned()),
    };
    (kind, value)
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where a missing key can be set.
fn ways_to_set(section: &str, path: &KeyPath, file: &str) -> String {
    let in_file = format!("set it in [{section}] of {file}");
    // Neither the environment nor `--set` can reach into a list.
    if path.segments().iter().any(|segment| matches!(segment, crate::config::Segment::Index(_))) {
        return in_file;
    }
    let full = if path.is_root() { section.to_owned() } else { format!("{section}.{path}") };
    match crate::config::env_name(section, path) {
        Some(env) => format!("{in_file}, as {env} or with --set {full}=…"),
        None => format!("{in_file} or with --set {full}=…"),
    }
}
