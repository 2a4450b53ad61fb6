use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[derive(Default, Serialize, Deserialize)]
struct Visit;

#[derive(Serialize, Deserialize)]
struct Alert;

#[minion]
struct Watcher;

#[minion(emits(Page))]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _visit: &mut Visit, wf: &Workflow) {
        self.emit(wf, Alert);
    }
}

fn main() {}
