//! Who waits for a last step, where an engine tells of an end only to those that ask its database again and again.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::Visit;

static WAITING: LazyLock<Mutex<HashMap<u64, oneshot::Sender<Visit>>>> = LazyLock::new(Mutex::default);

fn waiting() -> MutexGuard<'static, HashMap<u64, oneshot::Sender<Visit>>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the last step of this workflow will tell.
pub fn expect(number: u64) -> oneshot::Receiver<Visit> {
    let (end, ended) = oneshot::channel();
    waiting().insert(number, end);
    ended
}

/// Said by a last step. An engine that runs it once more says it once more, to nobody.
pub fn tell(visit: Visit) {
    if let Some(end) = waiting().remove(&visit.number) {
        let _ = end.send(visit);
    }
}

/// How long to wait before the database is asked whether an end is in it: soon at first, and less often when it is busy.
pub fn patience() -> impl Iterator<Item = Duration> {
    (0..).map(|asked: u32| Duration::from_millis(1 << asked.min(5)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Page;

    #[tokio::test]
    async fn an_end_is_told_to_who_waits_for_it_and_once() {
        let ended = expect(1);
        let other = expect(2);
        let visit = Visit::of(&Page { number: 1 }).step();
        tell(visit.clone());
        tell(visit);
        assert_eq!(ended.await.unwrap().steps, 1);
        assert!(waiting().remove(&2).is_some());
        assert!(other.await.is_err());
    }

    #[test]
    fn patience_grows_to_a_bound() {
        let milliseconds: Vec<_> = patience().take(8).map(|pause| pause.as_millis()).collect();
        assert_eq!(milliseconds, [1, 2, 4, 8, 16, 32, 32, 32]);
    }
}
