use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Visit {
    changed: bool,
}

#[minion]
struct Auditor;

#[minion]
impl Auditor {
    #[minion_step]
    async fn audit(&self, _page: &Page, _visit: &mut Visit) {}
}

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) -> Flow {
        Flow::to(Auditor::audit)
    }
}

fn main() {}
