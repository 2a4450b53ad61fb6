//! A program may be put together out of the components of other crates, beside its own.

use minions::prelude::*;
use minions_ui_support::{Clock, Counter, Tick, Watcher};

#[minion]
struct Printer {
    counter: Dep<Counter>,
}

#[minion]
impl Printer {
    #[minion_step]
    async fn print(&self, tick: &Tick, _: &mut ()) {
        println!("{} of {}", tick.number, self.counter.next().await);
    }
}

minions::app! {
    #[no_main]
    pub struct Ticker;
    Clock => Watcher,
    Clock => Printer,
}

fn main() {
    let manifest = Ticker::builder().check().expect("the program is right");
    let counter = manifest.component("counter").expect("the resource of the other crate is found");
    assert!(counter.location.file().ends_with("support/src/lib.rs"), "{}", counter.location);
    assert_eq!(manifest.orchestrations.len(), 2);
}
