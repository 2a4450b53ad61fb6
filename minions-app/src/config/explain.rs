//! Each value in force and where it came from, for `config --explain`.

use serde::{Serialize, Serializer};

use minions_core::config::{Data, KeyPath, SectionKeys, Settings, Value};

/// A section and what its type told about its keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section<'a> {
    /// The name of the section.
    pub(crate) name: &'a str,
    /// What decoding it told; nothing if it failed, in which case no value of it is shown.
    pub(crate) keys: Option<&'a SectionKeys>,
}

/// One value of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// The section and the path inside it, such as `http.retry.max`.
    pub(crate) key: String,
    /// The value, as far as it may be shown.
    pub(crate) value: Shown,
    /// Where it came from, such as `minions.toml:12`, or `default`.
    pub(crate) origin: String,
}

/// A value as far as it may be shown; as text and as JSON it is the value, `***`, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The value itself.
    Value(serde_json::Value),
    /// A secret, or a value of which nobody knows whether it is one.
    Hidden,
    /// The default, which only the program's code knows.
    Default,
}

/// Lists the values of all sections: the declared ones first and in their order, then those that nobody declared.
pub(crate) fn explain(settings: &Settings, sections: &[Section<'_>]) -> Vec<Row> {
    let is_declared = |name: &str| sections.iter().any(|section| section.name == name);
    let strangers = settings.table().keys().filter(|name| !is_declared(name));
    let strangers = strangers.map(|name| Section { name, keys: None });
    let mut rows = Vec::new();
    for section in sections.iter().copied().chain(strangers) {
        let mut found = Vec::new();
        if let Some(value) = settings.get(section.name) {
            section.values(&KeyPath::root(), value, &mut found);
        }
        let defaults = section.keys.iter().flat_map(|keys| &keys.defaults);
        found.extend(defaults.map(|path| (path.clone(), Shown::Default, "default".to_owned())));
        found.sort_by(|(a, ..), (b, ..)| a.cmp(b));
        let name = KeyPath::root().key(section.name);
        rows.extend(found.into_iter().map(|(path, value, origin)| {
            let separator = if path.is_root() { "" } else { "." };
            Row { key: format!("{name}{separator}{path}"), value, origin }
        }));
    }
    rows
}

impl Section<'_> {
    fn values(&self, path: &KeyPath, value: &Value, rows: &mut Vec<(KeyPath, Shown, String)>) {
        match value.data() {
            Data::Table(table) => {
                for (key, value) in table.iter() {
                    self.values(&path.key(key), value, rows);
                }
            }
            // A list of plain values reads best on one line; one of tables does not.
            Data::List(values) if values.iter().any(|value| value.as_table().is_some()) => {
                for (index, value) in values.iter().enumerate() {
                    self.values(&path.index(index), value, rows);
                }
            }
            _ => {
                let shown = if self.may_show(path) { Shown::Value(value.to_json()) } else { Shown::Hidden };
                rows.push((path.clone(), shown, value.origin().to_string()));
            }
        }
    }

    /// Whether the type is known to have no secret at the place, around it, or inside it.
    fn may_show(&self, path: &KeyPath) -> bool {
        let Some(keys) = self.keys else { return false };
        !keys.is_secret(path) && !keys.secrets.iter().any(|secret| secret.is_within(path))
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(value) => value.fmt(f),
            Self::Hidden => f.write_str("***"),
            Self::Default => Ok(()),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Hidden => serializer.serialize_str("***"),
            Self::Default => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use minions_core::config::{KeyPath, Origin, Secret, Table, decode_section};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Http {
        agent: String,
        token: Secret<String>,
        pins: Vec<Secret<u32>>,
        hosts: Vec<Host>,
        logins: BTreeMap<String, Secret<String>>,
        #[serde(default)]
        retries: u8,
        tags: Vec<String>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Host {
        name: String,
        key: Option<Secret<String>>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Flat {
        #[serde(flatten)]
        host: Host,
    }

    fn rows(rows: &[Row]) -> Vec<String> {
        rows.iter().map(|row| format!("{} | {} | {}", row.key, row.value, row.origin)).collect()
    }

    #[test]
    fn values_defaults_and_secrets() {
        let settings = Settings::from_json(json!({
            "http": {
                "agent": "probe", "token": "hunter2", "pins": [4711, 4712], "logins": {"ann": "hunter3"},
                "hosts": [{"name": "a", "key": "hunter4"}, {"name": "b"}], "tags": ["x", "y"],
            },
            "htpp": {"token": "hunter5"},
            "port": 4713,
        }))
        .unwrap();
        let path = KeyPath::parse("http.agent").unwrap();
        let over = Value::new(Data::String("env".into()), Origin::Env("MINIONS__HTTP__AGENT".into()));
        let settings = settings.overlay(&Table::nested(&path, over));

        let http = decode_section::<Http>(&settings, "http").unwrap();
        let rows_of_all = explain(&settings, &[Section { name: "http", keys: Some(&http.keys) }]);
        assert_eq!(
            rows(&rows_of_all),
            [
                "http.agent | \"env\" | MINIONS__HTTP__AGENT",
                "http.hosts[0].key | *** | code",
                "http.hosts[0].name | \"a\" | code",
                "http.hosts[1].key |  | default",
                "http.hosts[1].name | \"b\" | code",
                "http.logins.ann | *** | code",
                "http.pins | *** | code",
                "http.retries |  | default",
                "http.tags | [\"x\",\"y\"] | code",
                "http.token | *** | code",
                "htpp.token | *** | code",
                "port | *** | code",
            ]
        );
        let json = serde_json::to_string(&rows_of_all).unwrap();
        assert!(!json.contains("hunter") && !json.contains("471"), "{json}");
        assert!(json.contains(r#"{"key":"http.retries","value":null,"origin":"default"}"#), "{json}");
    }

    #[test]
    fn a_section_that_failed_shows_nothing() {
        let settings = Settings::from_json(json!({"http": {"tokn": "hunter2"}})).unwrap();
        assert_eq!(rows(&explain(&settings, &[Section { name: "http", keys: None }])), ["http.tokn | *** | code"]);
    }

    #[test]
    fn flattened_secrets_are_hidden_too() {
        let settings = Settings::from_json(json!({"flat": {"name": "n", "key": "hunter2"}})).unwrap();
        let keys = decode_section::<Flat>(&settings, "flat").unwrap().keys;
        let rows = rows(&explain(&settings, &[Section { name: "flat", keys: Some(&keys) }]));
        assert!(rows.contains(&"flat.key | *** | code".to_owned()), "{rows:?}");
    }
}
