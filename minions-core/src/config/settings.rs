//! The merged configuration, and the seam through which core reads further files.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::{Data, KeyPath, Problem, Segment, Table, Value, suggest};

/// The merged configuration of a program: sections by name. Cheap to clone.
///
/// Core gets it ready-made; reading files, environment and arguments is the work of `minions-app`. Tests and programs
/// that embed the runtime build it in code:
///
/// ```
/// # use minions_core::config::Settings;
/// let settings = Settings::from_json(serde_json::json!({ "http": { "agent": "probe" } }))?;
/// let settings = settings.set("http.retries", 3)?;
/// assert_eq!(settings.section("http").unwrap().len(), 2);
/// # Ok::<(), Box<minions_core::config::Problem>>(())
/// ```
///
/// `Debug` prints the keys without their values.
#[derive(Clone, Default)]
pub struct Settings(Arc<Table>);

/// The source of further configuration files, which core cannot read itself.
pub trait SettingsFiles: Send + Sync {
    /// Reads the files that match a path or pattern: for each that is well-formed its identity, the file's stem, and its
    /// content; and beside them all problems: no file, one that cannot be read, one that is not well-formed, two with one
    /// identity.
    ///
    /// A file that is wrong does not keep the others from being judged, so all problems come in one report.
    fn load(&self, pattern: &str) -> (Vec<(String, Table)>, Vec<Problem>);
}

impl Settings {
    /// No configuration at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The configuration that this table holds: one section per key.
    #[must_use]
    pub fn from_table(table: Table) -> Self {
        Self(Arc::new(table))
    }

    /// A configuration written in code as JSON.
    ///
    /// # Errors
    ///
    /// When the JSON is not an object.
    pub fn from_json(json: serde_json::Value) -> Result<Self, Box<Problem>> {
        let value = Value::from(json);
        match value.as_table() {
            Some(table) => Ok(Self::from_table(table.clone())),
            None => {
                let what = format!("expected a table of sections, found {}", value.kind());
                Err(Box::new(Problem::new(what)))
            }
        }
    }

    /// The same settings with one more value at a dotted path such as `http.agent`.
    ///
    /// # Errors
    ///
    /// When the path is malformed.
    pub fn set(mut self, path: &str, value: impl Into<Value>) -> Result<Self, Box<Problem>> {
        let path = KeyPath::parse(path).map_err(|what| Box::new(Problem::new(what)))?;
        Arc::make_mut(&mut self.0).merge(Table::nested(&path, value.into()));
        Ok(self)
    }

    /// The settings with another table laid on top, except that values from the environment and from `--set` win
    /// over files however late those are read.
    #[must_use]
    pub fn overlay(&self, table: &Table) -> Self {
        let mut root = Table::clone(&self.0);
        let on_top = root.for_this_run();
        root.merge(table.clone());
        root.merge(on_top);
        Self::from_table(root)
    }

    /// All sections.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.0
    }

    /// A section, if it is there and is a table.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&Table> {
        self.get(name)?.as_table()
    }

    /// What stands under a section's name, whether or not it is a table.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Problems for all top-level keys that are not among the `known` section names.
    #[must_use]
    pub fn unknown_sections(&self, known: &[&str]) -> Vec<Problem> {
        let unknown = self.0.iter().filter(|(name, _)| !known.contains(name));
        let mut problems: Vec<_> = unknown.map(|(name, value)| unknown_section(name, value, known)).collect();
        problems.sort_by(Problem::reading_order);
        problems
    }

    /// The file to name when a key of this section is missing.
    pub(crate) fn file_of(&self, section: &str) -> String {
        fn first_file(value: &Value) -> Option<&Arc<Path>> {
            value.origin().file().or_else(|| value.as_table()?.iter().find_map(|(_, value)| first_file(value)))
        }
        let in_section = self.get(section).and_then(first_file);
        let file = in_section.or_else(|| self.0.iter().find_map(|(_, value)| first_file(value)));
        file.map_or_else(|| "minions.toml".to_owned(), |path| path.display().to_string())
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").field(&self.0).finish()
    }
}

fn unknown_section(name: &str, value: &Value, known: &[&str]) -> Problem {
    let what = match value.data() {
        Data::Table(_) => format!("unknown section `[{name}]`"),
        _ => format!("`{name}` stands outside of any section"),
    };
    let mut problem = Problem::new(what).at(value.origin().clone());
    problem.fix = suggest::hint(name, known);
    problem
}

/// The environment variables that set configuration start with this.
pub const ENV_PREFIX: &str = "MINIONS__";

/// The environment variable that sets a key of a section, unless the key cannot be spelled as one.
#[must_use]
pub fn env_name(section: &str, path: &KeyPath) -> Option<String> {
    let mut name = format!("{ENV_PREFIX}{}", env_part(section)?);
    for segment in path.segments() {
        let Segment::Key(key) = segment else {
            return None;
        };
        name.push_str("__");
        name.push_str(&env_part(key)?);
    }
    Some(name)
}

/// A key in capitals, if reading it back gives the same key.
fn env_part(key: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let fits = !key.is_empty() && key.chars().all(is_plain) && !key.contains("__");
    (fits && !key.starts_with('_') && !key.ends_with('_')).then(|| key.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Origin;

    fn json(settings: &Settings) -> serde_json::Value {
        Value::from(settings.table().clone()).to_json()
    }

    fn from_env(path: &str, value: impl Into<Value>) -> Table {
        let value = Value::new(value.into().data().clone(), Origin::Env("ENV".into()));
        Table::nested(&KeyPath::parse(path).unwrap(), value)
    }

    #[test]
    fn settings_are_built_in_code() {
        let settings = Settings::empty().set("http.agent", "a").unwrap().set("http.retry.max", 3).unwrap();
        assert_eq!(json(&settings), json!({"http": {"agent": "a", "retry": {"max": 3}}}));
        assert!(settings.clone().set("http..x", 1).is_err());
        assert!(Settings::from_json(json!([1])).is_err());
    }

    #[test]
    fn environment_and_arguments_stay_above_a_later_file() {
        let settings = Settings::from_json(json!({"audit": {"depth": 1, "root": "a", "deep": {"x": 1}}})).unwrap();
        let settings = settings.overlay(&from_env("audit.depth", 2)).overlay(&from_env("audit.deep.y", 9));
        let file = Value::from(json!({"audit": {"depth": 3, "root": "b", "deep": {"x": 2, "y": 2}}}));
        let settings = settings.overlay(file.as_table().unwrap());
        assert_eq!(json(&settings), json!({"audit": {"depth": 2, "root": "b", "deep": {"x": 2, "y": 9}}}));
    }

    #[test]
    fn undeclared_sections_are_all_reported() {
        let settings = Settings::from_json(json!({"http": {}, "htpp": {}, "port": 5})).unwrap();
        let lines: Vec<_> = settings.unknown_sections(&["http", "minions"]).iter().map(Problem::to_string).collect();
        assert_eq!(
            lines,
            [
                "code: `port` stands outside of any section; known: http, minions",
                "code: unknown section `[htpp]`; did you mean `http`? (known: http, minions)",
            ]
        );
    }

    #[test]
    fn environment_names_exist_only_where_they_can_be_read_back() {
        let path = |text| KeyPath::parse(text).unwrap();
        assert_eq!(env_name("http", &path("max_age")).as_deref(), Some("MINIONS__HTTP__MAX_AGE"));
        assert_eq!(env_name("http", &path("retry.max")).as_deref(), Some("MINIONS__HTTP__RETRY__MAX"));
        assert_eq!(env_name("http", &path("maxAge")), None);
        assert_eq!(env_name("http", &path("max-age")), None);
        assert_eq!(env_name("http", &KeyPath::root().index(0)), None);
    }

    #[test]
    fn debug_shows_no_values() {
        let text = format!("{:?}", Settings::from_json(json!({"http": {"token": "hunter2"}})).unwrap());
        assert!(text.contains("token") && !text.contains("hunter2"), "{text}");
    }
}
