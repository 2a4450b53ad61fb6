//! How a background task learns that it should end.

use tokio_util::sync::CancellationToken;

/// Tells a `run` hook when to end.
///
/// ```
/// # use minions_core::{component::Stop, Result};
/// # struct Cache;
/// # impl Cache { async fn evict(&self) {} }
/// # impl Cache {
/// async fn run(&self, stop: Stop) -> Result<()> {
///     while !stop.is_requested() {
///         tokio::select! {
///             () = stop.requested() => break,
///             () = self.evict() => {}
///         }
///     }
///     Ok(())
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Stop(CancellationToken);

impl Stop {
    pub(crate) fn new(token: CancellationToken) -> Self {
        Self(token)
    }

    /// A stop that is never requested, for calling a `run` hook in a test.
    #[must_use]
    pub fn never() -> Self {
        Self(CancellationToken::new())
    }

    /// Whether the stop has been requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until the stop is requested; answers at once from then on.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is lost when the future is dropped.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }
}
