//! A minion that emits stands on the left side, also of its own events.

use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    depth: u8,
}

#[derive(Serialize, Deserialize)]
struct Alert;

#[pipeline]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

#[minion]
struct Watcher;

#[minion(emits(Alert, Page))]
impl Watcher {
    #[minion_step]
    async fn watch(&self, page: &Page, (): &mut (), wf: &Workflow) {
        match page.depth.checked_sub(1) {
            Some(depth) => drop(self.emit(wf, Page { depth })),
            None => drop(self.emit(wf, Alert)),
        }
    }
}

#[minion]
struct Notifier;

#[minion]
impl Notifier {
    #[minion_step]
    async fn notify(&self, _alert: &Alert, (): &mut ()) {}
}

minions::app! {
    #[no_main]
    struct App;
    Sitemap => Watcher,
    Watcher => Watcher,
    Watcher => Notifier,
}

fn main() {
    let _ = App::builder();
}
