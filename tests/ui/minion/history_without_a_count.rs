use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

#[minion]
struct Watcher;

#[minion(history(age = "7d"))]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
