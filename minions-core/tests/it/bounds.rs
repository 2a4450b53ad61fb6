//! How much quarantine there may be, and a start that does not depend on how much is stored.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use minions_core::gru::{Control, Finished, Snapshot};
use minions_core::reason::{Reason, Wait};
use minions_core::store::{
    Applied, Due, Ended, Filter, InLanes, LaneMember, MemoryStore, Op, Opened, StateStore, Status, StatusCount,
    StoreError, StoredCursor, StoredWorkflow,
};
use minions_core::testing::{Events, simulate};
use minions_core::workflow::{QuarantineBounds, WorkflowId};
use minions_core::{Gru, GruBuilder};

use crate::support::{Job, Script, jobs, program, rows, until};

const DAY: Duration = Duration::from_secs(86_400);

/// Whose third step fails, over this store and within these bounds, after so many events.
async fn failing(store: &MemoryStore, bounds: QuarantineBounds, count: u64) -> (Gru, Events<Job>) {
    let events = Events::new();
    (0..count).for_each(|number| events.push(Job { number }));
    let script = Script::at("third", || Err("no".into()));
    let builder: GruBuilder = program(&events, script).store(store.clone()).quarantine(bounds);
    (builder.start().await.expect("it starts"), events)
}

async fn quarantined(control: &Control, many: u64) -> Snapshot {
    until("the quarantine", async || control.snapshot().orchestrations[0].quarantined == many).await;
    control.snapshot()
}

async fn ids(store: &MemoryStore) -> Vec<WorkflowId> {
    rows(store).await.iter().map(|row| row.id).collect()
}

/// Nothing but the end of a wait can change what is seen, so that is what is awaited.
async fn let_everything_happen() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[test]
fn w6_at_the_bound_of_its_quarantine_no_event_is_taken_until_an_operator_has_decided() {
    simulate(1, async {
        let store = MemoryStore::new();
        let (gru, events) = failing(&store, QuarantineBounds::at_most(2), 1).await;
        let control = gru.control();
        let open = quarantined(&control, 1).await;
        assert_eq!((&open.orchestrations[0].holds_back, open.troubles()), (&Vec::new(), Vec::new()));
        events.push(Job { number: 1 });
        let closed = quarantined(&control, 2).await;
        let id = closed.orchestrations[0].id.as_str();
        let [Wait { reason, since_ms, .. }] = &closed.orchestrations[0].holds_back[..] else { panic!("{closed:?}") };
        assert_eq!(*reason, Reason::Quarantine { orchestration: id.into(), count: 2, max: 2 });
        assert!(*since_ms > 0, "{closed:?}");
        assert_eq!(closed.pipelines[0].waits_for, closed.orchestrations[0].holds_back);
        assert_eq!(closed.troubles()[0].what, reason.to_string());
        // `next` was entered before the bound was reached, and what it answers is in hand: no more than that is taken.
        (2..6).for_each(|number| events.push(Job { number }));
        let_everything_happen().await;
        let taken = ids(&store).await.len();
        assert!((2..=3).contains(&taken), "{taken} were taken");
        // Dropping makes room, and so does letting go on; each for no more than one or two.
        while ids(&store).await.len() >= 2 {
            let id = ids(&store).await[0];
            control.workflows().discard(id).await.unwrap();
            if control.snapshot().pipelines[0].produced == 6 {
                break;
            }
            let_everything_happen().await;
            assert!((2..=3).contains(&ids(&store).await.len()), "{:?}", control.snapshot());
        }
        assert_eq!(control.snapshot().pipelines[0].produced, 6, "in the end all were taken");
        gru.shutdown().await;
    });
}

#[test]
fn w6_what_was_in_quarantine_before_the_start_counts() {
    simulate(2, async {
        let store = MemoryStore::new();
        let (gru, _events) = failing(&store, QuarantineBounds::default(), 3).await;
        quarantined(&gru.control(), 3).await;
        gru.shutdown().await;
        let (gru, events) = failing(&store, QuarantineBounds::at_most(3), 0).await;
        let control = gru.control();
        events.push(Job { number: 9 });
        let_everything_happen().await;
        let seen = control.snapshot();
        assert_eq!((seen.pipelines[0].produced, seen.orchestrations[0].quarantined), (0, 3));
        assert_eq!(seen.orchestrations[0].boot.quarantined, 3);
        control.workflows().retry(ids(&store).await[1]).await.unwrap();
        until("the event", async || control.snapshot().pipelines[0].produced == 1).await;
        gru.shutdown().await;
    });
}

#[test]
fn w6_the_oldest_one_in_quarantine_closes_the_intake_when_it_is_too_old() {
    simulate(3, async {
        let store = MemoryStore::new();
        let bounds = QuarantineBounds::default().age(DAY);
        let (gru, events) = failing(&store, bounds, 1).await;
        quarantined(&gru.control(), 1).await;
        tokio::time::sleep(DAY / 2).await;
        gru.shutdown().await;
        drop(events);
        // It is as old after a restart.
        let (gru, events) = failing(&store, bounds, 1).await;
        let control = gru.control();
        quarantined(&control, 2).await;
        tokio::time::sleep(DAY / 2 + Duration::from_secs(60)).await;
        let waits = control.snapshot().orchestrations.remove(0).holds_back;
        assert!(matches!(waits[0].reason, Reason::QuarantineAge { age_ms: 86_400_000, .. }), "{waits:?}");
        (0..3).for_each(|number| events.push(Job { number }));
        let_everything_happen().await;
        // The one that `next` had in hand.
        let produced = control.snapshot().pipelines[0].produced;
        assert!(produced <= 2, "{produced}");
        control.workflows().discard(ids(&store).await[0]).await.unwrap();
        until("the others", async || control.snapshot().pipelines[0].produced == 4).await;
        gru.shutdown().await;
    });
}

/// Whose whole content is never counted, because that would take for ever.
struct Uncountable(MemoryStore);

impl StateStore for Uncountable {
    fn kind(&self) -> &'static str {
        "uncountable"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        self.0.open()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        self.0.commit(batch)
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        self.0.scan(filter, limit)
    }

    fn due(&self, due: Due, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        self.0.due(due, limit)
    }

    fn lanes(&self, which: InLanes, limit: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>> {
        self.0.lanes(which, limit)
    }

    fn count_in_lanes(&self, which: InLanes) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.0.count_in_lanes(which)
    }

    fn cursors(&self, source: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>> {
        self.0.cursors(source)
    }

    fn history(&self, orchestration: Option<String>, limit: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>> {
        self.0.history(orchestration, limit)
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        Box::pin(std::future::pending())
    }

    fn quarantined(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        self.0.quarantined()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.close()
    }
}

#[tokio::test]
async fn r5_neither_start_nor_stop_counts_what_is_stored() {
    let store = MemoryStore::new();
    let script = Script::plain();
    let gru = program(&jobs(0..3), script.clone()).store(Uncountable(store.clone())).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    let control = gru.control();
    assert!(control.snapshot().orchestrations.iter().all(|orchestration| orchestration.boot.found.is_none()));
    assert!(gru.shutdown().await.is_clean());
    assert_eq!(script.ran().len(), 9);
}

#[tokio::test]
async fn r9_unknown_orchestrations_are_told_of_and_known_ones_are_not() {
    let store = MemoryStore::new();
    let (gru, _events) = failing(&store, QuarantineBounds::default(), 2).await;
    quarantined(&gru.control(), 2).await;
    gru.shutdown().await;
    let of = |config: &'static str| {
        let events = Events::<Job>::new();
        let builder = Gru::builder()
            .orchestrate_with::<crate::support::Feed, crate::support::Worker>(move |options| options.id(config))
            .provide(events.source())
            .provide(Script::plain())
            .store(store.clone());
        (builder, events)
    };
    let (builder, _events) = of("eu");
    let gru = builder.start().await.unwrap();
    let control = gru.control();
    until("the count", async || control.snapshot().orchestrations[0].boot.found == Some(0)).await;
    let unknown = control.snapshot().unknown;
    assert_eq!((unknown[0].id.as_str(), unknown[0].unfinished, unknown[0].quarantined), ("source/worker", 0, 2));
    gru.shutdown().await;
    let (gru, _events) = failing(&store, QuarantineBounds::default(), 0).await;
    assert_eq!(gru.control().snapshot().unknown, []);
    assert!(rows(&store).await.iter().all(|row| row.status == Status::Quarantined), "they were kept");
    gru.shutdown().await;
}
