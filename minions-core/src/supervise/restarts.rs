//! Counts restarts.
use super::{Restart, RestartPolicy};
use std::time::Duration;
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    in_a_row: u32,
    total: u32,
}
impl Restarts {
    pub(crate) fn failed(&mut self, policy: &RestartPolicy, ran_for: Duration) -> Option<Duration> {
        if ran_for >= policy.reset {
            self.in_a_row = 0;
        }
        if policy.restart == Restart::Never || self.in_a_row >= policy.limit {
            return None;
        }
        let pause = policy.first_delay.mul_f64(policy.multiplier.powi(self.in_a_row as i32)).min(policy.max_delay);
        self.in_a_row += 1;
        self.total += 1;
        Some(pause)
    }
    pub(crate) fn forget(&mut self) {
        self.in_a_row = 0;
    }
    pub(crate) fn count(&self) -> u32 {
        self.total
    }
}
