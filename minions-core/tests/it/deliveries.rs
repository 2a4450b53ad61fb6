//! What a source learns of its events, and the keys that make equal ones duplicates.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use minions_core::gru::{Finished, StopMode};
use minions_core::pipeline::{Admitted, Delivery, Next, Refused};
use minions_core::store::{Filter, MemoryStore, StateStore};
use minions_core::testing::{Events, FaultyStore, simulate};
use minions_core::{Gru, GruBuilder};

use crate::support::sources::Picky;
use crate::support::{Feed, Job, Script, program, rows, until};

type Outcome = Result<Admitted, Refused>;

/// Hears what becomes of deliveries, by the number of their job.
#[derive(Clone)]
struct Broker(mpsc::UnboundedSender<(u64, Outcome)>);

struct Told(mpsc::UnboundedReceiver<(u64, Outcome)>);

impl Broker {
    fn new() -> (Self, Told) {
        let (tell, told) = mpsc::unbounded_channel();
        (Self(tell), Told(told))
    }

    fn delivery(&self, number: u64) -> Delivery<Job> {
        let tell = self.0.clone();
        Delivery::new(Job { number }).acknowledge(move |outcome| {
            let _ = tell.send((number, outcome));
        })
    }

    fn gives(&self, events: &Events<Job>, numbers: impl IntoIterator<Item = u64>) {
        numbers.into_iter().for_each(|number| events.say(Ok(self.delivery(number).into())));
    }
}

impl Told {
    /// The next outcome, in a word: refused ones by their message.
    async fn next(&mut self) -> (u64, String) {
        let (number, outcome) = self.0.recv().await.expect("the test holds a sender");
        (number, outcome.map_or_else(|refused| refused.to_string(), |admitted| format!("{admitted:?}")))
    }

    fn is_silent(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// `Feed => Worker` and `Feed => Picky`.
fn both(events: &Events<Job>, script: Script) -> GruBuilder {
    program(events, script).orchestrate::<Feed, Picky>()
}

#[tokio::test]
async fn p6_an_acknowledgement_comes_after_every_accepting_minion_is_durable() {
    let (events, store) = (Events::new(), FaultyStore::new());
    let (broker, mut told) = Broker::new();
    store.hang();
    let gru = both(&events, Script::plain()).store(store.clone()).start().await.unwrap();
    let (seen, inner, tell) = (Arc::new(Mutex::new(None)), store.inner().clone(), broker.0.clone());
    let here = seen.clone();
    events.say(Ok(Delivery::new(Job { number: 2 })
        .acknowledge(move |outcome| {
            let stored = inner.scan(Filter::all(), 10).now_or_never().expect("memory answers at once").unwrap();
            *here.lock() = Some(stored.iter().map(|row| row.orchestration.clone()).collect::<Vec<_>>());
            let _ = tell.send((2, outcome));
        })
        .into()));
    until("the admission to be tried", async || store.tried().contains(&"admit")).await;
    assert!(told.is_silent(), "nothing is durable");
    store.work();
    assert_eq!(told.next().await, (2, "New".to_owned()));
    assert_eq!(seen.lock().take().unwrap(), ["source/worker", "source/picky"]);
    events.end();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
}

#[tokio::test]
async fn p6_a_minion_is_asked_before_anything_is_stored() {
    for keeps in [true, false] {
        let (events, script, store) = (Events::new(), Script::plain(), MemoryStore::new());
        let (broker, mut told) = Broker::new();
        let mut builder = Gru::builder().orchestrate::<Feed, Picky>().provide(events.source()).provide(script.clone());
        if keeps {
            builder = builder.store(store.clone());
        }
        let gru = builder.start().await.unwrap();
        broker.gives(&events, [1, 2, 3]);
        assert_eq!(told.next().await, (1, "Filtered".to_owned()));
        assert_eq!(told.next().await, (2, "New".to_owned()));
        assert_eq!(told.next().await, (3, "Filtered".to_owned()));
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        assert_eq!(script.ran(), [(2, "look")]);
        assert!(rows(&store).await.is_empty());
        gru.shutdown().await;
    }
}

#[tokio::test]
async fn p6_a_panic_in_accept_refuses_the_whole_event_for_good() {
    let (events, script, store) = (Events::new(), Script::plain(), MemoryStore::new());
    let (broker, mut told) = Broker::new();
    let gru = both(&events, script.clone()).store(store).start().await.unwrap();
    events.say(Ok(broker.delivery(13).into()));
    let (_, refused) = told.0.recv().await.unwrap();
    let refused = refused.unwrap_err();
    assert!(refused.is_final(), "{refused:?}");
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(cause, "panicked: thirteen is too much");
    broker.gives(&events, [14]);
    assert_eq!(told.next().await, (14, "New".to_owned()));
    events.end();
    gru.finished().await;
    gru.shutdown().await;
    assert!(script.ran_of(13).is_empty(), "the other minion gets nothing of it either");
    assert_eq!(script.ran_of(14).len(), 4);
}

#[tokio::test]
async fn p6_what_the_store_rejects_is_never_acknowledged_as_admitted() {
    let (events, store) = (Events::new(), FaultyStore::new());
    let (broker, mut told) = Broker::new();
    let gru = program(&events, Script::plain()).store(store.clone()).start().await.unwrap();
    store.reject_admissions();
    broker.gives(&events, [1]);
    assert_eq!(told.next().await, (1, "the event cannot be stored and is refused".to_owned()));
    store.work();
    broker.gives(&events, [2]);
    assert_eq!(told.next().await, (2, "New".to_owned()));
    gru.shutdown().await;
}

#[tokio::test]
async fn p6_what_a_stop_leaves_undurable_is_refused_and_can_be_given_again() {
    let (events, store, script) = (Events::new(), FaultyStore::new(), Script::plain());
    let (broker, mut told) = Broker::new();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    store.fail();
    broker.gives(&events, 0..3);
    until("the admissions to be tried", async || store.tried().contains(&"admit")).await;
    let stopped = gru.shutdown_with(StopMode::Park).await;
    assert_eq!((stopped.parked, stopped.interrupted), (0, 0), "{stopped}");
    let mut refused = Vec::new();
    // Some may not even have been taken out of the source.
    while let Ok((number, outcome)) = told.0.try_recv() {
        assert!(!outcome.unwrap_err().is_final());
        refused.push(number);
    }
    assert_eq!(refused.first(), Some(&0));
    store.work();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    broker.gives(&events, refused.clone());
    events.end();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    (0..3).for_each(|number| assert_eq!(script.ran_of(number).len(), 3, "{number} after {refused:?} were refused"));
}

#[tokio::test]
async fn s7_a_panic_in_an_acknowledgement_harms_nobody() {
    let (events, script) = (Events::new(), Script::plain());
    let (broker, mut told) = Broker::new();
    let gru = program(&events, script.clone()).store(MemoryStore::new()).start().await.unwrap();
    events.say(Ok(Delivery::new(Job { number: 1 }).acknowledge(|_| panic!("the user's own")).into()));
    broker.gives(&events, [2]);
    assert_eq!(told.next().await, (2, "New".to_owned()));
    events.end();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(script.ran().len(), 6);
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn p8_equal_keys_admit_one_workflow_also_across_restarts() {
    let (store, script) = (MemoryStore::new(), Script::plain());
    for round in 0..3 {
        let (events, (broker, mut told)) = (Events::new(), Broker::new());
        let gru = both(&events, script.clone()).store(store.clone()).start().await.unwrap();
        for (number, key) in [(2, "two"), (4, "four"), (2, "two")] {
            events.say(Ok(broker.delivery(number).key(key).into()));
        }
        let expected = if round == 0 { ["New", "New", "Duplicate"] } else { ["Duplicate"; 3] };
        for expected in expected {
            assert_eq!(told.next().await.1, expected, "round {round}");
        }
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
    }
    assert_eq!((script.ran_of(2).len(), script.ran_of(4).len()), (4, 4));
}

#[test]
fn p8_a_key_is_forgotten_after_its_time_with_and_without_a_store() {
    for keeps in [true, false] {
        simulate(1, async move {
            let (events, (broker, mut told)) = (Events::new(), Broker::new());
            let mut builder = program(&events, Script::plain());
            if keeps {
                builder = builder.store(MemoryStore::new());
            }
            let gru = builder.start().await.unwrap();
            let mut give = async |after: Duration| {
                tokio::time::sleep(after).await;
                events.say(Ok(broker.delivery(1).key("once").into()));
                told.next().await.1
            };
            assert_eq!(give(Duration::ZERO).await, "New");
            assert_eq!(give(Duration::from_secs(6 * 86_400)).await, "Duplicate");
            assert_eq!(give(Duration::from_secs(2 * 86_400)).await, "New", "a duplicate does not make it last longer");
            gru.shutdown().await;
        });
    }
}

#[tokio::test]
async fn keys_and_plain_events_mix_in_one_source() {
    let (events, script) = (Events::new(), Script::plain());
    let gru = program(&events, script.clone()).start().await.unwrap();
    events.push(Job { number: 1 });
    events.say(Ok(Next::Delivery(Delivery::new(Job { number: 2 }).key("a"))));
    events.say(Ok(Some(Delivery::new(Job { number: 3 }).key("a")).into()));
    events.say(Ok(None::<Delivery<Job>>.into()));
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    assert_eq!((script.ran_of(1).len(), script.ran_of(2).len(), script.ran_of(3).len()), (3, 3, 0));
}
