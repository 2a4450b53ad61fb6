//! Where a verdict is known: given on the spot, by the type that a step returns, by one that the minion declares.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use minions::error::{Failure, NotBefore, Verdict};
use minions::minion::{Minion, call};
use minions::prelude::*;

const LATER: Duration = Duration::from_secs(30);

#[derive(Debug, Failure)]
#[failure(terminal)]
enum HttpError {
    #[failure(retry_after = *wait)]
    Busy { wait: Duration, code: u16 },
    #[failure(retry_after = Duration::from_secs(_0 * 2))]
    Overloaded(u64),
    #[failure(retry_after = "30s")]
    Down,
    #[failure(abort)]
    Gone(&'static str),
    #[failure(retry)]
    Broken {},
    #[failure(transparent)]
    Own(Box<Refused>),
    #[failure(transparent)]
    Foreign { code: u16, source: std::io::Error },
    #[failure(transparent)]
    Boxed(Box<dyn StdError + Send + Sync>),
    #[failure(transparent)]
    Ours(minions::Error),
    NotFound(u8, u8),
}

#[derive(Debug, Failure)]
#[failure(abort)]
struct Refused;

#[derive(Debug, Failure)]
#[failure(retry_after = self.0.0)]
struct Limited(Pause);

#[derive(Debug)]
struct Pause(Duration);

#[derive(Debug, Failure)]
struct Of<T: fmt::Debug + Send + Sync + 'static>(T);

#[derive(Debug, Failure)]
enum Never {}

macro_rules! errors {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self:?}")
            }
        }

        impl StdError for $type {}
    )*};
}

errors!(HttpError, Refused, Limited, Never);

impl<T: fmt::Debug + Send + Sync + 'static> fmt::Display for Of<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "of {:?}", self.0)
    }
}

impl<T: fmt::Debug + Send + Sync + 'static> StdError for Of<T> {}

/// A step may hide it.
#[derive(Debug)]
struct Wrapped(HttpError);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrapped")
    }
}

impl StdError for Wrapped {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

type Answer<T> = std::result::Result<T, HttpError>;

fn not_found() -> Answer<u8> {
    Err(HttpError::NotFound(4, 4))
}

#[minion]
struct Watcher;

#[minion(failures(HttpError))]
impl Watcher {
    #[minion_step]
    async fn itself(&self, _: &(), (): &mut ()) -> Result<(), HttpError> {
        not_found()?;
        Ok(())
    }

    #[minion_step]
    async fn alias(&self, _: &(), (): &mut ()) -> Answer<Flow> {
        not_found().map(|_| Flow::Done)
    }

    #[minion_step]
    async fn behind_question_mark(&self, _: &(), (): &mut ()) -> Result<()> {
        not_found()?;
        Ok(())
    }

    #[minion_step]
    async fn behind_a_wrapper(&self, _: &(), (): &mut ()) -> Result<()> {
        not_found().map_err(Wrapped)?;
        Ok(())
    }

    #[minion_step]
    async fn on_the_spot(&self, _: &(), (): &mut ()) -> Result<()> {
        not_found().retry_after(LATER)?;
        Ok(())
    }

    #[minion_step]
    async fn of_another_type(&self, _: &(), (): &mut ()) -> Result<()> {
        Err(Refused)?;
        Ok(())
    }

    #[minion_step]
    async fn of_another_type_itself(&self, _: &(), (): &mut ()) -> Result<(), Refused> {
        Err(Refused)
    }

    #[minion_step]
    async fn patience(&self, _: &(), (): &mut ()) -> Result<()> {
        Err(std::io::Error::other(NotBefore::new(LATER)))?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let pause = Verdict::NotBefore;
    assert_eq!(HttpError::Busy { wait: LATER, code: 503 }.verdict(), pause(LATER));
    assert_eq!(HttpError::Overloaded(4).verdict(), pause(Duration::from_secs(8)));
    assert_eq!(HttpError::Down.verdict(), pause(LATER));
    assert_eq!(HttpError::Gone("x").verdict(), Verdict::Abort);
    assert_eq!(HttpError::Broken {}.verdict(), Verdict::Retry);
    assert_eq!(HttpError::Own(Box::new(Refused)).verdict(), Verdict::Abort);
    let foreign = |source| HttpError::Foreign { code: 7, source }.verdict();
    assert_eq!(foreign(std::io::Error::other("x")), Verdict::Retry);
    assert_eq!(foreign(std::io::Error::other(NotBefore::new(LATER))), pause(LATER));
    assert_eq!(HttpError::Boxed(Box::new(NotBefore::new(LATER))).verdict(), pause(LATER));
    assert_eq!(HttpError::Ours(minions::Error::new("x").with_verdict(Verdict::Terminal)).verdict(), Verdict::Terminal);
    assert_eq!(HttpError::NotFound(1, 2).verdict(), Verdict::Terminal);
    assert_eq!(Refused.verdict(), Verdict::Abort);
    assert_eq!(Limited(Pause(LATER)).verdict(), pause(LATER));
    assert_eq!(Of(3_u8).verdict(), Verdict::Retry);
    assert!(None::<Never>.is_none());

    let wf = Workflow::detached();
    let mut told = Vec::new();
    for (index, step) in Watcher::STEPS.iter().enumerate() {
        let error = call(Arc::new(Watcher), index, b"null", b"null", &wf).await.unwrap_err();
        told.push((step.name, error.verdict()));
    }
    assert_eq!(
        told,
        [
            ("itself", Some(Verdict::Terminal)),
            ("alias", Some(Verdict::Terminal)),
            ("behind_question_mark", Some(Verdict::Terminal)),
            ("behind_a_wrapper", Some(Verdict::Terminal)),
            ("on_the_spot", Some(pause(LATER))),
            // Nobody has declared it: this is what the conversion forgets.
            ("of_another_type", None),
            ("of_another_type_itself", Some(Verdict::Abort)),
            ("patience", Some(pause(LATER))),
        ]
    );
}
