//! Panics of user code become errors of the surface they happened on.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::error::{Error, Result};

/// Runs `work`; a panic inside is an error with its message.
///
/// The value that panicked may be half changed, hence `AssertUnwindSafe` is a promise of the callers: they drop what the
/// work borrowed, or hand it to nobody but the same component.
pub(crate) async fn contain<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match catch(work).await {
        Ok(result) => result,
        Err(panic) => Err(Error::new(panic)),
    }
}

/// Runs `work`; a panic inside is `Err` with its message.
pub(crate) async fn catch<T>(work: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| format!("panicked: {}", message(&*payload)))
}

/// Calls `work`; a panic inside is an error with its message.
pub(crate) fn contain_sync<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Error::new(format!("panicked: {}", message(&*payload)))))
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_an_error_with_its_message() {
        let error = contain::<()>(async { panic!("at {}", 7) }).await.unwrap_err();
        assert_eq!(error.to_string(), "panicked: at 7");
        let error = contain_sync::<()>(|| panic!("plain")).unwrap_err();
        assert_eq!(error.to_string(), "panicked: plain");
    }
}
