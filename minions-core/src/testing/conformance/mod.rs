//! The suite behind [`store_conformance!`](super::store_conformance): one function for each sentence of the contract.
//!
//! A test gets `open`, which makes another store at one and the same place, and never needs to know what a place is.

use std::future::Future;
use std::time::Duration;

pub mod admit;
pub mod advance;
pub mod batch;
pub mod concurrent;
pub mod quarantine;
pub mod remove;
pub mod reopen;
pub mod scan;
mod support;

/// A test that takes longer hangs; the slowest takes a second on a slow disk.
const HANGS_AFTER: Duration = Duration::from_secs(120);

#[doc(hidden)]
#[macro_export]
macro_rules! __store_conformance {
    ($place:expr, $open:expr $(,)?) => {
        $crate::__store_conformance! { @tests $place, $open;
            admit {
                admit_creates_workflows_before_their_first_step,
                admit_repeated_leaves_what_is_stored,
                admit_repeated_creates_what_is_missing,
                admit_is_all_or_none,
                admit_of_nobody_stores_nothing,
                admit_keeps_names_and_numbers_exactly,
                admit_keeps_event_and_context_byte_for_byte,
                admit_keeps_a_mebibyte,
            }
            advance {
                advance_moves_on_and_changes_nothing_else,
                advance_repeated_changes_nothing,
                advance_says_attempts_and_keeps_failures,
                advance_grows_and_shrinks_the_context,
                advance_of_a_missing_workflow_is_rejected,
                advance_tells_identities_of_one_key_apart,
            }
            quarantine {
                quarantine_keeps_the_workflow_with_its_failure,
                quarantine_repeated_keeps_the_failure_once,
                quarantine_keeps_the_last_failures,
                quarantine_of_a_missing_workflow_is_rejected,
                quarantine_waits_for_nothing_any_more,
                requeue_goes_on_where_it_stopped,
                requeue_to_a_step_is_another_visit,
                requeue_repeated_is_rejected_and_does_no_harm,
                requeue_of_a_running_workflow_is_rejected,
                requeue_of_a_missing_workflow_is_rejected,
                amend_replaces_the_context_and_nothing_else,
                amend_of_what_is_not_quarantined_is_rejected,
            }
            remove {
                resolve_removes,
                resolve_repeated_is_no_error,
                resolve_leaves_another_identity_of_the_same_key,
                discard_removes_running_and_quarantined,
                discard_of_a_missing_workflow_is_rejected,
            }
            batch {
                batch_of_nothing_answers_nothing,
                batch_applies_in_order,
                batch_answers_in_order,
                batch_with_one_rejected_fails_only_that_one,
                batch_with_many_rejected_fails_only_those,
                batch_of_four_thousand,
            }
            scan {
                scan_of_an_empty_store_is_empty,
                scan_answers_in_order_of_identity,
                scan_answers_no_more_than_asked_for,
                scan_in_pages_answers_everything_once,
                scan_filters,
                scan_by_an_empty_range_is_empty,
                counts_by_orchestration_and_status,
            }
            reopen {
                open_of_an_empty_store_knows_no_identity,
                open_tells_the_greatest_identity,
                open_counts_epochs,
                reopened_store_has_every_row_as_it_was,
                close_finishes_what_is_under_way,
                commit_goes_on_when_its_future_is_dropped,
                work_goes_on_after_reopening,
            }
            concurrent {
                reader_sees_what_was_committed_before,
                readers_never_see_half_an_operation,
                overlapping_batches_are_all_answered,
            }
        }
    };
    (@tests $place:expr, $open:expr; $($module:ident { $($test:ident,)* })*) => {
        $($(
            #[test]
            fn $test() {
                let open = $crate::testing::conformance::at($place, $open);
                $crate::testing::conformance::run($crate::testing::conformance::$module::$test(open));
            }
        )*)*
    };
}

/// Ties a place to the closure that makes stores at it.
pub fn at<P, S>(place: P, open: impl Fn(&P) -> S) -> impl Fn() -> S {
    move || open(&place)
}

/// Runs one test on a runtime of its own, on two threads so that what may overlap does.
///
/// # Panics
///
/// When the test fails, or hangs.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a test machine can start a runtime");
    runtime.block_on(async {
        tokio::time::timeout(HANGS_AFTER, test).await.expect("the store answers");
    });
}

#[cfg(test)]
mod tests {
    use crate::store::MemoryStore;

    crate::testing::store_conformance!(MemoryStore::new(), |place| place.clone());
}
