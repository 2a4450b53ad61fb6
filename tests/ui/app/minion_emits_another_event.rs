use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Serialize, Deserialize)]
struct Alert;

#[minion]
struct Watcher;

#[minion(emits(Alert))]
impl Watcher {
    #[minion_step]
    async fn watch(&self, _page: &Page, (): &mut ()) {}
}

minions::app! {
    #[no_main]
    struct App;
    Watcher => Watcher,
}

fn main() {}
