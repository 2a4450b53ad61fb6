//! Values from the environment and from `--set`.

use std::ffi::OsString;

use minions_core::config::{Data, ENV_PREFIX, KeyPath, Origin, Problem, Table, Value};

use super::format;

/// The values of the environment variables `MINIONS__SECTION__KEY`, and what is wrong with them.
pub(super) fn from_env(variables: &[(OsString, OsString)]) -> (Table, Vec<Problem>) {
    let mut ours: Vec<_> = variables
        .iter()
        .filter_map(|(name, text)| {
            let name = name.to_str()?;
            Some((name, name.strip_prefix(ENV_PREFIX)?, text))
        })
        .collect();
    // A process has its variables in no order; sorted, a table comes before the keys inside it.
    ours.sort();

    let (mut table, mut problems) = (Table::new(), Vec::new());
    for (name, keys, text) in ours {
        let origin = Origin::Env(name.into());
        if keys.split("__").any(str::is_empty) {
            let example = "write two underscores between section and key, such as MINIONS__HTTP__AGENT";
            problems.push(Problem::new("the name has an empty key").at(origin).fix(example));
            continue;
        }
        let Some(text) = text.to_str() else {
            problems.push(Problem::new("the value is not UTF-8").at(origin));
            continue;
        };
        let path = keys.split("__").fold(KeyPath::root(), |path, key| path.key(key.to_lowercase()));
        table.merge(Table::nested(&path, value(text, origin)));
    }
    (table, problems)
}

/// The values of `--set section.key=VALUE` arguments, and what is wrong with them.
pub(super) fn from_sets(arguments: &[String]) -> (Table, Vec<Problem>) {
    let (mut table, mut problems) = (Table::new(), Vec::new());
    for argument in arguments {
        // The value is left out of every message: it may be a secret.
        let Some((key, text)) = argument.split_once('=') else {
            let origin = Origin::Set(argument.as_str().into());
            problems.push(Problem::new("there is no value").at(origin).fix("write --set section.key=VALUE"));
            continue;
        };
        let origin = Origin::Set(key.trim().into());
        match KeyPath::parse(key.trim()) {
            Ok(path) => table.merge(Table::nested(&path, value(text, origin))),
            Err(what) => problems.push(Problem::new(what).at(origin).fix("write --set section.key=VALUE")),
        }
    }
    (table, problems)
}

/// A TOML value if the text is one, else the text; a text field gets the text in either case.
fn value(text: &str, origin: Origin) -> Value {
    match format::toml_value(text, &origin) {
        Some(value) => value.with_raw(text),
        None => Value::new(Data::String(text.to_owned()), origin),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn env(variables: &[(&str, &str)]) -> (Table, Vec<Problem>) {
        from_env(&variables.iter().map(|(name, text)| (name.into(), text.into())).collect::<Vec<_>>())
    }

    fn set(argument: &str) -> serde_json::Value {
        let (table, problems) = from_sets(&[argument.to_owned()]);
        assert_eq!(problems, []);
        Value::from(table).to_json()
    }

    #[test]
    fn a_value_is_toml_or_else_text() {
        for (text, expected) in [
            ("5", json!(5)),
            ("-1.5", json!(-1.5)),
            ("true", json!(true)),
            ("\"5\"", json!("5")),
            ("'a b'", json!("a b")),
            ("[1, 'x']", json!([1, "x"])),
            ("{ max = 3 }", json!({"max": 3})),
            ("2026-01-02", json!("2026-01-02")),
            ("30s", json!("30s")),
            ("", json!("")),
            ("127.0.0.1:80", json!("127.0.0.1:80")),
            ("a=b", json!("a=b")),
            ("[1", json!("[1")),
            ("five # six", json!("five # six")),
            ("99999999999999999999", json!("99999999999999999999")),
        ] {
            assert_eq!(set(&format!("http.x={text}")), json!({"http": {"x": expected}}), "{text}");
        }
    }

    #[test]
    fn variables_nest_by_two_underscores_and_are_lower_cased() {
        let (table, problems) = env(&[
            ("MINIONS__HTTP__RETRY__MAX_TRIES", "3"),
            ("MINIONS__HTTP__RETRY", "{ max_tries = 1, min = 0 }"),
            ("MINIONS_STATE", "elsewhere"),
            ("PATH", "/bin"),
        ]);
        assert_eq!(problems, []);
        assert_eq!(Value::from(table).to_json(), json!({"http": {"retry": {"max_tries": 3, "min": 0}}}));
    }

    #[test]
    fn what_cannot_be_read_is_reported_without_its_value() {
        let (_, problems) = env(&[("MINIONS__HTTP____X", "hunter2"), ("MINIONS__", "hunter2")]);
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("MINIONS__: the name has an empty key"), "{lines:?}");
        assert!(lines[1].starts_with("MINIONS__HTTP____X: the name has an empty key"), "{lines:?}");

        let arguments = ["http..token=hunter2", "http.token", "=hunter2"].map(str::to_owned);
        let (_, problems) = from_sets(&arguments);
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            lines,
            [
                "--set http..token: `http..token` has an empty key; write --set section.key=VALUE",
                "--set http.token: there is no value; write --set section.key=VALUE",
                "--set : `` has an empty key; write --set section.key=VALUE",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf_8_is_reported() {
        use std::os::unix::ffi::OsStringExt as _;

        let variables = [("MINIONS__HTTP__X".into(), OsString::from_vec(vec![0xff]))];
        let (_, problems) = from_env(&variables);
        assert_eq!(problems[0].to_string(), "MINIONS__HTTP__X: the value is not UTF-8");
    }
}
