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
        Ok(result) => result.map_err(presentable),
        Err(panic) => Err(Error::new(panic)),
    }
}

/// Runs `work`; a panic inside is `Err` with its message.
pub(crate) async fn catch<T>(work: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(told)
}

/// Calls `work`; a panic inside is an error with its message.
pub(crate) fn contain_sync<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(presentable),
        Err(payload) => Err(Error::new(told(payload))),
    }
}

/// The error itself if it can be shown, otherwise one that says so: its text is a user's code like any other, and runs
/// where a panic would take the record of the failure with it.
pub(crate) fn presentable(error: Error) -> Error {
    match std::panic::catch_unwind(AssertUnwindSafe(|| error.chain())) {
        Ok(_) => error,
        Err(payload) => {
            discard(error);
            Error::new(format!("the error cannot be shown, its text {}", told(payload)))
        }
    }
}

/// Drops what belongs to a user, whose `Drop` may panic; answers with the message if it does.
pub(crate) fn discard(value: impl Sized) -> Option<String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| drop(value))).err().map(told)
}

fn told(payload: Box<dyn Any + Send>) -> String {
    let told = format!("panicked: {}", message(&*payload));
    // The payload is a value of the user as well. If its drop panics, that payload could do the same for ever.
    if let Err(again) = std::panic::catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
    told
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
