//! The schema lock: which changes of a program strand stored work, and what is said about them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use minions_core::component::{Assembly, Component};
use minions_core::minion::{Flow, Minion, StepInfo, Stored};
use minions_core::testing::{SchemaLock, SchemaReport, Source};
use minions_core::workflow::Workflow;
use minions_core::{Gru, GruBuilder, Result};

/// Declares one version of the minion `shop`: its types, its steps, and what else there is to say.
macro_rules! release {
    ($name:ident: $event:ty, $context:ty, [$($step:expr),*] $(, id $id:literal)? $(, version $version:literal $migrate:expr)?) => {
        struct $name;

        impl Component for $name {
            const NAME: &'static str = "shop";
            $(const ID: &'static str = $id;)?

            fn assemble(_: &Assembly) -> Result<Self> {
                Ok(Self)
            }
        }

        impl Minion for $name {
            type Event = $event;
            type Context = $context;
            const STEPS: &'static [StepInfo] = &[$($step),*];
            $(
                const VERSION: u32 = $version;

                fn migrate(stored: &mut Stored) -> Result<()> {
                    let migrate: fn(&mut Stored) -> Result<()> = $migrate;
                    migrate(stored)
                }
            )?

            async fn step<'a>(&'a self, _: usize, _: &'a $event, _: &'a mut $context, _: &'a Workflow) -> Result<Flow> {
                Ok(Flow::Continue)
            }
        }
    };
}

const fn step(name: &'static str) -> StepInfo {
    StepInfo::new(name)
}

#[derive(Serialize, Deserialize)]
struct Order {
    item: String,
    pay: Pay,
}

#[derive(Serialize, Deserialize)]
enum Pay {
    Cash,
    Card { number: String },
}

#[derive(Default, Serialize, Deserialize)]
struct Sale {
    cents: u64,
    note: Option<String>,
}

release!(First: Order, Sale, [step("price"), step("charge"), step("send")]);

fn program<M: Minion>() -> GruBuilder
where
    M::Event: DeserializeOwned,
{
    Gru::builder().orchestrate::<Source<M::Event>, M>()
}

fn compared<M: Minion>(lock: &str) -> SchemaReport {
    SchemaLock::of(&program::<M>()).compare(Some(lock)).unwrap()
}

/// The lock of the first release.
fn first() -> String {
    let report = SchemaLock::of(&program::<First>()).compare(None).unwrap();
    assert!(report.stranded.is_empty() && report.unknown.is_empty(), "{report}");
    report.lock
}

/// What is stranded, by what is wrong with it.
fn stranded<M: Minion>(lock: &str) -> Vec<String> {
    compared::<M>(lock).stranded.into_iter().map(|stranded| stranded.what).collect()
}

/// The macro itself, with a file that is committed beside this one.
mod committed {
    use super::{First, program};

    minions_core::testing::schema_lock!(program::<First>(), |lock| lock.file("tests/it/schema.json"));
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` is not in:\n{text}");
}

#[test]
fn r4_the_lock_of_a_program_is_current_for_it_and_the_same_each_time() {
    let lock = first();
    assert_eq!(first(), lock);
    let report = compared::<First>(&lock);
    assert!(report.is_current(), "{report}");
    assert_eq!((&report.lock, &report.retired), (&lock, &lock));
    for part in [
        r#""orchestrations": ["source/shop"]"#,
        r#""steps": ["price","charge","send"]"#,
        r#"{"item":"a","pay":{"Card":{"number":"a"}}}"#,
        r#"{"cents":18446744073709551615,"note":"a"}"#,
        r#"{"cents":0,"note":null}"#,
    ] {
        has(&lock, part);
    }
}

#[test]
fn r4_a_field_without_a_default_is_told_with_the_field_the_fate_and_the_remedies() {
    #[derive(Default, Serialize, Deserialize)]
    struct Sale {
        cents: u64,
        paid: bool,
    }
    release!(Next: Order, Sale, [step("price"), step("charge"), step("send")]);
    let report = compared::<Next>(&first());
    assert_eq!(report.stranded.len(), 1, "{report}");
    let text = report.to_string();
    has(&text, "1 change strands stored workflows");
    has(&text, "`shop`");
    has(&text, "missing field `paid`, as version 0 stored it");
    has(&text, r#"stored: {"cents":18446744073709551615,"note":"a"}"#);
    has(&text, "set aside in quarantine");
    has(&text, "`#[serde(default)]` on the field `paid`");
    has(&text, "`#[minion(version = 1)]` with a `fn migrate(stored: &mut Stored) -> Result<()>`");
    has(&text, "MINIONS_SCHEMA=retire cargo test");
}

#[test]
fn r4_safe_changes_only_make_the_lock_out_of_date_and_what_is_stored_stays_in_it() {
    #[derive(Default, Serialize, Deserialize)]
    struct Sale {
        cents: u64,
        #[serde(default)]
        paid: bool,
    }
    #[derive(Default, Serialize, Deserialize)]
    struct Later {
        cents: u64,
        paid: bool,
    }
    release!(Next: Order, Sale, [step("send"), step("price"), step("wrap"), step("collect").aliases(&["charge"])]);
    release!(Careless: Order, Later, [step("send"), step("price"), step("wrap"), step("collect").aliases(&["charge"])]);
    release!(Forgetful: Order, Sale, [step("send"), step("price"), step("wrap"), step("collect")]);
    let report = compared::<Next>(&first());
    assert!(report.stranded.is_empty(), "{report}");
    let text = report.to_string();
    has(&text, "the name `wrap` of a step is new");
    has(&text, "the name `collect` of a step is new");
    has(&text, r#"its contexts have another form, such as {"cents":18446744073709551615,"paid":true}"#);
    has(&text, "MINIONS_SCHEMA=write cargo test");
    let next = report.lock;
    assert!(compared::<Next>(&next).is_current());
    // Rows from before both changes may still be stored.
    assert_eq!(
        stranded::<Careless>(&next),
        [
            "the stored context cannot be read as `it::schema::r4_safe_changes_only_make_the_lock_out_of_date_and_what_is_stored_stays_in_it::Later`: missing field `paid`, as version 0 stored it"
        ]
    );
    assert_eq!(stranded::<Forgetful>(&next).len(), 1);
    has(&stranded::<Forgetful>(&next)[0], "no step is called `charge` any more");
}

#[test]
fn r4_another_order_of_steps_is_safe() {
    release!(Next: Order, Sale, [step("send"), step("charge"), step("price")]);
    let report = compared::<Next>(&first());
    assert!(report.stranded.is_empty(), "{report}");
    has(&report.to_string(), "the steps have another order");
    assert!(compared::<Next>(&report.lock).is_current());
}

#[test]
fn r4_every_problem_is_in_one_report() {
    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Order {
        item: String,
        pay: Pay,
    }
    #[derive(Serialize, Deserialize)]
    enum Pay {
        Cash,
    }
    #[derive(Default, Serialize, Deserialize)]
    struct Sale {
        cents: u32,
        note: String,
    }
    release!(Next: Order, Sale, [step("price"), step("send")]);
    let report = compared::<Next>(&first());
    let text = report.to_string();
    has(&text, "unknown variant `Card`");
    has(&text, "`#[serde(alias = \"Card\")]`");
    has(&text, "invalid value: integer `18446744073709551615`, expected u32");
    has(&text, "invalid type: null, expected a string");
    has(&text, "no step is called `charge` any more");
    has(&text, "`#[minion_step(alias = \"charge\")]`");
    assert_eq!(report.stranded.len(), 4, "{text}");
    assert!(SchemaLock::of(&program::<Next>()).compare(Some(&report.retired)).unwrap().is_current());
}

#[test]
fn r4_an_older_version_is_read_through_the_migration() {
    #[derive(Default, Serialize, Deserialize)]
    struct Bill {
        euros: f64,
    }
    fn right(stored: &mut Stored) -> Result<()> {
        let cents = stored.context["cents"].as_f64().ok_or("no cents")?;
        stored.context = json!({"euros": cents / 100.0});
        if stored.step == "charge" {
            stored.step = "send".to_owned();
        }
        Ok(())
    }
    release!(Right: Order, Bill, [step("price"), step("send")], version 1 right);
    let report = compared::<Right>(&first());
    assert!(report.stranded.is_empty(), "{report}");
    has(&report.to_string(), "version 1 is new");
    // Both versions are locked from now on: workflows of the older one may sleep for long.
    let lock = report.lock;
    assert!(compared::<Right>(&lock).is_current());
    has(&lock, r#""0": {"#);
    has(&lock, r#""1": {"#);
}

#[test]
fn r4_a_migration_that_does_not_do_is_told() {
    #[derive(Default, Serialize, Deserialize)]
    struct Bill {
        euros: f64,
    }
    release!(Fails: Order, Bill, [step("price"), step("send")], version 1 |stored| match stored.step.as_str() {
        "charge" => Err("nobody charges any more".into()),
        "send" => {
            stored.step = "nowhere".to_owned();
            stored.context = json!({"euros": 1.0});
            Ok(())
        }
        _ if stored.event["pay"] == "Cash" => panic!("cash is not accepted"),
        _ => Ok(()),
    });
    let report = compared::<Fails>(&first());
    let text = report.to_string();
    has(&text, "what version 0 stored cannot be migrated to version 1: nobody charges any more");
    has(&text, "what version 0 stored cannot be migrated to version 1: panicked: cash is not accepted");
    has(&text, "what version 0 stored waits at the step `nowhere` after its migration, and no step is called that");
    has(&text, "cannot be read after its migration");
    has(&text, "missing field `euros`");
    has(&text, "in `migrate`, which brings version 0 to 1");
}

#[test]
fn r4_a_lower_version_a_missing_minion_and_another_id_are_told() {
    release!(Second: Order, Sale, [step("price"), step("charge"), step("send")], version 2 |_| Ok(()));
    release!(Renamed: Order, Sale, [step("price"), step("charge"), step("send")], id "store");
    let lock = compared::<Second>(&first()).lock;
    let report = compared::<First>(&lock);
    has(&report.to_string(), "version 2 has stored workflows, and the minion has version 0 now");
    assert_eq!(report.stranded.len(), 1);
    let report = compared::<Renamed>(&first());
    let text = report.to_string();
    has(&text, "`shop`: the program has no minion of this id any more");
    has(&text, "`#[minion(id = \"shop\")]`");
    has(&text, "they stay stored and are reported at every start");
    has(&text, "`store`: the minion is new");
    assert_eq!(report.stranded.len(), 1, "its orchestration is not told of again: {text}");
    assert!(compared::<Renamed>(&report.retired).is_current());
}

#[test]
fn r9_an_orchestration_that_left_the_program_is_told() {
    let before = Gru::builder()
        .orchestrate::<Source<Order>, First>()
        .orchestrate_with::<Source<Order>, First>(|options| options.id("eu"))
        .orchestrate_with::<Source<Order>, First>(|options| options.config("config/*.toml"));
    let lock = SchemaLock::of(&before).compare(None).unwrap().lock;
    has(&lock, r#"["source/shop","source/shop@*","source/shop@eu"]"#);
    let report = compared::<First>(&lock);
    let of: Vec<_> = report.stranded.iter().map(|stranded| &*stranded.of).collect();
    assert_eq!(of, ["source/shop@*", "source/shop@eu"]);
    assert!(compared::<First>(&report.retired).is_current());
}

#[test]
fn r4_a_type_that_cannot_be_made_up_wants_a_sample_by_hand() {
    #[derive(Serialize, Deserialize)]
    struct Ticket {
        #[serde(deserialize_with = "word")]
        word: String,
    }
    fn word<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<String, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "sesame" { Ok(word) } else { Err(serde::de::Error::custom("say the word")) }
    }
    #[derive(Serialize, Deserialize)]
    struct Stamped {
        word: String,
        stamp: u8,
    }
    release!(Picky: Ticket, (), [step("open")]);
    release!(Next: Stamped, (), [step("open")]);
    let builder = program::<Picky>();
    let report = SchemaLock::of(&builder).compare(None).unwrap();
    assert!(!report.is_current());
    has(&report.to_string(), "`word`: say the word; give one: schema_lock!(.., |lock| lock.event_of::<Minion>(&..))");
    let ticket = Ticket { word: "sesame".to_owned() };
    let given = || SchemaLock::of(&builder).event_of::<Picky>(&ticket);
    let report = given().compare(None).unwrap();
    assert!(report.unknown.is_empty(), "{report}");
    has(&report.lock, r#"{"word":"sesame"}"#);
    assert!(given().compare(Some(&report.lock)).unwrap().is_current());
    has(&stranded::<Next>(&report.lock)[0], "missing field `stamp`");
}

#[test]
fn r4_a_type_that_cannot_read_what_it_writes_is_told() {
    #[derive(Default, Serialize, Deserialize)]
    struct Lossy {
        #[serde(skip_serializing)]
        #[expect(dead_code, reason = "it is what gets lost")]
        kept: u8,
    }
    release!(Forgets: Order, Lossy, [step("price")]);
    let report = SchemaLock::of(&program::<Forgets>()).compare(None).unwrap();
    has(&report.to_string(), "it cannot read what it writes");
    has(&report.to_string(), "missing field `kept`");
}
