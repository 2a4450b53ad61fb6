use minions::prelude::*;

#[derive(Default, Serialize, Deserialize)]
struct Visit {
    changed: bool,
}

struct Page;

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
