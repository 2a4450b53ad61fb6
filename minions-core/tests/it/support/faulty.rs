//! A store in memory that fails, hangs or rejects when the test says so.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use minions_core::store::{Filter, MemoryStore, Op, Opened, StateStore, StatusCount, StoreError, StoredWorkflow};
use parking_lot::Mutex;
use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct FaultyStore {
    pub(crate) inner: MemoryStore,
    mode: watch::Sender<Mode>,
    tried: Arc<Mutex<Vec<&'static str>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Works,
    Fails,
    Holds,
    Rejects,
    Panics,
}

impl FaultyStore {
    pub(crate) fn new() -> Self {
        Self { inner: MemoryStore::new(), mode: watch::channel(Mode::Works).0, tried: Arc::default() }
    }

    pub(crate) fn works(&self) {
        self.mode.send_replace(Mode::Works);
    }

    /// Answers "unavailable" from now on.
    pub(crate) fn fails(&self) {
        self.mode.send_replace(Mode::Fails);
    }

    /// Keeps what comes, and commits it when the store works again.
    pub(crate) fn holds(&self) {
        self.mode.send_replace(Mode::Holds);
    }

    /// Rejects checkpoints; everything else works.
    pub(crate) fn rejects_checkpoints(&self) {
        self.mode.send_replace(Mode::Rejects);
    }

    /// Panics in every commit and in every scan.
    pub(crate) fn panics(&self) {
        self.mode.send_replace(Mode::Panics);
    }

    /// What was tried so far, in order.
    pub(crate) fn tried(&self) -> Vec<&'static str> {
        self.tried.lock().clone()
    }
}

fn kind(op: &Op) -> &'static str {
    match op {
        Op::Admit(_) => "admit",
        Op::Advance(_) => "advance",
        Op::Resolve(_) => "resolve",
        Op::Quarantine(_) => "quarantine",
        _ => "other",
    }
}

impl StateStore for FaultyStore {
    fn kind(&self) -> &'static str {
        "faulty"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        if *self.mode.borrow() == Mode::Fails {
            return async { Err(StoreError::unavailable("the test says no")) }.boxed();
        }
        self.inner.open()
    }

    fn commit(&self, batch: Vec<Op>) -> BoxFuture<'static, Vec<Result<(), StoreError>>> {
        self.tried.lock().extend(batch.iter().map(kind));
        let (inner, mut mode) = (self.inner.clone(), self.mode.subscribe());
        async move {
            let now = *mode.wait_for(|mode| *mode != Mode::Holds).await.expect("the test holds the store");
            match now {
                Mode::Fails => batch.iter().map(|_| Err(StoreError::unavailable("the test says no"))).collect(),
                Mode::Panics => panic!("the store panics"),
                Mode::Rejects => {
                    let (rejected, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(|op| kind(op) == "advance");
                    assert!(rejected.is_empty() || rest.is_empty(), "one workflow has one operation at a time");
                    match rest.is_empty() {
                        true => rejected.iter().map(|_| Err(StoreError::rejected("poisonous"))).collect(),
                        false => inner.commit(rest).await,
                    }
                }
                Mode::Works | Mode::Holds => inner.commit(batch).await,
            }
        }
        .boxed()
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(StoreError::unavailable("the test says no")) }.boxed(),
            _ => self.inner.scan(filter, limit),
        }
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        self.inner.counts()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}
