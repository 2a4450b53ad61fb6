//! How a loop that is never out of work lets others have its thread.

use std::future::poll_fn;
use std::task::Poll;

/// So few turns that what they await cannot use up the task's own budget at tokio, which is 128 operations.
const TURNS: u8 = 32;

/// Counts the turns of a loop.
///
/// What tokio itself offers for this, and what it does when a budget is used up, parks the task at the thread that it ran
/// on: if the next task there blocks that thread, nobody else can take it over. This puts it into the queue, where
/// others find it.
#[derive(Debug, Default)]
pub(crate) struct Turns(u8);

impl Turns {
    /// One turn more; now and then it lets others go first.
    pub(crate) async fn next(&mut self) {
        self.0 += 1;
        if self.0 < TURNS {
            return;
        }
        self.0 = 0;
        others_first().await;
    }
}

/// Lets everyone go first who can at this moment.
pub(crate) async fn others_first() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
