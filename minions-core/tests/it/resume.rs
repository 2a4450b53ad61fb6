//! The next start: only what is unfinished, where it was, as it was.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use minions_core::Gru;
use minions_core::gru::{Finished, StartError, StopMode};
use minions_core::minion::Flow;
use minions_core::store::{
    Applied, Due, Ended, Filter, InLanes, LaneMember, MemoryStore, Op, Opened, StateStore, Status, StatusCount,
    StoreError, StoredCursor, StoredWorkflow,
};
use minions_core::testing::{Events, Gate};

use crate::support::{Feed, Job, OldWorker, Script, Worker, jobs, program, rows, until};

/// Leaves `count` workflows interrupted inside their second step.
async fn interrupted(store: &MemoryStore, count: u64) {
    let gate = Gate::new();
    let script = Script::held(&gate, |step| step == "second");
    let events = Events::new();
    (0..count).for_each(|number| events.push(Job { number }));
    let gru = program(&events, script).store(store.clone()).start().await.unwrap();
    gate.arrivals(u32::try_from(count).unwrap()).await;
    gru.shutdown_with(StopMode::Now).await;
}

#[tokio::test]
async fn r1_unfinished_workflows_go_on_at_their_step_with_event_and_context() {
    let store = MemoryStore::new();
    interrupted(&store, 30).await;
    let ids: Vec<_> = rows(&store).await.iter().map(|row| row.id).collect();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let script = Script::new({
        let seen = seen.clone();
        move |wf, _, trail| {
            seen.lock().push((wf.id(), wf.step(), wf.may_have_run(), trail.steps.clone()));
            async { Ok((Flow::Continue, trail)) }
        }
    });
    let gru = program(&jobs(100..101), script.clone()).store(store.clone()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    for number in 0..30 {
        assert_eq!(script.ran_of(number), ["second", "third"], "finished steps do not run again");
    }
    assert_eq!(script.ran_of(100), ["first", "second", "third"], "live events flow beside");
    for id in ids {
        let of: Vec<_> = seen.lock().iter().filter(|(of, ..)| *of == id).cloned().collect();
        assert_eq!((of[0].1, of[0].2, of[1].1, of[1].2), ("second", true, "third", false));
        assert_eq!(of[0].3, ["first", "second"]);
    }
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn r1_quarantined_workflows_are_not_resumed() {
    let store = MemoryStore::new();
    let failing = Script::at("second", || Err("no".into()));
    let gru = program(&jobs([1]), failing).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    let script = Script::plain();
    let gru = program(&jobs([]), script.clone()).store(store.clone()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(gru.shutdown().await.quarantined, 1);
    assert!(script.ran().is_empty());
    assert_eq!(rows(&store).await[0].status, Status::Quarantined);
}

#[tokio::test]
async fn r2_a_store_that_cannot_be_read_fails_the_start() {
    let store = MemoryStore::new();
    interrupted(&store, 1).await;
    let broken = BrokenScan(store.clone());
    let script = Script::plain();
    let error = program(&jobs([]), script.clone()).store(broken).start().await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error}");
    assert!(script.ran().is_empty());
    assert_eq!(rows(&store).await.len(), 1);
}

/// Opens, but cannot be scanned.
struct BrokenScan(MemoryStore);

impl StateStore for BrokenScan {
    fn kind(&self) -> &'static str {
        "broken"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        self.0.open()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        self.0.commit(batch)
    }

    fn scan(&self, _: Filter, _: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        Box::pin(async { Err(StoreError::unavailable("the file is damaged")) })
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
        self.0.counts()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.close()
    }
}

/// Whose first row is damaged.
struct DamagedRow(MemoryStore);

impl StateStore for DamagedRow {
    fn kind(&self) -> &'static str {
        "damaged"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        self.0.open()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        self.0.commit(batch)
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        let from_the_start = filter.after.is_none();
        let rows = self.0.scan(filter, limit);
        Box::pin(async move {
            let mut rows = rows.await?;
            if let Some(first) = rows.first_mut().filter(|_| from_the_start) {
                first.damage = Some("its seq is -1".to_owned());
            }
            Ok(rows)
        })
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
        self.0.counts()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.close()
    }
}

#[tokio::test]
async fn r3_a_damaged_row_is_quarantined_and_its_neighbours_resume() {
    let store = MemoryStore::new();
    interrupted(&store, 3).await;
    let script = Script::plain();
    let gru = program(&jobs([]), script.clone()).store(DamagedRow(store.clone())).start().await.expect("it starts");
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    let row = rows(&store).await.remove(0);
    assert_eq!(row.status, Status::Quarantined);
    assert_eq!(row.failures[0].error, ["the stored row is damaged: its seq is -1"]);
    assert_eq!(script.ran().len(), 4, "two steps of each neighbour");
}

/// Leaves workflows as an earlier version of the minion would.
async fn interrupted_in_an_earlier_version(store: &MemoryStore, numbers: &[u64]) {
    let gate = Gate::new();
    let events = Events::new();
    numbers.iter().for_each(|number| events.push(Job { number: *number }));
    let old = Gru::builder().orchestrate::<Feed, OldWorker>().provide(events.source()).provide(gate.clone());
    let gru = old.store(store.clone()).start().await.unwrap();
    gate.arrivals(u32::try_from(numbers.len()).unwrap()).await;
    gru.shutdown_with(StopMode::Now).await;
}

#[tokio::test]
async fn r3_an_undecodable_row_is_quarantined_as_it_is_and_its_neighbours_resume() {
    let store = MemoryStore::new();
    interrupted_in_an_earlier_version(&store, &[0, 1, 2]).await;
    let bad = rows(&store).await.remove(1);
    let script = Script::plain();
    let gru = program(&jobs([]), script.clone()).store(store.clone()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    assert_eq!((script.ran_of(0), script.ran_of(2)), (vec!["second", "third"], vec!["second", "third"]));
    let row = rows(&store).await.remove(0);
    assert_eq!((row.id, row.status), (bad.id, Status::Quarantined));
    assert_eq!((row.event, &*row.context), (bad.event, &br#"{"odd":true}"#[..]));
    assert!(row.failures[0].error[0].contains("the stored context cannot be read"), "{:?}", row.failures);
}

#[tokio::test]
async fn r4_a_step_that_is_gone_quarantines_and_names_the_way_back() {
    let store = MemoryStore::new();
    interrupted_in_an_earlier_version(&store, &[100]).await;
    let script = Script::plain();
    let gru = program(&jobs([]), script.clone()).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    assert!(script.ran().is_empty(), "never the wrong step");
    let row = rows(&store).await.remove(0);
    assert_eq!((row.status, &*row.step), (Status::Quarantined, "removed"));
    assert!(row.failures[0].error[0].contains("`#[minion_step(alias = \"removed\")]`"), "{:?}", row.failures);
}

#[tokio::test]
async fn r5_many_unfinished_workflows_resume_within_the_cap_while_live_events_flow() {
    let store = MemoryStore::new();
    interrupted(&store, 700).await;
    let gate = Gate::new();
    let script = Script::held(&gate, |_| true);
    let events = Events::new();
    let gru = program(&events, script.clone()).max_in_flight(10).store(store.clone()).start().await.unwrap();
    gate.arrivals(10).await;
    assert_eq!(gru.in_flight(crate::support::ID), Some(10));
    events.push(Job { number: 10_000 });
    gate.open();
    until("the live event among the old ones", async || script.ran_of(10_000).len() == 3).await;
    until("the rest", async || rows(&store).await.is_empty()).await;
    assert_eq!(script.ran().len(), 700 * 2 + 3);
    gru.shutdown().await;
}

#[tokio::test]
async fn r9_rows_of_an_orchestration_that_left_the_program_are_kept_and_adopted_again() {
    let store = MemoryStore::new();
    interrupted(&store, 2).await;
    let (events, script) = (jobs([]), Script::plain());
    let other = Gru::builder()
        .orchestrate_with::<Feed, Worker>(|options| options.id("other"))
        .provide(events.source())
        .provide(script.clone());
    let gru = other.store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    assert_eq!((script.ran().len(), rows(&store).await.len()), (0, 2));
    let gru = program(&jobs([]), script.clone()).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    assert_eq!((script.ran().len(), rows(&store).await.len()), (4, 0));
}

#[tokio::test]
async fn r6_parked_workflows_go_on_without_repeating_a_step() {
    let store = MemoryStore::new();
    let gate = Gate::new();
    let held = Script::held(&gate, |_| true);
    let events = Events::new();
    (0..5).for_each(|number| events.push(Job { number }));
    let gru = program(&events, held.clone()).store(store.clone()).start().await.unwrap();
    gate.arrivals(5).await;
    let stop = tokio::spawn(gru.shutdown());
    tokio::task::yield_now().await;
    gate.open();
    assert_eq!(stop.await.unwrap().parked, 5);
    assert!(held.ran().iter().all(|(_, step)| *step == "first"));
    let script = Script::plain();
    let gru = program(&jobs([]), script.clone()).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    for number in 0..5 {
        assert_eq!(script.ran_of(number), ["second", "third"]);
    }
}
