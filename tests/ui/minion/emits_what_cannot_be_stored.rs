use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

struct Alert;

#[minion]
struct Watcher;

#[minion(emits(Alert))]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
