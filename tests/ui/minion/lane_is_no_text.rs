use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    fn lane(_page: &Page) -> Option<u8> {
        None
    }

    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
