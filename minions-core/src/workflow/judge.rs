//! What becomes of a workflow whose step has failed.

use std::time::Duration;

use crate::error::Verdict;
use crate::minion::StepInfo;
use crate::store::FailureKind;

/// What follows from a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Another attempt, after so long.
    Retry(Duration),
    /// The same attempt once more, after so long: somebody asked for patience, which is no failure of the step.
    NotBefore(Duration),
    /// The workflow ends, and that is no failure.
    Abort,
    /// It has failed for good.
    GiveUp,
}

/// Decides about the failed attempt number `attempt`, from 1.
pub(super) fn decide(step: &StepInfo, attempt: u32, kind: FailureKind, verdict: Option<Verdict>) -> Decision {
    if kind == FailureKind::Panic {
        // What panics is a fault of the program, and its next attempt would meet it again.
        return Decision::GiveUp;
    }
    match verdict {
        Some(Verdict::NotBefore(after)) => Decision::NotBefore(after),
        Some(Verdict::Terminal) => Decision::GiveUp,
        Some(Verdict::Abort) => Decision::Abort,
        Some(Verdict::Retry) | None => match step.retry {
            Some(retry) if retry.goes_on_after(attempt) => Decision::Retry(retry.pause(attempt)),
            _ => Decision::GiveUp,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::minion::Retry;

    const PLAIN: StepInfo = StepInfo::new("plain");
    const TWICE: StepInfo =
        StepInfo::new("twice").retry(Retry::attempts(2).backoff(Duration::from_secs(1), Duration::from_secs(1)));

    #[test]
    fn w10_without_retry_nothing_but_a_not_before_is_tried_again() {
        for kind in [FailureKind::Error, FailureKind::Timeout] {
            assert_eq!(decide(&PLAIN, 1, kind, None), Decision::GiveUp);
            assert_eq!(decide(&PLAIN, 1, kind, Some(Verdict::Retry)), Decision::GiveUp);
            let patience = Duration::from_secs(7);
            assert_eq!(decide(&PLAIN, 1, kind, Some(Verdict::NotBefore(patience))), Decision::NotBefore(patience));
        }
    }

    #[test]
    fn w4_a_timeout_is_tried_again_a_terminal_error_and_a_panic_are_not() {
        assert!(matches!(decide(&TWICE, 1, FailureKind::Timeout, None), Decision::Retry(_)));
        assert!(matches!(decide(&TWICE, 1, FailureKind::Error, None), Decision::Retry(_)));
        assert_eq!(decide(&TWICE, 2, FailureKind::Error, None), Decision::GiveUp);
        assert_eq!(decide(&TWICE, 1, FailureKind::Error, Some(Verdict::Terminal)), Decision::GiveUp);
        assert_eq!(decide(&TWICE, 1, FailureKind::Error, Some(Verdict::Abort)), Decision::Abort);
        assert_eq!(decide(&TWICE, 1, FailureKind::Panic, None), Decision::GiveUp);
    }
}
