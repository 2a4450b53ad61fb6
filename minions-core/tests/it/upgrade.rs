//! A program is replaced by its next version while work of the last one is stored.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use minions_core::component::{Assembly, Component, Need};
use minions_core::gru::{Finished, StopMode};
use minions_core::minion::{Flow, Minion, StepInfo, Stored};
use minions_core::pipeline::Storable;
use minions_core::store::{MemoryStore, Requeue, StateStore, Status, StoredWorkflow};
use minions_core::testing::{Events, Gate, Source};
use minions_core::workflow::Workflow;
use minions_core::{Gru, Result};

use crate::support::rows;

/// One version of the minion `shop`.
trait Release: Send + Sync + 'static {
    type Event: Storable;
    type Context: Storable + Default;
    const STEPS: &'static [StepInfo];
    const VERSION: u32 = 0;

    fn migrate(_: &mut Stored) -> Result<()> {
        Ok(())
    }
}

/// What steps saw, and where they stay.
#[derive(Clone, Default)]
struct Deck {
    seen: Arc<Mutex<Vec<Saw>>>,
    hold: Option<(Hold, Gate)>,
}

/// A step, and the event and the context that it saw.
type Saw = (&'static str, Value, Value);

/// Whether a workflow of this event stays in this step.
type Hold = Arc<dyn Fn(&str, &Value) -> bool + Send + Sync>;

impl Deck {
    fn holding(gate: &Gate, hold: impl Fn(&str, &Value) -> bool + Send + Sync + 'static) -> Self {
        Self { hold: Some((Arc::new(hold), gate.clone())), ..Self::default() }
    }

    fn steps(&self) -> Vec<&'static str> {
        self.seen.lock().iter().map(|(step, ..)| *step).collect()
    }

    /// The event and the context that the steps of this name saw.
    fn saw(&self, step: &str) -> Vec<(Value, Value)> {
        let seen = self.seen.lock();
        seen.iter().filter(|(of, ..)| *of == step).map(|(_, event, context)| (event.clone(), context.clone())).collect()
    }
}

struct Shop<R>(Deck, PhantomData<fn() -> R>);

impl<R: Release> Component for Shop<R> {
    const NAME: &'static str = "shop";
    const FIELDS: &'static [Need] = &[Need::provided::<Deck>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Deck::clone(&*cx.provided::<Deck>().expect("checked by the resolver")), PhantomData))
    }
}

impl<R: Release> Minion for Shop<R> {
    type Event = R::Event;
    type Context = R::Context;
    const STEPS: &'static [StepInfo] = R::STEPS;
    const VERSION: u32 = R::VERSION;

    async fn step<'a>(
        &'a self,
        index: usize,
        event: &'a R::Event,
        context: &'a mut R::Context,
        _: &'a Workflow,
    ) -> Result<Flow> {
        let step = R::STEPS[index].name;
        let event = serde_json::to_value(event).unwrap_or_default();
        let held = self.0.hold.clone().filter(|(hold, _)| hold(step, &event));
        self.0.seen.lock().push((step, event, serde_json::to_value(context)?));
        if let Some((_, gate)) = held {
            gate.pass().await;
        }
        Ok(Flow::Continue)
    }

    fn migrate(stored: &mut Stored) -> Result<()> {
        R::migrate(stored)
    }
}

fn shop<R: Release>(store: &MemoryStore, deck: &Deck, events: &Events<R::Event>) -> minions_core::GruBuilder {
    Gru::builder()
        .orchestrate::<Source<R::Event>, Shop<R>>()
        .provide(events.source())
        .provide(deck.clone())
        .store(store.clone())
}

/// Leaves workflows of the release `R` interrupted in the step `step`.
async fn leave<R: Release>(store: &MemoryStore, step: &'static str, events: Vec<R::Event>) {
    leave_each::<R>(store, events, move |at, _| at == step).await;
}

/// Leaves each workflow where `hold` wants it.
async fn leave_each<R: Release>(
    store: &MemoryStore,
    events: Vec<R::Event>,
    hold: impl Fn(&str, &Value) -> bool + Send + Sync + 'static,
) {
    let (gate, count) = (Gate::new(), u32::try_from(events.len()).unwrap());
    let deck = Deck::holding(&gate, hold);
    let source = Events::new();
    events.into_iter().for_each(|event| source.push(event));
    let gru = shop::<R>(store, &deck, &source).start().await.unwrap();
    arrivals(&gate, count).await;
    gru.shutdown_with(StopMode::Now).await;
}

/// Waits until so many are at the gate; one that is set aside instead never comes.
async fn arrivals(gate: &Gate, count: u32) {
    let arrived = tokio::time::timeout(Duration::from_secs(10), gate.arrivals(count)).await;
    arrived.expect("every workflow should come to its step");
}

/// Runs the release `R` until it has nothing left to do.
async fn deploy<R: Release>(store: &MemoryStore) -> Deck {
    let deck = Deck::default();
    let gru = shop::<R>(store, &deck, &Events::all([])).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    deck
}

async fn only(store: &MemoryStore) -> StoredWorkflow {
    let mut rows = rows(store).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// Hands `op` to a store that nobody runs on, as a command does.
async fn order(store: &MemoryStore, op: impl Into<minions_core::store::Op>) {
    store.open().await.unwrap();
    store.commit(vec![Arc::new(op.into())]).await.remove(0).unwrap();
    store.close().await.unwrap();
}

#[derive(Serialize, Deserialize)]
struct Order {
    item: String,
}

fn order_of(item: &str) -> Order {
    Order { item: item.to_owned() }
}

#[derive(Default, Serialize, Deserialize)]
struct Sale {
    cents: u64,
    note: Option<String>,
}

/// The first release.
struct First;

impl Release for First {
    type Event = Order;
    type Context = Sale;
    const STEPS: &'static [StepInfo] = &[StepInfo::new("price"), StepInfo::new("charge"), StepInfo::new("send")];
}

#[tokio::test]
async fn r4_an_added_field_begins_as_its_default_and_a_removed_one_is_forgotten() {
    #[derive(Serialize, Deserialize)]
    struct Order {
        item: String,
        #[serde(default = "one")]
        count: u32,
    }
    fn one() -> u32 {
        1
    }
    #[derive(Default, Serialize, Deserialize)]
    struct Sale {
        cents: u64,
        #[serde(default)]
        paid: bool,
    }
    struct Next;
    impl Release for Next {
        type Event = Order;
        type Context = Sale;
        const STEPS: &'static [StepInfo] = First::STEPS;
    }
    let store = MemoryStore::new();
    leave::<First>(&store, "charge", vec![order_of("tea")]).await;
    let deck = deploy::<Next>(&store).await;
    assert_eq!(deck.steps(), ["charge", "send"]);
    assert_eq!(deck.saw("charge"), [(json!({"item": "tea", "count": 1}), json!({"cents": 0, "paid": false}))]);
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn r4_a_renamed_step_with_an_alias_and_reordered_steps_go_on_where_they_were() {
    struct Renamed;
    impl Release for Renamed {
        type Event = Order;
        type Context = Sale;
        const STEPS: &'static [StepInfo] =
            &[StepInfo::new("send"), StepInfo::new("price"), StepInfo::new("collect").aliases(&["charge"])];
    }
    let store = MemoryStore::new();
    leave_each::<First>(&store, vec![order_of("tea"), order_of("milk")], |step, event| {
        step == if event["item"] == "tea" { "charge" } else { "price" }
    })
    .await;
    let deck = deploy::<Renamed>(&store).await;
    let of = |item: &str| -> Vec<_> {
        let seen = deck.seen.lock();
        seen.iter().filter(|(_, event, _)| event["item"] == item).map(|(step, ..)| *step).collect()
    };
    assert_eq!(of("tea"), ["collect"], "which is the last one now");
    assert_eq!(of("milk"), ["price", "collect"]);
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn r4_the_name_of_a_step_comes_before_the_alias_of_another() {
    let steps = &[StepInfo::new("price").aliases(&["charge"]), StepInfo::new("charge")];
    assert_eq!(StepInfo::find(steps, "charge"), Some(1));
    assert_eq!(StepInfo::find(steps, "price"), Some(0));
    assert_eq!(StepInfo::find(steps, "send"), None);
}

/// The release without `charge`, before anybody thought of those that wait there.
struct Hasty;

impl Release for Hasty {
    type Event = Order;
    type Context = Sale;
    const STEPS: &'static [StepInfo] = &[StepInfo::new("price"), StepInfo::new("send")];
}

/// The release after it, which did.
struct Mended;

impl Release for Mended {
    type Event = Order;
    type Context = Sale;
    const STEPS: &'static [StepInfo] = Hasty::STEPS;
    const VERSION: u32 = 1;

    fn migrate(stored: &mut Stored) -> Result<()> {
        if stored.step == "charge" {
            stored.step = "send".to_owned();
            stored.context["note"] = "never charged".into();
        }
        Ok(())
    }
}

#[tokio::test]
async fn r4_a_removed_step_waits_in_quarantine_and_finishes_by_goto_or_after_a_migration() {
    let store = MemoryStore::new();
    leave::<First>(&store, "charge", vec![order_of("tea"), order_of("milk")]).await;
    assert!(deploy::<Hasty>(&store).await.steps().is_empty(), "never the wrong step");
    let left = rows(&store).await;
    for row in &left {
        assert_eq!((row.status, &*row.step), (Status::Quarantined, "charge"));
        let error = row.failures[0].error.join(": ");
        assert!(error.contains("`#[minion_step(alias = \"charge\")]`"), "{error}");
        assert!(error.contains("(steps: `price`, `send`)"), "{error}");
    }
    // It stays there however often the program starts: only an order takes it out.
    assert!(deploy::<Hasty>(&store).await.steps().is_empty());
    assert_eq!(rows(&store).await, left);

    order(&store, Requeue::new(left[0].id, 0).at_step("send")).await;
    assert_eq!(deploy::<Hasty>(&store).await.steps(), ["send"]);

    assert!(deploy::<Mended>(&store).await.steps().is_empty(), "a new version alone takes nothing out");
    assert_eq!(rows(&store).await, left[1..]);
    order(&store, Requeue::new(left[1].id, 0)).await;
    let deck = deploy::<Mended>(&store).await;
    assert_eq!(deck.steps(), ["send"]);
    assert_eq!(deck.saw("send")[0].1["note"], "never charged");
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn r4_a_migration_runs_once_and_what_it_leaves_is_stored_before_the_step() {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    struct Dollars;
    #[derive(Default, Serialize, Deserialize)]
    struct Sale {
        dollars: f64,
    }
    impl Release for Dollars {
        type Event = Order;
        type Context = Sale;
        const STEPS: &'static [StepInfo] = &[StepInfo::new("price"), StepInfo::new("collect"), StepInfo::new("send")];
        const VERSION: u32 = 3;

        fn migrate(stored: &mut Stored) -> Result<()> {
            CALLS.fetch_add(1, Ordering::Relaxed);
            assert_eq!(stored.version, 0);
            stored.context = json!({"dollars": stored.context["cents"].as_f64().unwrap() / 100.0 + 0.1});
            stored.step = stored.step.replace("charge", "collect");
            Ok(())
        }
    }
    let store = MemoryStore::new();
    leave::<First>(&store, "charge", vec![order_of("tea")]).await;
    let before = only(&store).await;
    let gate = Gate::new();
    let deck = Deck::holding(&gate, |step, _| step == "collect");
    let gru = shop::<Dollars>(&store, &deck, &Events::new()).start().await.unwrap();
    arrivals(&gate, 1).await;
    // From here on the row is as a process would find it that was killed between the migration and the step.
    let migrated = only(&store).await;
    gru.shutdown_with(StopMode::Now).await;
    assert_eq!((migrated.version, &*migrated.step, &*migrated.context), (3, "collect", &br#"{"dollars":0.1}"#[..]));
    assert_eq!((migrated.id, migrated.seq, &migrated.event), (before.id, before.seq, &before.event));
    assert_eq!(only(&store).await.context, migrated.context);
    let deck = deploy::<Dollars>(&store).await;
    assert_eq!(deck.steps(), ["collect", "send"]);
    assert_eq!(CALLS.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn r4_a_migration_that_fails_or_panics_leaves_the_row_as_it_was_and_its_neighbours_alone() {
    struct Strict;
    impl Release for Strict {
        type Event = Order;
        type Context = Sale;
        const STEPS: &'static [StepInfo] = &[StepInfo::new("price"), StepInfo::new("pay"), StepInfo::new("send")];
        const VERSION: u32 = 1;

        fn migrate(stored: &mut Stored) -> Result<()> {
            stored.step = "pay".to_owned();
            match stored.event["item"].as_str() {
                Some("error") => return Err("nobody sells errors".into()),
                Some("panic") => panic!("nobody sells panics"),
                Some("step") => stored.step = "nowhere".to_owned(),
                Some("context") => stored.context = json!({"cents": "many"}),
                _ => {}
            }
            Ok(())
        }
    }
    let store = MemoryStore::new();
    let items = ["tea", "error", "panic", "step", "context", "milk"];
    leave::<First>(&store, "charge", items.iter().map(|item| order_of(item)).collect()).await;
    let before = rows(&store).await;
    let deck = deploy::<Strict>(&store).await;
    assert_eq!(deck.saw("pay").len(), 2);
    assert_eq!(deck.saw("send").len(), 2);
    let after = rows(&store).await;
    let told = [
        "it cannot be migrated from version 0 to 1: nobody sells errors",
        "it cannot be migrated from version 0 to 1: panicked: nobody sells panics",
        "it cannot be migrated from version 0 to 1: the minion `shop` has no step `nowhere`; `migrate` has put it there",
        "it cannot be migrated from version 0 to 1: the stored context cannot be read as",
    ];
    assert_eq!(after.len(), told.len());
    for row in &after {
        let was = before.iter().find(|was| was.id == row.id).unwrap();
        assert_eq!(row.status, Status::Quarantined);
        assert_eq!(
            (&row.step, &row.event, &row.context, row.version, row.seq),
            (&was.step, &was.event, &was.context, was.version, was.seq)
        );
        let error = row.failures[0].error.join(": ");
        assert!(told.iter().any(|told| error.starts_with(told)), "{error}");
        assert_eq!(row.failures[0].step, "charge", "where it is, not where the migration wanted it");
    }
}

#[tokio::test]
async fn r4_a_newer_version_is_left_to_the_newer_program() {
    let store = MemoryStore::new();
    leave::<Mended>(&store, "send", vec![order_of("tea")]).await;
    let before = only(&store).await;
    assert!(deploy::<First>(&store).await.steps().is_empty());
    let row = only(&store).await;
    assert_eq!((row.status, row.version, &row.context), (Status::Quarantined, 1, &before.context));
    let error = row.failures[0].error.join(": ");
    assert!(
        error.contains("version 1 of the minion `shop`") && error.contains("this program has version 0"),
        "{error}"
    );
    // Its neighbours, which are of the older version, go on.
    leave::<First>(&store, "charge", vec![order_of("milk")]).await;
    assert_eq!(deploy::<First>(&store).await.steps(), ["charge", "send"]);
    // Back to the newer one, by an order.
    order(&store, Requeue::new(row.id, 0)).await;
    assert_eq!(deploy::<Mended>(&store).await.steps(), ["send"]);
}

#[tokio::test]
async fn r4_what_a_migration_does_not_touch_stays_byte_for_byte() {
    /// Neither its order of fields nor its number would survive a way through `Value`.
    #[derive(Serialize, Deserialize)]
    struct Order {
        zone: u8,
        big: u128,
        item: String,
    }
    struct Before;
    impl Release for Before {
        type Event = Order;
        type Context = Sale;
        const STEPS: &'static [StepInfo] = First::STEPS;
    }
    struct After;
    impl Release for After {
        type Event = Order;
        type Context = Sale;
        const STEPS: &'static [StepInfo] = First::STEPS;
        const VERSION: u32 = 1;

        fn migrate(stored: &mut Stored) -> Result<()> {
            stored.context["cents"] = 7.into();
            Ok(())
        }
    }
    let store = MemoryStore::new();
    leave::<Before>(&store, "charge", vec![Order { zone: 1, big: u128::MAX, item: "tea".to_owned() }]).await;
    let before = only(&store).await;
    let gate = Gate::new();
    let deck = Deck::holding(&gate, |step, _| step == "charge");
    let gru = shop::<After>(&store, &deck, &Events::new()).start().await.unwrap();
    arrivals(&gate, 1).await;
    gru.shutdown_with(StopMode::Now).await;
    let row = only(&store).await;
    assert_eq!((row.version, String::from_utf8(row.event)), (1, String::from_utf8(before.event)));
    assert_eq!(deck.saw("charge")[0].1["cents"], 7);
}

#[tokio::test]
async fn r4_a_float_is_the_same_after_it_was_stored() {
    #[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
    struct Rates(Vec<f64>);
    struct Bank;
    impl Release for Bank {
        type Event = Rates;
        type Context = ();
        const STEPS: &'static [StepInfo] = First::STEPS;
    }
    // Every 17-digit neighbourhood of a thousand fractions: a fast parser is off by the last bit in some of them.
    let rates: Vec<f64> = (1..1000_u64).map(|it| f64::from_bits(0.1_f64.to_bits() + it * 0x1234_5678_9abd)).collect();
    let store = MemoryStore::new();
    leave::<Bank>(&store, "charge", vec![Rates(rates.clone())]).await;
    let row = only(&store).await;
    assert_eq!(serde_json::from_slice::<Rates>(&row.event).unwrap().0, rates);
}
