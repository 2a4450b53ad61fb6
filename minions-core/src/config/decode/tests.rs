use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::config::{Data, Origin, Secret, Table};

use super::*;

fn decode_json<T: DeserializeOwned>(json: serde_json::Value) -> Result<Decoded<T>, Vec<Problem>> {
    decode("http", "minions.toml", Some(&Value::from(json)))
}

fn read<T: DeserializeOwned>(json: serde_json::Value) -> T {
    decode_json(json).map(|decoded| decoded.value).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// The lines of the report about a section, without the origin that all these values share.
#[track_caller]
fn report<T: DeserializeOwned>(json: serde_json::Value) -> Vec<String> {
    lines(decode_json::<T>(json))
}

#[track_caller]
fn lines<T>(result: Result<Decoded<T>, Vec<Problem>>) -> Vec<String> {
    let Err(problems) = result else { panic!("expected problems") };
    assert!(!problems.is_empty(), "a failure without a problem");
    problems.iter().map(|problem| problem.to_string().replace("code: ", "")).collect()
}

fn paths(set: &BTreeSet<KeyPath>) -> Vec<String> {
    set.iter().map(KeyPath::to_string).collect()
}

#[derive(Debug, Deserialize)]
struct Http {
    agent: String,
    port: u16,
    token: Secret<String>,
    #[serde(default)]
    retry: Retry,
    #[serde(default)]
    hosts: Vec<Host>,
    mode: Option<Mode>,
}

#[derive(Debug, Default, Deserialize)]
struct Retry {
    max: u8,
    #[serde(default)]
    jitter: f32,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Host {
    name: String,
    weight: i32,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Fast,
    Careful {
        pause: u32,
        #[serde(default)]
        note: String,
    },
    Named(String),
    Pair(u8, u8),
}

#[test]
fn a_valid_section_is_read_with_its_secrets_and_defaults() {
    let decoded = decode_json::<Http>(json!({
        "agent": "a", "port": 80, "token": "hunter2",
        "hosts": [{"name": "x", "weight": -1}], "mode": {"careful": {"pause": 3}},
    }))
    .unwrap();
    let http = decoded.value;
    assert_eq!((http.agent.as_str(), http.port, http.token.expose().as_str()), ("a", 80, "hunter2"));
    assert_eq!(http.hosts, [Host { name: "x".into(), weight: -1 }]);
    assert_eq!(http.mode, Some(Mode::Careful { pause: 3, note: String::new() }));
    assert_eq!((http.retry.max, http.retry.jitter), (0, 0.0));
    assert_eq!(paths(&decoded.keys.secrets), ["token"]);
    assert_eq!(paths(&decoded.keys.defaults), ["mode.careful.note", "retry"]);
}

#[test]
fn all_problems_of_a_section_come_at_once() {
    let report = report::<Http>(json!({
        "agnt": "a", "port": 70_000, "token": 5, "colour": "red",
        "retry": {"max": "many", "jitter": true, "mux": 1},
        "hosts": [{"name": "x", "weight": 1}, {"name": 1, "wieght": 2}, 7],
        "mode": "fats",
    }));
    assert_eq!(
        report,
        [
            "[http]: unknown key `agnt`; did you mean `agent`? (known: agent, port, token, retry, hosts, mode)",
            "[http]: unknown key `colour`; known: agent, port, token, retry, hosts, mode",
            "[http] hosts[1]: unknown key `wieght`; did you mean `weight`? (known: name, weight)",
            "[http] hosts[1].name: expected a string, found integer 1",
            "[http] hosts[1].weight: missing; expected an integer from -2147483648 to 2147483647; \
             set it in [http] of minions.toml",
            "[http] hosts[2]: expected a table, found an integer",
            "[http] mode: unknown value `fats`; did you mean `fast`? (known: fast, careful, named, pair)",
            "[http] port: expected an integer from 0 to 65535, found integer 70000",
            "[http] retry: unknown key `mux`; did you mean `max`? (known: max, jitter)",
            "[http] retry.jitter: expected a number, found boolean true",
            "[http] retry.max: expected an integer from 0 to 255, found string \"many\"",
            "[http] token: expected a string, found an integer",
            "[http] agent: missing; expected a string; \
             set it in [http] of minions.toml, as MINIONS__HTTP__AGENT or with --set http.agent=…",
        ]
    );
}

#[test]
fn an_absent_section_is_an_empty_table() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Defaults {
        #[serde(default)]
        size: u8,
        name: Option<String>,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Unit;

    let absent = decode::<Defaults>("http", "minions.toml", None).unwrap();
    assert_eq!(absent.value, Defaults { size: 0, name: None });
    assert_eq!(paths(&absent.keys.defaults), ["name", "size"]);
    assert_eq!(read::<Defaults>(json!(null)), Defaults { size: 0, name: None });
    assert_eq!(decode::<Unit>("http", "", None).unwrap().value, Unit);
    decode::<()>("http", "", None).unwrap();
    assert_eq!(read::<Unit>(json!({})), Unit);
    assert!(decode::<BTreeMap<String, u8>>("http", "", None).unwrap().value.is_empty());
    assert!(decode::<Option<Http>>("http", "", None).unwrap().value.is_none());

    let lines = lines(decode::<Http>("http", "site.yaml", None));
    assert_eq!(lines.len(), 3);
    assert!(lines[2].starts_with("[http] token: missing; expected a string; set it in [http] of site.yaml"));
    assert_eq!(
        self::lines(decode::<u16>("http", "minions.toml", None)),
        ["[http]: missing; expected an integer from 0 to 65535; \
          set it in [http] of minions.toml, as MINIONS__HTTP or with --set http=…"]
    );
}

#[test]
fn a_unit_section_takes_no_keys() {
    assert_eq!(report::<()>(json!({"a": 1})), ["[http]: unknown key `a`; nothing can be set here"]);
}

#[test]
fn a_section_that_is_no_table_is_one_problem() {
    assert_eq!(report::<Http>(json!("hunter2")), ["[http]: expected a table, found a string"]);
}

#[test]
fn places_carry_their_own_line() {
    let line = |line| Origin::File { path: Path::new("minions.toml").into(), line, column: 1 };
    let entry = |key: &str, data, at| (key.to_owned(), Value::new(data, line(at)));
    let host = Table::from_iter([entry("name", Data::Integer(1), 14)]);
    let section = Table::from_iter([
        entry("agnt", Data::Null, 9),
        entry("port", Data::Bool(true), 12),
        entry("hosts", Data::List(vec![Value::new(Data::Table(host), line(13))]), 13),
    ]);
    let value = Value::new(Data::Table(section), line(8));
    let lines = lines(decode::<Http>("http", "minions.toml", Some(&value)));
    let starts: Vec<_> = lines.iter().map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect();
    assert_eq!(
        starts,
        [
            "minions.toml:9: [http]",
            "minions.toml:12: [http] port",
            "minions.toml:13: [http] hosts[0].weight",
            "minions.toml:14: [http] hosts[0].name",
            "[http] agent: missing; expected a string; set it in [http] of minions.toml, as MINIONS__HTTP__AGENT \
             or with --set http.agent=…"
                .split(": ")
                .take(2)
                .collect::<Vec<_>>()
                .join(": ")
                .as_str(),
            lines[5].split(": ").take(2).collect::<Vec<_>>().join(": ").as_str(),
        ]
    );
    assert!(lines[5].starts_with("[http] token: missing"));
}

#[test]
fn text_fields_get_the_text_that_was_typed() {
    let typed = |data, raw: &str| Value::new(data, Origin::Env("E".into())).with_raw(raw);
    let section = Table::from_iter([
        ("agent".to_owned(), typed(Data::Integer(5), "0x5")),
        ("port".to_owned(), typed(Data::Integer(8080), "8080")),
        ("token".to_owned(), typed(Data::Bool(true), "true")),
        ("mode".to_owned(), typed(Data::Table(Table::new()), "fast")),
    ]);
    let http: Http = decode("http", "", Some(&section.clone().into())).map(|decoded| decoded.value).unwrap_or_else(
        // A table never is text, even if its raw text would name a variant.
        |problems| {
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].key.to_string(), "mode");
            let mut section = section;
            section.insert("mode", typed(Data::Null, "fast"));
            decode("http", "", Some(&section.into())).unwrap().value
        },
    );
    assert_eq!((http.agent.as_str(), http.port, http.token.expose().as_str()), ("0x5", 8080, "true"));
}

#[test]
fn types_that_parse_text_do_not_hide_their_neighbours() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Addresses {
        // Its entry comes first, and nothing made up satisfies it.
        #[serde(deserialize_with = "impossible", default)]
        a: u8,
        at: SocketAddr,
        count: NonZeroU32,
        #[serde(with = "crate::config::duration")]
        every: Duration,
        path: PathBuf,
        z: bool,
    }

    fn impossible<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        String::deserialize(deserializer)?;
        Err(serde::de::Error::custom("no colour is good enough"))
    }

    assert_eq!(
        report::<Addresses>(json!({"a": "red", "at": "here", "every": "5 parsecs", "path": 5, "z": "yes", "count": 0})),
        [
            "[http] a: no colour is good enough",
            "[http] at: invalid socket address syntax",
            "[http] count: expected an integer above 0, found integer 0",
            "[http] every: `5 parsecs` has the unknown unit `parsecs`; write ms, s, m, h or d",
            "[http] path: expected a path, found integer 5",
            "[http] z: expected a boolean, found string \"yes\"",
        ]
    );
    let missing = report::<Addresses>(json!({"a": "red"}));
    assert_eq!(missing.len(), 6, "{missing:?}");
    assert!(missing[1].contains("at: missing; expected an address and a port"), "{missing:?}");
    assert!(missing[3].contains("every: missing; expected a duration such as \"30s\";"), "{missing:?}");
}

#[test]
fn a_rule_over_several_fields_is_reported_only_when_it_is_broken_by_the_user() {
    #[derive(Deserialize)]
    struct Raw {
        min: u8,
        max: u8,
    }
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Raw")]
    struct Range;
    impl TryFrom<Raw> for Range {
        type Error = String;
        fn try_from(raw: Raw) -> Result<Self, String> {
            if raw.min <= raw.max { Ok(Self) } else { Err("`min` exceeds `max`".to_owned()) }
        }
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Two {
        a: Range,
        b: Range,
        c: u8,
    }

    assert_eq!(
        report::<Two>(json!({"a": {"min": 2, "max": 1}, "b": {"min": 9, "max": "x"}, "c": "y"})),
        [
            "[http] a: `min` exceeds `max`",
            "[http] b.max: expected an integer from 0 to 255, found string \"x\"",
            "[http] c: expected an integer from 0 to 255, found string \"y\"",
        ]
    );
}

#[test]
fn variants_say_how_they_are_written() {
    assert_eq!(read::<Mode>(json!("fast")), Mode::Fast);
    assert_eq!(read::<Mode>(json!({"fast": null})), Mode::Fast);
    assert_eq!(read::<Mode>(json!({"named": "x"})), Mode::Named("x".into()));
    assert_eq!(read::<Mode>(json!({"pair": [1, 2]})), Mode::Pair(1, 2));
    assert_eq!(report::<Mode>(json!("named")), ["[http]: `named` needs a value: write { named = … }"]);
    assert_eq!(report::<Mode>(json!({"fast": 5})), ["[http] fast: `fast` takes no value: write just \"fast\""]);
    let one_of = "[http]: expected one of `fast`, `careful`, `named`, `pair`, found";
    assert_eq!(report::<Mode>(json!(5)), [format!("{one_of} an integer")]);
    assert_eq!(report::<Mode>(json!({"fast": null, "named": "x"})), [format!("{one_of} a table")]);
    assert_eq!(
        report::<Mode>(json!({"careful": {"pase": 1}})),
        [
            "[http] careful: unknown key `pase`; did you mean `pause`? (known: pause, note)",
            "[http] careful.pause: missing; expected an integer from 0 to 4294967295; set it in [http] of \
             minions.toml, as MINIONS__HTTP__CAREFUL__PAUSE or with --set http.careful.pause=…",
        ]
    );
    assert_eq!(report::<Mode>(json!({"pair": [1, 2, 3]})), ["[http] pair: expected a list of 2, found 3 of them"]);
}

#[test]
fn maps_and_lists_report_every_entry() {
    let lines = report::<HashMap<u16, Vec<u8>>>(json!({"80": [1, "a", 2, "b"], "x": [1], "99999": []}));
    assert_eq!(
        lines,
        [
            "[http] 80[1]: expected an integer from 0 to 255, found string \"a\"",
            "[http] 80[3]: expected an integer from 0 to 255, found string \"b\"",
            "[http] 99999: expected an integer from 0 to 65535, found integer 99999",
            "[http] x: expected an integer from 0 to 65535, found string \"x\"",
        ]
    );
    let map = read::<BTreeMap<u16, [u8; 2]>>(json!({"80": [1, 2]}));
    assert_eq!(map, BTreeMap::from([(80, [1, 2])]));
    assert_eq!(report::<(u8, u8)>(json!([1])), ["[http]: expected a list of 2, found 1 of them"]);
}

#[test]
fn aliases_and_denied_keys_are_serdes_own_business_and_still_work() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        #[serde(alias = "user_agent")]
        agent: String,
    }
    assert_eq!(read::<Strict>(json!({"user_agent": "a"})).agent, "a");
    assert!(report::<Strict>(json!({"agent": "a", "agnt": 1}))[0].contains("did you mean `agent`?"));
    assert_eq!(
        report::<Strict>(json!({"user_agent": "a", "agent": "b"})),
        ["[http]: `agent` is set twice, under two of its names"]
    );
}

#[derive(Debug, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    login: Login,
}

#[derive(Debug, Deserialize)]
struct Login {
    user: String,
    password: Secret<String>,
}

#[test]
fn flattened_types_work_and_keep_their_secrets() {
    let decoded = decode_json::<Flat>(json!({"name": "n", "user": "u", "password": "hunter2"})).unwrap();
    assert_eq!((decoded.value.name.as_str(), decoded.value.login.user.as_str()), ("n", "u"));
    assert_eq!(decoded.value.login.password.expose(), "hunter2");
    // Serde does not say which key of the table it was, so the whole table counts as secret.
    assert!(decoded.keys.is_secret(&KeyPath::root().key("password")), "{:?}", decoded.keys);

    assert_eq!(
        report::<Flat>(json!({"name": 5, "user": "u"})),
        [
            "[http] name: expected a string, found integer 5",
            "[http] password: missing; set it in [http] of minions.toml, as MINIONS__HTTP__PASSWORD \
             or with --set http.password=…",
        ]
    );
    let wrong = report::<Flat>(json!({"name": "n", "user": "u", "password": 4711}));
    assert_eq!(wrong, ["[http]: the value of a secret is not valid"]);
}

#[test]
fn untagged_and_internally_tagged_enums_work() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(untagged)]
    enum Limit {
        Number(u32),
        Named { name: String },
    }
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Store {
        Disk { path: String },
        Memory,
    }
    #[derive(Debug, Deserialize, PartialEq)]
    struct Both {
        limit: Limit,
        store: Store,
    }

    assert_eq!(
        read::<Both>(json!({"limit": {"name": "x"}, "store": {"kind": "disk", "path": "p"}})),
        Both { limit: Limit::Named { name: "x".into() }, store: Store::Disk { path: "p".into() } }
    );
    assert_eq!(
        read::<Both>(json!({"limit": 5, "store": {"kind": "memory"}})),
        Both { limit: Limit::Number(5), store: Store::Memory }
    );
    assert_eq!(
        report::<Both>(json!({"limit": true, "store": {"kind": "dsk"}, "x": 1})),
        [
            "[http]: unknown key `x`; known: limit, store",
            "[http] limit: data did not match any variant of untagged enum Limit",
            "[http] store.kind: unknown value `dsk`; did you mean `disk`? (known: disk, memory)",
        ]
    );
    let missing = report::<Both>(json!({}));
    assert_eq!(missing.len(), 2, "{missing:?}");
}

#[test]
fn no_report_quotes_a_secret() {
    #[derive(Debug, Deserialize)]
    enum Word {
        Sesame,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Inner {
        a: u8,
        b: Vec<u8>,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Secrets {
        number: Secret<u8>,
        optional: Option<Secret<bool>>,
        around: Secret<Option<u8>>,
        address: Secret<SocketAddr>,
        word: Secret<Word>,
        inner: Secret<Inner>,
        #[serde(rename = "plain")]
        plain: String,
    }
    let lines = report::<Secrets>(json!({
        "number": "hunter2", "optional": "hunter2", "around": "hunter2", "address": "hunter2", "word": "hunter2",
        "inner": {"a": "hunter2", "b": [1, "hunter2"]}, "plain": "x",
    }));
    assert_eq!(
        lines,
        [
            "[http] address: the value of the secret is not valid",
            "[http] around: expected an integer from 0 to 255, found a string",
            "[http] inner.a: expected an integer from 0 to 255, found a string",
            "[http] inner.b[1]: expected an integer from 0 to 255, found a string",
            "[http] number: expected an integer from 0 to 255, found a string",
            "[http] optional: expected a boolean, found a string",
            "[http] word: expected one of `Sesame`, found another value",
        ]
    );
}

#[test]
fn a_type_that_contains_itself_ends() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    enum Rule {
        Not(Box<Rule>),
        All(Vec<Rule>),
        Is { name: String, rest: Box<Rule> },
        Never,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    enum Endless {
        Again(Box<Endless>),
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read by the decoder")]
    struct Rules {
        first: Rule,
        second: Rule,
        third: Option<Endless>,
        z: u8,
    }
    let lines = report::<Rules>(json!({"first": {"Not": {"Is": {"name": 5}}}, "third": 1, "z": "z"}));
    let keys: Vec<_> = lines.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        keys,
        ["[http] first.Not.Is.name", "[http] first.Not.Is.rest", "[http] third", "[http] z", "[http] second"],
        "{lines:#?}"
    );
}
