//! The seam for engines that move bytes.

use std::sync::Arc;

use minions_core::Result;
use minions_core::component::{Assembly, Component};
use minions_core::minion::{ErasedMinion, Flow, Minion, StepInfo, call};
use minions_core::workflow::Workflow;

struct Adder;

impl Component for Adder {
    const NAME: &'static str = "adder";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Minion for Adder {
    type Event = u32;
    type Context = u32;
    const STEPS: &'static [StepInfo] = &[StepInfo::new("add"), StepInfo::new("double")];

    async fn step<'a>(&'a self, index: usize, event: &'a u32, sum: &'a mut u32, _: &'a Workflow) -> Result<Flow> {
        match index {
            0 => *sum += event,
            _ => *sum *= 2,
        }
        Ok(if index == 0 { Flow::Continue } else { Flow::Done })
    }
}

#[tokio::test]
async fn bytes_in_and_bytes_out() {
    let minion: Arc<dyn ErasedMinion> = Arc::new(Adder);
    let wf = Workflow::detached();
    let (flow, context) = call(minion.clone(), 0, b"4", b"3", &wf).await.unwrap();
    assert_eq!((flow, &*context), (Flow::Continue, &b"7"[..]));
    let (flow, context) = call(minion.clone(), 1, b"4", &context, &wf).await.unwrap();
    assert_eq!((flow, &*context), (Flow::Done, &b"14"[..]));
    let error = call(minion.clone(), 0, b"\"four\"", b"3", &wf).await.unwrap_err();
    assert_eq!(error.to_string(), "the stored event cannot be read as `u32`");
    assert_eq!(minion.name(), "adder");
}

#[test]
fn the_hash_of_the_steps_tells_order_and_borders() {
    let hash = |names: &[&'static str]| {
        minions_core::minion::steps_hash(&names.iter().map(|name| StepInfo::new(name)).collect::<Vec<_>>())
    };
    assert_eq!(hash(&["a", "b"]), hash(&["a", "b"]));
    assert_ne!(hash(&["a", "b"]), hash(&["b", "a"]));
    assert_ne!(hash(&["ab"]), hash(&["a", "b"]));
}
