//! The suite behind [`store_conformance!`](super::store_conformance): one function for each sentence of the contract.
//!
//! A test gets `open`, which makes another store at one and the same place, and never needs to know what a place is.

use std::future::Future;
use std::time::Duration;

pub mod admit;
pub mod advance;
pub mod batch;
pub mod concurrent;
pub mod cursor;
pub mod dedupe;
pub mod due;
pub mod emit;
pub mod lane;
pub mod past;
pub mod quarantine;
pub mod remove;
pub mod reopen;
pub mod revision;
pub mod scan;
mod support;
pub mod wait;

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
            revision {
                a_move_makes_its_revision_once,
                a_move_of_a_row_further_behind_is_rejected,
                a_move_that_rests_is_told_from_its_repetition,
                a_move_of_another_identity_of_the_same_key_is_rejected,
                resolve_out_of_order_is_rejected,
                defer_stays_at_the_step_and_sleeps,
                defer_keeps_the_last_failures,
                advance_after_a_failure_appends_it,
                advance_replaces_an_event_that_was_migrated,
            }
            wait {
                a_wait_is_stored_with_its_checkpoint,
                a_workflow_may_begin_later,
                a_signal_on_time_ends_the_wait,
                an_early_signal_is_kept,
                a_signal_that_is_kept_already_stays,
                a_signal_that_was_seen_is_forgotten,
                a_step_that_stays_keeps_the_signal_that_it_has_waited_for,
            a_signal_seen_by_a_step_that_waits_for_the_next_is_not_seen_twice,
                a_signal_to_one_who_is_awake_or_aside_wakes_nobody,
                a_signal_to_nobody_is_rejected,
                signals_go_with_their_workflow,
            }
            due {
                due_answers_in_the_order_of_waking,
                due_answers_one_orchestration,
                due_in_pages_answers_everything_once,
                due_forgets_who_is_gone_or_awake,
            }
            cursor {
                a_cursor_moves_with_its_workflows,
                a_cursor_repeated_changes_nothing,
                a_cursor_out_of_order_is_to_be_repeated,
                a_cursor_stays_if_its_workflows_are_rejected,
                a_cursor_survives,
            }
            dedupe {
                an_equal_key_admits_one_event,
                a_key_is_known_after_its_workflow_has_ended,
                a_key_past_its_time_admits_again,
                an_admission_with_a_key_can_be_repeated,
                a_rejected_admission_leaves_no_key,
                a_duplicate_moves_the_cursor,
                tidy_forgets_keys_past_their_time_only,
            }
            emit {
                emits_are_stored_with_checkpoint_and_end,
                emits_repeated_are_stored_once,
                emits_are_all_or_none_with_their_operation,
                emits_of_an_operation_that_is_rejected_are_not_stored,
                emits_with_an_equal_key_are_stored_once,
                work_for_another_kind_of_store_is_rejected,
            }
            lane {
                lanes_are_read_in_their_order,
                who_waits_begins_once,
                who_waits_is_neither_awake_nor_due_before_its_time,
                who_is_let_go_on_may_wait_for_its_turn,
                lanes_survive,
            }
            past {
                deaths_count_as_long_as_there_is_no_progress,
                deaths_go_with_their_workflow,
                open_counts_owners_that_did_not_close,
                history_keeps_what_is_said_of_the_end,
                tidy_bounds_history_by_count_and_age,
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
                scan_filters_by_rest_and_step,
                scan_filters_by_a_field_of_the_event,
                scan_by_an_empty_range_is_empty,
                counts_by_orchestration_and_status,
            }
            reopen {
                open_of_an_empty_store_knows_no_identity,
                open_tells_the_greatest_identity,
                open_counts_epochs,
                reopened_store_has_every_row_as_it_was,
                d8_close_finishes_what_is_under_way,
                commit_goes_on_when_its_future_is_dropped,
                work_goes_on_after_reopening,
            }
            concurrent {
                d8_reader_sees_what_was_committed_before,
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
