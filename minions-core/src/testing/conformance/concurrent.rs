//! Readers beside the writer, and batches beside each other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::future;

use crate::store::{Filter, StateStore};

use super::support::*;

pub async fn d8_reader_sees_what_was_committed_before<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    for seq in 1..=100 {
        commit(&store, advance(id, seq)).await.unwrap();
        assert_eq!(row(&store, id).await.map(|row| row.seq), Some(seq));
    }
}

pub async fn readers_never_see_half_an_operation<S: StateStore>(open: impl Fn() -> S) {
    const ROUNDS: usize = 100;
    let store = opened(&open).await;
    let ids = ids(2 * ROUNDS);
    let committed = AtomicUsize::new(0);
    let done = AtomicBool::new(false);
    let write = async {
        for pair in ids.chunks(2) {
            commit(&store, admit(pair.iter().map(|&id| new(id)).collect())).await.unwrap();
            committed.fetch_add(2, Ordering::SeqCst);
            // A store that answers at once would never let the readers in.
            tokio::task::yield_now().await;
        }
        done.store(true, Ordering::SeqCst);
    };
    let read = || async {
        while !done.load(Ordering::SeqCst) {
            let at_least = committed.load(Ordering::SeqCst);
            let seen = ids_of(&store.scan(Filter::all(), usize::MAX).await.unwrap());
            assert!(seen.len() >= at_least, "{at_least} were committed before, but {} are seen", seen.len());
            assert!(seen.len().is_multiple_of(2), "half an operation is seen");
            assert_eq!(seen, ids[..seen.len()]);
            tokio::task::yield_now().await;
        }
    };
    future::join3(write, read(), read()).await;
    assert_eq!(ids_of(&rows(&store).await), ids);
}

pub async fn overlapping_batches_are_all_answered<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(64);
    // The store says how many it takes at once, and the runtime never asks for more.
    for round in ids.chunks(4 * store.batches_in_flight().max(1)) {
        let batches: Vec<_> = round.chunks(4).map(|ids| shared(ids.iter().map(|&id| admit(vec![new(id)])))).collect();
        let answers = future::join_all(batches.into_iter().map(|batch| store.commit(batch))).await;
        assert!(answers.into_iter().flatten().all(|result| result.is_ok()));
    }
    assert_eq!(ids_of(&rows(&store).await), ids);
}
