use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Visit {
    changed: bool,
}

struct Watcher;

impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
