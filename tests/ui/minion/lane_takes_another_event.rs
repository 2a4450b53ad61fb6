use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    fn lane(_page: &String) -> u8 {
        1
    }

    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {}
}

fn main() {}
