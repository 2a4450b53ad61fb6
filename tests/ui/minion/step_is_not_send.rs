use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Visit {
    changed: bool,
}

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit) {
        let shared = std::rc::Rc::new(1);
        tokio::task::yield_now().await;
        drop(shared);
    }
}

fn main() {}
