use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    #[minion_step(on_failure)]
    async fn forget(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
