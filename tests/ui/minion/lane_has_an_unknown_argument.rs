use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

#[minion]
struct Watcher;

#[minion(lane(rate = "5", quarantined = "passes", concurency = 2))]
impl Watcher {
    fn lane(_page: &Page) -> u8 {
        1
    }

    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
