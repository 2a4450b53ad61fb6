//! Documentation and conditions on methods, steps, hooks and fields.

use minions::minion::Minion;
use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

/// Documented.
#[minion]
#[derive(Debug)]
struct Watcher {
    /// Documented too.
    #[cfg(any())]
    missing: Dep<Missing>,
}

/// Documented as well.
#[minion]
#[allow(clippy::unused_self)]
impl Watcher {
    /// A constant.
    const ANSWER: usize = 42;

    /// The first one.
    #[minion_step]
    async fn first(&self, _page: &Page, _: &mut ()) {}

    #[cfg(any())]
    #[minion_step]
    async fn missing(&self, _page: &Missing, _: &mut ()) {}

    #[minion_step]
    #[cfg(all())]
    #[inline]
    async fn present(&self, _page: &Page, _: &mut ()) -> Flow {
        Flow::to(Self::last)
    }

    #[cfg(any())]
    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    #[cfg(all())]
    async fn shutdown(&self) -> Result<()> {
        Err("seen".into())
    }

    #[minion_step]
    async fn last(&self, _page: &Page, _: &mut ()) {
        #![allow(unused_variables)]
        let answer = Self::ANSWER;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let names: Vec<_> = Watcher::STEPS.iter().map(|step| step.name).collect();
    assert_eq!(names, ["first", "present", "last"]);
    let watcher = Watcher {};
    let Flow::To(step) = watcher.present(&Page, &mut ()).await else { panic!("it jumps") };
    assert_eq!(Watcher::position(step), Some(2));
    // The engine's view of the index 2 is the step `last`, which takes no workflow.
    let wf = Workflow::detached();
    assert_eq!(watcher.step(2, &Page, &mut (), &wf).await.expect("the step works"), Flow::Continue);
    assert!(Minion::shutdown(&watcher).await.is_err());
}
