use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;

fn learnt<T: Serialize + DeserializeOwned>() -> Vec<Value> {
    let learnt = samples::<T>();
    assert_eq!(learnt.refused, Vec::<String>::new());
    for sample in &learnt.samples {
        let bytes = serde_json::to_vec(sample).unwrap();
        assert!(serde_json::from_slice::<T>(&bytes).is_ok(), "{sample}");
    }
    learnt.samples
}

#[test]
fn a_struct_is_learnt_full_and_bare() {
    #[derive(Serialize, Deserialize)]
    struct Visit {
        url: String,
        #[serde(alias = "length")]
        size: u32,
        delta: i64,
        digest: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<Tag>,
        rates: HashMap<u16, f64>,
        pair: (bool, char),
        wait: Duration,
        least: NonZeroU32,
        rest: Value,
        unit: (),
    }
    #[derive(Serialize, Deserialize)]
    struct Tag(String);
    let rest = json!("any rest");
    assert_eq!(
        learnt::<Visit>(),
        [
            json!({
                "url": "a", "size": u32::MAX, "delta": i64::MIN, "digest": "a", "tags": ["a"], "rates": {"65535": 0.5},
                "pair": [true, "a"], "wait": {"secs": 0, "nanos": 0}, "least": u32::MAX, "rest": rest, "unit": null
            }),
            json!({
                "url": "", "size": 0, "delta": 0, "digest": null, "rates": {}, "pair": [false, "a"],
                "wait": {"secs": 0, "nanos": 0}, "least": 1, "rest": rest, "unit": null
            }),
        ]
    );
}

#[test]
fn every_variant_of_every_enum_is_learnt() {
    #[derive(Serialize, Deserialize)]
    enum Outer {
        Unit,
        New(u8),
        Tuple(bool, Inner),
        Struct { inner: Option<Inner> },
    }
    #[derive(Serialize, Deserialize)]
    enum Inner {
        A,
        #[serde(alias = "Bee")]
        B,
    }
    let samples = learnt::<Outer>();
    let expected = [
        json!("Unit"),
        json!({"New": 255}),
        json!({"New": 0}),
        json!({"Tuple": [true, "A"]}),
        json!({"Tuple": [false, "A"]}),
        json!({"Tuple": [true, "B"]}),
        json!({"Tuple": [false, "B"]}),
        json!({"Struct": {"inner": "A"}}),
        json!({"Struct": {"inner": null}}),
    ];
    for sample in &expected {
        assert!(samples.contains(sample), "{sample} is not in {samples:?}");
    }
    assert_eq!(samples.len(), expected.len(), "{samples:?}");
}

#[test]
fn tagged_and_flattened_types_are_learnt_by_their_complaints() {
    #[derive(Serialize, Deserialize)]
    struct Event {
        id: u64,
        #[serde(flatten)]
        head: Head,
        kind: Kind,
        mode: Mode,
    }
    #[derive(Serialize, Deserialize)]
    struct Head {
        at: i64,
        by: String,
        live: bool,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "type", rename_all = "snake_case")]
    enum Kind {
        Found { url: String, size: u32 },
        Gone,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Mode {
        Fast(u8),
        Slow,
    }
    let samples = learnt::<Event>();
    let full = json!({
        "id": u64::MAX, "at": 1, "by": "any by", "live": true,
        "kind": {"type": "found", "url": "any kind.url", "size": 1}, "mode": {"t": "Fast", "c": 255}
    });
    assert_eq!(samples[0], full);
    assert!(samples.iter().any(|sample| sample["kind"] == json!({"type": "gone"})), "{samples:?}");
    assert!(samples.iter().any(|sample| sample["mode"] == json!({"t": "Slow"})), "{samples:?}");
}

#[test]
fn what_contains_itself_comes_to_an_end() {
    #[derive(Serialize, Deserialize)]
    struct Node {
        left: Option<Box<Node>>,
        right: Vec<Node>,
    }
    #[derive(Serialize, Deserialize)]
    enum Term {
        Not(Box<Term>),
        And(Box<Term>, Box<Term>),
        Is(bool),
    }
    #[derive(Serialize, Deserialize)]
    struct Endless(Box<Endless2>);
    #[derive(Serialize, Deserialize)]
    struct Endless2 {
        more: Endless,
    }
    let nodes = learnt::<Node>();
    assert!(nodes[0]["left"].is_object() && nodes[0]["right"][0].is_object(), "{nodes:?}");
    assert_eq!(nodes[1], json!({"left": null, "right": []}));
    let terms = learnt::<Term>();
    for variant in ["Not", "And", "Is"] {
        assert!(terms.iter().any(|term| term.get(variant).is_some()), "{terms:?}");
    }
    let endless = samples::<Endless>();
    assert!(endless.samples.is_empty());
    assert!(endless.refused[0].contains("it contains itself without end"), "{:?}", endless.refused);
}

#[test]
fn a_type_that_judges_its_values_is_tried_until_it_is_content_or_told_of() {
    #[derive(Serialize, Deserialize)]
    #[serde(try_from = "u64", into = "u64")]
    #[derive(Clone)]
    struct Percent(u64);
    impl TryFrom<u64> for Percent {
        type Error = String;
        fn try_from(value: u64) -> Result<Self, String> {
            if value <= 100 { Ok(Self(value)) } else { Err(format!("{value} is more than 100")) }
        }
    }
    impl From<Percent> for u64 {
        fn from(percent: Percent) -> Self {
            percent.0
        }
    }
    #[derive(Debug, Serialize)]
    struct Picky(String);
    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            if text == "sesame" { Ok(Self(text)) } else { Err(serde::de::Error::custom("say the word")) }
        }
    }
    #[derive(Serialize, Deserialize)]
    struct Panicky(#[serde(deserialize_with = "tripled")] u32);
    fn tripled<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        Ok(u32::deserialize(deserializer)?.checked_mul(3).expect("it is small"))
    }
    #[derive(Serialize, Deserialize)]
    enum Half {
        Good,
        Bad(Picky),
    }
    assert_eq!(learnt::<Percent>(), [json!(0)]);
    assert_eq!(learnt::<BTreeMap<String, Percent>>(), [json!({"0": 0}), json!({})]);
    assert_eq!(learnt::<Panicky>(), [json!(0)]);
    let picky = samples::<Picky>();
    assert_eq!((picky.samples.len(), &*picky.refused), (0, &["say the word".to_owned()][..]));
    let half = samples::<Half>();
    assert_eq!(half.samples, [json!("Good")]);
    assert_eq!(half.refused, ["the variant `Bad`: `Bad`: say the word"]);
}
