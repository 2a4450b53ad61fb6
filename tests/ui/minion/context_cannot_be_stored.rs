use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[derive(Default)]
struct Visit;

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
