use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

type Same = Page;

#[minion]
struct Watcher;

#[minion(emits(Page, Same))]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
