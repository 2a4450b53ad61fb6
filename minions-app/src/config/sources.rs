//! Where configuration is read from, and in which order.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use minions_core::config::{ENV_PREFIX, Problem, Settings, Table};

use super::files::Files;
use super::format::ENDINGS;
use super::{files, overrides};

/// Where the configuration of a program is read from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The file that `--config` names, relative to `dir`.
    pub file: Option<PathBuf>,
    /// The current directory, in which `minions.toml` is looked for.
    pub dir: PathBuf,
    /// The environment variables; those that do not start with [`ENV_PREFIX`] are ignored.
    pub env: Vec<(OsString, OsString)>,
    /// The arguments of `--set`, each `section.key=VALUE`.
    pub sets: Vec<String>,
}

/// What was read from the [`Sources`].
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The merged configuration.
    pub settings: Settings,
    /// The configuration file, if there is one.
    pub file: Option<PathBuf>,
    /// Reads the files that orchestrations name, relative to the configuration file, else to the current directory.
    pub files: Files,
}

impl Sources {
    /// The sources of this process: its current directory and its environment.
    ///
    /// # Errors
    ///
    /// When the current directory cannot be told.
    pub fn of_process(file: Option<PathBuf>, sets: Vec<String>) -> io::Result<Self> {
        let is_ours = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with(ENV_PREFIX));
        let env = env::vars_os().filter(|(name, _)| is_ours(name)).collect();
        Ok(Self { file, dir: env::current_dir()?, env, sets })
    }

    /// Reads everything and merges it: the file, then the environment, then `--set`; later ones win.
    ///
    /// # Errors
    ///
    /// All problems of all sources.
    pub fn load(&self) -> Result<Loaded, Vec<Problem>> {
        let mut problems = Vec::new();
        let file = self.find_file().unwrap_or_else(|more| {
            problems = more;
            None
        });
        let mut root = Table::new();
        if let Some(file) = &file {
            match files::read(file, &files::shown(file, &self.dir)) {
                Ok(table) => root = table,
                Err(more) => problems.extend(more),
            }
        }
        for (table, more) in [overrides::from_env(&self.env), overrides::from_sets(&self.sets)] {
            root.merge(table);
            problems.extend(more);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let base = file.as_deref().and_then(Path::parent).unwrap_or(&self.dir);
        Ok(Loaded { settings: Settings::from_table(root), files: Files::new(base, &self.dir), file })
    }

    fn find_file(&self) -> Result<Option<PathBuf>, Vec<Problem>> {
        if let Some(file) = &self.file {
            return Ok(Some(self.dir.join(file)));
        }
        let names = ENDINGS.map(|ending| format!("minions.{ending}"));
        let found: Vec<_> = names.iter().filter(|name| self.dir.join(name).exists()).collect();
        match found.as_slice() {
            [] => Ok(None),
            [name] => Ok(Some(self.dir.join(name))),
            [first, second, ..] => {
                let what = format!("`{first}` and `{second}` are both here");
                Err(vec![Problem::new(what).fix("keep one, or choose with --config FILE")])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use minions_core::config::{SettingsFiles as _, Value, decode_section};
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    struct Here {
        dir: tempfile::TempDir,
        sources: Sources,
    }

    fn here(files: &[(&str, &str)]) -> Here {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let sources = Sources { dir: dir.path().to_owned(), ..Sources::default() };
        Here { dir, sources }
    }

    impl Here {
        fn env(mut self, name: &str, text: &str) -> Self {
            self.sources.env.push((name.into(), text.into()));
            self
        }

        fn set(mut self, argument: &str) -> Self {
            self.sources.sets.push(argument.to_owned());
            self
        }

        fn config(mut self, file: &str) -> Self {
            self.sources.file = Some(file.into());
            self
        }

        fn settings(&self) -> Settings {
            self.sources.load().unwrap_or_else(|problems| panic!("{problems:#?}")).settings
        }

        fn json(&self) -> serde_json::Value {
            Value::from(self.settings().table().clone()).to_json()
        }

        fn problems(&self) -> Vec<String> {
            self.sources.load().unwrap_err().iter().map(Problem::to_string).collect()
        }
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Http {
        agent: String,
        port: u16,
        #[serde(default)]
        hosts: Vec<Host>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Host {
        name: String,
    }

    fn lines(settings: &Settings) -> Vec<String> {
        decode_section::<Http>(settings, "http").unwrap_err().iter().map(Problem::to_string).collect()
    }

    #[test]
    fn no_source_is_no_configuration() {
        assert_eq!(here(&[]).json(), json!({}));
    }

    #[test]
    fn environment_wins_over_the_file_and_set_over_both() {
        let here = here(&[("minions.toml", "[http]\na = 1\nb = 1\nc = 1\n[other]\nx = 1")])
            .env("MINIONS__HTTP__B", "2")
            .env("MINIONS__HTTP__C", "2")
            .set("http.c=3")
            .set("http.d=3")
            .set("http.d=4");
        assert_eq!(here.json(), json!({"http": {"a": 1, "b": 2, "c": 3, "d": 4}, "other": {"x": 1}}));
        let settings = here.settings();
        let origin = |key| settings.section("http").unwrap().get(key).unwrap().origin().to_string();
        assert_eq!(
            ["a", "b", "c"].map(origin),
            ["minions.toml:2", "MINIONS__HTTP__B", "--set http.c"].map(str::to_owned)
        );
    }

    #[test]
    fn every_format_knows_its_lines() {
        let toml = "# first\n\n[http]\nagent = 5\nport = [\n  1\n]\n\n[[http.hosts]]\nname = \"a\"\n\n[[http.hosts]]\nnome = 1\n";
        let json = "{\n  \"http\": {\n\n    \"agent\": 5,\n    \"port\": [\n1],\n\n\n    \"hosts\": [{\"name\": \"a\"\n},\n\n    {\n\"nome\": 1}]\n  }\n}\n";
        let yaml =
            "# first\n\nhttp:\n  agent: 5\n  port:\n    - 1\n\n  hosts:\n    - name: a\n\n\n    -\n      nome: 1\n";
        for (name, text) in
            [("minions.toml", toml), ("minions.json", json), ("minions.yaml", yaml), ("minions.yml", yaml)]
        {
            let lines = lines(&here(&[(name, text)]).settings());
            assert_eq!(lines.len(), 4, "{lines:#?}");
            assert_eq!(lines[0], format!("{name}:4: [http] agent: expected a string, found integer 5"));
            assert_eq!(lines[1], format!("{name}:5: [http] port: expected an integer from 0 to 65535, found a list"));
            let rest = lines[2..].join("\n");
            assert!(rest.contains(&format!("{name}:13: [http] hosts[1]: unknown key `nome`; did you mean")), "{rest}");
            let missing = format!("[http] hosts[1].name: missing; expected a string; set it in [http] of {name}");
            assert!(rest.contains(&missing), "{rest}");
        }
    }

    #[test]
    fn malformed_text_is_reported_with_line_and_column() {
        for (name, text, start) in [
            ("minions.toml", "[http]\nagent = \n", "minions.toml:2: column 9: "),
            ("minions.toml", "[a]\nx = 1\nx = 2\n", "minions.toml:3: column 1: duplicate key"),
            (
                "minions.toml",
                "[a]\nx = 99999999999999999999\n",
                "minions.toml:2: the number 99999999999999999999 is out",
            ),
            ("minions.json", "{\n  \"http\": nope\n}", "minions.json:2: column 12: expected ident"),
            ("minions.json", "{\n\"a\": 1,\n\"a\": 2}", "minions.json:3: `a` is given twice"),
            ("minions.json", "\n[]", "minions.json:2: expected a table of sections, found a list"),
            ("minions.json", "", "minions.json:1: column 1: EOF while parsing"),
            ("minions.yaml", "http:\n  agent: \"x\n", "minions.yaml:"),
            ("minions.yaml", "a: 1\na: 2\n", "minions.yaml:2: column 1: "),
            ("minions.yaml", "- 1\n", "minions.yaml:1: expected a table of sections, found a list"),
            ("minions.yaml", "a: 1\n---\nb: 1\n", "minions.yaml:3: a configuration file holds one document"),
            ("minions.yaml", "a:\n  b: !secret x\n", "minions.yaml:2: the tag `!secret` means nothing here"),
            ("minions.yaml", "a:\n  b: 1\n  c: !!int x\n", "minions.yaml:3: the value does not fit its tag"),
            ("minions.yaml", "? [1]\n: 1\n", "minions.yaml:1: a key must be a string"),
        ] {
            let problems = here(&[(name, text)]).problems();
            assert!(problems[0].starts_with(start), "{text}: {problems:#?}");
            assert_eq!(problems.len(), 1, "{text}: {problems:#?}");
        }
    }

    #[test]
    fn yaml_reads_what_people_write() {
        let text = "base: &base\n  depth: 1\naudit: *base\nempty:\nports:\n  80: on\n  true: [1.5, null, 'x']\n";
        assert_eq!(
            here(&[("minions.yaml", text)]).json(),
            json!({"base": {"depth": 1}, "audit": {"depth": 1}, "empty": null,
                   "ports": {"80": "on", "true": [1.5, null, "x"]}})
        );
        assert_eq!(here(&[("minions.yaml", "# nothing yet\n")]).json(), json!({}));
        assert_eq!(here(&[("minions.yaml", "")]).json(), json!({}));
    }

    #[test]
    fn a_byte_order_mark_is_not_content() {
        assert_eq!(here(&[("minions.json", "\u{feff}{\"a\": {}}")]).json(), json!({"a": {}}));
    }

    #[test]
    fn the_file_is_chosen_or_found() {
        let files = [("minions.toml", "a = 1"), ("minions.yaml", "a: 2"), ("conf/site.json", "{\"a\": 3}")];
        assert_eq!(
            here(&files).problems(),
            ["`minions.toml` and `minions.yaml` are both here; keep one, or choose with --config FILE"]
        );
        assert_eq!(here(&files).config("conf/site.json").json(), json!({"a": 3}));
        assert!(here(&files).config("gone.toml").problems()[0].starts_with("cannot read `gone.toml`: "));
        let absolute = here(&files);
        let path = absolute.dir.path().join("minions.yaml");
        assert_eq!(absolute.config(path.to_str().unwrap()).json(), json!({"a": 2}));
    }

    #[test]
    fn the_problems_of_all_sources_come_at_once() {
        let here = here(&[("minions.toml", "a =")]).env("MINIONS____A", "1").set("novalue");
        let problems = here.problems();
        assert_eq!(problems.len(), 3, "{problems:#?}");
    }

    #[test]
    fn the_problems_of_all_sections_carry_their_places() {
        let here = here(&[("minions.toml", "[http]\nagnt = \"a\"\n[htp]\nx = 1\n")]).set("http.port=x");
        let settings = here.settings();
        let mut problems = settings.unknown_sections(&["http", "minions"]);
        problems.extend(decode_section::<Http>(&settings, "http").unwrap_err());
        problems.sort_by(Problem::reading_order);
        let lines: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(
            lines,
            [
                "minions.toml:2: [http]: unknown key `agnt`; did you mean `agent`? (known: agent, port, hosts)",
                "minions.toml:3: unknown section `[htp]`; did you mean `http`? (known: http, minions)",
                "--set http.port: [http] port: expected an integer from 0 to 65535, found string \"x\"",
                "[http] agent: missing; expected a string; \
                 set it in [http] of minions.toml, as MINIONS__HTTP__AGENT or with --set http.agent=…",
            ]
        );
    }

    #[test]
    fn orchestration_files_lie_beside_the_configuration_file() {
        let here = here(&[
            ("conf/site.toml", "[audit]\ndepth = 1\nroot = \"r\""),
            ("conf/audit-a.toml", "[audit]\ndepth = 2"),
        ])
        .config("conf/site.toml")
        .env("MINIONS__AUDIT__ROOT", "env");
        let loaded = here.sources.load().unwrap();
        let (files, _) = loaded.files.load("audit-*.toml");
        let [(identity, table)] = files.as_slice() else { panic!("{files:?}") };
        assert_eq!(identity, "audit-a");
        assert_eq!(table.get("audit").unwrap().origin().to_string(), "conf/audit-a.toml:1");
        let settings = loaded.settings.overlay(table);
        let json = Value::from(settings.table().clone()).to_json();
        assert_eq!(json, json!({"audit": {"depth": 2, "root": "env"}}));
    }
}
